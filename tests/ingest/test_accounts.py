"""The table of accounts: read from any of three forms, and refused with the line at fault."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import SettingsError
from stillwatch.ingest import read_accounts
from stillwatch.model.account import ACCOUNTS

CSV = (
    "account,created_at,email,verification,seats\n"
    "a1,2026-05-01T12:00:00Z,x@example.com,kyc,4\n"
    "a2,,,,\n"
    '"a,3",2026-05-01T14:00:00.123456+02:00,,none,\n'
)


def test_csv_is_read_with_nulls_and_times_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(CSV)
    table = read_accounts(path)
    assert table.schema == ACCOUNTS
    assert table.column("account").to_pylist() == ["a1", "a2", "a,3"]
    assert table.column("email").to_pylist() == ["x@example.com", None, None]
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert table.column("created_at").to_pylist() == [noon, None, noon.replace(microsecond=123000)]


def test_json_lines_and_parquet_say_the_same(tmp_path: Path) -> None:
    lines, parquet = tmp_path / "accounts.jsonl", tmp_path / "accounts.parquet"
    lines.write_text('{"account":"a1","created_at":"2026-05-01T12:00:00Z"}\n\n{"account":7}\n')
    at = pa.array([datetime(2026, 5, 1, 12, tzinfo=UTC), None], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"account": pa.array(["a1", "7"], pa.large_string()), "created_at": at}), parquet)
    assert read_accounts(lines) == read_accounts(parquet)


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("acount\na1\n", "`acount` looks like `account`|no column `account`", "accounts.csv"),
        ("account,email\na1\n", "expected 2 cells, got 1", "line 2"),
        ("account,created_at\na1,2026-05-01T12:00:00Z\na2,2026-05-01\n", "a time needs its zone", "line 3"),
        ("account,created_at\na1,yesterday\n", "no ISO 8601 time", "line 2"),
        ("account,email\na1,x\n,y\n", "`account` is empty", "line 3"),
        ("account\na1\na1\n", "account `a1` stands 2 times", "accounts.csv"),
        ("account,verification\na1,face\n", "`face` is no verification", "accounts.csv"),
        ("account,emial\na1,x\n", "`emial` looks like `email`", "accounts.csv"),
        ('{"account":"a1"}\n{"account":\n', "not JSON", "line 2"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, what: str, where: str) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=what) as told:
        read_accounts(path)
    assert where in str(told.value)
    assert "hint:" in str(told.value) or "JSON" in str(told.value)
