"""Orders: plan, approve, expire, undo; each step is put on record with its reason and its person.

Nothing acts before somebody has approved it, by name where the rung needs a person, as suspension does. Who planned an
order may approve it, and the record shows that. What a hunt or a peer found plans nothing by itself.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from stillwatch import rooms
from stillwatch.errors import BookError, UsageError
from stillwatch.model.answer import FREE, NEWCOMERS_MOST, Blast, Order, Rung, Spared, rank
from stillwatch.model.case import Entry
from stillwatch.store import cases
from stillwatch.store.book import Book
from stillwatch.store.key import Key
from stillwatch.store.live import State
from stillwatch.watch.newcomers import expected_innocents
from stillwatch.watch.standing import in_force, standing

NOBODY: Final = re.compile(
    r"^(?:|-|nobody|system|auto(?:matic)?|stillwatch|root|admin|support|receiver|clock|"
    r"(?:.*[ _-])?(?:gateway|proxy|service|server|daemon|cron|robot|bot|script))$",
    re.IGNORECASE,
)
"""Names that are no person's."""
LONGEST_DAYS: Final = 366
DELAY_MOST_S: Final = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked for.

    Attributes:
        case: the case that the campaign is in, for evidence and the blast radius.
        declared: the accounts file, which tells who pays.
        delay_s: bound of the randomised delay of enforcement.
    """

    rung: Rung
    accounts: tuple[str, ...] = ()
    campaign: str | None = None
    case: Path | None = None
    declared: pa.Table | None = None
    newcomers: Rung = "observe"
    transforms: tuple[str, ...] = ()
    reason: str = ""
    by: str = ""
    ends: datetime
    delay_s: int = 0


def plan(book: Book, asked: Plan, *, state: State | None, key: Key, now: datetime, innocent: float = 0.03) -> Order:
    """Plan an order; it does nothing yet. What it would hit is counted and kept with it.

    Raises:
        UsageError: when it cannot mean what it says.
        CaseError: when the case is not there, or damaged.
    """
    _check(asked, now)
    entry = _entry(asked)
    if entry is None and state is not None and asked.campaign is not None:
        known = [one.id for one in state.meta.campaigns]
        if asked.campaign not in known:
            raise UsageError(
                f"the live state knows no campaign `{asked.campaign}`", hint=f"it knows {', '.join(known) or 'none'}"
            )
    order = Order(
        id=f"o-{secrets.token_hex(4)}", rung=asked.rung, accounts=sorted(set(asked.accounts)), campaign=asked.campaign,
        members=sorted(entry.accounts) if entry is not None and not asked.accounts else [],
        newcomers=asked.newcomers, transforms=list(asked.transforms), reason=asked.reason,
        evidence=[] if entry is None else [bar.because for bar in entry.evidence if bar.counted],
        planned_by=asked.by, planned_at=now, ends=asked.ends, delay_s=asked.delay_s,
    )  # fmt: skip
    hit = blast(book, order, entry=entry, declared=asked.declared, directory=asked.case, state=state, key=key, now=now,
                innocent=innocent)  # fmt: skip
    order = msgspec.structs.replace(order, blast=hit)
    book.put(order, did="planned", by=asked.by, why=asked.reason, at=now, was=None)
    return order


def _check(asked: Plan, now: datetime) -> None:
    if not asked.accounts and asked.campaign is None:
        raise UsageError("an order needs somebody", hint="name `--account A` or `--campaign ID --case CASE`")
    if not asked.reason.strip():
        raise UsageError("an order needs a reason", hint="say why, with `--reason`")
    person(asked.by)
    if rank(asked.newcomers) > rank(NEWCOMERS_MOST):
        raise UsageError(
            f"newcomers may not be met with `{asked.newcomers}`", hint=f"nothing harder than `{NEWCOMERS_MOST}`"
        )
    if asked.newcomers != "observe" and asked.campaign is None:
        raise UsageError("newcomers join a campaign", hint="name it with `--campaign`")
    if not now < asked.ends <= now + timedelta(days=LONGEST_DAYS):
        raise UsageError(f"an order ends within {LONGEST_DAYS} days from now", hint="say when, with `--ends`")
    if not 0 <= asked.delay_s <= DELAY_MOST_S:
        raise UsageError(f"the delay of enforcement is 0 to {DELAY_MOST_S} s, not {asked.delay_s}")
    harden = rooms.member("act", "harden")
    known = (*harden.TRANSFORMS, *harden.OFFERS)
    for name in asked.transforms:
        if asked.rung != "harden" or name not in known:
            raise UsageError(f"`{name}` is nothing that `{asked.rung}` does", hint=f"`harden` does {', '.join(known)}")


def person(name: str) -> str:
    """Check that somebody is named.

    Raises:
        UsageError: when it is nobody's name.
    """
    if NOBODY.match(name.strip()):
        raise UsageError("a person must be named", hint="say who decides, with `--by`")
    return name.strip()


def _entry(asked: Plan) -> Entry | None:
    if asked.case is None:
        return None
    case = cases.read(asked.case)
    if asked.campaign is None:
        return None
    for entry in case.campaigns:
        if entry.id == asked.campaign:
            return entry
    raise UsageError(
        f"the case has no entry `{asked.campaign}`", where=str(asked.case),
        hint=f"it has {', '.join(entry.id for entry in case.campaigns) or 'none'}",
    )  # fmt: skip


def approve(book: Book, name: str, *, by: str, why: str, now: datetime) -> Order:
    """Approve a planned order: from now on it acts.

    Raises:
        BookError: when it is not planned (any more).
        UsageError: when no person is named, or it has ended.
    """
    order = book.order(name)
    if rooms.member("act", order.rung).NEEDS_PERSON:
        by = person(by)
    if order.ends <= now:
        raise UsageError(f"order `{name}` ended on {order.ends:%Y-%m-%d %H:%M}", hint="plan it anew")
    if order.step != "planned":
        raise BookError(f"order `{name}` is {order.step} already")
    approved = msgspec.structs.replace(order, step="approved", approved_by=by, approved_at=now)
    book.put(approved, did="approved", by=by, why=why or order.reason, at=now, was="planned")
    return approved


def undo(book: Book, name: str, *, by: str, why: str, now: datetime) -> Order:
    """Undo an order, planned or approved: everything is again as if it had not been.

    Raises:
        BookError: when it is over already.
        UsageError: when no person or no reason is given.
    """
    order = book.order(name)
    by = person(by)
    if not why.strip():
        raise UsageError("undoing needs a reason", hint="say why, with `--reason`")
    if order.step not in ("planned", "approved"):
        raise BookError(f"order `{name}` is {order.step} already")
    undone = msgspec.structs.replace(order, step="undone")
    book.put(undone, did="undone", by=by, why=why, at=now, was=order.step)
    return undone


def snooze(book: Book, name: str, *, until: datetime, by: str, why: str, now: datetime) -> Order:
    """Let an approved order rest until an instant.

    Raises:
        BookError: when it is not in force.
        UsageError: when no person is named, or the instant is not inside its time.
    """
    order = book.order(name)
    by = person(by)
    if order.step != "approved":
        raise BookError(f"order `{name}` is {order.step}: only one in force can rest")
    if not now < until <= order.ends:
        raise UsageError("an order rests until an instant before its end", where=f"it ends {order.ends:%Y-%m-%d %H:%M}")
    resting = msgspec.structs.replace(order, snoozed_until=until)
    book.put(resting, did="snoozed", by=by, why=f"until {until.isoformat()}: {why}", at=now, was="approved")
    return resting


def expire(book: Book, now: datetime) -> list[Order]:
    """Put on record which orders have ended; they stopped acting by themselves at that instant."""
    over = []
    for order in book.orders():
        if order.step in ("planned", "approved") and order.ends <= now:
            ended = msgspec.structs.replace(order, step="expired")
            try:
                book.put(
                    ended, did="expired", by="clock", why=f"it ended {order.ends.isoformat()}", at=now, was=order.step
                )
            except BookError:  # somebody undid it, or another process saw its end, meanwhile
                continue
            over.append(ended)
    return over


def spare(book: Book, account: str, *, by: str, why: str, ends: datetime, now: datetime) -> None:
    """Put an account on the allowlist: no order touches it until that ends.

    Raises:
        UsageError: when no person or reason is named.
    """
    if not why.strip():
        raise UsageError("the allowlist needs a reason", hint="say why, with `--reason`")
    book.spare(Spared(account=account, reason=why, by=person(by), ends=ends), now)


# -- whom it would hit


def blast(
    book: Book, order: Order, *, entry: Entry | None, declared: pa.Table | None, directory: Path | None,
    state: State | None, key: Key, now: datetime, innocent: float,
) -> Blast:  # fmt: skip
    """Count whom an order would hit."""
    named = set(order.accounts) or (set(entry.accounts) if entry is not None else set())
    stands = standing(book)
    at = now.timestamp()
    spared = {
        account for account in named
        if stands.spared.get(account, 0.0) > at or any(g.runs_on(now.date()) for g in stands.grants.get(account, ()))
    }  # fmt: skip
    others = [
        one for account in named - spared for one in stands.accounts.get(account, ()) if in_force(one, account, at, key)
    ]
    hardest = max(others, key=lambda one: rank(one.rung), default=None)
    exchanges, accounts = _exchanges(directory, named - spared), len(named - spared)
    crowd = 0
    told = None
    if state is not None and order.campaign is not None:
        told = next((one for one in state.meta.campaigns if one.id == order.campaign), None)
        crowd = 0 if told is None else told.crowd
    if told is not None and not named:  # without the case the live state knows how many there are, and not who
        accounts, exchanges = told.accounts, told.exchanges
    if not crowd and entry is not None and directory is not None:
        crowd = _crowd(directory, entry)
    seen = 0 if state is None else state.meta.accounts
    return Blast(
        accounts=accounts, spared=len(spared), exchanges=exchanges, crowd=crowd,
        newcomers_expected=0.0
        if order.newcomers == "observe"
        else round(expected_innocents(innocent, seen, len(entry.accounts) if entry is not None else accounts), 2),
        strongest=None if hardest is None else f"{hardest.id}: {hardest.rung}",
        paying=_paying(declared, named - spared),
    )  # fmt: skip


def _exchanges(directory: Path | None, accounts: set[str]) -> int:
    if directory is None:
        return 0
    members = cases.table(directory, cases.MEMBERS, ["account", "exchanges"])
    return sum(int(count) for name, count in _rows(members, "account", "exchanges") if name in accounts)


def _crowd(directory: Path, entry: Entry) -> int:
    """Count the accounts outside an entry that carry its widest family: the nearest innocent crowd."""
    total = dict(_rows(cases.table(directory, cases.FAMILIES, ["family", "accounts"]), "family", "accounts"))
    outside = [total[f.id] - f.accounts for f in entry.families if not f.harness and f.id in total]
    return max([0, *map(int, outside)])


def _paying(declared: pa.Table | None, accounts: set[str]) -> int:
    """Count paying customers: those whose plan is none of FREE; -1 where no accounts file tells."""
    if declared is None or "plan" not in declared.column_names:
        return -1
    plans = _rows(declared, "account", "plan")
    return sum(1 for name, plan in plans if name in accounts and plan is not None and plan.lower() not in FREE)


def _rows(table: Any, *columns: str) -> Sequence[tuple[Any, ...]]:
    if not len(table):
        return []
    return list(zip(*(table.column(name).to_pylist() for name in columns), strict=True))
