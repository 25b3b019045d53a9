"""Tables: canonical Parquet in whatever like types other programs write, and tables of one's own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import NothingToRead
from stillwatch.ingest import gather, ingest
from stillwatch.model.exchange import EXCHANGES, MESSAGE

NOON = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
MESSAGES = [[{"role": "user", "content": "hi"}], None, []]
PLAIN: dict[str, Any] = {
    "exchange": pa.array(["x-1", "x-2", "x-3"]),
    "at": pa.array([NOON] * 3, pa.timestamp("ms", "UTC")),
    "account": pa.array(["a", "b", "a"]),
    "messages": pa.array(MESSAGES, pa.list_(MESSAGE)),
    "n": pa.array([1, None, 3], pa.int32()),
    "temperature": pa.array([0.5, None, 1.0]),
}
LIKE: dict[str, dict[str, Any]] = {
    "as it is": {},
    "long strings": {"exchange": PLAIN["exchange"].cast(pa.large_string())},
    "views": {"account": PLAIN["account"].cast(pa.string_view())},
    "dictionaries": {"account": PLAIN["account"].dictionary_encode()},
    "microseconds": {"at": PLAIN["at"].cast(pa.timestamp("us", "UTC"))},
    "nanoseconds": {"at": PLAIN["at"].cast(pa.timestamp("ns", "UTC"))},
    "no zone": {"at": PLAIN["at"].cast(pa.timestamp("us"))},
    "another zone": {"at": PLAIN["at"].cast(pa.timestamp("us", "Asia/Tokyo"))},
    "wide numbers": {"n": PLAIN["n"].cast(pa.int64())},
    "narrow numbers": {"n": PLAIN["n"].cast(pa.uint8()), "temperature": PLAIN["temperature"].cast(pa.float32())},
    "nothing known": {"n": pa.nulls(3)},
    "more columns": {"more": pa.array([1, 2, 3])},
    "turned structs": {
        "messages": pa.array(
            [[{"content": "hi", "role": "user", "id": 1}], None, []],
            pa.list_(pa.struct([("content", pa.string()), ("role", pa.string()), ("id", pa.int64())])),
        )
    },
    "long lists": {"messages": pa.array(MESSAGES, pa.large_list(MESSAGE))},
}
UNLIKE: dict[str, dict[str, Any]] = {
    "text times": {"at": pa.array(["2026-05-01T12:00:00Z"] * 3)},
    "number times": {"at": pa.array([1777636800] * 3)},
    "text numbers": {"n": pa.array(["1", None, "3"])},
    "JSON messages": {"messages": pa.array(['[{"role":"user","content":"hi"}]', None, "[]"])},
}


def expected() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.table(PLAIN).to_pylist()
    return rows


@pytest.mark.parametrize("kind", LIKE)
def test_like_types_are_used_where_they_lie(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table(PLAIN | LIKE[kind]), path)
    told = gather([path], into=tmp_path / "into")
    assert told.files == (path,)
    (batch,) = told.batches(list(PLAIN))
    assert batch.schema.types == [EXCHANGES.field(name).type for name in PLAIN]
    gone = {"n": None} if kind == "nothing known" else {}
    assert batch.to_pylist() == [row | gone for row in expected()]
    assert ("n" in told.columns) == (kind != "nothing known")
    rows = duckdb.sql(told.select(list(PLAIN))).fetchall()
    assert [row[1] for row in rows] == [NOON.replace(tzinfo=None)] * 3
    assert [row[3:5] for row in rows] == [(row["messages"], row["n"]) for row in batch.to_pylist()]


@pytest.mark.parametrize("kind", UNLIKE)
def test_unlike_types_are_converted(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table(PLAIN | UNLIKE[kind]), path)
    told = gather([path], into=tmp_path / "into")
    assert told.files != (path,)
    (batch,) = told.batches(list(PLAIN))
    assert batch.to_pylist() == [row | {"messages": row["messages"] or None} for row in expected()]


def test_files_of_different_types_are_read_as_one(tmp_path: Path) -> None:
    for number, kind in enumerate(LIKE):
        name = pa.array([f"{kind}-{place}" for place in range(3)])
        pq.write_table(pa.table(PLAIN | LIKE[kind] | {"exchange": name}), tmp_path / f"{number}.parquet")
    told = gather([tmp_path], into=tmp_path / "into")
    assert told.exchanges == 3 * len(LIKE)
    rows = duckdb.sql(told.select(list(PLAIN))).fetchall()
    assert [row[1] for row in rows] == [NOON.replace(tzinfo=None)] * (3 * len(LIKE))


def test_a_table_of_ones_own_is_read_by_its_map(tmp_path: Path) -> None:
    path, map_file = tmp_path / "own.parquet", tmp_path / "map.toml"
    when = pa.array([NOON.replace(tzinfo=None), NOON.replace(tzinfo=None)], pa.timestamp("ns"))
    who = pa.array([{"team": {"id": 7}}, {"team": {"id": None}}])
    prompt = pa.array(['{"json": "prompt"}', "text"])
    pq.write_table(pa.table({"call.id": ["c-1", "c-2"], "when": when, "who": who, "prompt": prompt}), path)
    map_file.write_text('exchange = \'"call.id"\'\nat = "when"\naccount = "who.team.id"\nmessages = "prompt"\n')
    told = gather([path], into=tmp_path / "into", map_file=map_file)
    (row,) = next(iter(told.batches(["exchange", "at", "account", "messages"]))).to_pylist()
    turn = {"role": "user", "content": '{"json": "prompt"}'}
    assert row == {"exchange": "c-1", "at": NOON, "account": "7", "messages": [turn]}
    assert told.rejected == 1


def test_a_damaged_row_group_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    rows = 3000
    noise = [f"{number:09d}" * 20 for number in range(rows)]
    table = pa.table(
        {
            "exchange": [f"x-{n}" for n in range(rows)],
            "at": pa.array([str(NOON)] * rows),  # no like type: converted, so read now
            "account": [f"a-{n}" for n in range(rows)],
            "response": noise,
        }
    )
    pq.write_table(table, path, row_group_size=1000, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    place = data.find(b"000001500" * 20)
    data[place - 4000 : place + 4000] = b"\xff" * 8000
    path.write_bytes(data)
    told = gather([path], into=tmp_path / "into")
    assert told.exchanges + told.rejected == rows
    assert told.exchanges >= 2000


def test_a_table_of_ones_own_is_told_all_that_a_map_must_name(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("when,who,prompt\n2026-05-01T00:00:00Z,c,hi\n")
    with pytest.raises(NothingToRead) as told:
        ingest([tmp_path / "own.csv"], out=tmp_path / "out")
    assert "`exchange` is missing (looked in `exchange`" in str(told.value.hint)
    assert "`at` and `account` are missing too" in str(told.value.hint)
