"""Ruler: the number of a line in a file of which the lines are not counted while it is read."""

from __future__ import annotations

from stillwatch.ingest import _sources
from stillwatch.ingest._sources import Source


class Ruler:
    """Counts the lines before a place in a file, once and only when a line has to be named."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._offset = 0
        self._lines = 0

    def before(self, offset: int) -> int:
        """Count the lines that end before an offset."""
        if offset < self._offset:
            self._offset = self._lines = 0
        with _sources.open_raw(self._source) as file:
            file.seek(self._offset)
            while self._offset < offset and (piece := file.read(min(offset - self._offset, _sources.PIECE))):
                self._offset += len(piece)
                self._lines += piece.count(b"\n")
        return self._lines
