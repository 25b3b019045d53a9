"""Reader: blocks of records in, Arrow batches of canonical exchanges out, by way of a mapping.

Cost: about as much as the decoding of a LiteLLM record (`bench/ingest.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ingest import _answers, _salvage, _shapes, _text, _values
from stillwatch.ingest._addresses import Clients, Network
from stillwatch.ingest._mapping import FORWARDED_FOR, Columns, Keys, Row
from stillwatch.ingest._shapes import Part
from stillwatch.ingest._tools import Offers
from stillwatch.ingest._tree import Node, Record, Tree
from stillwatch.ingest._turns import Turns, text_of
from stillwatch.model.exchange import EXCHANGES, MESSAGE, REQUIRED, TOOL_CALL

Values = Sequence[Any]

SAID: Final = ("response", "choices", "tool_calls", "reasoning", "finish_reason")
_INT: Final = {
    name: EXCHANGES.field(name).type for name in EXCHANGES.names if pa.types.is_integer(EXCHANGES.field(name).type)
}
_ALL: Final = frozenset(EXCHANGES.names)
_LIST_COLUMNS: Final = frozenset({"messages", "system", "choices", "tool_calls", "tools", "tools_hash"})
_LISTS: Final = ("user_agent", "top_logprobs")
_TURN: Final = frozenset({"role", "parts", "type"})
_CALL: Final = frozenset({"name", "function"})
_ANSWER: Final = frozenset(
    {"choices", "output", "object", "stop_reason", "stopReason", "results", "outputs", "generation", "outputText"}
)
_NOTHINGS: Final = {id(None), id(_text.NOTHING)}
_PART_LIST: Final = str | list[str | Part] | Part | None


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


class Block:
    """One block on its way: every field is taken out once, whatever the number of columns that read it."""

    def __init__(self, reader: Reader, records: list[Record]) -> None:
        self.reader = reader
        self.records = records
        self.held: dict[Node, Values] = reader.tree.begin()

    def taken(self, column: str, path: Keys) -> Values:
        """Take one field out of every record."""
        return self.reader.tree.values(self.records, column, path, self.held)

    def values(self, row: Row, read: Callable[[Values], Values] | None = None) -> Values:
        """Give what the first path holds, filled up from the next ones where it holds nothing.

        Args:
            read: reads what a path holds; what it gives None for counts as nothing.
        """
        told: Values | None = None
        for path in row.paths:
            values = self.taken(row.column, path)
            if _is_absent(values):
                continue
            if row.column in _LISTS and row.column in self.reader.opens:
                values = [_text.opened(value) if type(value) is str else value for value in values]
            if read is not None:
                values = read(values)
            if told is None:
                told = values
            else:
                told = [b if a is None or a == "" else a for a, b in zip(told, values, strict=True)]
            if path is row.paths[-1] or all(told):
                break
        if told is None:
            return [row.constant] * len(self.records)
        if row.constant is not None:
            told = [row.constant if value is None or value == "" else value for value in told]
        return told

    def column(self, row: Row) -> pa.Array:
        """Fill a column of scalars."""
        name = row.column
        if name == "at":
            return _values.instant(self.values(row), row.time)
        if name == "account":
            return _values.text(self.values(row, self.reader.somebody))
        if name == "ip":
            return pa.array(self._clients(row), pa.string())
        if name in _INT:
            return self._whole(row)
        return _SCALARS.get(name, _values.text)(self.values(row))

    def _whole(self, row: Row) -> pa.Array:
        kind = _INT[row.column]
        if row.column == "status":
            return _values.http_status(self.values(row), kind)
        if row.column == "top_logprobs":
            return _values.whole(self.values(row, _values.logprobs), kind)
        return _values.whole(self.values(row), kind)

    def _clients(self, row: Row) -> list[str | None]:
        peers = self.values(row)
        header = self.reader.mapping.rows.get(FORWARDED_FOR)
        headers = self.values(header) if header is not None and self.reader.clients.believes else None
        return self.reader.clients.column(peers, headers)

    def offers(self, arrays: dict[str, pa.Array]) -> None:
        """Fill the names of the tools offered and the hash of their schemas."""
        rows = self.reader.mapping.rows
        names, hashes = rows.get("tools"), rows.get("tools_hash")
        raws = self._raws(names) if names is not None else None
        if names is not None:
            told = [raw and self.reader.offers.read(raw) for raw in raws] if raws else [None] * len(self.records)
            arrays["tools"] = pa.array([one and one[0] for one in told], EXCHANGES.field("tools").type)
        if hashes is not None:
            raws = raws if names is not None and names.paths == hashes.paths else self._raws(hashes)
            made = [raw and hash_of(self.reader.offers, raw) for raw in raws] if raws else [None] * len(self.records)
            arrays["tools_hash"] = pa.array(made, pa.string())

    def _raws(self, row: Row) -> list[bytes | None] | None:
        """Give what the tools were read from, as JSON; None when no record has any."""
        told: list[bytes | None] | None = None
        for path in row.paths:
            values = self.taken(row.column, path)
            if set(map(id, values)) <= _NOTHINGS:
                continue
            raws = [None if id(value) in _NOTHINGS else _text.raw(value) for value in values]
            told = raws if told is None else [a or b for a, b in zip(told, raws, strict=True)]
        if told is None and row.constant is not None:
            return [_text.raw(row.constant)] * len(self.records)
        return told

    def said(self, arrays: dict[str, pa.Array]) -> None:
        """Fill the columns that come from the answer."""
        parts: dict[tuple[bool, tuple[str, ...]], tuple[Values, _answers.Columns]] = {}
        for name in SAID:
            row = self.reader.mapping.rows.get(name)
            if row is None:
                continue
            told: Values = [row.constant] * len(self.records)
            waiting: list[bool] | None = None  # records of which no path so far held an answer
            for path in row.paths:
                key = name in self.reader.opens, path
                if key not in parts:
                    values = self._opened(name, path, _shapes.Said)
                    parts[key] = values, _answers.columns(values)
                values, columns = parts[key]
                picked = _pick(name, values, columns)
                told = (
                    picked
                    if waiting is None
                    else [b if w else a for a, b, w in zip(told, picked, waiting, strict=True)]
                )
                if len(row.paths) > 1:
                    empty = [value is None or not any(made) for value, *made in zip(values, *columns, strict=True)]
                    waiting = empty if waiting is None else [a and b for a, b in zip(waiting, empty, strict=True)]
                    if not any(waiting):
                        break
            arrays[name] = _said_array(name, told)

    def _opened(self, column: str, path: tuple[str, ...], kind: Any) -> Values:
        """Take out values that may hold a whole object, from structs, plain data or text that holds JSON."""
        values = self.taken(column, path)
        if _is_absent(values):
            return values
        if column in self.reader.opens:
            values = [_told(column, value) if type(value) is str else value for value in values]
        if self.reader.tree.is_plain(column, path) or column in self.reader.opens:
            values = [_salvage.convert(value, kind) if _is_plain(value) else value for value in values]
        return values

    def conversations(self, arrays: dict[str, pa.Array]) -> None:
        """Fill `messages` and `system`."""
        verbatim = self.reader.mapping.verbatim
        messages, system = (self.reader.mapping.rows.get(name) for name in ("messages", "system"))
        leads: list[str | None] = [None] * len(self.records)
        if messages is not None:
            leads, arrays["messages"] = _conversations(self._first("messages", messages, _shapes.Turns), verbatim)
        if system is not None or any(lead is not None for lead in leads):
            given = self._first("system", system, _PART_LIST) if system is not None else [None] * len(leads)
            if any(given):
                leads = [_system(value, lead) for value, lead in zip(given, leads, strict=True)]
            arrays["system"] = _values.content(leads)

    def _first(self, column: str, row: Row, kind: Any) -> Values:
        told: Values | None = None
        for path in row.paths:
            values = self._opened(column, path, kind)
            if _is_absent(values):
                continue
            told = values if told is None else [a or b for a, b in zip(told, values, strict=True)]
            if all(told):
                break
        return [row.constant] * len(self.records) if told is None else told


def _conversations(values: Values, verbatim: bool) -> tuple[list[str | None], pa.Array]:
    """Build the column `messages`, and give the leading system texts."""
    turns = Turns()
    roles = turns.roles
    offsets = [0]
    leads = []
    for value in values:
        leads.append(turns.add(value, verbatim=verbatim) if value else None)
        offsets.append(len(roles))
    texts = _values.content(turns.contents)
    pairs = pa.StructArray.from_arrays([_values.content(roles), texts], fields=list(MESSAGE))
    mask = pa.array([not value for value in values]) if not all(values) else None
    return leads, pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pairs, type=pa.list_(MESSAGE), mask=mask)


def _system(value: Any, lead: str | None) -> str | None:
    """Join the system parameter and the leading system messages."""
    if value is None:
        return lead
    told = text_of(value) if isinstance(value, str | list | Part) else None
    return "\n".join(text for text in (told, lead) if text) or None


def _told(column: str, text: str) -> Any:
    """Open text that holds a conversation or an answer as JSON; a prompt or an answer that is JSON stays text."""
    held = _text.opened(text)
    if held is None or held is text:
        return held
    if isinstance(held, dict):
        return held if held.keys() & (_TURN if column == "messages" else _ANSWER) else text
    if column in {"choices", "finish_reason"} and all(isinstance(one, str) for one in held):
        return held
    known = _TURN | _CALL if column == "tool_calls" else _TURN
    return held if all(isinstance(one, dict) and one.keys() & known for one in held) else text


def _is_absent(values: Values) -> bool:
    """Tell whether all are None; looking for something true first is four times as quick as comparing with None."""
    return not any(values) and values.count(None) == len(values)


def _is_plain(value: object) -> bool:
    return type(value) is dict or (type(value) is list and bool(value) and type(value[0]) is not _shapes.Message)


def _pick(name: str, values: Values, told: _answers.Columns) -> Values:
    """Pick a column's part of each answer; a plain text under a column's own path is the column itself."""
    picked = told[SAID.index(name)]
    if name in {"reasoning", "finish_reason"} and not set(map(type, values)) <= {_shapes.Answer, type(None)}:
        picked = list(picked)
        for index, value in enumerate(values):
            if type(value) is str:
                picked[index] = value or None
            elif type(value) is list and picked[index] is None:
                picked[index] = told[0][index] if all(type(one) is str for one in value) else None
    return picked


def _said_array(name: str, values: Values) -> pa.Array:
    if _is_absent(values):
        return pa.nulls(len(values), EXCHANGES.field(name).type)
    if name == "tool_calls":
        return calls_array(values)
    if name == "choices":
        return _lists(values, pa.string())
    return _values.content(values) if name in {"response", "reasoning"} else _values.text(values)


def calls_array(values: Values) -> pa.Array:
    flat = [call for calls in values if calls for call in calls]
    pairs = pa.StructArray.from_arrays(
        [_values.content([name for name, _ in flat]), _values.content([arguments for _, arguments in flat])],
        fields=list(TOOL_CALL),
    )
    return _listed(values, pairs, TOOL_CALL)


def _lists(values: Values, kind: pa.DataType) -> pa.Array:
    return _listed(values, _values.content([one for many in values if many for one in many]), kind)


def _listed(values: Values, flat: pa.Array, kind: pa.DataType) -> pa.Array:
    there = [place for place, many in enumerate(values) if many is not None]
    lengths, absent = np.zeros(len(values) + 1, np.int32), np.ones(len(values), np.bool_)
    if there:
        absent[there] = False
        lengths[np.asarray(there) + 1] = [len(values[place]) for place in there]
    offsets = pa.array(np.cumsum(lengths, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, flat, type=pa.list_(kind), mask=pa.array(absent))


def hash_of(offers: Offers, raw: bytes) -> str | None:
    """Give a hash that stands in the log already, or make one from the schemas."""
    if raw.startswith(b'"') and isinstance(value := _text.loose_text(raw), str) and not value.startswith(("[", "{")):
        return value
    told = offers.read(raw)
    return told[1] if told else None


def infer_n(arrays: dict[str, pa.Array]) -> None:
    """Several choices tell how many were asked for, where the log does not."""
    choices = arrays.get("choices")
    if choices is None or choices.null_count == len(choices):
        return
    asked, told = arrays.get("n", pa.nulls(len(choices), pa.int32())), pc.list_value_length(choices)
    arrays["n"] = pc.coalesce(asked, pc.if_else(pc.greater(told, 1), told, None).cast(pa.int32()))


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


_SCALARS: Final[dict[str, Callable[[Values], pa.Array]]] = {
    "temperature": _values.number,
    "top_p": _values.number,
    "stream": _values.flag,
    "operation": _values.operation,
    "channel": _values.channel,
    "user_agent": _values.agent,
}
