"""Receipts for what another gateway delivered, and the script of the docs, which knows nothing of us, verifies them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import ingest
from stillwatch.errors import BookError
from stillwatch.ingest import Gathered
from stillwatch.model.exchange import EXCHANGES
from stillwatch.model.grant import Grant
from stillwatch.remedy.deliver import FromLog, from_log
from stillwatch.store import key as keys
from stillwatch.store import licences, receipts
from stillwatch.store.book import Book

DOCS = Path(__file__).parent.parent.parent / "docs"
NOW = datetime.now(UTC)
DAY = datetime(2026, 5, 4, 12, tzinfo=UTC)


def exchange(n: int, **asked: Any) -> dict[str, Any]:
    row = dict.fromkeys(EXCHANGES.names)
    given = {"exchange": f"x{n}", "at": DAY, "account": "holder", "model": "demo-large", "response": f"answer {n}",
             "status": 200, "messages": [{"role": "user", "content": f"question {n}"}], **asked}  # fmt: skip
    return {**row, **given}


LOG = [
    *(exchange(n) for n in range(7)), exchange(7, account="somebody else"), exchange(8, model="another"),
    exchange(9, status=500), exchange(10, response=None), exchange(11, at=datetime(2025, 1, 1, tzinfo=UTC)),
    exchange(12, response="ünïcödé 漢字"),
]  # fmt: skip


@pytest.fixture
def traffic(tmp_path: Path) -> Gathered:
    pq.write_table(pa.Table.from_pylist(LOG, EXCHANGES), tmp_path / "log.parquet")
    return ingest.gather([str(tmp_path / "log.parquet")], into=tmp_path / "into")


def granted(book: Book, exchanges: int = 0) -> None:
    grant = Grant(
        id="g-1", holder="Example Robotics", accounts=frozenset({"holder"}), models=frozenset({"demo-large"}),
        exchanges=exchanges, starts=date(2026, 1, 1), ends=date(2026, 12, 31),
    )  # fmt: skip
    licences.issue(book, grant, by="Ada Example", why="contract", at=NOW)


def taken(book: Book, traffic: Gathered) -> FromLog:
    return from_log(book, "g-1", traffic, state=None, key=keys.find())


def test_what_a_grant_covers_is_on_record_once_however_often_the_log_is_read(book: Book, traffic: Gathered) -> None:
    granted(book)
    told = taken(book, traffic)
    assert (told.exchanges, told.delivered, told.known, told.outside, told.unanswered) == (12, 8, 0, 2, 2)
    again = taken(book, traffic)
    assert (again.delivered, again.known) == (0, 8)
    assert licences.used(book) == {"g-1": 8}
    assert len(licences.leaves(book, "g-1")) == 8


def test_the_cap_counts(book: Book, traffic: Gathered) -> None:
    granted(book, exchanges=3)
    told = taken(book, traffic)
    assert told.delivered == 3
    assert told.outside == 7


def test_a_grant_that_is_not_there_or_revoked_takes_nothing(book: Book, traffic: Gathered) -> None:
    with pytest.raises(BookError, match="no grant"):
        taken(book, traffic)
    granted(book)
    licences.revoke(book, "g-1", by="Ada Example", why="over", at=NOW)
    with pytest.raises(BookError, match="revoked"):
        taken(book, traffic)


def script(folder: Path) -> Path:
    """Take the script out of its page."""
    page = (DOCS / "how-to" / "verify-a-receipt.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "stillwatch." not in code
    assert "import stillwatch" not in code
    assert len(code.splitlines()) <= 45
    path = folder / "verify.py"
    path.write_text(code, "utf-8")
    return path


def verify(folder: Path, *words: Any) -> tuple[int, str]:
    apart = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-s", str(script(folder)), *map(str, words)],
        capture_output=True, text=True, cwd=folder, env=apart, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("cap", [0, 1, 2, 5])
def test_the_script_of_the_docs_says_which_answers_are_covered(
    book: Book, traffic: Gathered, tmp_path: Path, cap: int
) -> None:
    granted(book, exchanges=cap)
    taken(book, traffic)
    made = receipts.receipt(book, "g-1", now=NOW, place=tmp_path)
    (tmp_path / "receipt.json").write_bytes(msgspec.json.format(msgspec.json.encode(made)))
    (tmp_path / "mine.txt").write_text("answer 0", "utf-8")
    (tmp_path / "wide.txt").write_text("ünïcödé 漢字", "utf-8")
    (tmp_path / "other.txt").write_text("answer 7", "utf-8")
    code, said = verify(tmp_path, "receipt.json", made.public_key, "mine.txt", "wide.txt", "other.txt")
    assert code == 0, said
    assert f"{made.size} answers were delivered to Example Robotics" in said
    assert "mine.txt: covered" in said
    assert ("wide.txt: covered" in said) == (cap not in (1, 2)), "in the order of time, then of ids"
    assert "other.txt: NOT covered" in said


@pytest.mark.parametrize("touched", [{"holder": "X"}, {"size": 2}, {"leaves": []}, {"root": "00" * 32}, {"at": NOW}])
def test_the_script_of_the_docs_refuses_what_was_touched(
    book: Book, traffic: Gathered, tmp_path: Path, touched: dict[str, Any]
) -> None:
    granted(book)
    taken(book, traffic)
    made = receipts.receipt(book, "g-1", now=datetime(2026, 6, 1, tzinfo=UTC), place=tmp_path)
    wrong = msgspec.structs.replace(made, **touched)
    (tmp_path / "receipt.json").write_bytes(msgspec.json.encode(wrong))
    assert verify(tmp_path, "receipt.json", made.public_key)[0] != 0
    (tmp_path / "receipt.json").write_bytes(msgspec.json.encode(made))
    assert verify(tmp_path, "receipt.json", "00" * 32)[0] != 0, "another key than the provider's"
