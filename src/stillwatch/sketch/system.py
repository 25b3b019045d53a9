"""System: the text that an application or framework puts before the conversation.

Kept of each distinct text: its exact hash and fingerprints, once; of each exchange only which one it had.
What a framework injects is not the user's intent, so it is never mixed with the user's turns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.kit.arrow import Texts, field, lists, texts
from stillwatch.kit.fingerprint import FRAME, MOST, Scratch, copy_marks, sketch_text
from stillwatch.kit.hashes import hash_bytes
from stillwatch.kit.jit import kernel
from stillwatch.sketch import Columns, Work

NEEDS = OPENS = ("system", "messages")

U64 = np.uint64
SALT = U64(0x53595354454D)
"""Keeps the fingerprints of system texts apart from those of turns."""


@kernel
def _leading(
    offsets: npt.NDArray[np.int64],
    role_data: npt.NDArray[np.uint8],
    role_offsets: npt.NDArray[np.int64],
    content: npt.NDArray[np.int64],
    address: np.uint64,
    system: npt.NDArray[np.uint64],
    where: npt.NDArray[np.int64],
) -> None:
    for row in range(len(offsets) - 1):
        at = offsets[row]
        if system[row] != U64(0) or at == offsets[row + 1] or role_offsets[at] == role_offsets[at + 1]:
            continue
        letter = role_data[role_offsets[at]]
        if (letter == 0x73 or letter == 0x64) and content[at] < content[at + 1]:  # system, developer
            system[row] = hash_bytes(address, content[at], content[at + 1], U64(0))
            where[row] = at


@kernel
def _hash_rows(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    system: npt.NDArray[np.uint64],
) -> None:
    address = U64(data.ctypes.data)
    for row in range(len(offsets) - 1):
        if offsets[row] < offsets[row + 1]:
            system[row] = hash_bytes(address, offsets[row], offsets[row + 1], U64(0))


@kernel
def _documents(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    work: Scratch,
    exact: npt.NDArray[np.uint64],
    marks: npt.NDArray[np.uint32],
    kept: npt.NDArray[np.uint16],
) -> int:
    written = 0
    for i in range(len(rows)):
        row = rows[i]
        exact[i], _, _, _, found = sketch_text(data, offsets[row], offsets[row + 1], work, FRAME, SALT)
        kept[i] = found
        copy_marks(work, found, marks, written)
        written += found
    return written


def columns(batch: pa.RecordBatch, work: Work) -> Columns:
    """Name the system text of each exchange, and sketch the distinct ones.

    Returns:
        `system` (uint64 hash of the raw text, 0 for none), one a row; and of the distinct texts of this batch
        `documents.hash` (uint64), `documents.exact` (uint64), `documents.marks` (uint32, ragged).
    """
    system = np.zeros(batch.num_rows, np.uint64)
    found: list[Columns] = []
    if "system" in batch.schema.names:
        opened = texts(batch.column("system"))
        _hash_rows(opened.data, opened.offsets, system)
        found.append(_distinct(opened, system, np.arange(batch.num_rows), work))
    if "messages" in batch.schema.names:
        conversation = lists(batch.column("messages"))
        roles = texts(field(conversation.values, "role"))
        content = texts(field(conversation.values, "content"))
        where = np.full(batch.num_rows, -1, np.int64)
        _leading(
            conversation.offsets, roles.data, roles.offsets, content.offsets, U64(content.data.ctypes.data),
            system, where,
        )  # fmt: skip
        if (where >= 0).any():
            found.append(_distinct(content, system, where, work))
    if not found:
        return {}
    out: dict[str, Any] = {"system": system}
    for name in ("hash", "exact", "marks", "marks#"):
        out[f"documents.{name}"] = np.concatenate([part[name] for part in found])
    return out


def _distinct(opened: Texts, system: npt.NDArray[np.uint64], where: npt.NDArray[np.int64], work: Work) -> Columns:
    rows = np.flatnonzero((system != 0) & (where >= 0))
    hashes, first = np.unique(system[rows], return_index=True)
    places = where[rows[first]]
    exact = np.zeros(len(places), np.uint64)
    kept = np.zeros(len(places), np.uint16)
    marks = work.spare.take((len(places) + 1) * MOST)
    written = _documents(opened.data, opened.offsets, places, work.text, exact, marks, kept)
    return {"hash": hashes, "exact": exact, "marks": marks[:written].copy(), "marks#": kept}
