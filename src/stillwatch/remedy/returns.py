"""Returns: whether a suspended campaign came back, told from later hunts and from what was recognised live.

A campaign is back where a later hunt found it again, as an entry of its own, with accounts that were first seen after
the suspension. The entry stood that hunt's error control; a template alone is an echo, which is told beside how many
echoes strangers would show. The views are named for each account: family, infrastructure (values of the old members),
handover (conversations of the old members go on), succession (the hunt's own view of it).

Looks the same when innocent: a template that spread, a firm that moved its accounts (cleared by the hunt as one owner).
Cost: reads tables of the cases, no traffic. Source: Kaplan & Meier 1958 for the median.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from stillwatch.errors import CaseError
from stillwatch.model.answer import Order
from stillwatch.model.case import Entry
from stillwatch.model.returned import Return, ReturnedAccount, Returns
from stillwatch.remedy.looked import Looked
from stillwatch.store import cases

ALIKE: Final = 0.5
"""Share of the fingerprints of the smaller family that must be in both for both to be one."""
SUCCESSION_BITS: Final = 1.0
HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """A campaign that was suspended, by an order or elsewhere."""

    campaign: str
    at: datetime
    order: str = ""
    accounts: frozenset[str] = frozenset()


def suspensions(orders: Iterable[Order]) -> list[Suspended]:
    """Find the campaigns that were ever suspended by an approved order."""
    return [
        Suspended(
            campaign=one.campaign, at=one.approved_at, order=one.id, accounts=frozenset([*one.accounts, *one.members])
        )
        for one in orders
        if one.rung == "suspend" and one.campaign is not None and one.approved_at is not None
    ]


def track(
    suspended: Sequence[Suspended], directories: Sequence[Path], live: dict[str, list[datetime]] | None = None
) -> Returns:
    """Tell of each suspended campaign whether it came back.

    Args:
        directories: cases, earlier and later ones in any order, of one key.
        live: when accounts were recognised as newcomers of each campaign.

    Raises:
        CaseError: when one is damaged, or they were made under different keys.
    """
    looked = [Looked(directory=directory, case=cases.read(directory)) for directory in directories]
    keys = {one.case.key for one in looked if one.case.key}
    if len(keys) > 1:
        raise CaseError(
            "the cases were made under different keys", hint="values of one cannot be known again in the other"
        )
    looked.sort(key=lambda one: "" if one.case.traffic.to is None else one.case.traffic.to.isoformat())
    told = [_follow(one, looked, (live or {}).get(one.campaign, [])) for one in suspended]
    fdr = max((one.case.error_control.fdr for one in looked), default=0.0)
    return Returns(
        campaigns=told,
        came_back=sum(one.first_hours is not None for one in told),
        median_hours=median([(one.first_hours, one.watched_hours) for one in told]),
        guarantee=f"a return is an entry of a later hunt: of those at most {fdr:.0%} are expected to be linked by "
        "coincidence only; echoes and growth stand beside what strangers and the time before show",
    )


def _follow(one: Suspended, looked: Sequence[Looked], live: Sequence[datetime]) -> Return:
    old = _before(one, looked)
    entry = None if old is None else next((e for e in old.case.campaigns if e.id == one.campaign), None)
    members = set(one.accounts)
    if entry is not None and old is not None:
        members |= {a for a in entry.accounts if a not in old.members or old.members[a]["first"] < one.at}
    known = members | {a for each in looked for a, row in each.members.items() if row["first"] < one.at}
    returned: dict[str, ReturnedAccount] = {}
    found_in, after = [], list[datetime]()
    for later in looked:
        if later.case.traffic.to is None or later.case.traffic.to <= one.at:
            continue
        same = _same(one, entry, old, later)
        if same is None:
            continue
        new = _new(one, members, known, old, later, same)
        if new:
            found_in.append(str(later.directory))
            after += [at for account, at in later.taken(same.id) if account in new]
        for account, told in new.items():
            if account not in returned or told.at < returned[account].at:
                returned[account] = told
    times = sorted(told.hours for told in returned.values())
    ends = max((x.case.traffic.to for x in looked if x.case.traffic.to is not None), default=one.at)
    live_hours = sorted(_hours(one.at, at) for at in live if at >= one.at)
    echoes, expected, fresh = _echoes(one, entry, members, old, looked)
    return Return(
        campaign=one.campaign, order=one.order, suspended_at=one.at, accounts=len(members),
        watched_hours=max(_hours(one.at, ends), 0.0), returned=sorted(returned.values(), key=lambda told: told.at),
        first_hours=times[0] if times else None, tenth_hours=times[9] if len(times) > 9 else None, found_in=found_in,
        before=_daily(old, entry, one), after=_rate(after, ends),
        joined_before=_joined(one, entry, old, ends), echoes=echoes, echoes_expected=expected, new_accounts=fresh,
        live=len(live_hours), live_hours=live_hours[0] if live_hours else None,
    )  # fmt: skip


def _before(one: Suspended, looked: Sequence[Looked]) -> Looked | None:
    """Find the case that the campaign was suspended from: the last one that knows it and begins before that."""
    found = None
    for each in looked:
        begins = each.case.traffic.from_
        knows = begins is not None and begins < one.at and any(e.id == one.campaign for e in each.case.campaigns)
        if knows and (found is None or (each.case.traffic.to or one.at) <= one.at):
            found = each
    return found


def _same(one: Suspended, entry: Entry | None, old: Looked | None, later: Looked) -> Entry | None:
    """Find the campaign in a later case: by its id, else by families of its own."""
    for each in later.case.campaigns:
        if each.id == one.campaign or one.campaign in each.merged or each.split_from == one.campaign:
            return each
    if entry is None or old is None:
        return None
    mine = [old.marks.get(f.id, frozenset()) for f in entry.families if not f.harness]
    for each in later.case.campaigns:
        theirs = [later.marks.get(f.id, frozenset()) for f in each.families if not f.harness]
        shared = sum(any(_alike(a, b) for b in theirs) for a in mine)
        if (
            shared
            and 2 * shared >= min(len(mine), len(theirs))
            and (each.finding == "account_network") == (entry.finding == "account_network")
        ):
            return each
    return None


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    least = min(len(one), len(other))
    return least > 0 and len(one & other) / least >= ALIKE


def _new(
    one: Suspended, members: set[str], known: set[str], old: Looked | None, later: Looked, entry: Entry
) -> dict[str, ReturnedAccount]:
    """Find the accounts of an entry that are new since the suspension, with what ties each to the campaign."""
    firsts = later.first_of(entry.id)
    values = later.values(entry.id)
    before = set(old.values(one.campaign)) if old is not None else set()
    owners = {later.members[a]["owner"] for a in members if a in later.members}
    takers = {taker for giver, taker in later.handed() if giver in owners}
    families = {
        row["account"] for row in later.streams if row["family"] in {f.id for f in entry.families if not f.harness}
    }
    tied = {owner for value, held in values.items() if value in before for owner in held}
    found = {}
    for account in entry.accounts:
        row = later.members.get(account)
        if account in known or row is None:
            continue
        at = firsts.get(account, row["first"])
        views = [
            name for name, shown in (
                ("family", account in families), ("infrastructure", row["owner"] in tied),
                ("handover", row["owner"] in takers),
                ("succession", (row.get("tie_succession") or 0.0) >= SUCCESSION_BITS),
            ) if shown
        ]  # fmt: skip
        found[account] = ReturnedAccount(account=account, at=at, hours=_hours(one.at, at), views=views)
    return found


# -- what strangers would show


def _echoes(
    one: Suspended, entry: Entry | None, members: set[str], old: Looked | None, looked: Sequence[Looked]
) -> tuple[int, float, int]:
    """Count new accounts outside every entry that carry a family of the campaign, and how many strangers would."""
    if entry is None or old is None:
        return 0, -1.0, 0
    mine = {f.id for f in entry.families if not f.harness}
    named = {a for each in old.case.campaigns for a in each.accounts}
    strangers = {a for a, row in old.members.items() if a not in named and a not in members and row["first"] < one.at}
    carried = {row["account"] for row in old.streams if row["family"] in mine and row["first"] < one.at}
    new: set[str] = set()
    echo: set[str] = set()
    for later in looked:
        taken = {a for each in later.case.campaigns for a in each.accounts}
        fresh = {
            a for a, row in later.members.items() if row["first"] >= one.at and a not in taken and a not in members
            and a not in old.members
        }  # fmt: skip
        same = {
            name
            for name, marks in later.marks.items()
            if any(_alike(marks, old.marks.get(f, frozenset())) for f in mine)
        }
        new |= fresh
        echo |= fresh & {row["account"] for row in later.streams if row["family"] in same}
    share = len(carried & strangers) / len(strangers) if strangers else 0.0
    return len(echo), share * len(new), len(new)


def _joined(one: Suspended, entry: Entry | None, old: Looked | None, ends: datetime) -> int:
    """Count the accounts that joined in the same time before the suspension; the first day of a log tells nothing."""
    if entry is None or old is None or old.case.traffic.from_ is None:
        return -1
    begin = max(one.at - max(ends - one.at, timedelta(0)), old.case.traffic.from_ + timedelta(days=1))
    if begin >= one.at:
        return -1
    firsts = (old.members[a]["first"] for a in entry.accounts if a in old.members)
    return sum(begin <= first < one.at for first in firsts)


def _daily(old: Looked | None, entry: Entry | None, one: Suspended) -> float:
    if old is None or entry is None:
        return -1.0
    times = [at for _, at in old.taken(entry.id) if at < one.at]
    return _rate(times, min(one.at, old.case.traffic.to or one.at))


def _rate(times: Sequence[datetime], ends: datetime) -> float:
    """Count a day, from the first on."""
    days = (ends - min(times)).total_seconds() / 86_400 if times else 0.0
    return len(times) / max(days, 1 / 24) if times else -1.0


def _hours(since: datetime, at: datetime) -> float:
    return (at - since).total_seconds() / HOUR_S


def median(times: Sequence[tuple[float | None, float]]) -> float | None:
    """Give the time by which half have come back; those who have not count for as long as they were watched.

    >>> median([(5.0, 100.0), (9.0, 100.0), (None, 100.0)]), median([(5.0, 9.0), (None, 100.0), (None, 100.0)])
    (9.0, None)
    """
    alive, left = 1.0, len(times)
    for time, came in sorted((watched if back is None else back, back is not None) for back, watched in times):
        if came:
            alive *= 1 - 1 / left
            if alive <= 0.5:
                return time
        left -= 1
    return None
