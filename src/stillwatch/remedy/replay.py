"""Replay: an old day, request by request, through the code that decides live, under one policy and under another.

Each policy has a `Watch` of its own, with nothing counted yet, and a clock that shows the time of the request. What a
live gateway does after a decision is done here too: answers under a grant count against its cap, and answers to
members are remembered. Nothing is written but what is asked for.

What it cannot know: what a party that is met otherwise would have done next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import duckdb
import msgspec
import pyarrow as pa

from stillwatch.errors import ResourceError, UsageError
from stillwatch.ingest import Gathered
from stillwatch.model.answer import FREE, Asked, Decision
from stillwatch.model.replayed import ActionCount, Differing, Outcome, Replayed
from stillwatch.remedy.policy import Policy
from stillwatch.store.book import Book
from stillwatch.store.key import Key
from stillwatch.store.live import State
from stillwatch.watch.live import Watch
from stillwatch.watch.standing import Standing

COLUMNS: Final = (
    "exchange", "at", "account", "key", "ip", "user_agent", "ja4", "model", "operation", "system", "messages",
    "response", "status",
)  # fmt: skip
SHOWN: Final = 20
BATCH: Final = 2048
LIMITS: Final = (
    "a party that is met otherwise would have done something else next; the old requests go on as they were",
    "orders act from the first request, without their delay; of grants nothing is used before it",
)


class _Day:
    """The day under one policy."""

    def __init__(self, policy: Policy, book: Book, state: State | None, key: Key) -> None:
        self.policy = policy
        self.now = 0.0
        standing: Standing = policy.standing(book)
        self.watch = Watch(key, state, standing, policy.settings, enforce=True, clock=lambda: self.now)
        self.requests: Counter[str] = Counter()
        self.accounts: dict[str, set[str]] = {}
        self.recognised: set[str] = set()
        self.covered = 0

    def meet(self, asked: Asked, at: float, answered: str, good: bool) -> Decision:
        """Decide, and do what a gateway does afterwards."""
        self.now = at
        told = self.watch.decide(asked)
        self.requests[told.action] += 1
        self.accounts.setdefault(told.action, set()).add(asked.account)
        if any(why.startswith("recognised") for why in told.because):
            self.recognised.add(asked.account)
        if told.action == "allow" and good:
            if (grant := self.watch.covering(asked)) is not None:
                self.watch.used[grant.id] += 1
            if answered and self.watch.remembers(asked.account):
                self.watch.answered(asked.account, answered)
        self.covered += told.action == "allow" and any("allowlist" in why or "grant" in why for why in told.because)
        return told

    def outcome(self, paying: set[str] | None, members: set[str]) -> Outcome:
        near = self.watch.newcomers.near() if self.watch.newcomers is not None else 0
        actions = {
            action: ActionCount(
                requests=count, accounts=len(self.accounts[action]),
                paying=-1 if paying is None else len(self.accounts[action] & paying),
                outside=len(self.accounts[action] - members),
            )
            for action, count in self.requests.most_common()
        }  # fmt: skip
        return Outcome(
            policy=self.policy.name, orders=len(self.policy.orders), actions=actions,
            recognised=len(self.recognised - members), near=near, covered=self.covered,
        )  # fmt: skip


def replay(
    traffic: Gathered, policy: Policy, against: Policy, *, book: Book, state: State | None, key: Key,
    declared: pa.Table | None = None, out: Path | None = None, advance: Callable[[int], None] | None = None,
) -> Replayed:  # fmt: skip
    """Replay traffic under two policies.

    Args:
        declared: the accounts file, which tells who pays.
        out: where every request that differs is written, one JSON object a line.
        advance: told how many requests were replayed meanwhile.

    Raises:
        ResourceError: when `out` cannot be written.
    """
    days = (_Day(against, book, state, key), _Day(policy, book, state, key))
    accounts, members = set[str](), set[str]()
    changes: Counter[str] = Counter()
    first: list[Differing] = []
    begin = end = None
    count = 0
    with _writing(out) as file:
        for row in rows_of(traffic):
            asked, at, answered, good = asked_of(row)
            if asked.account not in accounts:
                accounts.add(asked.account)
                if days[0].watch.remembers(asked.account):
                    members.add(asked.account)
            old, new = (day.meet(asked, at.timestamp(), answered, good) for day in days)
            begin, end, count = begin or at, at, count + 1
            if _apart(old, new):
                told = Differing(
                    exchange=row["exchange"], at=at, account=asked.account, against=_said(old), policy=_said(new),
                    order=new.order or old.order, because=new.because or old.because,
                )  # fmt: skip
                changes[f"{told.against} → {told.policy}"] += 1
                if len(first) < SHOWN:
                    first.append(told)
                if file is not None:
                    file.write(msgspec.json.encode(told) + b"\n")
            if advance is not None and count % BATCH == 0:
                advance(BATCH)
    paying = _paying(declared)
    before, after = ({a for action, each in day.accounts.items() if action != "allow" for a in each} for day in days)
    return Replayed(
        exchanges=count, accounts=len(accounts), from_=begin, to=end, against=days[0].outcome(paying, members),
        policy=days[1].outcome(paying, members), differing=changes.total(), changes=dict(changes.most_common()),
        hit_anew=len(after - before), hit_anew_paying=-1 if paying is None else len((after - before) & paying),
        let_go=len(before - after), first=first, limits=list(LIMITS),
    )  # fmt: skip


def rows_of(traffic: Gathered) -> Iterator[dict[str, Any]]:
    """Give the exchanges of a log in the order of time."""
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        statement = f'SELECT * FROM ({traffic.select(COLUMNS)}) ORDER BY "at", exchange'  # noqa: S608 - paths are quoted
        reader = base.execute(statement)
        names = [str(column[0]) for column in reader.description or ()]
        while rows := reader.fetchmany(BATCH):
            for row in rows:
                yield dict(zip(names, row, strict=True))


def asked_of(row: dict[str, Any]) -> tuple[Asked, datetime, str, bool]:
    """Say who asked what and when, what was answered, and whether that was an answer."""
    body = {"model": row["model"], "system": row["system"] or "", "messages": row["messages"] or []}
    asked = Asked(
        account=row["account"], key=row["key"] or "", ip=row["ip"] or "", user_agent=row["user_agent"] or "",
        ja4=row["ja4"] or "", model=row["model"] or "", operation=row["operation"] or "", body=body,
    )  # fmt: skip
    good = row["status"] is None or 200 <= row["status"] < 300
    return asked, row["at"].replace(tzinfo=UTC), row["response"] or "", good


def _apart(one: Decision, other: Decision) -> bool:
    return (one.action, one.transforms) != (other.action, other.transforms)


def _said(told: Decision) -> str:
    return f"{told.action} ({', '.join(told.transforms)})" if told.transforms else told.action


def _paying(declared: pa.Table | None) -> set[str] | None:
    if declared is None or "plan" not in declared.column_names:
        return None
    plans = zip(declared["account"].to_pylist(), declared["plan"].to_pylist(), strict=True)
    return {account for account, plan in plans if plan is not None and plan.lower() not in FREE}


@contextmanager
def _writing(out: Path | None) -> Iterator[IO[bytes] | None]:
    """Write a file aside, and put it in place when all is there."""
    if out is None:
        yield None
        return
    if not out.parent.is_dir():
        raise UsageError("there is no such directory", where=str(out.parent), hint="make it first")
    aside = out.with_name(f".{out.name}.part")
    try:
        with aside.open("wb") as file:
            yield file
        aside.replace(out)
    except OSError as trouble:
        raise ResourceError(f"cannot write: {trouble.strerror}", where=str(out)) from trouble
    finally:
        aside.unlink(missing_ok=True)
