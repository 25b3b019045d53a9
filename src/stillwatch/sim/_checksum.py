"""Checksum: one number for the rows of a world, whatever their order, files, codec or number of threads.

Each row's key is the sum of its cells' keys, each mixed with the key of its column; the checksum is the sum
of the mixed row keys modulo 2^64, with the number of rows. Equal worlds have equal checksums; it is not a
signature.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.kit.jit import load_u64
from stillwatch.sim._keys import Keys, join, kernel, key, mix

_NULL: Final = key("null")
_EIGHT: Final = np.uint64(8)
_R56: Final = np.uint64(56)
_FACTOR: Final = np.uint64(0x9FB21C651E98DF25)
_OTHER: Final = np.uint64(0xD6E8FEB86659FD93)
_R29: Final = np.uint64(29)


@kernel
def _hash_spans(data: Any, offsets: Any, out: Any) -> None:
    """Hash each span of bytes, sixteen at a time."""
    base = np.uint64(data.ctypes.data)
    for row in range(len(offsets) - 1):
        begin, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        h = np.uint64(end - begin) * _FACTOR
        other = h ^ _OTHER
        at = begin
        while at + 16 <= end:  # two lanes, so that one multiplication need not wait for the other
            h = (h ^ load_u64(base, np.uint64(at))) * _FACTOR
            other = (other ^ load_u64(base, np.uint64(at + 8))) * _OTHER
            h ^= h >> _R29
            other ^= other >> _R29
            at += 16
        h = mix(h) ^ other
        rest = np.uint64(0)
        while at < end:
            rest = (rest << _EIGHT) + (rest >> _R56) * _FACTOR + np.uint64(data[at])
            at += 1
        out[row] = mix(h ^ rest)


@kernel
def _sum_spans(values: Any, offsets: Any, out: Any) -> None:
    """Fold the keys of each list's members, in their order."""
    for row in range(len(offsets) - 1):
        h = np.uint64(offsets[row + 1] - offsets[row])
        for at in range(offsets[row], offsets[row + 1]):
            h = mix(h * _FACTOR + values[at])
        out[row] = h


def cells(array: pa.Array) -> Keys:
    """Key every cell of a column; dictionary and plain strings with equal text get equal keys."""
    if pa.types.is_dictionary(array.type):
        table = cells(array.dictionary)
        codes = array.indices.fill_null(0).to_numpy(zero_copy_only=False)
        keys = table[codes] if len(table) else np.full(len(array), _NULL, np.uint64)
    elif pa.types.is_string(array.type):
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
        keys = np.empty(len(array), np.uint64)
        _hash_spans(np.frombuffer(data or b" ", np.uint8), bounds, keys)
    elif pa.types.is_list(array.type):
        keys = np.empty(len(array), np.uint64)
        bounds = array.offsets.to_numpy()
        _sum_spans(cells(array.values), bounds, keys)
    elif pa.types.is_struct(array.type):
        keys = np.zeros(len(array), np.uint64)
        for number, field in enumerate(array.flatten()):
            keys += join(cells(field), np.uint64(number + 1))
        return keys
    else:
        if pa.types.is_timestamp(array.type):
            array = array.cast(pa.int64())
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.int64())
        filled = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
        wide = filled.astype(np.float64 if pa.types.is_floating(array.type) else np.int64, copy=False)
        keys = join(wide.view(np.uint64), np.uint64(7))
    if array.null_count:
        keys[array.is_null().to_numpy(zero_copy_only=False)] = _NULL
    return keys


def rows(columns: dict[str, pa.Array]) -> int:
    """Sum the keys of all rows, modulo 2^64."""
    total: Keys | None = None
    for name, array in columns.items():
        part = join(cells(array), key("column", name))
        if array.null_count:  # a null adds nothing, so that an absent column is a column of nulls
            part[array.is_null().to_numpy(zero_copy_only=False)] = 0
        total = part if total is None else total + part
    if total is None:
        return 0
    return int(join(total, np.uint64(1)).sum(dtype=np.uint64))


def of_table(table: pa.Table) -> int:
    """Sum the keys of a table's rows, modulo 2^64; sums of parts add up to that of the whole."""
    return sum(rows({n: b.column(n) for n in b.schema.names}) for b in table.to_batches()) % (1 << 64)
