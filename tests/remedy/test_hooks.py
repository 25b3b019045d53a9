"""Hooks, told by a real receiver that fails, stalls and dies: nothing is lost, and what comes twice can be known."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from tests.remedy.receiver import Receiver, receiving

from stillwatch.errors import UsageError
from stillwatch.model.hook import Hook
from stillwatch.remedy import hooks
from stillwatch.store import key as keys
from stillwatch.store import outbox
from stillwatch.store.book import Book, open_book
from stillwatch.watch.orders import Plan, approve, plan, spare

NOW = datetime.now(UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def added(book: Book, receiver: Receiver, **asked: object) -> Hook:
    given: dict[str, object] = {"shape": "generic", "events": ["order"], "accounts": False, **asked}
    made = outbox.add(book, receiver.url, by="Ada Example", why="", at=NOW, **given)  # type: ignore[arg-type]
    receiver.secret = made.secret
    return made


def ordered(book: Book) -> str:
    asked = Plan(
        rung="suspend", accounts=("acct-1",), reason="found <it>", by="Ada Example", ends=NOW + timedelta(days=1)
    )
    made = plan(book, asked, state=None, key=keys.find(), now=NOW)
    approve(book, made.id, by="Grace Example", why="", now=NOW)
    return made.id


def drained(book: Book, *, ahead_s: float = 0.0, timeout_s: float = 2.0) -> int:
    async def once() -> int:
        async with aiohttp.ClientSession() as session:
            return await hooks.drain(book, session, timeout_s=timeout_s, clock=lambda: time.time() + ahead_s)

    return asyncio.run(once())


def test_what_is_put_on_record_is_told_signed_and_names_no_account(book: Book, receiver: Receiver) -> None:
    added(book, receiver)
    name = ordered(book)
    assert drained(book) == 2
    told = [body for _, body in receiver.got]
    assert {one["type"] for one in told} == {"order.planned", "order.approved"}
    assert all(one["data"]["order"]["id"] == name for one in told)
    assert "acct-1" not in str(told)
    assert outbox.outbox(book) == []


def test_accounts_are_named_only_to_a_hook_that_asked(book: Book, receiver: Receiver) -> None:
    added(book, receiver, accounts=True)
    ordered(book)
    drained(book)
    assert all(body["data"]["order"]["accounts"] == ["acct-1"] for _, body in receiver.got)


def test_a_chat_gets_a_sentence_that_commands_nothing(book: Book, receiver: Receiver) -> None:
    added(book, receiver, shape="slack", events=[])
    ordered(book)
    spare(book, "acct-1", by="Ada Example", why="ours", ends=NOW + timedelta(days=1), now=NOW)
    drained(book)
    texts = [body["text"] for _, body in receiver.got if "text" in body]
    assert any("suspend on named accounts (1 accounts)" in text and "&lt;it&gt;" in text for text in texts)
    assert not any("acct-1" in text or "<" in text for text in texts)


@pytest.mark.parametrize("status", [500, 429, 302, 404])
def test_a_receiver_that_fails_is_told_again_under_the_same_id(book: Book, receiver: Receiver, status: int) -> None:
    added(book, receiver, events=["order.approved"])
    ordered(book)
    receiver.status = status
    assert drained(book) == 1
    assert drained(book) == 0, "not at once"
    (waiting,) = outbox.outbox(book)
    assert f"status {status}" in waiting.told
    receiver.status = 200
    assert drained(book, ahead_s=30) == 1
    assert receiver.ids() == [waiting.id] * 2, "a redirect is not followed, and the id is the same"
    assert outbox.outbox(book) == []


def test_a_receiver_that_asks_for_patience_gets_it(book: Book, receiver: Receiver) -> None:
    added(book, receiver, events=["order.approved"])
    ordered(book)
    receiver.status, receiver.retry_after = 503, "600"
    drained(book)
    assert outbox.outbox(book)[0].due > time.time() + 500


def test_a_receiver_that_stalls_or_dies_holds_nothing_up(book: Book, receiver: Receiver) -> None:
    added(book, receiver, events=["order.approved"])
    ordered(book)
    receiver.stalls = True
    assert drained(book, timeout_s=0.2) == 1
    receiver.stalls, receiver.dies = False, True
    assert drained(book, ahead_s=30) == 1
    receiver.dies = False
    assert drained(book, ahead_s=100) == 1
    assert len(receiver.ids()) == 1
    assert outbox.outbox(book) == []


def test_a_receiver_that_is_gone_is_paused_and_what_happens_waits(book: Book, receiver: Receiver) -> None:
    made = added(book, receiver, events=["order.approved"])
    ordered(book)
    receiver.status = 410
    drained(book)
    assert outbox.hook(book, made.id).paused
    ordered(book)
    assert drained(book, ahead_s=4000) == 0
    outbox.change_hook(book, made.id, "resumed", by="Ada Example", why="", at=NOW)
    receiver.status = 200
    assert drained(book, ahead_s=4000) == 2


def test_what_cannot_be_delivered_for_days_is_stuck_and_kept(book: Book, receiver: Receiver) -> None:
    added(book, receiver, events=["order.approved"])
    ordered(book)
    receiver.status = 500
    for _ in range(len(outbox.WAITS_S) + 1):
        assert drained(book, ahead_s=1e7) == 1
        with book.change() as change:
            change.execute("UPDATE outbox SET due = 0")
    (stuck,) = outbox.outbox(book)
    assert stuck.step == "stuck"
    assert drained(book, ahead_s=1e8) == 0
    receiver.status = 200
    assert outbox.retry(book, time.time()) == 1
    assert drained(book) == 1
    assert set(receiver.ids()) == {stuck.id}


def test_while_a_secret_is_rotated_both_sign(book: Book, receiver: Receiver) -> None:
    made = added(book, receiver, events=["order.approved"])
    after = outbox.change_hook(book, made.id, "rotated", by="Ada Example", why="", at=NOW)
    assert after.secret != made.secret
    ordered(book)
    assert drained(book) == 1
    assert outbox.outbox(book) == [], "the receiver still checks by the former one"
    receiver.secret = after.secret
    ordered(book)
    drained(book)
    assert outbox.outbox(book) == []


def test_two_that_send_at_once_send_each_message_once(book: Book, receiver: Receiver) -> None:
    added(book, receiver)
    for _ in range(10):
        ordered(book)
    other = open_book(book.path)

    async def both() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(hooks.drain(each, session, timeout_s=5) for each in (book, other)))

    asyncio.run(both())
    drained(book)
    assert len(receiver.ids()) == 20
    assert len(set(receiver.ids())) == 20


SENDER = """
import asyncio, sys
from pathlib import Path
from stillwatch.remedy import hooks
from stillwatch.store.book import open_book
hooks.HOLD_S = 0.5
asyncio.run(hooks.deliver(open_book(Path(sys.argv[1])), timeout_s=0.5, every_s=0.02))
"""


def test_kill_9_while_sending_loses_nothing_and_what_comes_twice_has_its_id(book: Book, receiver: Receiver) -> None:
    added(book, receiver)
    names = {ordered(book) for _ in range(15)}
    receiver.stalls = True
    sender = subprocess.Popen([sys.executable, "-c", SENDER, str(book.path)])
    while not book.read("SELECT 1 FROM outbox WHERE held > 0"):
        assert sender.poll() is None
        time.sleep(0.01)
    os.kill(sender.pid, signal.SIGKILL)
    sender.wait()
    receiver.stalls = False
    receiver.stall.set()
    assert len(outbox.outbox(book)) == 30, "held, not lost"
    while outbox.outbox(book):
        drained(book, ahead_s=100)
    assert {body["data"]["about"] for _, body in receiver.got} == names
    assert len(set(receiver.ids())) == 30


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com", "http://example.com/x", "https://user:x@example.com", "https://", "https://a:b", "x",
     "http://127.0.0.1.example.com/", "https://example.com/#x"],
)  # fmt: skip
def test_a_hook_that_leads_nowhere_or_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        hooks.checked(url)


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks 1.0.0, "Signature scheme"."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    told = hooks.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_clock_that_jumps_back_holds_nothing_up(book: Book, receiver: Receiver) -> None:
    added(book, receiver, events=["order.approved"])
    ordered(book)
    year = 365 * 86_400.0
    assert len(outbox.claim(book, time.time() + year, hold_s=30)) == 1, "held by a clock that is a year ahead"
    ordered(book)
    receiver.status = 500
    assert drained(book, ahead_s=0) == 2
    with book.change() as change:
        change.execute("UPDATE outbox SET due = ?", (time.time() + year,))
    receiver.status = 200
    assert drained(book) == 2
    assert outbox.outbox(book) == []
