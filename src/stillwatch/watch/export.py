"""Export: make the live state of a case.

Families of campaigns come with their keyed fingerprints and with how often strangers carry them; values that tie
members (addresses, neighbourhoods, builds) with their bits. What openly runs under a grant, or was only cleared, is not
in it: decisions are about campaigns alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch import __version__
from stillwatch.errors import CaseError
from stillwatch.kit import lookup
from stillwatch.kit.contained import Frames
from stillwatch.model.case import Case, Entry
from stillwatch.store import cases, live
from stillwatch.store.key import Key
from stillwatch.store.live import LiveCampaign, Meta, State

FINDINGS: Final = ("distillation_campaign", "account_network", "open_extraction")
"""Findings that decisions know; a grant that was exceeded is a matter of the grant."""
LIVE_COLUMNS: Final = {"ip": True, "prefix": True, "ja4": False, "user_agent": False}
"""Columns of ties that a request shows, and whether they are of the network."""


def export(directory: Path, place: Path, key: Key, now: datetime | None = None) -> Meta:
    """Write the live state of a case into a state directory.

    Raises:
        CaseError: when the case is damaged, was written under another key, or by a version that kept no live
            fingerprints.
        ResourceError: when it cannot be written.
    """
    case = cases.read(directory)
    if case.key and case.key != key.name:
        raise CaseError(
            "the case was made under another key", where=str(directory), hint="name the key with STILLWATCH_KEY"
        )
    state = made(case, directory, key, now or datetime.now(UTC))
    live.write(place, state)
    return state.meta


def made(case: Case, directory: Path, key: Key, now: datetime) -> State:
    """Make the state in memory."""
    entries = [entry for entry in case.campaigns if entry.finding in FINDINGS]
    inside = _inside(entries, directory)
    families = _families(case, entries, cases.table(directory, cases.FAMILIES), inside, str(directory))
    ties, touched = _ties(case, entries, directory)
    first, second = key.words()
    marks, owner = families["marks"], families["owner"]
    table = lookup.build(marks, owner)
    members = [(key.account(account), number) for number, entry in enumerate(entries) for account in entry.accounts]
    known, carried = _known(entries, directory, key)
    crowds: dict[int, int] = {}
    for number, outside in zip(families["campaign"].tolist(), families["outside"].tolist(), strict=True):
        crowds[number] = max(crowds.get(number, 0), outside)
    meta = Meta(
        made=now, key=key.name, accounts=case.traffic.accounts, exchanges=case.traffic.exchanges,
        stillwatch=__version__,
        campaigns=[
            LiveCampaign(
                id=entry.id, finding=entry.finding, accounts=len(entry.accounts), exchanges=entry.exchanges,
                crowd=crowds.get(number, 0), touched=touched.get(number, 0),
                purity=_purity(entry, directory),
            )
            for number, entry in enumerate(entries)
        ],
    )  # fmt: skip
    return State(
        meta=meta,
        frames=Frames(table.keys, table.values, families["sizes"], np.uint64(first), np.uint64(second)),
        family=families["name"],
        campaign=families["campaign"],
        rate=families["rate"],
        spread=families["spread"],
        members=lookup.build(
            np.array([account for account, _ in members], np.uint64),
            np.array([place for _, place in members], np.int32),
        ),
        ties=lookup.build(ties["key"], np.arange(len(ties["key"]), dtype=np.int32)),
        tie_campaign=ties["campaign"],
        tie_bits=ties["bits"],
        tie_network=ties["network"],
        known=known,
        known_carried=carried,
    )


def _inside(entries: list[Entry], directory: Path) -> dict[str, set[str]]:
    """Find the members of any entry that carry each family."""
    members = {account for entry in entries for account in entry.accounts}
    found: dict[str, set[str]] = {}
    for row in _streams(directory, {family.id for entry in entries for family in entry.families}):
        if row["account"] in members:
            found.setdefault(row["family"], set()).add(row["account"])
    return found


def _families(
    case: Case, entries: list[Entry], kept: pa.Table, inside: dict[str, set[str]], where: str
) -> dict[str, npt.NDArray[Any]]:
    """Lay out the families of the entries: a row for each family of each entry."""
    if entries and "live" not in kept.column_names:
        raise CaseError("the case holds no live fingerprints", where=where, hint="hunt again with this version")
    rows = {} if not len(kept) else dict(zip(kept.column("family").to_pylist(), kept.to_pylist(), strict=True))
    found: list[tuple[str, int, float, float, int, list[int]]] = []
    for number, entry in enumerate(entries):
        strangers = max(case.traffic.accounts - len(entry.accounts), 0)
        elsewhere = max(case.traffic.exchanges - entry.exchanges, 0)
        for family in entry.families:
            row = rows.get(family.id)
            if family.harness or row is None or not row["live"]:
                continue
            outside = max(row["accounts"] - max(family.accounts, len(inside.get(family.id, ()))), 0)
            rate = (max(row["exchanges"] - family.exchanges, 0) + 1) / (elsewhere + 2)
            found.append((family.id, number, rate, (outside + 1) / (strangers + 1), outside, row["live"]))
    sizes = np.array([len(one[5]) for one in found], np.uint16)
    return {
        "name": np.array([one[0].encode() for one in found], "S32"),
        "campaign": np.array([one[1] for one in found], np.int32),
        "rate": np.array([one[2] for one in found], np.float64),
        "spread": np.array([one[3] for one in found], np.float64),
        "outside": np.array([one[4] for one in found], np.int64),
        "sizes": sizes,
        "marks": np.array([mark for one in found for mark in one[5]], np.uint64),
        "owner": np.repeat(np.arange(len(found), dtype=np.int32), sizes),
    }


def _ties(case: Case, entries: list[Entry], directory: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[int, int]]:
    """Lay out the values that tie the members of each entry, with their bits, and how often strangers show one.

    Bits are log2 of the share of the entry's owners that hold the value over the share of strangers that do, the sum of
    the first over the values of one column being at most 1: an e-value, where a stranger shows one value.
    """
    groups = cases.table(directory, cases.GROUPS)
    ties = cases.table(directory, cases.TIES)
    verdicts = {}
    if len(groups):
        verdicts = dict(zip(groups["number"].to_pylist(), groups["verdicts"].to_pylist(), strict=True))
    number = {entry.id: place for place, entry in enumerate(entries)}
    seen: dict[tuple[int, str, str], tuple[int, int]] = {}
    for row in ties.to_pylist():
        if row["column"] in LIVE_COLUMNS:
            for name in verdicts.get(row["group"], ()):
                if name in number:
                    seen[number[name], row["column"], row["value"]] = (row["inside"], row["outside"])
    sums: dict[tuple[int, str], int] = {}
    for (campaign, column, _), (inside, _) in seen.items():
        sums[campaign, column] = sums.get((campaign, column), 0) + inside
    strangers = [max(case.traffic.accounts - len(entry.accounts), 0) for entry in entries]
    rows = []
    touched: dict[int, int] = {}
    for (campaign, column, value), (inside, outside) in sorted(seen.items()):
        ratio = inside / sums[campaign, column] / ((outside + 1) / (strangers[campaign] + 2))
        if LIVE_COLUMNS[column]:
            touched[campaign] = touched.get(campaign, 0) + outside
        rows.append((int(value, 16) or 1, campaign, np.log2(ratio), LIVE_COLUMNS[column]))
    laid: dict[str, npt.NDArray[Any]] = {
        "key": np.array([row[0] for row in rows], np.uint64),
        "campaign": np.array([row[1] for row in rows], np.int32),
        "bits": np.array([row[2] for row in rows], np.float32),
        "network": np.array([row[3] for row in rows], np.bool_),
    }
    return laid, touched


def _known(entries: list[Entry], directory: Path, key: Key) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Lay out the accounts that the hunt saw and found in no campaign, and whether they carry a campaign's family."""
    found = {account for entry in entries for account in entry.accounts}
    families = {family.id for entry in entries for family in entry.families if not family.harness}
    carry = set()
    for row in _streams(directory, families):
        carry.add(row["account"])
    names = cases.table(directory, cases.MEMBERS, ["account"])
    others = [] if not len(names) else [name for name in names["account"].to_pylist() if name not in found]
    hashes = np.array([key.account(name) for name in others], np.uint64)
    order = np.argsort(hashes)
    return hashes[order], np.array([name in carry for name in others], np.bool_)[order]


def _streams(directory: Path, families: set[str]) -> list[dict[str, Any]]:
    """Read who carries one of these families, and in how many exchanges."""
    streams = cases.table(directory, cases.STREAMS, ["account", "family", "exchanges"])
    if not len(streams) or not families:
        return []
    chosen: list[dict[str, Any]] = streams.filter(pc.is_in(streams["family"], pa.array(sorted(families)))).to_pylist()
    return chosen


def _purity(entry: Entry, directory: Path) -> float:
    """Give the share of its requests in the entry's families that nine of ten members reach."""
    carried: dict[str, int] = {}
    for row in _streams(directory, {family.id for family in entry.families if not family.harness}):
        carried[row["account"]] = carried.get(row["account"], 0) + row["exchanges"]
    members = cases.table(directory, cases.MEMBERS, ["account", "exchanges"])
    if not len(members) or not carried:
        return 0.0
    every = dict(zip(members["account"].to_pylist(), members["exchanges"].to_pylist(), strict=True))
    shares = [min(carried.get(one, 0) / every[one], 1.0) for one in entry.accounts if every.get(one)]
    return float(np.quantile(shares, 0.1)) if shares else 0.0
