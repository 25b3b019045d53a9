"""Pieces: texts cut out of a block of JSON, and texts made elsewhere, as one Arrow column."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.kit import json_texts

Places = npt.NDArray[np.int32]
NOWHERE = (0, 0)
_MARGIN = bytes(json_texts.MARGIN)
_NOTHING = np.frombuffer(_MARGIN, np.uint8)


class Pieces:
    """The texts of one block.

    A place is that of a JSON text in the block, with its quotes, or one that `keep` gave.

    Attributes:
        data: the bytes of the block.
    """

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        self._extra = bytearray()

    def keep(self, text: str | None) -> tuple[int, int]:
        """Keep a text that was made elsewhere; give its place."""
        if text is None:
            return NOWHERE
        start = len(self._extra)
        self._extra += text.encode("utf-8", "replace")
        return -1 - start, len(self._extra)

    def column(self, places: Places, *, high: bool, empty: bool = True) -> tuple[Any, npt.NDArray[np.bool_]]:
        """Make a column of texts; nowhere is null.

        Args:
            high: there are bytes above ASCII, so that UTF-8 has to be checked.
            empty: the empty text means something; else it is null.

        Returns:
            The column; and which of its texts are not what JSON or UTF-8 allow.
        """
        places, rows = np.ascontiguousarray(places), len(places)
        out = np.empty(json_texts.room(places) + json_texts.MARGIN, np.uint8)
        offsets, bad = np.empty(rows + 1, np.int32), np.zeros(rows, np.bool_)
        valid = np.zeros(-(-rows // 8), np.uint8)
        extra = np.frombuffer(bytes(self._extra) + _MARGIN, np.uint8) if self._extra else _NOTHING
        none = json_texts.texts(self.data, extra, places, out, offsets, bad, valid, empty)
        if high:
            _check(out, offsets, bad)
        buffers = [pa.py_buffer(valid) if none else None, pa.py_buffer(offsets), pa.py_buffer(out)]
        return pa.Array.from_buffers(pa.string(), rows, buffers, none), bad


def _check(out: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], bad: npt.NDArray[np.bool_]) -> None:
    """Find the texts that are not UTF-8, and empty them."""
    whole = memoryview(cast("Any", out))
    try:
        str(whole[: offsets[-1]], "utf-8")
    except UnicodeDecodeError:
        for place in range(len(bad)):
            try:
                str(whole[offsets[place] : offsets[place + 1]], "utf-8")
            except UnicodeDecodeError:
                bad[place] = True
    if bad.any():
        for place in np.flatnonzero(bad).tolist():
            out[offsets[place] : offsets[place + 1]] = 0x3F
