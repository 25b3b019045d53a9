"""Previous: an operation that earlier hunts found keeps its id, and so do its families.

An entry is the same operation as an earlier one when a good part of the accounts of the smaller of the two are in
both, or, where all accounts were replaced, when they share the families that are their own. What one customer does in
the open is known again by the account alone, and what concerns a grant by the grant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.model.case import Case, Entry, Finding, SincePrevious
from stillwatch.model.lineage import Line, Lineage
from stillwatch.store import cases
from stillwatch.store.key import Key

ACCOUNTS_SHARE: Final = 0.3
"""Share of the accounts of the smaller entry that must be in both."""
FAMILIES_SHARE: Final = 0.5
"""Share of the families of the smaller entry that must be in both, where no account is."""
PART: Final = 0.5
"""Share of an entry that must lie in another for it to have gone into it, or to have come out of it."""
MARKS: Final = 32
"""Fingerprints kept of a family: its smallest, so that two families are compared on the same ones."""
FAMILIES_KEPT: Final = 20_000
"""Families whose fingerprints are kept: the largest."""
ALIKE: Final = 0.5
"""Share of the fingerprints of the smaller family that must be in both for both to be one."""
ALONE: Final = ("open_extraction", "grant_exceeded")
"""Findings about one customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What an earlier hunt found and kept."""

    lineage: Lineage
    families: pa.Table
    grants: pa.Table
    to: datetime | None
    """The last instant of its traffic."""


def read(directory: Path) -> Previous:
    """Read what an earlier case keeps for the next one.

    Raises:
        CaseError: when there is none, or it is damaged.
    """
    case = cases.read(directory)
    return Previous(
        lineage=_with(cases.lineage(directory), case),
        families=cases.table(directory, cases.FAMILIES),
        grants=cases.table(directory, cases.GRANTS),
        to=case.traffic.to,
    )


def _with(kept: Lineage, case: Case) -> Lineage:
    """Make sure that all entries of the case are in its lineage."""
    there = {line.id for line in kept.lines}
    return Lineage(key=kept.key, lines=[*kept.lines, *(_line(e, case) for e in case.campaigns if e.id not in there)])


def _line(entry: Entry, case: Case) -> Line:
    return Line(
        id=entry.id, finding=entry.finding, accounts=sorted(entry.accounts), grant=entry.grant,
        families=[family.id for family in entry.families if not family.harness],
        first=case.traffic.from_ or entry.from_, last=case.traffic.to or entry.to,
    )  # fmt: skip


# -- families


def family_names(
    marks: Sequence[npt.NDArray[np.uint32]], kinds: npt.NDArray[np.uint8], previous: Previous | None, key: Key
) -> list[str]:
    """Name families: as the previous hunt did where they are the same, else by their smallest fingerprint.

    Args:
        marks: fingerprints of each family; number 0 is none.
    """
    names = ["", *(f"f-{int(own.min()):08x}" for own in marks[1:])]
    if previous is not None and previous.lineage.key == key.name and len(previous.families):
        names = _kept_names(names, [key.marks(sample(own)) for own in marks], kinds, previous.families)
    return _apart(names)


def sample(marks: npt.NDArray[np.uint32]) -> list[int]:
    """Take the fingerprints of a family that are kept."""
    smallest: list[int] = np.sort(marks)[:MARKS].tolist()
    return smallest


def _kept_names(
    names: list[str], marks: Sequence[Sequence[int]], kinds: npt.NDArray[np.uint8], kept: pa.Table
) -> list[str]:
    """Give the old name to each family that is alike an old one; the most alike first, each name once."""
    held: dict[int, list[int]] = {}
    olds = [set(own or []) for own in kept.column("marks").to_pylist()]
    old_names, old_kinds = kept.column("family").to_pylist(), kept.column("kind").to_pylist()
    for old, own in enumerate(olds):
        for mark in own:
            held.setdefault(mark, []).append(old)
    pairs: list[tuple[float, int, int, int]] = []
    for new, mine in enumerate(marks):
        shared: dict[int, int] = {}
        for mark in mine:
            for old in held.get(mark, ()):
                shared[old] = shared.get(old, 0) + 1
        for old, count in shared.items():
            likeness = count / min(len(mine), len(olds[old]))
            if likeness >= ALIKE and old_kinds[old] == KINDS[int(kinds[new])]:
                pairs.append((-likeness, -count, new, old))
    out, used_new, used_old = list(names), set[int](), set[int]()
    for _, _, new, old in sorted(pairs):
        if new not in used_new and old not in used_old:
            out[new] = old_names[old]
            used_new.add(new)
            used_old.add(old)
    taken = {out[new] for new in used_new}
    return [name if new in used_new or name not in taken else f"{name}-n" for new, name in enumerate(out)]


KINDS: Final = ("none", "turn", "system")


def _apart(names: list[str]) -> list[str]:
    """Give families that fell on one name names of their own."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return out


# -- entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An entry before it has its name."""

    name: str
    """The name that it has where it is new."""
    finding: Finding
    accounts: frozenset[str]
    families: frozenset[str]
    grant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The name of an entry, and what it was before."""

    id: str
    since: SincePrevious = "new"
    grown_by: int = 0
    merged: list[str] = field(default_factory=list)
    split_from: str | None = None


def name_entries(found: Sequence[Found], previous: Previous | None) -> list[Named]:
    """Name entries: each keeps the id of the earlier entry that it is; no id is given twice."""
    lines = list(previous.lineage.lines) if previous is not None else []
    shares = _shares(found, lines)
    own, taken = _matched(found, lines, shares)
    ids = _apart([lines[own[i]].id if i in own else one.name for i, one in enumerate(found)])
    named = []
    for i, one in enumerate(found):
        if i in own:
            fresh = len(one.accounts - frozenset(lines[own[i]].accounts))
            merged = [
                lines[o].id
                for o in range(len(lines))
                if o not in taken and _alike(one.finding, lines[o].finding) and _part(shares, lines, i, o) >= PART
            ]
            named.append(Named(id=ids[i], since="grown" if fresh else "known", grown_by=fresh, merged=sorted(merged)))
        else:
            whole = [
                (shared / len(one.accounts), lines[o].id)
                for (n, o), shared in shares.items()
                if n == i and o in taken and _alike(one.finding, lines[o].finding)
            ]
            split = max(whole, default=(0.0, ""))
            named.append(Named(id=ids[i], split_from=split[1] if split[0] >= PART else None))
    return named


def _shares(found: Sequence[Found], lines: Sequence[Line]) -> dict[tuple[int, int], int]:
    """Count the accounts that each entry has in common with each earlier one; pairs without any are left out."""
    held: dict[str, list[int]] = {}
    for old, line in enumerate(lines):
        for account in line.accounts:
            held.setdefault(account, []).append(old)
    shares: dict[tuple[int, int], int] = {}
    for new, one in enumerate(found):
        for account in one.accounts:
            for old in held.get(account, ()):
                shares[new, old] = shares.get((new, old), 0) + 1
    return shares


def _part(shares: Mapping[tuple[int, int], int], lines: Sequence[Line], new: int, old: int) -> float:
    return shares.get((new, old), 0) / max(len(lines[old].accounts), 1)


def _alike(one: str, other: str) -> bool:
    """Tell whether two findings are of one sort: a network overlaps the campaign in it, and is another entry."""
    return (one == "account_network") == (other == "account_network")


def _matched(
    found: Sequence[Found], lines: Sequence[Line], shares: Mapping[tuple[int, int], int]
) -> tuple[dict[int, int], set[int]]:
    """Match entries to earlier ones, one to one, the surest pair first."""
    pairs = [
        (not _alike(one.finding, line.finding), -sure, new, old)
        for new, one in enumerate(found)
        for old, line in enumerate(lines)
        if (sure := _sure(one, line, shares.get((new, old), 0))) > 0
    ]
    own: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, new, old in sorted(pairs):
        if new not in own and old not in taken:
            own[new] = old
            taken.add(old)
    return own, taken


def _sure(one: Found, line: Line, shared: int) -> float:
    """Tell how sure it is that an entry is an earlier one: 0 for not, up to 3."""
    if one.grant is not None or line.grant is not None:
        return 3.0 if one.grant == line.grant and one.finding == line.finding else 0.0
    accounts = shared / max(min(len(one.accounts), len(line.accounts)), 1)
    least = min(len(one.families), len(line.families))
    families = len(one.families & set(line.families)) / least if least else 0.0
    if accounts >= ACCOUNTS_SHARE:
        return 1.0 + accounts + families
    alone = one.finding in ALONE or line.finding in ALONE
    return families if families >= FAMILIES_SHARE and not alone and _alike(one.finding, line.finding) else 0.0


def follow(previous: Previous | None, case: Case) -> Lineage:
    """Carry the lineage on: what was found before, joined with what is found now."""
    lines = {line.id: line for line in previous.lineage.lines} if previous is not None else {}
    for entry in case.campaigns:
        line = _line(entry, case)
        before = lines.get(entry.id)
        if before is not None:
            line = Line(
                id=line.id, finding=line.finding, accounts=_joined(before.accounts, line.accounts),
                families=_joined(before.families, line.families), grant=line.grant or before.grant,
                first=min(before.first, line.first), last=max(before.last, line.last),
            )  # fmt: skip
        lines[entry.id] = line
        for gone in entry.merged:
            lines.pop(gone, None)
    return Lineage(key=case.key, lines=sorted(lines.values(), key=lambda line: line.id))


def _joined(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return sorted({*one, *other})
