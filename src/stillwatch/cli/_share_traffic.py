"""What a bulletin takes from the traffic: networks of the finding, and fingerprints of its families."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.errors import CaseError, SettingsError, ShareError, UsageError
from stillwatch.model.bulletin import Range, SharedFamily
from stillwatch.model.case import Case, Entry
from stillwatch.share.control import Control, Hanging, gather, hanging
from stillwatch.share.families import KEY_BYTES, Reader, epoch_of, publish
from stillwatch.share.ranges import ranges
from stillwatch.store import cases

CONTROLS: Final = 20_000
"""Texts that are looked at for the clean control set ..."""
PIECES: Final = 64
"""... in so many pieces of the traffic, spread evenly over it."""


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name the traffic and the group's key."""
    path = click.Path(path_type=Path)
    traffic = click.option("--traffic", type=click.Path(path_type=Path, exists=True), metavar="PATH",
                           help="Canonical Parquet of the hunt: adds networks; the clean control set.")  # fmt: skip
    group = click.option("--group-key", type=path, metavar="FILE",
                         help="The group's key: adds the fingerprints of families; needs --traffic.")  # fmt: skip
    wrapped: Callable[..., Any] = traffic(group(function))
    return wrapped


class Extras:
    """Adds to bulletins what stands in the traffic alone.

    Args:
        traffic: canonical Parquet, a file or a directory; `None` adds nothing.
        group_key: file of the key that the peers have in common.
    """

    def __init__(self, directory: Path, case: Case, traffic: Path | None, group_key: Path | None) -> None:
        if group_key is not None and traffic is None:
            raise UsageError("families need a clean control set", hint="name the traffic that was hunted, `--traffic`")
        self.told: list[str] = []
        self._directory = directory
        self._data = opened(traffic) if traffic is not None else None
        self._group = read_key(group_key) if group_key is not None else None
        self._case = case
        self._named = {account for entry in case.campaigns for account in entry.accounts}
        self._control: Control | None = None
        self._reader = Reader() if self._group is not None else None

    def ranges(self, entry: Entry) -> list[Range]:
        """Find the networks of an entry."""
        if self._data is None or "ip" not in self._data.schema.names:
            return []
        accomplices = self._named - set(entry.accounts)
        strangers = (one for one in self._seen() if one[0] not in accomplices)
        return ranges(strangers, entry.accounts, entry.to.date())

    def families(self, entry: Entry) -> list[SharedFamily]:
        """Make the fingerprints of the families of an entry; `told` says why one is not told."""
        if self._data is None or self._group is None or self._reader is None:
            return []
        if self._control is None:
            self._control = gather(self._others(), self._hung(), self._reader)
        prompts = self._prompts(entry.id)
        found = []
        for family in entry.families:
            if family.harness:
                continue
            outcome = publish(
                prompts.get(family.id, []), self._control.marks, controls=self._control.texts, group=self._group,
                epoch=epoch_of(entry.to.date()), accounts=family.accounts, exchanges=family.exchanges,
                kinds=family.kinds, reader=self._reader,
            )  # fmt: skip
            if outcome.family is not None:
                found.append(outcome.family)
            else:
                self.told.append(f"{entry.id}, family {family.id}: {outcome.because}")
        return found

    def _seen(self) -> Iterator[tuple[str, str | None, int | None]]:
        data = self._data
        columns = [name for name in ("account", "ip", "asn") if data is not None and name in data.schema.names]
        for batch in _batches(data, columns):
            rows = batch.group_by(columns).aggregate([]).to_pylist()
            yield from ((row["account"], row.get("ip"), row.get("asn")) for row in rows)

    def _hung(self) -> Mapping[str, Hanging]:
        """Find who hangs on a finding; nobody, where the case has no tables."""
        paths = [self._directory / name for name in (cases.MEMBERS, cases.GROUPS)]
        if not all(path.exists() for path in paths):
            return {}
        return hanging(self._case, *map(pq.read_table, paths))

    def _others(self) -> Iterator[tuple[str, str]]:
        """Give account and last user turn of accounts that stand in no entry, from all over the traffic."""
        files = self._data.get_fragments() if self._data is not None else ()
        pieces = [piece for file in files for piece in file.split_by_row_group()]
        chosen = [pieces[at] for at in sorted({int(at) for at in np.linspace(0, len(pieces) - 1, PIECES)})]
        left = CONTROLS
        for place, piece in enumerate(chosen):
            given = 0
            for account, text in self._turns(piece):
                if given >= left / (len(chosen) - place):
                    break
                yield account, text
                given += 1
            left -= given

    def _turns(self, piece: Any) -> Iterator[tuple[str, str]]:
        for batch in _batches(piece, ["account", "messages"]):
            for row in batch.to_pylist():
                turns = [turn for turn in row["messages"] or [] if turn and (turn["role"] or "")[:1] in ("u", "h")]
                if row["account"] not in self._named and turns:
                    yield row["account"], turns[-1]["content"] or ""

    def _prompts(self, entry: str) -> dict[str, list[str]]:
        path = self._directory / cases.EXEMPLARS
        found: dict[str, list[str]] = {}
        if path.exists():
            for line in path.read_bytes().splitlines():
                try:
                    one = json.loads(line)
                    if one["entry"] == entry:
                        found.setdefault(one["family"], []).append(one["prompt"])
                except (ValueError, KeyError, TypeError):
                    raise CaseError("the case is damaged", where=str(path), hint="run the hunt again") from None
        return found


def opened(traffic: Path) -> Any:
    try:
        data = ds.dataset(traffic, format="parquet", partitioning="hive")
        missing = {"account", "messages"} - set(data.schema.names)
    except (pa.ArrowException, OSError) as trouble:
        told = " ".join(str(trouble).split())[:160]
        hint = "`stillwatch ingest` writes Parquet"
        raise ShareError(f"cannot read the traffic: {told}", where=str(traffic), hint=hint) from None
    if missing:
        raise ShareError(f"`{min(missing)}` is missing", where=str(traffic), hint="`stillwatch ingest` writes it")
    return data


def _batches(data: Any, columns: Sequence[str]) -> Iterator[Any]:
    for batch in data.to_batches(columns=list(columns)):
        yield pa.Table.from_batches([batch])


def read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as trouble:
        raise SettingsError(f"cannot read the group key: {trouble.strerror}", where=str(path),
                            hint="`stillwatch share group-key FILE` makes one") from None  # fmt: skip
    if len(key) != KEY_BYTES:
        raise SettingsError(f"this is no group key: expected {KEY_BYTES} bytes, got {len(key)}", where=str(path))
    if path.stat().st_mode & 0o077:
        raise SettingsError("the group key can be read by others", where=str(path), hint=f"chmod 600 {path}")
    return key
