"""Lists: what an answer says, as Arrow columns of texts and of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.ingest import _values
from stillwatch.model.exchange import EXCHANGES, TOOL_CALL

Values = Sequence[Any]


def said_array(name: str, values: Values) -> pa.Array:
    if not any(values) and values.count(None) == len(values):
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
