"""What every log format promises, whatever it is given.

A reader survives any bytes, holds no record above its limit, counts what it cannot read and keeps the reason, never
shows content in a reject, and gives the same exchanges however the log is packed, split or ordered.
"""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch import rooms
from stillwatch.ingest import _convert, _format
from stillwatch.ingest._job import Done, How, Job, Stretch
from stillwatch.model.exchange import EXCHANGES

DATA = Path(__file__).parent.parent / "data" / "ingest"
FORMATS = rooms.names("ingest")
LIMIT = 1 << 20

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def records(format_: str) -> list[bytes]:
    """Give records of a format, one a line, that have no map of their own."""
    found = []
    for case in sorted((DATA / format_).iterdir()):
        if not (case / "map.toml").exists():
            for log in sorted(case.glob("*.jsonl")):
                found += [line for line in log.read_bytes().splitlines() if line.strip()]
    return found[:12]


def convert(data: bytes, folder: Path, format_: str | None, name: str = "log.jsonl", limit: int = LIMIT) -> Done:
    source = folder / name
    source.write_bytes(data)
    stretch = Stretch(name=str(source), path=str(source), size=len(data))
    how = How(format=format_, placeholders=("default_user_id", "litellm_proxy_master_key"), max_record_bytes=limit)
    return _convert.convert(Job(unit="u", stretches=[stretch], how=how, folder=str(folder / "out")))


def rejects(folder: Path) -> list[dict[str, Any]]:
    path = folder / "out" / "rejected.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def exchanges(done: Done) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows = [row for part in done.parts for row in pq.read_table(part.path).to_pylist()]
    return sorted(rows, key=lambda row: (row["exchange"], str(row)))


def nested(value: Any, path: tuple[str, ...], last: Any) -> Any:
    """Put a value at a path of plain data."""
    if not path:
        return last
    told = dict(value) if isinstance(value, dict) else {}
    return told | {path[0]: nested(told.get(path[0]), path[1:], last)}


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_bytes_are_survived_and_every_line_is_told(format_: str, data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.binary(max_size=40) | JSON.map(_dumped), max_size=8))
    with tempfile.TemporaryDirectory() as folder:
        done = convert(b"\n".join(lines), Path(folder), format_)
        told = rejects(Path(folder))
        assert sum(one.get("lines", 1) for one in told) == done.rejected
        assert all(one["reason"] for one in told)


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_value_in_any_field_loses_no_record_but_the_required(format_: str, data: st.DataObject) -> None:
    """A field of another type than expected is left empty; the record is kept."""
    record = json.loads(data.draw(st.sampled_from(records(format_))))
    columns = _format.load(format_).columns
    rows = [row for row in columns if row.column not in {"exchange", "at", "account", "key"} and row.paths]
    row = data.draw(st.sampled_from(rows))
    path = data.draw(st.sampled_from(row.paths))
    if format_ == "otel_genai":
        attribute = {"key": path[-1], "value": data.draw(JSON)}
        record.setdefault("resourceSpans", []).append({"scopeSpans": [{"spans": [{"attributes": [attribute]}]}]})
    else:
        record = nested(record, path, data.draw(JSON))
    with tempfile.TemporaryDirectory() as folder:
        before = convert(json.dumps(json.loads(_dumped(record))).encode(), Path(folder), format_)
        assert before.rejected + sum(part.rows for part in before.parts) >= 1


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(JSON, min_size=1, max_size=4))
def test_whatever_a_map_digs_out_is_survived(values: list[Any]) -> None:
    """Every column is filled from the same plain field, which holds anything."""
    with tempfile.TemporaryDirectory() as folder:
        rest = [name for name in (*EXCHANGES.names, "forwarded_for") if name not in {"exchange", "at", "account"}]
        map_file = Path(folder) / "map.toml"
        map_file.write_text("".join(f'{name} = "deep.0.v"\n' for name in rest))
        lines = [
            json.dumps({"exchange": f"x-{n}", "at": 1777680000, "account": "a", "deep": [{"v": value}]}, default=str)
            for n, value in enumerate(values)
        ]
        source = Path(folder) / "log.jsonl"
        source.write_text("\n".join(lines))
        how = How(format="canonical", map_file=str(map_file), trusted_proxies=("10.0.0.0/8",))
        stretch = Stretch(name="log", path=str(source), size=1)
        done = _convert.convert(Job(unit="u", stretches=[stretch], how=how, folder=str(Path(folder) / "out")))
        assert sum(part.rows for part in done.parts) + done.rejected == len(values)


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_record_with_bytes_changed_stops_nothing(format_: str, data: st.DataObject) -> None:
    whole = records(format_)
    victim = bytearray(data.draw(st.sampled_from(whole)))
    for _ in range(data.draw(st.integers(1, 4))):
        victim[data.draw(st.integers(0, len(victim) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        alone = convert(whole[0], Path(first), format_)
        done = convert(whole[0] + b"\n" + bytes(victim).replace(b"\n", b" ") + b"\n", Path(second), format_)
        ids = {row["exchange"] for row in exchanges(done)}
        assert ids >= {row["exchange"] for row in exchanges(alone)}


@pytest.mark.parametrize("format_", FORMATS)
def test_bombs_are_rejected_with_a_reason(format_: str, tmp_path: Path) -> None:
    good = records(format_)[0]
    deep = b"[" * 100_000 + b"]" * 100_000
    deeper = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    bombs = [b'{"messages":' + deep + b"}", b'{"resourceSpans":' + deep + b"}", deeper, b'{"request":' + deeper + b"}"]
    done = convert(b"\n".join([*bombs, good]), tmp_path, format_)
    assert done.rejected == len(bombs) + _rejected_of(good, tmp_path, format_)
    assert "nested too deep" in {one["reason"] for one in rejects(tmp_path)}


def _rejected_of(record: bytes, folder: Path, format_: str) -> int:
    (folder / "alone").mkdir()
    return convert(record, folder / "alone", format_).rejected


@pytest.mark.parametrize("format_", FORMATS)
def test_a_record_above_the_limit_is_rejected_without_being_held(format_: str, tmp_path: Path) -> None:
    good = records(format_)[0]
    limit = len(good) + 1000
    long = b'{"messages":"' + b"x" * (3 * limit) + b'"}'
    done = convert(b"\n".join([good, long, good]), tmp_path, format_, limit=limit)
    told = [one for one in rejects(tmp_path) if "longer than" in one["reason"]]
    assert [one["line"] for one in told] == [2]
    assert sum(part.rows for part in done.parts) + done.rejected - 1 == 2 * _records_in(good, format_)


def _records_in(raw: bytes, format_: str) -> int:
    unwrap = _format.load(format_).unwrap
    return len(list(unwrap(raw))) if unwrap is not None else 1


@pytest.mark.parametrize("format_", FORMATS)
def test_invalid_utf8_is_told_and_the_rest_goes_on(format_: str, tmp_path: Path) -> None:
    good = records(format_)[0]
    done = convert(b'{"model":"\xff\xfe"}\n' + good + b"\n", tmp_path, format_)
    assert rejects(tmp_path)[0]["line"] == 1
    assert sum(part.rows for part in done.parts) + done.rejected == 1 + _records_in(good, format_)


@pytest.mark.parametrize("format_", [None, *FORMATS])
@pytest.mark.parametrize(
    "data", [b"", b"\n\n  \n", b"\xef\xbb\xbf", b"[]", b"{}", b"null", b'"text"', b"{", b"\x00" * 100]
)
def test_nothing_much_is_no_crash(format_: str | None, data: bytes, tmp_path: Path) -> None:
    done = convert(data, tmp_path, format_)
    assert not done.parts
    if data.strip(b"\n \xef\xbb\xbf") and data != b"[]":
        assert done.rejected >= 1


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_truncated_stream_gives_what_came_before(format_: str, packing: str, tmp_path: Path) -> None:
    lines = records(format_)
    noise = random.Random(1).randbytes(300_000).hex().encode()  # so that the cut falls into the last line
    data = b"\n".join([*lines, b'{"tail":"' + noise + b'"}'])
    packed = gzip.compress(data) if packing == "gzip" else zstandard.compress(data)
    (tmp_path / "whole").mkdir()
    whole = convert(data, tmp_path / "whole", format_)
    done = convert(packed[: len(packed) - 9000], tmp_path, format_, name=f"log.{packing}")
    assert exchanges(done) == exchanges(whole)
    assert "truncated" in rejects(tmp_path)[-1]["reason"]


@pytest.mark.parametrize("format_", FORMATS)
def test_layout_and_packing_change_nothing(format_: str, tmp_path: Path) -> None:
    """Lines, an array, objects spread over lines, blank lines, Windows ends, gzip members and zstd frames."""
    lines = records(format_)
    values = [json.loads(line) for line in lines]
    half = len(lines) // 2
    layouts = {
        "lines": b"\n".join(lines),
        "blank": b"\n\n".join(lines) + b"\n\n",
        "windows": b"\r\n".join(lines) + b"\r\n",
        "marked": b"\xef\xbb\xbf" + b"\n".join(lines),
        "array": json.dumps(values).encode(),
        "pretty": json.dumps(values, indent=1).encode(),
        "spread": b"\n".join(json.dumps(value, indent=2).encode() for value in values),
        "arrays": b"\n".join([json.dumps(values[:half]).encode(), json.dumps(values[half:]).encode()]),
        "members": gzip.compress(b"\n".join(lines[:half]) + b"\n") + gzip.compress(b"\n".join(lines[half:])),
        "frames": zstandard.compress(b"\n".join(lines[:half]) + b"\n") + zstandard.compress(b"\n".join(lines[half:])),
    }
    told = {}
    for name, data in layouts.items():
        (tmp_path / name).mkdir()
        told[name] = [_without_digest(row) for row in exchanges(convert(data, tmp_path / name, None))]
    assert told["lines"]
    assert all(rows == told["lines"] for rows in told.values())


def _without_digest(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out ids that are made of the bytes of a record."""
    made = len(row["exchange"]) == 32 and "-" not in row["exchange"] and ":" not in row["exchange"]
    return row | ({"exchange": ""} if made else {})


@pytest.mark.parametrize("format_", FORMATS)
def test_content_never_shows_in_a_reject(format_: str, tmp_path: Path) -> None:
    secret = "the-secret-prompt"
    lines = [line.replace(b"tide", secret.encode()) for line in records(format_)]
    cut = [line[: len(line) * 3 // 4] for line in lines]
    without = [line.replace(b"user_api_key", b"x").replace(b"tenant", b"y") for line in lines]
    convert(b"\n".join(cut + without + [secret.encode(), json.dumps({secret: secret}).encode()]), tmp_path, format_)
    assert rejects(tmp_path)
    assert secret not in (tmp_path / "out" / "rejected.jsonl").read_text()


@pytest.mark.parametrize("format_", FORMATS)
def test_columns_are_canonical(format_: str, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    done = convert(b"\n".join(records(format_)), tmp_path, format_)
    assert done.parts
    assert all(pq.read_schema(part.path).equals(EXCHANGES) for part in done.parts)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_format_knows_its_own_records_and_no_others(format_: str) -> None:
    for other in FORMATS:
        for raw in records(other):
            told = _format.recognised(json.loads(raw))
            assert (told == format_) == (other == format_), (other, told)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, default=str).encode("utf-8", "replace")
