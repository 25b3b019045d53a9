"""Golden records: what each log format is read into, as data.

A case is a folder `tests/data/ingest/FORMAT/CASE/` with one or more logs, perhaps a `map.toml` and a `stillwatch.toml`,
and `expected.json`: the exchanges (without their nulls) and the rejects. A new case needs no code. With
`STILLWATCH_EXPECT=1` a missing `expected.json` is written, to be read with care before it is kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stillwatch import settings
from stillwatch.errors import NothingToRead
from stillwatch.ingest import gather
from stillwatch.model.exchange import EXCHANGES

DATA = Path(__file__).parent.parent / "data" / "ingest"
CASES = sorted(path for path in DATA.glob("*/*") if path.is_dir())


def read(logs: list[Path], into: Path, case: Path, format_: str | None = None) -> dict[str, Any]:
    map_file, own = case / "map.toml", case / settings.FILE
    try:
        told = gather(
            logs,
            into=into,
            format=format_,
            map_file=map_file if map_file.exists() else None,
            settings=settings.read(own).ingest if own.exists() else None,
        )
    except NothingToRead:
        exchanges: list[dict[str, Any]] = []
    else:
        rows = [row for batch in told.batches(EXCHANGES.names) for row in batch.to_pylist()]
        exchanges = [plain(row) for row in sorted(rows, key=lambda row: (row["at"], row["exchange"]))]
    lines = (into / "rejected.jsonl").read_text().splitlines()
    kept = ("line", "reason", "map")
    rejected = [{key: one[key] for key in kept if key in one} for one in map(json.loads, lines)]
    return {"exchanges": exchanges, "rejected": rejected}


def plain(row: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if value is not None}
    return told | {"at": row["at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def logs_of(case: Path) -> list[Path]:
    return sorted(
        path for path in case.iterdir() if path.suffix in {".json", ".jsonl", ".csv"} and path.stem != "expected"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_log_is_read_field_by_field(case: Path, tmp_path: Path) -> None:
    told = read(logs_of(case), tmp_path, case)
    expected = case / "expected.json"
    if not expected.exists() and os.environ.get("STILLWATCH_EXPECT"):
        expected.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    assert told == json.loads(expected.read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_format_that_is_named_reads_the_same(case: Path, tmp_path: Path) -> None:
    told = read(logs_of(case), tmp_path, case, format_=case.parent.name)
    assert told == json.loads((case / "expected.json").read_text())


def test_every_member_has_a_case() -> None:
    from stillwatch import rooms

    assert {case.parent.name for case in CASES} >= set(rooms.names("ingest"))
