"""Knobs: when, how and with what outcome a request was made, as small numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.kit.arrow import lists, numbers, present, texts
from stillwatch.kit.hashes import hash_column
from stillwatch.sketch import Columns, Work

NEEDS = ("at",)
OPENS = (
    "at", "input_tokens", "output_tokens", "reasoning_tokens", "status", "n", "top_logprobs", "temperature", "stream",
    "tools", "tool_calls", "reasoning", "finish_reason",
)  # fmt: skip

SAMPLED, LOGPROBS, COLD, STREAMED, TOOLS, CALLED, REASONED, REFUSED = (1 << bit for bit in range(8))
"""Flags: more than one choice; log-probabilities asked; temperature 0; streamed; tools offered; tools called;
reasoning delivered; refused."""

_REFUSALS = hash_column(pa.array(["refusal", "content_filter"]))


def columns(batch: pa.RecordBatch, work: Work) -> Columns:  # noqa: ARG001 - every sketch has the same form
    """Open the numbers of a batch.

    Returns:
        `at` (int64, ms since 1970 UTC), `flags` (uint8), `status` (uint16, 0 unknown), and `input_tokens`,
        `output_tokens`, `reasoning_tokens` (int32, 0 unknown) where they are there.
    """
    there = set(batch.schema.names)
    out: dict[str, Any] = {"at": numbers(batch.column("at"), np.int64, 0), "flags": _flags(batch, there)}
    for name in ("input_tokens", "output_tokens", "reasoning_tokens"):
        if name in there:
            out[name] = np.maximum(numbers(batch.column(name), np.int64, 0), 0).astype(np.int32)
    if "status" in there:
        out["status"] = numbers(batch.column("status"), np.uint16, 0)
    return out


def _flags(batch: pa.RecordBatch, there: set[str]) -> npt.NDArray[np.uint8]:
    flags = np.zeros(batch.num_rows, np.uint8)

    def raise_flag(name: str, flag: int, rows: npt.NDArray[np.bool_]) -> None:
        if name in there:
            flags[rows] |= flag

    if "n" in there:
        raise_flag("n", SAMPLED, numbers(batch.column("n"), np.int32, 1) > 1)
    if "top_logprobs" in there:
        raise_flag("top_logprobs", LOGPROBS, present(batch.column("top_logprobs")))
    if "temperature" in there:
        raise_flag("temperature", COLD, numbers(batch.column("temperature"), np.float64, 1.0) == 0.0)
    if "stream" in there:
        raise_flag("stream", STREAMED, numbers(batch.column("stream"), np.bool_, False))
    for name, flag in (("tools", TOOLS), ("tool_calls", CALLED)):
        if name in there:
            raise_flag(name, flag, np.diff(lists(batch.column(name)).offsets) > 0)
    if "reasoning" in there:
        raise_flag("reasoning", REASONED, np.diff(texts(batch.column("reasoning")).offsets) > 0)
    if "finish_reason" in there:
        reasons = hash_column(batch.column("finish_reason"))
        raise_flag("finish_reason", REFUSED, np.isin(reasons, _REFUSALS))
    return flags
