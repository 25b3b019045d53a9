"""Intake: sources into a dataset, by several processes, each exchange once, whatever happens on the way."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from stillwatch.errors import ResourceError
from stillwatch.ingest import _records, _sources, _workers
from stillwatch.ingest._dataset import Dataset, Entry, identity
from stillwatch.ingest._job import Done, How, Job, Stretch
from stillwatch.ingest._rejects import Reject
from stillwatch.ingest._settle import Settler
from stillwatch.ingest._sources import Source
from stillwatch.ingest._workers import Failed

STRETCH: Final = 128 << 20
SPLIT: Final = 32 << 20
TOGETHER: Final = 64 << 20
MANY: Final = 2000
APART: Final = 4 << 20
QUICK_FROM: Final = 1 << 30
"""Bytes to read from which the quick way pays for its machine code, which is made once on each computer."""
VERSION: Final = 1

Progress = Callable[[str, int, int], None]
"""Called with what is under way, how many bytes are done, and of how many."""


@dataclass(slots=True, kw_only=True)
class Taken:
    """What an intake did.

    Attributes:
        rows: exchanges added.
        skipped: sources that were in already.
        maps: the `--map` lines that would mend rejected records, with how many.
    """

    rows: int = 0
    duplicates: int = 0
    rejected: int = 0
    mended: int = 0
    skipped: int = 0
    sources: int = 0
    bytes: int = 0
    columns: set[str] = field(default_factory=set)
    maps: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Add what came of a unit."""
        self.rows += entry.rows
        self.duplicates += entry.duplicates
        self.rejected += entry.rejected
        self.mended += entry.mended
        self.columns |= set(entry.columns)
        self.maps.update(entry.maps)
        self.reasons.update(entry.reasons)
        self.formats.update(entry.formats)


def take_in(sources: list[Source], root: Path, how: How, threads: int, progress: Progress) -> tuple[Taken, list[Path]]:
    """Take sources into the dataset at `root`; what is in already is left alone.

    Returns:
        What was done, counting also what earlier runs did with these sources, and the files of the dataset.

    Raises:
        ResourceError: when the directory is in use or cannot be written, or the disk is full.
    """
    try:
        return _take_in(sources, root, how, threads, progress)
    except OSError as mistake:
        raise _workers.full(mistake) from mistake
    except pa.ArrowException as mistake:
        hint = "a file of the dataset is damaged; ingest into a new directory"
        raise ResourceError(f"cannot read the dataset: {mistake}", where=str(root), hint=hint) from None


def _take_in(sources: list[Source], root: Path, how: How, threads: int, progress: Progress) -> tuple[Taken, list[Path]]:
    mapping = digest(how)
    with Dataset(root) as dataset:
        stretches = [stretch for source in sources for stretch in cut(source)]
        finished = dataset.finished(mapping)
        left = [stretch for stretch in stretches if stretch.live or identity(stretch) not in finished]
        taken = _before(dataset, mapping, stretches)
        taken.sources, taken.bytes = len(sources), sum(source.size for source in sources)
        taken.skipped = len({one.name for one in stretches} - {one.name for one in left})
        if left:
            _run(dataset, left, how, mapping, threads, progress, taken)
        dataset.write_rejected()
        return taken, dataset.parts()


def digest(how: How) -> str:
    """Tell one way of reading from another."""
    told = msgspec.structs.asdict(how)
    if how.map_file is not None:
        told["map_file"] = hashlib.sha256(Path(how.map_file).read_bytes()).hexdigest()
    return hashlib.sha256(msgspec.json.encode([VERSION, told])).hexdigest()[:16]


def _before(dataset: Dataset, mapping: str, stretches: list[Stretch]) -> Taken:
    """Tell what earlier runs did with these sources."""
    taken = Taken()
    own = {identity(stretch) for stretch in stretches if not stretch.live}
    for entry in dataset.entries.values():
        if entry.mapping == mapping and any(identity(stretch) in own for stretch in entry.stretches):
            taken.add(entry)
    return taken


def _run(
    dataset: Dataset,
    left: list[Stretch],
    how: How,
    mapping: str,
    threads: int,
    progress: Progress,
    taken: Taken,
) -> None:
    total, done = sum(_weight(stretch) for stretch in left), 0
    jobs = [
        _job(dataset, some, how, mapping, quick=total >= QUICK_FROM)
        for some in together(left, min(TOGETHER, max(APART, total // (2 * threads))))
    ]
    waiting = {job.unit: job for job in jobs}
    settler = Settler(dataset, mapping)

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress("reading", min(done, total), total)

    sequence = max((entry.sequence for entry in dataset.entries.values()), default=0)
    for result in _resilient(dataset, jobs, how, mapping, threads, tell, waiting):
        sequence += 1
        entry = _commit(dataset, settler, waiting[result.unit], result, mapping, sequence)
        taken.add(entry)
    progress("reading", total, total)


def _resilient(
    dataset: Dataset,
    jobs: list[Job],
    how: How,
    mapping: str,
    threads: int,
    tell: Callable[[int], None],
    waiting: dict[str, Job],
) -> Iterator[Done]:
    """Give results; where a worker died, try its sources one by one, and reject the one that it died of."""
    again: list[Job] = []
    for result in _workers.work(jobs, threads, tell):
        if isinstance(result, Done):
            yield result
        elif len(result.job.stretches) > 1:
            again += [_job(dataset, [stretch], how, mapping) for stretch in result.job.stretches]
        else:
            yield _given_up(dataset, result)
    if again:
        waiting.update({job.unit: job for job in again})
        yield from _resilient(dataset, again, how, mapping, threads, tell, waiting)


def _given_up(dataset: Dataset, failed: Failed) -> Done:
    """Reject a source whose reader died."""
    stretch = failed.job.stretches[0]
    reject = Reject(stretch.name, 0, failed.reason, hint="look at the source, and report this")
    (dataset.staging(failed.job.unit) / "rejected.jsonl").write_bytes(msgspec.json.encode(reject) + b"\n")
    return Done(failed.job.unit, [], 1, 0, [], {}, {failed.reason: 1}, {})


def _commit(dataset: Dataset, settler: Settler, job: Job, done: Done, mapping: str, sequence: int) -> Entry:
    settled = settler.settle(done.unit, done.parts)
    entry = Entry(
        unit=done.unit,
        sequence=sequence,
        mapping=mapping,
        stretches=job.stretches,
        rows=settled.rows,
        duplicates=settled.duplicates,
        rejected=done.rejected,
        mended=done.mended,
        columns=done.columns,
        maps=done.maps,
        reasons=done.reasons,
        formats=done.formats,
    )
    dataset.commit(done, entry, settled.moves, settled.removes)
    return entry


def _job(dataset: Dataset, stretches: list[Stretch], how: How, mapping: str, *, quick: bool = False) -> Job:
    told = [f"live:{time.time_ns()}" if stretch.live else identity(stretch) for stretch in stretches]
    unit = hashlib.sha256(msgspec.json.encode([mapping, told])).hexdigest()[:16]
    return Job(unit=unit, stretches=stretches, how=how, folder=str(dataset.staging(unit)), quick=quick)


def together(stretches: list[Stretch], most: int) -> Iterator[list[Stretch]]:
    """Put small sources together, so that a million files of one record each are no million units.

    Args:
        most: bytes to put together at most.
    """
    held: list[Stretch] = []
    size = 0
    for stretch in stretches:
        weight = _weight(stretch)
        if held and (size + weight > most or len(held) >= MANY or stretch.live):
            yield held
            held, size = [], 0
        held.append(stretch)
        size += weight
    if held:
        yield held


def cut(source: Source) -> Iterable[Stretch]:
    """Cut a large source of one record per line into stretches that can be read apart."""
    path = str(source.path) if source.path else None
    whole = Stretch(name=source.name, path=path, size=source.size, mtime_ns=source.mtime_ns, live=source.live)
    if source.size < SPLIT or source.live or not _is_lines(source):
        return [whole]
    count = max(2, -(-source.size // STRETCH))
    edges = [source.size * step // count for step in range(count + 1)]
    return [msgspec.structs.replace(whole, start=start, end=end) for start, end in itertools.pairwise(edges)]


def _is_lines(source: Source) -> bool:
    """Tell whether a source is plain JSON with a record on each line."""
    try:
        with _sources.open_raw(source) as stream:
            head = stream.read(65_536)
    except OSError:
        return False
    if _sources.packing_of(head) != "none" or _sources.kind_of(source.name, head) != "json":
        return False
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and not _records.is_spread(head)


def _weight(stretch: Stretch) -> int:
    return (stretch.end or stretch.size) - stretch.start
