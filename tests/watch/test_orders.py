"""Orders: who may do what to them, what they would hit, and that a kill loses and doubles none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stillwatch.errors import BookError, UsageError
from stillwatch.model.answer import Order
from stillwatch.model.case import Entry
from stillwatch.store import key as keys
from stillwatch.store.book import Book, open_book
from stillwatch.watch.orders import Plan, approve, expire, plan, spare, undo

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PERSON = "Ada Example"


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return open_book(tmp_path)


def planned(book: Book, **asked: object) -> Order:
    given = {
        "rung": "suspend", "accounts": ("a",), "reason": "found", "by": PERSON,
        "ends": NOW + timedelta(days=1), **asked,
    }  # fmt: skip
    return plan(book, Plan(**given), state=None, key=keys.find(), now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"accounts": ()}, {"reason": "  "}, {"by": ""}, {"by": "system"}, {"ends": NOW}, {"delay_s": -1},
        {"ends": NOW + timedelta(days=400)}, {"campaign": "c", "newcomers": "suspend"}, {"newcomers": "harden"},
        {"transforms": ("no_logprobs",)}, {"rung": "harden", "transforms": ("worse_answers",)},
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_meant_is_refused(book: Book, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        planned(book, **wrong)
    assert book.orders() == []
    assert book.record() == []


def test_suspension_needs_a_named_person(book: Book) -> None:
    order = planned(book)
    for nobody in ("", "auto", "stillwatch"):
        with pytest.raises(UsageError, match="person"):
            approve(book, order.id, by=nobody, why="", now=NOW)
    approve(book, order.id, by=PERSON, why="", now=NOW)
    assert book.order(order.id).approved_by == PERSON


def test_every_step_is_on_record_with_person_and_reason(book: Book) -> None:
    order = planned(book)
    approve(book, order.id, by="Grace Example", why="seen the evidence", now=NOW)
    undo(book, order.id, by=PERSON, why="appeal", now=NOW)
    assert [(note.did, note.by, note.why) for note in book.record(order.id)] == [
        ("planned", PERSON, "found"), ("approved", "Grace Example", "seen the evidence"), ("undone", PERSON, "appeal"),
    ]  # fmt: skip


def test_nothing_is_done_twice(book: Book) -> None:
    order = planned(book)
    approve(book, order.id, by=PERSON, why="", now=NOW)
    with pytest.raises(BookError, match="approved already"):
        approve(book, order.id, by=PERSON, why="", now=NOW)
    undo(book, order.id, by=PERSON, why="x", now=NOW)
    with pytest.raises(BookError, match="undone already"):
        undo(book, order.id, by=PERSON, why="x", now=NOW)


def test_an_order_that_ended_is_put_on_record_once(book: Book) -> None:
    order = planned(book)
    assert expire(book, NOW) == []
    assert [one.id for one in expire(book, NOW + timedelta(days=2))] == [order.id]
    assert expire(book, NOW + timedelta(days=2)) == []


def test_a_clock_that_jumps_back_gives_no_order_its_force_back(book: Book) -> None:
    order = planned(book)
    expire(book, NOW + timedelta(days=2))
    assert book.order(order.id).step == "expired"
    assert expire(book, NOW - timedelta(days=30)) == []
    assert book.order(order.id).step == "expired"


def test_the_blast_radius_counts_members_spared_ones_and_the_crowd(
    book: Book, case_path: Path, campaign: Entry, world: Path
) -> None:
    from stillwatch import ingest

    spare(book, campaign.accounts[0], by=PERSON, why="ours", ends=NOW + timedelta(days=1), now=NOW)
    order = planned(
        book, accounts=(), campaign=campaign.id, case=case_path, newcomers="harden",
        declared=ingest.read_accounts(world / "accounts.csv"),
    )  # fmt: skip
    assert order.blast.accounts == len(campaign.accounts) - 1
    assert order.blast.spared == 1
    assert order.blast.exchanges > 0
    assert 0 <= order.blast.paying <= order.blast.accounts
    assert 0.03 < order.blast.newcomers_expected <= 0.03 + 0.1 * len(campaign.accounts)
    assert order.evidence


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from stillwatch.store import key as keys
from stillwatch.store.book import open_book
from stillwatch.watch.orders import Plan, approve, plan
from pathlib import Path
book, now = open_book(Path(sys.argv[1])), datetime(2026, 6, 1, tzinfo=UTC)
print("ready", flush=True)
while True:
    order = plan(book, Plan(rung="suspend", accounts=("a",), reason="r", by="Ada", ends=now + timedelta(days=1)),
                 state=None, key=keys.find(), now=now)
    print(order.id, flush=True)
    approve(book, order.id, by="Ada", why="", now=now)
"""


def test_kill_9_loses_no_order_that_was_told_and_leaves_none_half_done(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [writer.stdout.readline().strip() for _ in range(12)][1:]
    os.kill(writer.pid, signal.SIGKILL)
    told += writer.stdout.read().split()
    writer.wait()
    book = open_book(tmp_path)
    orders = {order.id: order for order in book.orders()}
    assert set(told) <= set(orders)
    for order in orders.values():
        steps = [note.did for note in book.record(order.id)]
        assert steps == (["planned", "approved"] if order.step == "approved" else ["planned"])
