"""Arrow arrays as plain buffers, for kernels: any string type, sliced, chunked or with nulls."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class Texts(NamedTuple):
    """Texts as one byte buffer: text i is `data[offsets[i]:offsets[i + 1]]`; a null is an empty text."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]


class Lists(NamedTuple):
    """Lists as offsets into their flattened values: list i is `offsets[i]` to `offsets[i + 1]`."""

    offsets: npt.NDArray[np.int64]
    values: Any


def whole(column: Any) -> Any:
    """Make one array of a chunked one."""
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column


def texts(column: Any) -> Texts:
    """Open a column of strings (or binaries) of any width, view or dictionary.

    Nulls become empty texts; bytes that are not UTF-8 pass as they are. Costs a copy of the offsets only, except for
    views and dictionaries. Nothing is readable past the end of the buffer.
    """
    array = whole(column)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_null(kind):
        return nothing(len(array))
    if kind not in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary()):
        array = array.cast(pa.large_string())
        kind = array.type
    width = np.int64 if kind in (pa.large_string(), pa.large_binary()) else np.int32
    _, offsets_buffer, data_buffer = array.buffers()
    if offsets_buffer is None or len(array) == 0:
        return nothing(len(array))
    offsets = np.frombuffer(offsets_buffer, width)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)
    return Texts(data, offsets.astype(np.int64))


def nothing(rows: int) -> Texts:
    """Make a column of empty texts."""
    return Texts(np.zeros(0, np.uint8), np.zeros(rows + 1, np.int64))


def lists(column: Any) -> Lists:
    """Open a column of lists; a null list is an empty one. `values` are the child array, unsliced."""
    array = whole(column)
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        raise TypeError(f"expected a list column, got {array.type}")
    width = np.int64 if pa.types.is_large_list(array.type) else np.int32
    if len(array) == 0:
        return Lists(np.zeros(1, np.int64), array.values)
    offsets = np.frombuffer(array.buffers()[1], width)[array.offset : array.offset + len(array) + 1]
    return Lists(offsets.astype(np.int64), array.values)


def field(values: Any, name: str) -> Any:
    """Take one field out of a struct array, honouring its slice."""
    return values.field(name).slice(values.offset, len(values)) if values.offset else values.field(name)


def numbers(column: Any, dtype: Any, missing: Any) -> npt.NDArray[Any]:
    """Open a column of numbers, booleans or timestamps as numpy, with `missing` for nulls."""
    array = whole(column)
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(missing).cast(array.type))
    plain: npt.NDArray[Any] = np.asarray(array.to_numpy(zero_copy_only=False)).astype(dtype, copy=False)
    return plain


def places(ascending: npt.NDArray[Any], *values: int) -> list[int]:
    """Find where values belong in an ascending array of integers, which is not copied for it."""
    most = np.iinfo(ascending.dtype).max
    found = np.searchsorted(ascending, np.array([min(value, most) for value in values], ascending.dtype))
    return [int(place) for place in found]


def present(column: Any) -> npt.NDArray[np.bool_]:
    """Tell which rows of a column are not null."""
    mask: npt.NDArray[np.bool_] = whole(column).is_valid().to_numpy(zero_copy_only=False)
    return mask
