"""Settle: new files against a dataset, so that each exchange is in it once."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.ingest._dataset import Dataset
from stillwatch.ingest._merge import Exchange, merge
from stillwatch.ingest._seen import Seen, hashes
from stillwatch.ingest._writer import DayWriter, Part, close_parquet, flush, parquet_writer
from stillwatch.model.exchange import EXCHANGES

_ID: Final = "exchange"
_ROWS: Final = 65_536
_BATCH: Final = 8192

Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.int64]


class Settler:
    """Takes the files of one unit after the other, and remembers what is in.

    Cost: 8 bytes per exchange in memory; a look at the dataset's own columns only for ids that came before.
    """

    def __init__(self, dataset: Dataset, mapping: str) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._seen = Seen()
        for path in dataset.parts():
            self._seen.add(hashes(_ids(path)))

    def settle(self, unit: str, parts: list[Part]) -> Settled:
        """Tell where the files of a unit go, after taking out what is in already."""
        settled = Settled(self._dataset, unit, self._mapping)
        for part in parts:
            keys = hashes(_ids(Path(part.path)))
            before, twice = self._seen.suspects(keys)
            if before.any() or twice.any():
                settled.resolve(part, before, twice, keys)
            else:
                settled.accept(part)
            self._seen.add(keys)
        settled.rewrite()
        return settled


class Settled:
    """One unit: its files as they will be, and the files of others that lose rows to it.

    Attributes:
        moves: from where to where.
        removes: files of which nothing is left.
        rows: exchanges that the unit adds or has amended.
        duplicates: records that added none.
    """

    def __init__(self, dataset: Dataset, unit: str, mapping: str) -> None:
        self._dataset = dataset
        self._unit = unit
        self._mapping = mapping
        self._gone: dict[Path, set[str]] = {}
        self._number = 0
        self._targets: dict[Path, Path] = {}
        self.removes: list[Path] = []
        self.rows = 0
        self.duplicates = 0

    @property
    def moves(self) -> list[tuple[Path, Path]]:
        return list(self._targets.items())

    def accept(self, part: Part) -> None:
        """Take a file as it is."""
        self._number += 1
        name = f"part-{self._unit}-{self._number:05d}"
        self._targets[Path(part.path)] = self._dataset.place_of(part, name)
        self.rows += part.rows

    def resolve(self, part: Part, before: Mask, twice: Mask, keys: Keys) -> None:
        """Take a file of which some exchanges are in already, or stand twice.

        Memory: some thousands of exchanges as plain objects, however many stand twice.
        """
        writer = DayWriter(Path(part.path).parent, f"settled-{Path(part.path).stem}")
        place = 0
        with pq.ParquetFile(part.path) as file:
            for batch in file.iter_batches(_BATCH):
                here = slice(place, place + batch.num_rows)
                place = here.stop
                writer.write(batch.filter(pa.array(~(before[here] | twice[here]))))
                again = batch.filter(pa.array(before[here] & ~twice[here]))
                self._write(writer, self._settle(again.to_pylist(), part.day))
        several = -(-int(twice.sum()) // _BATCH)
        for turn in range(several):
            records = _rows(Path(part.path), twice & (keys % several == turn))
            self._write(writer, self._settle(records, part.day))
        for written in writer.close():
            self.accept(written)
        Path(part.path).unlink()

    def _write(self, writer: DayWriter, settled: list[Exchange]) -> None:
        for batch in pa.Table.from_pylist(settled, EXCHANGES).to_batches():
            writer.write(batch)

    def _settle(self, records: list[Exchange], day: str) -> list[Exchange]:
        """Give what has to be written of some records, and mark what they replace."""
        news = _by_id(records)
        olds = self._find(set(news), day)
        settled = []
        for one, own in news.items():
            merged = self._merged(own, olds.get(one, []))
            if merged is not None:
                settled.append(merged)
        return settled

    def _merged(self, news: list[Exchange], olds: list[tuple[Path, Exchange]]) -> Exchange | None:
        """Give what has to be written of one exchange; None when it is in as it should be."""
        ranked = [(int(self._reads_alike(path)), old) for path, old in olds]
        merged = merge([*ranked, *((1, new) for new in news)])
        self.duplicates += len(news) - (not olds)
        if any(merged == old for _, old in ranked):
            return None
        for path, _ in olds:
            self._gone.setdefault(path, set()).add(merged[_ID])
        self.rows -= bool(olds)
        return merged

    def _reads_alike(self, path: Path) -> bool:
        """Tell whether a file was read by the mapping in use: what another mapping read gives way."""
        entry = self._dataset.entries.get(path.stem.split("-")[1]) if path not in self._targets else None
        return entry is None or entry.mapping == self._mapping

    def _find(self, ids: set[str], day: str) -> dict[str, list[tuple[Path, Exchange]]]:
        """Find exchanges by their ids, on the day first and then everywhere."""
        found: dict[str, list[tuple[Path, Exchange]]] = {}
        wanted = pa.array(sorted(ids), pa.string())
        for path in self._nearest(day) if ids else ():
            if len(found) == len(ids):
                break
            mask = pc.is_in(_ids(path), value_set=wanted).to_numpy(zero_copy_only=False)
            if not mask.any():
                continue
            gone = self._gone.get(path, set())
            for record in _rows(path, mask):
                if record[_ID] not in gone:
                    found.setdefault(record[_ID], []).append((path, record))
        return found

    def _nearest(self, day: str) -> Iterator[Path]:
        """Give all files that hold exchanges now, those of the day and of its neighbours first."""
        middle = date.fromisoformat(day)
        near = {f"day={middle + timedelta(days=step)}" for step in (-1, 0, 1)}
        held = [(target.parent.name, path) for path, target in self._targets.items()]
        held += [(path.parent.name, path) for path in self._dataset.parts()]
        yield from (path for name, path in held if name in near)
        yield from (path for name, path in held if name not in near)

    def rewrite(self) -> None:
        """Write anew, aside, the files that lose rows."""
        for number, (path, ids) in enumerate(self._gone.items()):
            target = self._targets.pop(path, path)
            aside = self._dataset.staging_of(self._unit) / f"rewritten-{number:05d}.part"
            rows, filled = 0, set[str]()
            with pq.ParquetFile(path) as file:
                writer = parquet_writer(aside)
                for batch in file.iter_batches(_ROWS):
                    kept = batch.filter(pc.invert(pc.is_in(batch.column(_ID), value_set=pa.array(sorted(ids)))))
                    rows += kept.num_rows
                    filled |= {name for name in kept.schema.names if kept.column(name).null_count < kept.num_rows}
                    writer.write_batch(kept.cast(EXCHANGES))
                close_parquet(writer, filled)
            if rows:
                flush(aside)
                self._targets[aside] = target
            elif target == path:
                self.removes.append(path)


def _ids(path: Path) -> pa.Array:
    """Read the ids of a file; the same few files are looked at again and again."""
    status = path.stat()
    return _ids_of(path, status.st_ino, status.st_mtime_ns, status.st_size)


@functools.lru_cache(4)
def _ids_of(path: Path, *_state: int) -> pa.Array:
    with pq.ParquetFile(path) as file:
        return file.read(columns=[_ID], use_threads=False).column(_ID).combine_chunks()


def _rows(path: Path, mask: Mask) -> list[Exchange]:
    """Read some rows of a file, and only the row groups that hold them."""
    told: list[Exchange] = []
    with pq.ParquetFile(path) as file:
        place = 0
        for group in range(file.num_row_groups):
            here = slice(place, place + file.metadata.row_group(group).num_rows)
            place = here.stop
            if mask[here].any():
                told += file.read_row_group(group).filter(pa.array(mask[here])).cast(EXCHANGES).to_pylist()
    return told


def _by_id(records: list[Exchange]) -> dict[str, list[Exchange]]:
    told: dict[str, list[Exchange]] = {}
    for record in records:
        told.setdefault(record[_ID], []).append(record)
    return told
