"""Survey: what some sources are, from a look at their heads; nothing is kept of them."""

from __future__ import annotations

import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import pyarrow.parquet as pq

from stillwatch.errors import NothingToRead
from stillwatch.ingest import _asis, _sources
from stillwatch.ingest._dataset import REJECTED
from stillwatch.ingest._gather import _how, _is_usable, ingest
from stillwatch.ingest._rejects import Reject
from stillwatch.settings import Ingest

HEAD: Final = 2 << 20
"""Bytes looked at, unpacked, of the first source of each sort."""


class Sort(msgspec.Struct, kw_only=True, frozen=True):
    """Sources of one sort: of one ending, and used where they lie or converted first.

    Attributes:
        exchanges: how many they hold; about, where only a reading would tell; None where not even its head does.
        text: bytes of conversation, unpacked; 0 where only a reading would tell.
        columns: canonical columns that hold anything, in `sample` where they have to be converted.
        sample: the source whose head was read.
        read: exchanges read from that head, and `rejected` lines with the commonest reason and what mends it.
    """

    sources: int
    bytes: int
    as_is: bool
    exchanges: int | None = None
    text: int = 0
    columns: list[str] = []
    sample: str = ""
    formats: list[str] = []
    read: int = 0
    rejected: int = 0
    reason: str = ""
    mend_with: str = ""


class Survey(msgspec.Struct, kw_only=True, frozen=True):
    """What was found behind some names.

    Attributes:
        passed_over: files in directories whose names are not those of logs.
    """

    sorts: list[Sort]
    passed_over: list[str]


def survey(
    sources: Iterable[str | Path],
    *,
    format: str | None = None,  # noqa: A002 - the word of the command line
    map_file: Path | None = None,
    settings: Ingest | None = None,
) -> Survey:
    """Tell what sources are, without reading more than the head of one of each sort.

    Raises:
        UsageError: when a source or a format does not exist.
        SettingsError: when the map file or a trusted proxy is wrong.
    """
    how = _how(format, map_file, settings)
    found, passed = _sources.find(sources)
    own = [source for source in found if _is_usable(source, how)]
    sorts: dict[str, list[_sources.Source]] = {}
    for source in found:
        if source not in own:
            sorts.setdefault("".join(Path(source.name).suffixes[-2:]), []).append(source)
    told = [_as_is(own)] if own else []
    told += [_tried(some, format, map_file, settings) for _, some in sorted(sorts.items())]
    return Survey(sorts=told, passed_over=passed)


def _as_is(own: list[_sources.Source]) -> Sort:
    paths = [source.path for source in own if source.path is not None]
    return Sort(
        sources=len(own), bytes=sum(source.size for source in own), as_is=True, formats=["canonical"],
        exchanges=sum(pq.read_metadata(path).num_rows for path in paths), text=_asis.text_bytes(paths),
        columns=list(_asis.columns(paths)),
    )  # fmt: skip


def _tried(
    some: list[_sources.Source], format_: str | None, map_file: Path | None, settings: Ingest | None
) -> Sort:  # fmt: skip
    size = sum(source.size for source in some)
    named = [source for source in some if source.path is not None and source.size]
    if not named:
        return Sort(sources=len(some), bytes=size, as_is=False)
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as folder:
        head, taken_from = _head(named[0], Path(folder))
        out = Path(folder) / "out"
        try:
            taken = ingest([head], out=out, format=format_, map_file=map_file, settings=settings)
        except NothingToRead:
            return _unread(some, size, named[0].name, out / REJECTED)
    return Sort(
        sources=len(some), bytes=size, as_is=False, sample=named[0].name, formats=sorted(taken.formats),
        exchanges=taken.rows * size // taken_from if taken_from else None,
        columns=sorted(taken.columns), read=taken.rows, rejected=taken.rejected,
        reason=taken.reasons.most_common(1)[0][0] if taken.reasons else "",
        mend_with=taken.maps.most_common(1)[0][0] if taken.maps else "",
    )  # fmt: skip


def _unread(some: list[_sources.Source], size: int, sample: str, rejected: Path) -> Sort:
    """Tell why nothing could be read of a head."""
    told = [msgspec.json.decode(line, type=Reject) for line in rejected.read_bytes().splitlines()]
    reasons = Counter(one.reason for one in told)
    maps = Counter(one.map for one in told if one.map)
    return Sort(
        sources=len(some),
        bytes=size,
        as_is=False,
        sample=sample,
        rejected=sum(one.lines for one in told),
        reason=reasons.most_common(1)[0][0] if reasons else "nothing is in it",
        mend_with=maps.most_common(1)[0][0] if maps else "",
    )


def _head(source: _sources.Source, folder: Path) -> tuple[Path, int]:
    """Copy the first whole lines of a source, unpacked; a Parquet file is taken as it is.

    Returns the copy, and how many bytes of the source went into it, about.
    """
    with _sources.open_raw(source) as stream:
        first = stream.read(4)
        if _sources.kind_of(source.name, first) == "parquet":
            assert source.path is not None  # noqa: S101 - stdin was left out before
            return source.path, source.size
    with _sources.open_raw(source) as stream:
        packing = _sources.packing_of(stream.read(4))
    used = source.size
    with _sources.open_raw(source) as stream:
        text = b""
        for piece in _sources.pieces(stream, packing):
            text += piece
            if len(text) >= HEAD:
                cut = text.rfind(b"\n", 0, HEAD)
                text = text[: cut + 1 if cut > 0 else HEAD]
                used = len(text) if packing == "none" else len(zlib.compress(text))
                break
    copy = folder / f"head{Path(source.name.removesuffix('.gz').removesuffix('.zst')).suffix or '.jsonl'}"
    copy.write_bytes(text)
    return copy, used
