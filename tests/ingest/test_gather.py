"""What a hunt gets when it gathers traffic."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from stillwatch.errors import NothingToRead, UsageError
from stillwatch.ingest import gather, ingest
from stillwatch.model.exchange import EXCHANGES


def record(number: int, **fields: Any) -> dict[str, Any]:
    told = {
        "exchange": f"x-{number}",
        "at": f"2026-05-{1 + number % 3:02d}T12:00:00Z",
        "account": f"acct-{number % 7}",
    }
    return told | fields


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def rows(gathered: Any, *columns: str) -> list[dict[str, Any]]:
    return [row for batch in gathered.batches(columns or EXCHANGES.names) for row in batch.to_pylist()]


def rejected(gathered: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gathered.rejected_file.read_text().splitlines()]


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_json_lines_are_read_plain_and_packed(tmp_path: Path, packed: str) -> None:
    plain = write(tmp_path / "plain.jsonl", [record(n, messages=[{"role": "user", "content": "hi"}]) for n in range(5)])
    packers = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}
    source = tmp_path / f"log.jsonl{packed}"
    source.write_bytes(packers[packed](plain.read_bytes()))
    told = gather([source], into=tmp_path / "into")
    assert told.exchanges == 5
    assert told.columns == ("exchange", "at", "account", "messages")
    assert {row["exchange"] for row in rows(told)} == {f"x-{n}" for n in range(5)}
    assert rows(told)[0]["messages"] == [{"role": "user", "content": "hi"}]


def test_good_parquet_is_used_where_it_lies(tmp_path: Path) -> None:
    source = tmp_path / "own.parquet"
    pq.write_table(pa.Table.from_pylist([{**record(n), "at": 1_777_777_777_000 + n} for n in range(4)]), source)
    table = pq.read_table(source)
    at = table.column("at").cast(pa.timestamp("us"))  # another unit, no zone
    pq.write_table(table.set_column(1, "at", at).append_column("more", at), source)
    told = gather([source], into=tmp_path / "into")
    assert told.files == (source,)
    assert told.unchecked == (source,)
    assert next(iter(told.batches(["at"]))).schema.field("at").type == EXCHANGES.field("at").type
    assert len(duckdb.sql(told.select(["exchange", "at", "messages"])).fetchall()) == 4


def test_parquet_with_a_missing_account_is_converted_and_the_row_rejected(tmp_path: Path) -> None:
    source = tmp_path / "own.parquet"
    table = pa.Table.from_pylist([record(1), {**record(2), "account": None}])
    pq.write_table(table.set_column(1, "at", pa.array([1, 2], pa.timestamp("s"))), source)
    table = table.set_column(1, "at", pa.array([1_777_777_777] * 2, pa.timestamp("s")))
    pq.write_table(table, source)
    told = gather([source], into=tmp_path / "into")
    assert told.files != (source,)
    assert told.exchanges == 1
    assert [(one["line"], one["reason"]) for one in rejected(told)] == [(2, "`account` is missing")]


def test_a_truncated_parquet_file_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.parquet"
    write(good, [record(1)])
    pq.write_table(pa.table({"exchange": ["a"] * 100}), bad)
    bad.write_bytes(bad.read_bytes()[:-20])
    told = gather([good, bad], into=tmp_path / "into")
    assert told.exchanges == 1
    assert [one["source"] for one in rejected(told)] == [str(bad)]
    assert "damaged Parquet" in rejected(told)[0]["reason"]


def test_broken_lines_are_counted_and_kept_with_their_reason_and_without_content(tmp_path: Path) -> None:
    source = tmp_path / "log.jsonl"
    secret = "a very private prompt"
    good = json.dumps(record(1))
    source.write_text(f'{good}\n{{"exchange":"x-2","messages":"{secret}\n\n[1]\n{json.dumps(record(3))}\n')
    told = gather([source], into=tmp_path / "into")
    assert told.exchanges == 2
    assert told.rejected == 2
    assert [one["line"] for one in rejected(told)] == [2, 4]
    assert secret not in told.rejected_file.read_text()
    assert all(one["reason"] for one in rejected(told))


def test_the_same_exchange_twice_is_one(tmp_path: Path) -> None:
    source = write(tmp_path / "log.jsonl", [record(n) for n in (1, 2, 1, 3, 2)])
    told = gather([source], into=tmp_path / "into")
    assert (told.exchanges, told.duplicates) == (3, 2)


def test_a_retry_under_one_id_leaves_the_answered_call(tmp_path: Path) -> None:
    failed = record(1, status=429, ip="192.0.2.1")
    answered = record(1, status=200, response="yes")
    for name, order in (("a", [failed, answered]), ("b", [answered, failed])):
        told = gather([write(tmp_path / f"{name}.jsonl", order)], into=tmp_path / name)
        (row,) = rows(told, "status", "response", "ip")
        assert row == {"status": 200, "response": "yes", "ip": "192.0.2.1"}


def test_one_account_with_most_of_the_traffic_brings_a_warning(tmp_path: Path) -> None:
    source = write(tmp_path / "log.jsonl", [record(n, account="shop" if n % 3 else "other") for n in range(30)])
    told = gather([source], into=tmp_path / "into")
    assert any("`shop`, has 67%" in warning for warning in told.warnings)
    assert not gather([write(source, [record(n) for n in range(30)])], into=tmp_path / "b").warnings


def test_nothing_readable_says_so_and_what_next(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(NothingToRead, match="the sources are empty"):
        gather([empty], into=tmp_path / "into")
    unknown = write(tmp_path / "unknown.jsonl", [{"colour": "red"}])
    with pytest.raises(NothingToRead, match="--format"):
        gather([unknown], into=tmp_path / "into")
    with pytest.raises(UsageError, match="no such file"):
        gather([tmp_path / "absent"], into=tmp_path / "into")


def test_a_dataset_made_by_ingest_is_gathered_where_it_lies(tmp_path: Path) -> None:
    source = write(tmp_path / "log.jsonl", [record(n) for n in range(9)] + ["broken"])
    taken = ingest([source], out=tmp_path / "out")
    assert taken.rows == 9
    assert sorted(path.name for path in (tmp_path / "out").glob("day=*")) == [
        "day=2026-05-01", "day=2026-05-02", "day=2026-05-03"
    ]  # fmt: skip
    told = gather([tmp_path / "out"], into=tmp_path / "into")
    assert told.exchanges == 9
    assert told.rejected == 0
    assert told.unchecked == ()
