"""What bad input gets: each line of it, with a clear outcome.

What a single reader does with broken lines is tested in `tests/ingest` and `tests/promises/test_formats.py`; here a
whole hunt meets them. Killed hunts and full disks are in `test_run.py`.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import NothingToRead
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.model.case import Case

MAY = datetime(2026, 5, 4, tzinfo=UTC)


class Listening(Unheard):
    """Keeps what a person is warned of."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


def row(number: int, **fields: Any) -> dict[str, Any]:
    told = {
        "exchange": f"x{number}", "at": (MAY + timedelta(minutes=number)).isoformat(), "account": f"a{number % 9}",
        "messages": [{"role": "user", "content": f"what is {number} and why does it matter to the {number % 5} of us"}],
        "response": f"it is {number}", "status": 200,
    }  # fmt: skip
    return told | fields


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows))
    return path


def hunt(tmp_path: Path, *traffic: Path, heard: Unheard | None = None, **more: Any) -> Case:
    return run(Request(traffic=tuple(map(str, traffic)), case=tmp_path / "case", **more), heard or Unheard())


def rejected(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "case" / "rejected.jsonl").read_text().splitlines()]


def test_the_three_required_columns_are_enough_and_what_is_missing_is_said_once(tmp_path: Path) -> None:
    log = lines(tmp_path / "log.jsonl", *({k: row(n)[k] for k in ("exchange", "at", "account")} for n in range(60)))
    heard = Listening()
    case = hunt(tmp_path, log, heard=heard)
    assert case.traffic.exchanges == 60
    assert {"messages", "response", "ip", "payment", "device", "email"} <= set(case.traffic.columns_missing)
    named = [column for column in case.traffic.columns_missing if sum(f"`{column}`" in w for w in heard.warned) != 1]
    assert named == [], "each is named in exactly one warning"
    assert all(one.lost for one in case.traffic.missing)


@pytest.mark.parametrize("named", ["canonical", None])
def test_without_an_account_field_the_rejection_names_the_line_that_mends_it(named: str | None, tmp_path: Path) -> None:
    rows = [{"exchange": f"x{n}", "at": row(n)["at"], "tenant_id": f"t{n % 7}"} for n in range(20)]
    log = lines(tmp_path / "log.jsonl", *rows)
    with pytest.raises(NothingToRead, match=r'account = .*"tenant_id"') as trouble:
        hunt(tmp_path, log, format=named)
    line = next(part for part in str(trouble.value).split("`") if part.startswith("account ="))
    mend = tmp_path / "map.toml"
    mend.write_text(line + "\n")
    assert hunt(tmp_path, log, format=named, map=mend).traffic.accounts == 7


def test_no_accounts_file_works_and_says_what_it_costs(tmp_path: Path) -> None:
    heard = Listening()
    hunt(tmp_path, lines(tmp_path / "log.jsonl", *map(row, range(60))), heard=heard)
    assert any("no --accounts file" in warning and "payment" in warning for warning in heard.warned)


def test_a_skewed_clock_is_counted_and_said(tmp_path: Path) -> None:
    skewed = [row(900, at="2003-01-01T00:00:05Z"), row(901, at="2099-01-01T00:00:00Z")]
    heard = Listening()
    case = hunt(tmp_path, lines(tmp_path / "log.jsonl", *map(row, range(200)), *skewed), heard=heard)
    assert case.traffic.exchanges == 202
    assert any(warning.startswith("2 exchanges have a time far from all others") for warning in heard.warned)
    assert sum(case.traffic.days.values()) == 202
    left = hunt(tmp_path, tmp_path / "log.jsonl", since=int(MAY.timestamp() * 1000), until=1_800_000_000_000)
    assert left.traffic.exchanges == 200


def test_times_beyond_all_calendars_do_no_harm(tmp_path: Path) -> None:
    rows = 50
    at = np.full(rows, int(MAY.timestamp() * 1000))
    at[:2] = [-(2**62), 2**62]
    table = pa.table(
        {
            "exchange": [f"x{n}" for n in range(rows)], "at": pa.array(at, pa.timestamp("ms", tz="UTC")),
            "account": [f"a{n % 5}" for n in range(rows)],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "log.parquet")
    case = hunt(tmp_path, tmp_path / "log.parquet")
    assert case.traffic.exchanges == rows
    assert case.traffic.from_ == datetime(1970, 1, 1, tzinfo=UTC)


def test_an_exchange_that_stands_twice_counts_once_also_in_parquet_of_ones_own(tmp_path: Path) -> None:
    rows = [row(n) | {"at": MAY + timedelta(minutes=n)} for n in range(40)]
    failed = rows[3] | {"status": 429, "response": None}
    pq.write_table(pa.Table.from_pylist([failed, *rows[:30]]), tmp_path / "a.parquet")
    pq.write_table(pa.Table.from_pylist(rows[20:]), tmp_path / "b.parquet")
    case = hunt(tmp_path, tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert (case.traffic.exchanges, case.traffic.duplicates) == (40, 11)
    assert sum(case.traffic.days.values()) == 40


def test_parquet_without_column_statistics_is_used_where_it_lies(tmp_path: Path) -> None:
    rows = [row(n) | {"at": MAY + timedelta(minutes=n)} for n in range(40)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "plain.parquet", write_statistics=False)
    converted: list[str] = []

    class Watching(Unheard):
        def stage(self, name: str, total: int) -> None:
            converted.append(name)

    assert hunt(tmp_path, tmp_path / "plain.parquet", heard=Watching()).traffic.exchanges == 40
    assert "read" not in converted


def test_out_of_order_days_change_nothing(tmp_path: Path) -> None:
    rows = [row(n, at=(MAY + timedelta(days=n * 7 % 10)).isoformat()) for n in range(80)]
    one = hunt(tmp_path, lines(tmp_path / "a.jsonl", *rows))
    other = hunt(tmp_path, lines(tmp_path / "b.jsonl", *reversed(rows)))
    assert (one.traffic.exchanges, one.traffic.days) == (other.traffic.exchanges, other.traffic.days)
    assert list(one.traffic.days) == sorted(one.traffic.days)


def test_a_truncated_parquet_file_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = lines(tmp_path / "good.jsonl", *map(row, range(30)))
    bad = tmp_path / "bad.parquet"
    pq.write_table(pa.Table.from_pylist([row(n) | {"at": MAY} for n in range(500)]), bad)
    bad.write_bytes(bad.read_bytes()[:-30])
    case = hunt(tmp_path, good, bad)
    assert case.traffic.exchanges == 30
    assert [one["source"] for one in rejected(tmp_path)] == [str(bad)]


def test_a_line_of_a_gigabyte_is_rejected_without_being_held(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl.gz"
    with gzip.open(log, "wb", compresslevel=1) as file:
        file.write((json.dumps(row(1)) + '\n{"exchange": "').encode())
        piece = b"x" * (16 << 20)
        for _ in range(64):
            file.write(piece)
        file.write(('"}\n' + json.dumps(row(2)) + "\n").encode())
    command = [sys.executable, "-m", "stillwatch", "hunt", str(log), "--case", str(tmp_path / "case"), "--json"]
    watch = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], capture_output=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    done = subprocess.run([sys.executable, "-c", watch, *command], capture_output=True, check=True)
    assert int(done.stdout) < 1_000_000, "kB at the peak"
    assert json.loads((tmp_path / "case" / "case.json").read_bytes())["traffic"]["exchanges"] == 2
    (told,) = rejected(tmp_path)
    assert told["line"] == 2


@pytest.mark.parametrize(
    "broken",
    [
        b'{"exchange": "x\xff\xfe", "at": \xff}',
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b"\x00\x01\x02",
        b'{"exchange": 1e999, "at": [], "account": {}}',
    ],
    ids=["invalid UTF-8", "a bomb of lists", "a bomb of objects", "bytes", "wrong types"],
)
def test_a_broken_line_is_counted_kept_with_its_reason_and_stops_nothing(broken: bytes, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(json.dumps(row(n)).encode() + b"\n" for n in range(20)) + broken + b"\n")
    case = hunt(tmp_path, log)
    assert case.traffic.exchanges == 20
    assert case.traffic.rejected >= 1
    assert all(one["reason"] for one in rejected(tmp_path))


def test_an_account_with_a_million_exchanges_is_hunted_and_named_in_a_warning(tmp_path: Path) -> None:
    rows = 1_000_000
    names = pa.array(np.arange(rows).astype(str))
    account = pa.DictionaryArray.from_arrays(np.where(np.arange(rows) % 50, 0, 1 + np.arange(rows) % 11), [
        "giant", *(f"a{n}" for n in range(11))
    ])  # fmt: skip
    at = pa.array(int(MAY.timestamp() * 1000) + np.arange(rows), pa.timestamp("ms", tz="UTC"))
    pq.write_table(pa.table({"exchange": names, "at": at, "account": account}), tmp_path / "log.parquet")
    case = hunt(tmp_path, tmp_path / "log.parquet")
    assert (case.traffic.exchanges, case.traffic.accounts) == (rows, 12)
    assert any("`giant`" in warning for warning in case.warnings)
    assert case.exit_code == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3_000_000, "kB at the peak"


def test_one_account_alone_is_no_finding(tmp_path: Path) -> None:
    case = hunt(tmp_path, lines(tmp_path / "log.jsonl", *(row(n, account="only") for n in range(200))))
    assert case.campaigns == []
    assert any("`only`, has 100%" in warning for warning in case.warnings)


@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_an_empty_log_says_so(content: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(content)
    with pytest.raises(NothingToRead, match="no exchange could be read"):
        hunt(tmp_path, log)


def test_a_time_in_which_nothing_lies_says_so(tmp_path: Path) -> None:
    log = lines(tmp_path / "log.jsonl", *map(row, range(10)))
    with pytest.raises(NothingToRead, match="in this time"):
        hunt(tmp_path, log, since=1_900_000_000_000)
    assert not (tmp_path / "case").exists()


def test_the_tables_of_an_earlier_case_are_no_traffic(tmp_path: Path, hunted: Path) -> None:
    hunted.rename(tmp_path / "logs-case")
    log = tmp_path / "logs"
    log.mkdir()
    (tmp_path / "logs-case").rename(log / "case-of-yesterday")
    lines(log / "log.jsonl", *map(row, range(30)))
    assert hunt(tmp_path, log).traffic.exchanges == 30
