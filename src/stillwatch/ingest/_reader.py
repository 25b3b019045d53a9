"""Reader: blocks of records in, Arrow batches of canonical exchanges out, by way of a mapping.

Cost: about as much as the decoding of a LiteLLM record (`bench/ingest.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ingest._addresses import Clients, Network
from stillwatch.ingest._block import Block, Values
from stillwatch.ingest._mapping import FORWARDED_FOR, Columns
from stillwatch.ingest._tools import Offers
from stillwatch.ingest._tree import Record, Tree
from stillwatch.model.exchange import EXCHANGES, REQUIRED

_ALL: Final = frozenset(EXCHANGES.names)
_LIST_COLUMNS: Final = frozenset({"messages", "system", "choices", "tool_calls", "tools", "tools_hash"})


@dataclass(slots=True)
class Batch:
    """What a block of records gave.

    Attributes:
        table: the good rows, in canonical types and order; columns that no record filled are left out.
        rejects: of each bad record its place in the block and the required column that it lacks.
    """

    table: pa.RecordBatch
    rejects: list[tuple[int, str]] = field(default_factory=list)


class Reader:
    """Turns records into rows by a mapping.

    Args:
        mapping: which field fills which column.
        trusted: proxies whose X-Forwarded-For is believed.
        placeholders: ids that stand for nobody, and so are no account; kept as `nobody`.
    """

    def __init__(self, mapping: Columns, trusted: Sequence[Network] = (), placeholders: Sequence[str] = ()) -> None:
        self.mapping = mapping
        self.tree = Tree(mapping)
        self.record: type[Record] = self.tree.record
        self.nobody = frozenset(placeholders)
        self.clients = Clients(trusted)
        self.offers = Offers()
        self.opens = _ALL if mapping.opens_text else _LIST_COLUMNS if mapping.table else frozenset()

    def somebody(self, values: Values) -> Values:
        """Leave out ids that stand for nobody."""
        known = self.nobody
        try:
            if known.isdisjoint(values):
                return values
        except TypeError:  # what a map dug out may be a list or an object
            pass
        return [None if isinstance(value, str) and value in known else value for value in values]

    def read(self, records: list[Record], digest: Callable[[int], str] | None = None) -> Batch:
        """Turn a block of records into rows.

        Args:
            digest: makes an id for a record that has none, from its place in the block.
        """
        block = Block(self, records)
        arrays: dict[str, pa.Array] = {}
        block.said(arrays)
        block.conversations(arrays)
        block.offers(arrays)
        for row in self.mapping:
            if row.column not in arrays and row.column != FORWARDED_FOR:
                arrays[row.column] = block.column(row)
        if not self.mapping.verbatim:
            infer_n(arrays)
        self._identify(arrays, digest, len(records))
        return sift(arrays, len(records))

    def _identify(self, arrays: dict[str, pa.Array], digest: Callable[[int], str] | None, rows: int) -> None:
        row = self.mapping.rows.get("exchange")
        if row is None or not row.digest or digest is None:
            return
        given = arrays.get("exchange", pa.nulls(rows, pa.string())).to_pylist()
        arrays["exchange"] = pa.array([one or digest(place) for place, one in enumerate(given)], pa.string())


def infer_n(arrays: dict[str, pa.Array]) -> None:
    """Several choices tell how many were asked for, where the log does not."""
    choices = arrays.get("choices")
    if choices is None or choices.null_count == len(choices):
        return
    asked, several = arrays.get("n"), np.diff(choices.offsets.to_numpy()) > 1
    if asked is not None:
        several &= asked.is_null().to_numpy(zero_copy_only=False)
    if several.any():
        told = pc.if_else(pa.array(several), pc.list_value_length(choices), None).cast(pa.int32())
        arrays["n"] = told if asked is None else pc.coalesce(asked, told)


def sift(arrays: dict[str, pa.Array], rows: int) -> Batch:
    """Part the good rows from those that lack what is required."""
    bad: dict[int, str] = {}
    for column in REQUIRED:
        array = arrays.get(column)
        if array is not None and not array.null_count:
            continue
        places = range(rows) if array is None else np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
        for place in places:
            bad.setdefault(int(place), column)
    names = [
        name for name in EXCHANGES.names if name in arrays and (arrays[name].null_count < rows or name in REQUIRED)
    ]
    names = [name for name in names if name in arrays]
    schema = pa.schema([EXCHANGES.field(name) for name in names])
    table = pa.RecordBatch.from_arrays([arrays[name] for name in names], schema=schema)
    if bad:
        keep = np.ones(rows, bool)
        keep[list(bad)] = False
        table = table.filter(pa.array(keep))
    return Batch(table, sorted(bad.items()))
