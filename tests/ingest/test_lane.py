"""The lane for common records gives what careful reading gives, whatever stands in the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ingest.test_cases import CASES, logs_of, read

from stillwatch.ingest import _convert, _format, _intake, _road
from stillwatch.ingest._convert import How, Job, Stretch
from stillwatch.ingest._lane import Lane
from stillwatch.ingest._reader import Reader
from stillwatch.model.exchange import EXCHANGES

WHOLE = Path(__file__).parent.parent / "data/ingest/litellm/whole/log.jsonl"
SHAPES = [json.loads(line) for line in WHOLE.read_text().splitlines()]
HOW = How(format="litellm", placeholders=("default_user_id",), trusted_proxies=("192.0.2.0/24",))
BLANK = b" " * 200 + b"\n"  # what stands last in a file is never read by the lane

KEYS = sorted({"role", "content", "tool_calls", "type", "function", "name", "arguments", "choices", "message", "text"})
"""Keys that mean something, besides those that the records have."""

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["system", "user", "developer", "default_user_id", "", "429", "192.0.2.7, 198.51.100.1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("case", [case for case in CASES if case.parent.name == "litellm"], ids=lambda case: case.name)
def test_golden_records_are_read_the_same_by_the_lane(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_convert, "LANE_BYTES", 1)
    monkeypatch.setattr(_intake, "QUICK_FROM", 0)
    assert read(logs_of(case), tmp_path, case) == json.loads((case / "expected.json").read_text())


def test_most_of_the_golden_records_need_no_care() -> None:
    reader = Reader(_format.load("litellm").columns)
    lane = Lane.of(reader)
    assert lane is not None
    laps = list(lane.laps(block(WHOLE.read_bytes() + BLANK)))
    assert sum(lap.table.num_rows for lap in laps) == len(SHAPES)
    assert not any(lap.slow for lap in laps)


def block(data: bytes) -> Any:
    from stillwatch.ingest._records import Block

    return Block(b"", data, 0, len(data), 0, 0)


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the places in a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, one in inner for path in [(*above, key), *paths(one, (*above, key))]]


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A record in which a few places hold something else, written in one of the ways that JSON allows."""
    record = json.loads(json.dumps(draw(st.sampled_from(SHAPES))))
    del record["model_map_information"]
    for _ in range(draw(st.integers(0, 4))):
        *above, last = draw(st.sampled_from(paths(record)))
        place = record
        for key in above:
            place = place[key]
        if draw(st.booleans()):
            place[last] = draw(anything)
        elif isinstance(place, dict):
            del place[last]
    text = json.dumps(record, ensure_ascii=draw(st.booleans()), indent=None)
    raw = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        at = max(raw.find(b'"messages"'), 0) + draw(st.integers(0, 80))
        raw = raw[:at] + draw(st.sampled_from([b"", b"\xff", b'"', b"\\", b"}", b"\\ud800", b"\x00"])) + raw[at + 1 :]
    return raw.replace(b"\n", b" ")


def converted(data: bytes, folder: Path, start: int = 0, end: int = 0) -> tuple[Any, list[Any]]:
    log = folder / "log.jsonl"
    folder.mkdir(parents=True)
    log.write_bytes(data)
    stretch = Stretch(name="log.jsonl", path=str(log), size=len(data), start=start, end=end)
    done = _convert.convert(Job(unit="u", stretches=[stretch], how=HOW, folder=str(folder / "out")))
    tables = [pq.read_table(part.path) for part in sorted(done.parts, key=lambda part: part.day)]
    rows = pa.concat_tables(tables or [EXCHANGES.empty_table()]).to_pylist()
    rejects = folder / "out" / "rejected.jsonl"
    told = rejects.read_text().splitlines() if rejects.exists() else []
    return (rows, done.columns, done.formats), [json.loads(one) for one in told]


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(lines(), min_size=1, max_size=8))
def test_whatever_stands_in_a_record_is_read_the_same(tmp_path_factory: Any, many: list[bytes]) -> None:
    data = b"\n".join(many) + b"\n" + BLANK
    folder = tmp_path_factory.mktemp("lane")
    careful = converted(data, folder / "careful")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_convert, "LANE_BYTES", 1)
        quick = converted(data, folder / "quick")
    assert quick == careful


def test_a_role_and_an_end_that_are_no_text_are_read_as_carefully(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = []
    for shape in SHAPES:
        for odd in (True, 7, 1.5):
            record = json.loads(json.dumps(shape))
            record["messages"][0]["role"] = record["response"]["choices"][0]["finish_reason"] = odd
            many.append(json.dumps(record).encode())
    data = b"\n".join(many) + b"\n" + BLANK
    careful = converted(data, tmp_path / "careful")
    monkeypatch.setattr(_convert, "LANE_BYTES", 1)
    assert converted(data, tmp_path / "quick") == careful


@settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(lines(), min_size=1, max_size=12), st.integers(1, 40_000), st.sampled_from([100, 3000, 1 << 20]))
def test_a_file_read_in_parts_gives_each_line_once(
    tmp_path_factory: Any, many: list[bytes], cut: int, chunk: int
) -> None:
    data = b"\n".join([*many, b'{"a":"' + b"x" * 30_000 + b'"}', *many])  # one line is longer than the buffer
    folder = tmp_path_factory.mktemp("road")
    careful = converted(data, folder / "careful")
    cut = min(cut, len(data) - 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_convert, "LANE_BYTES", 1)
        patch.setattr(_convert, "BUFFER", 20_000)
        patch.setattr(_road, "BUFFER", 20_000)
        patch.setattr(_road, "CHUNK", chunk)
        parts = [converted(data, folder / f"{start}", start, end) for start, end in ((0, cut), (cut, 0))]
    assert [row for (rows, _, _), _ in parts for row in rows] == careful[0][0]
    assert [one for _, rejects in parts for one in rejects] == careful[1]
