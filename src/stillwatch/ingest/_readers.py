"""Readers: the reader of each format as a map amends it, made once, and its lane."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from stillwatch.ingest import _format
from stillwatch.ingest._addresses import networks
from stillwatch.ingest._job import How
from stillwatch.ingest._lane import Lane
from stillwatch.ingest._mapping import Columns, read_map
from stillwatch.ingest._reader import Reader


def mapping_of(name: str, map_file: str | None) -> tuple[_format.Format, Columns]:
    """Give a format, and its mapping as amended by the map file."""
    format_ = _format.load(name)
    if map_file is None:
        return format_, format_.columns
    return format_, format_.columns.amended(read_map(Path(map_file), format_.columns.flat))


class Readers:
    """Makes readers when they are asked for."""

    def __init__(self, how: How) -> None:
        self._how = how
        self._trusted = networks(how.trusted_proxies)
        self._readers: dict[tuple[str, bool], Reader] = {}
        self._lanes: dict[str, Lane | None] = {}

    def of(self, name: str, *, table: bool = False) -> Reader:
        """Give the reader of a format; of a table, where text is opened more freely."""
        if (name, table) not in self._readers:
            _, mapping = mapping_of(name, self._how.map_file)
            mapping = dataclasses.replace(mapping, table=table)
            self._readers[name, table] = Reader(mapping, self._trusted, self._how.placeholders)
        return self._readers[name, table]

    def lane(self, name: str) -> Lane | None:
        """Give the lane of a format; None where it has none."""
        if name not in self._lanes:
            self._lanes[name] = Lane.of(self.of(name)) if _format.load(name).unwrap is None else None
        return self._lanes[name]
