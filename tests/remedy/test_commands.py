"""The operator's own revocation: run for whom an order hits, undone with it, and never for whom a grant covers."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stillwatch.model.grant import Grant
from stillwatch.remedy import commands
from stillwatch.settings import Command
from stillwatch.store import key as keys
from stillwatch.store import licences
from stillwatch.store.book import Book
from stillwatch.watch.orders import Plan, approve, plan, snooze, spare, undo

NOW = datetime.now(UTC)
SCRIPT = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + '\\n')"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def adapter(log: Path, **asked: Any) -> Command:
    word = (sys.executable, "-c", SCRIPT, str(log))
    given = {"do": (*word, "revoke", "{account}", "{order}"), "undo": (*word, "restore", "{account}"), **asked}
    return Command(name="keys", **given)


def ordered(book: Book, *accounts: str, rung: str = "suspend", delay_s: int = 0) -> str:
    asked = Plan(rung=rung, accounts=accounts, reason="found", by="Ada", ends=NOW + timedelta(days=9), delay_s=delay_s)  # type: ignore[arg-type]
    made = plan(book, asked, state=None, key=keys.find(), now=NOW)
    approve(book, made.id, by="Ada Example", why="", now=NOW)
    return made.id


def done(book: Book, one: Command, ahead_s: float = 0.0) -> list[tuple[str, str]]:
    acts = commands.work(book, [one], keys.find(), clock=lambda: NOW.timestamp() + ahead_s)
    return sorted((act.deed, act.account) for act in acts)


def said(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_keys_are_revoked_once_and_restored_when_the_order_is_undone(book: Book, log: Path) -> None:
    one = adapter(log)
    name = ordered(book, "a", "b")
    assert done(book, one) == [("do", "a"), ("do", "b")]
    assert done(book, one) == []
    assert f"revoke a {name}" in said(log)
    undo(book, name, by="Ada Example", why="appeal", now=NOW)
    assert done(book, one) == [("undo", "a"), ("undo", "b")]
    assert done(book, one) == []
    assert [note.did for note in book.record("adapter keys")] == ["ran"] * 4


def test_the_allowlist_and_any_grant_restore_and_keep(book: Book, log: Path) -> None:
    one = adapter(log)
    grant = Grant(
        id="g-1", holder="H", accounts=frozenset({"licensed"}), models=frozenset({"one-model"}),
        starts=NOW.date() - timedelta(days=1), ends=NOW.date() + timedelta(days=20),
    )  # fmt: skip
    licences.issue(book, grant, by="Ada", why="contract", at=NOW)
    ordered(book, "a", "licensed")
    assert done(book, one) == [("do", "a")], "a key knows no models: whoever holds a grant keeps it"
    spare(book, "a", by="Ada Example", why="ours", ends=NOW + timedelta(days=1), now=NOW)
    assert done(book, one) == [("undo", "a")]
    assert done(book, one, ahead_s=2 * 86_400) == [("do", "a")], "the entry has ended, the order has not"


def test_a_second_order_keeps_what_the_first_one_did(book: Book, log: Path) -> None:
    one = adapter(log)
    first, second = ordered(book, "a"), ordered(book, "a")
    assert done(book, one) == [("do", "a")]
    undo(book, first, by="Ada Example", why="x", now=NOW)
    assert done(book, one) == []
    snooze(book, second, until=NOW + timedelta(days=1), by="Ada Example", why="appeal", now=NOW)
    assert done(book, one) == [("undo", "a")]


def test_other_rungs_and_accounts_whose_instant_has_not_come_are_left(book: Book, log: Path) -> None:
    one = adapter(log)
    ordered(book, "slowed", rung="slow")
    ordered(book, *(f"a{n}" for n in range(30)), delay_s=3600)
    assert done(book, one) == []
    some = done(book, one, ahead_s=1800)
    assert 0 < len(some) < 30
    assert len(some) + len(done(book, one, ahead_s=3601)) == 30


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"do": ("/nowhere/at/all", "{account}")}, "could not be run"),
        ({"do": ("/bin/false",)}, "exit 1"),
        ({"do": ("/bin/sleep", "30"), "timeout_s": 0.2}, "was ended"),
        ({"do": ("/bin/sh", "-c", "sleep 30 & sleep 30"), "timeout_s": 0.2}, "was ended"),
    ],
)
def test_a_command_that_fails_is_on_record_and_tried_again_later(
    book: Book, log: Path, asked: dict[str, Any], what: str
) -> None:
    one = adapter(log, **asked)
    ordered(book, "a")
    began = time.monotonic()
    assert done(book, one) == [("do", "a")]
    assert time.monotonic() - began < 20, "it was not waited for"
    assert what in book.record("adapter keys")[-1].why
    assert done(book, one) == [], "not at once"
    assert done(book, one, ahead_s=12) == [("do", "a")]
    for _ in range(8):
        done(book, one, ahead_s=100)
        with book.change() as change:
            change.execute("UPDATE commands SET due = 0")
    (kept,) = commands.kept(book)
    assert kept.step == "stuck do"
    assert done(book, one, ahead_s=100) == []
    assert commands.retry(book, NOW.timestamp()) == 1
    assert done(book, adapter(log)) == [("do", "a")]
    assert said(log)


def test_an_account_is_never_taken_for_an_option_or_for_shell(book: Book, log: Path) -> None:
    ordered(book, "--all", "a; touch /x", "$(id)")
    assert done(book, adapter(log)) == [("do", "$(id)"), ("do", "--all"), ("do", "a; touch /x")]
    assert not any("--all" in line for line in said(log))
    assert any(line.startswith("revoke $(id) ") for line in said(log))
    assert any(line.startswith("revoke a; touch /x ") for line in said(log))


def test_whoever_was_killed_in_the_middle_is_followed_up(book: Book, log: Path) -> None:
    one = adapter(log)
    ordered(book, "a")
    (act,) = commands.due(book, [one], keys.find(), NOW.timestamp())
    assert commands._begin(book, act, NOW.timestamp(), 5)
    assert not commands._begin(book, act, NOW.timestamp(), 5), "one of two that see it at once"
    assert done(book, one) == [], "somebody may be at it"
    assert done(book, one, ahead_s=6) == [("do", "a")]


def test_without_an_undo_command_it_is_said_that_a_person_must(book: Book, log: Path) -> None:
    one = adapter(log, undo=())
    name = ordered(book, "a")
    done(book, one)
    undo(book, name, by="Ada Example", why="x", now=NOW)
    assert done(book, one) == [("undo", "a")]
    assert "by hand" in book.record("adapter keys")[-1].why


def test_a_clock_that_jumps_back_holds_no_command_up(book: Book, log: Path) -> None:
    one = adapter(log)
    ordered(book, "a")
    (act,) = commands.due(book, [one], keys.find(), NOW.timestamp())
    assert commands._begin(book, act, NOW.timestamp() + 365 * 86_400, 45)
    assert done(book, one) == [("do", "a")]
