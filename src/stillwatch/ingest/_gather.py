"""Gather: whatever was named as traffic, as canonical Parquet files that can be read at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import NothingToRead
from stillwatch.ingest import _asis, _format, _intake, _sources
from stillwatch.ingest._addresses import networks
from stillwatch.ingest._dataset import HIDDEN, REJECTED
from stillwatch.ingest._intake import Progress, Taken
from stillwatch.ingest._job import How
from stillwatch.ingest._rejects import Reject
from stillwatch.kit.plain import counted
from stillwatch.settings import Ingest


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Traffic, ready to be read.

    Attributes:
        files: canonical Parquet: the operator's own where it is good, converted files otherwise.
        unchecked: those of `files` in which nobody has looked for exchanges that stand twice.
        columns: the canonical columns that hold anything, in canonical order.
        rejected: how many lines could not be read; `rejected_file` says which and why.
        duplicates: records left out because their exchange was read already.
        warnings: what a person should know before believing any result.
    """

    files: tuple[Path, ...]
    unchecked: tuple[Path, ...]
    columns: tuple[str, ...]
    exchanges: int
    rejected: int
    rejected_file: Path
    duplicates: int
    warnings: tuple[str, ...]

    def batches(self, columns: Sequence[str], rows: int = _asis.ROWS) -> Iterator[pa.RecordBatch]:
        """Read columns as canonical types; a column that a file lacks is null."""
        return _asis.batches(self.files, columns, rows)

    def select(self, columns: Sequence[str]) -> str:
        """Write the DuckDB query that reads columns as canonical types, `at` as a naive UTC timestamp."""
        return _asis.select(self.files, columns)


def gather(
    sources: Iterable[str | Path],
    *,
    into: Path,
    format: str | None = None,  # noqa: A002 - the word of the command line
    map_file: Path | None = None,
    settings: Ingest | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Gathered:
    """Make traffic readable: use canonical Parquet where it lies, convert everything else.

    Args:
        sources: files, directories, patterns, or `-` for stdin.
        into: where converted files and `rejected.jsonl` go; what an earlier, interrupted call put there is
            used.
        format: the name of a format; None to recognise it.
        map_file: a TOML file that says which field fills which column.
        settings: trusted proxies, placeholders and limits; the defaults when None.
        threads: how many processes may convert.
        progress: called as work goes on.

    Raises:
        NothingToRead: when no exchange could be read at all.
        UsageError: when a source or a format does not exist.
        SettingsError: when the map file or a trusted proxy is wrong.
        ResourceError: when `into` is in use or cannot be written.
    """
    how = _how(format, map_file, settings)
    found, passed = _sources.find(sources, apart_from=into)
    own = [source for source in found if _is_usable(source, how)]
    rest = [source for source in found if source not in own]
    taken, files = Taken(), list[Path]()
    into.mkdir(parents=True, exist_ok=True)
    if rest:
        taken, files = _intake.take_in(rest, into, how, threads, progress or _quiet)
    else:
        (into / REJECTED).touch()
    kept = [source.path for source in own if source.path is not None]
    everything = [path for path in (*kept, *files) if pq.read_metadata(path).num_rows]
    if not everything:
        raise nothing(taken, passed, into / REJECTED)
    return Gathered(
        files=tuple(everything),
        unchecked=tuple(path for path in kept if not _is_ours(path)),
        columns=_asis.columns(everything),
        exchanges=sum(pq.read_metadata(path).num_rows for path in everything),
        rejected=taken.rejected,
        rejected_file=into / REJECTED,
        duplicates=taken.duplicates,
        warnings=tuple(_warnings(taken, everything)),
    )


def ingest(
    sources: Iterable[str | Path],
    *,
    out: Path,
    format: str | None = None,  # noqa: A002
    map_file: Path | None = None,
    settings: Ingest | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Taken:
    """Take traffic into the dataset at `out`: canonical Parquet by day, each exchange once, over all runs.

    Raises:
        NothingToRead: when there is no exchange in the dataset afterwards.
        UsageError, SettingsError, ResourceError: as `gather`.
    """
    how = _how(format, map_file, settings)
    found, passed = _sources.find(sources, apart_from=out)
    taken, files = _intake.take_in(found, out, how, threads, progress or _quiet)
    if not files:
        raise nothing(taken, passed, out / REJECTED)
    return taken


def nothing(taken: Taken, passed: list[str], rejected: Path) -> NothingToRead:
    """Say that nothing could be read, and what would help most."""
    hint = f"the reasons are in {rejected}" if taken.rejected else "the sources are empty"
    if passed and not taken.rejected:
        hint = f"passed over, by their names: {', '.join(passed[:3])}{' …' if len(passed) > 3 else ''}"
    if taken.maps:
        line, count = taken.maps.most_common(1)[0]
        hint = f"{counted(count, 'record')} would be mended by `--map` with `{line}`; all reasons are in {rejected}"
    elif taken.reasons:
        reason, count = taken.reasons.most_common(1)[0]
        what_next = f" ({told})" if (told := _first_hint(rejected, reason)) else ""
        hint = f"{'once' if count == 1 else f'{count:,} times'}: {reason}{what_next}; all reasons are in {rejected}"
    return NothingToRead("no exchange could be read", hint=hint)


def _first_hint(rejected: Path, reason: str) -> str:
    """Give what would mend the first line that was rejected for a reason."""
    with rejected.open("rb") as lines:
        for line in lines:
            reject = msgspec.json.decode(line, type=Reject)
            if reject.reason == reason:
                return reject.hint
    return ""


def _how(name: str | None, map_file: Path | None, settings: Ingest | None) -> How:
    """Check how records are to be read, before any is."""
    settings = settings or Ingest()
    networks(settings.trusted_proxies)
    flat: frozenset[str] = frozenset()
    if map_file is not None:
        from stillwatch.ingest._mapping import read_map

        named = read_map(map_file).format
        name = name or named
    if name is not None:
        flat = _format.load(name).columns.flat
    if map_file is not None:
        read_map(map_file, flat)
    return How(
        format=name,
        map_file=str(map_file) if map_file is not None else None,
        trusted_proxies=settings.trusted_proxies,
        placeholders=settings.placeholders,
        max_record_bytes=settings.max_record_mib << 20,
    )


def _is_usable(source: _sources.Source, how: How) -> bool:
    if source.path is None or source.live or how.map_file is not None or how.format not in {None, "canonical"}:
        return False
    with _sources.open_raw(source) as stream:
        if _sources.kind_of(source.name, stream.read(4)) != "parquet":
            return False
    return _asis.is_usable(source.path)


def _is_ours(path: Path) -> bool:
    """Tell whether a file is part of a dataset that `ingest` keeps free of duplicates."""
    return path.parent.name.startswith("day=") and (path.parent.parent / HIDDEN / "done").is_dir()


def _warnings(taken: Taken, files: list[Path]) -> Iterator[str]:
    biggest = _asis.biggest_account(files)
    if biggest is not None:
        account, share = biggest
        mend = '`--map` with `account = "…"` names the field that tells customers apart'
        yield f"one account, `{account}`, has {share:.0%} of all traffic: {mend}"
    if taken.rejected:
        commonest = taken.reasons.most_common(1)[0][0]
        yield f"{counted(taken.rejected, 'line')} could not be read; the commonest reason: {commonest}"
    if taken.mended:
        yield f"{counted(taken.mended, 'record')} had a field of another type than expected; that field was left empty"


def _quiet(what: str, done: int, total: int) -> None:
    del what, done, total
