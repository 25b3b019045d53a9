"""Forget, in a share directory: leads of an account, and what matching holds of an identifier, or of a time.

Bulletins hold nobody, and the disclosure log no account: they stay. A run of matching that is under way and holds the
identifier is given up, since its message was made of it. Files are written aside and renamed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.erased import ErasedParts
from stillwatch.share.exchange import IMPORTED, Exchange, Imported
from stillwatch.share.files import locked, write
from stillwatch.share.log import FILE as LOG
from stillwatch.share.match.runs import FOLDER, Offer, Run, Runs
from stillwatch.share.peers import FILE as PEERS
from stillwatch.share.psi.canonical import canonical
from stillwatch.share.psi.party import State

BECAUSE: Final = "an identifier in it was erased on our side"


def is_share(directory: Path) -> bool:
    """Tell whether a directory is one of sharing."""
    return any((directory / name).exists() for name in (PEERS, LOG, IMPORTED, FOLDER))


def forget_share(
    place: Path, accounts: Collection[str], identifiers: Collection[str], before: datetime | None, *,
    dry_run: bool = False,
) -> ErasedParts:  # fmt: skip
    """Erase from a share directory.

    Its parts are `leads`, `identifiers offered for matching`, `offers`, `runs under way`, `runs` and `names that
    matched`.

    Args:
        identifiers: e-mail addresses, telephone numbers, cards or devices, in any way of writing.

    Raises:
        ShareError: when a file there is damaged.
    """
    rows = {"leads": _leads(place, frozenset(accounts), before, dry_run)}
    runs, left = Runs(place), []
    if runs.folder.exists():
        wanted = _Wanted(frozenset(identifiers), before)
        for name, count in [*_offers(runs, wanted, dry_run), *_runs(runs, wanted, dry_run)]:
            rows[name] = rows.get(name, 0) + count
        held = sum(1 for _ in runs.folder.glob("offers/*.json")) + sum(1 for _ in runs.folder.glob("*/run.json"))
        if accounts and not identifiers and held:
            left.append(
                f"{held} offers and runs of matching hold identifiers and no accounts: name those of the account with "
                "`--identifier`"
            )
    return ErasedParts(store=str(place), rows={name: count for name, count in rows.items() if count}, left=left)


def _leads(place: Path, accounts: frozenset[str], before: datetime | None, dry_run: bool) -> int:
    gone = 0
    if not (place / IMPORTED).exists():
        return 0
    with locked(place / IMPORTED):
        for one in Exchange(place).all():
            old = before is not None and (one.looked_at or one.at) < before
            kept = [lead for lead in one.leads if not old and lead.account not in accounts]
            gone += len(one.leads) - len(kept)
            if len(kept) < len(one.leads) and not dry_run:
                _rewrite(place, msgspec.structs.replace(one, leads=kept))
    return gone


def _rewrite(place: Path, one: Imported) -> None:
    write(place / IMPORTED / f"{one.bulletin.id}.json", msgspec.json.encode(one))


class _Wanted:
    """The identifiers to be erased, as each kind is written, and the time before which all goes."""

    def __init__(self, identifiers: frozenset[str], before: datetime | None) -> None:
        self._identifiers, self.before = identifiers, before

    def holds(self, kind: str, value: str) -> bool:
        """Tell whether an identifier is one of them, however it is written."""
        if value in self._identifiers:
            return True
        own = _canonical(kind, value)
        return own is not None and any(own == _canonical(kind, one) for one in self._identifiers)


def _canonical(kind: str, value: str) -> bytes | None:
    try:
        return canonical(kind, value)
    except ShareError:
        return None


def _offers(runs: Runs, wanted: _Wanted, dry_run: bool) -> Iterator[tuple[str, int]]:
    for path in sorted(runs.folder.glob("offers/*.json")):
        offer = msgspec.json.decode(path.read_bytes(), type=Offer)
        if wanted.before is not None and offer.until < wanted.before.date():
            yield "offers", 1
            if not dry_run:
                path.unlink()
            continue
        kept = [value for value in offer.values if not wanted.holds(offer.kind, value)]
        yield "identifiers offered for matching", len(offer.values) - len(kept)
        if len(kept) < len(offer.values) and not dry_run:
            if kept:
                write(path, msgspec.json.encode(msgspec.structs.replace(offer, values=kept)))
            else:
                path.unlink()


def _runs(runs: Runs, wanted: _Wanted, dry_run: bool) -> Iterator[tuple[str, int]]:
    for run in runs.all():
        if wanted.before is not None and (run.ended or run.started) < wanted.before:
            yield "runs", 1
            if not dry_run:
                runs.drop(run)
            continue
        state = runs.folder / run.id / "state"
        if run.ended is None and state.exists():
            held = msgspec.msgpack.decode(state.read_bytes(), type=State).names
            if any(wanted.holds(run.kind, value) for _, value in held):
                yield "runs under way", 1
                if not dry_run:
                    runs.end(run, "refused", BECAUSE)
        yield "names that matched", _names(runs, run, wanted, dry_run)


def _names(runs: Runs, run: Run, wanted: _Wanted, dry_run: bool) -> int:
    path = runs.folder / run.id / "names.json"
    if not path.exists():
        return 0
    names = runs.names(run)
    kept = [name for name in names if not wanted.holds(run.kind, name)]
    if len(kept) < len(names) and not dry_run:
        write(path, msgspec.json.encode(kept))
    return len(names) - len(kept)
