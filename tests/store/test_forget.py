"""What a case keeps of somebody is erased for good, and the rest stays whole."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import CaseError
from stillwatch.report.page import page
from stillwatch.store import cases
from stillwatch.store.forget import Wanted, forget


def found(case: Path, name: str) -> list[str]:
    """Name the files of a case in which an account still stands, dictionaries of tables included."""
    held = []
    for path in case.iterdir():
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            values = [str(table.schema)]
            for column in table.columns:
                for chunk in column.chunks:
                    values += map(str, chunk.dictionary.to_pylist() if hasattr(chunk, "dictionary") else [])
                values += map(str, column.to_pylist())
            text = " ".join(values)
        else:
            text = path.read_text("utf-8", "replace")
        if re.search(rf"\b{re.escape(name)}\b", text):
            held.append(path.name)
    return held


def someone(case: Path) -> str:
    """Name an account of a campaign of which an exemplar is kept."""
    told = cases.read(case)
    lines = [json.loads(line) for line in (case / cases.EXEMPLARS).read_text().splitlines()]
    return next(line["account"] for line in lines if any(line["account"] in e.accounts for e in told.campaigns))


def test_an_account_is_gone_from_every_file(hunted: Path) -> None:
    name = someone(hunted)
    assert {"case.json", "report.html", "members.parquet", "exchanges.parquet", "exemplars.jsonl"} <= set(
        found(hunted, name)
    )
    before = cases.read(hunted)
    erased = forget(hunted, Wanted(accounts=frozenset({name})), page)
    assert found(hunted, name) == []
    assert (erased.accounts, erased.exemplars > 0, erased.exchanges > 0) == (1, True, True)
    after = cases.read(hunted)
    assert after.forgotten == 1
    assert [entry.id for entry in after.campaigns] == [entry.id for entry in before.campaigns]
    assert [entry.exchanges for entry in after.campaigns] == [entry.exchanges for entry in before.campaigns]
    assert stat.S_IMODE((hunted / cases.EXEMPLARS).stat().st_mode) == 0o600
    assert not forget(hunted, Wanted(accounts=frozenset({name})), page).anything


def test_a_rehearsal_erases_nothing_and_says_the_same(hunted: Path) -> None:
    files = {path.name: path.read_bytes() for path in hunted.iterdir()}
    wanted = Wanted(accounts=frozenset({someone(hunted)}))
    told = forget(hunted, wanted, page, dry_run=True)
    assert {path.name: path.read_bytes() for path in hunted.iterdir()} == files
    assert forget(hunted, wanted, page) == told


def test_an_entry_of_which_nobody_is_left_goes(hunted: Path) -> None:
    entry = cases.read(hunted).campaigns[0]
    erased = forget(hunted, Wanted(accounts=frozenset(entry.accounts)), page)
    assert erased.entries >= 1
    assert entry.id not in {one.id for one in cases.read(hunted).campaigns}
    assert entry.id not in {line.id for line in cases.lineage(hunted).lines}


def test_templates_that_only_the_forgotten_had_go(hunted: Path) -> None:
    entry = next(one for one in cases.read(hunted).campaigns if one.finding == "distillation_campaign")
    family = next(one for one in entry.families if one.template)
    streams = pq.read_table(hunted / cases.STREAMS, filters=[("family", "=", family.id)])
    carriers = frozenset(streams.column("account").to_pylist())
    forget(hunted, Wanted(accounts=carriers), page)
    texts = [one.template for e in cases.read(hunted).campaigns for one in e.families if one.id == family.id]
    assert not any(texts)
    assert family.id not in pq.read_table(hunted / cases.FAMILIES).column("family").to_pylist()


def test_a_time_is_erased(hunted: Path) -> None:
    case = cases.read(hunted)
    assert case.traffic.from_ is not None
    middle = case.traffic.from_ + timedelta(days=2)
    erased = forget(hunted, Wanted(before=middle), page)
    assert erased.exchanges > 0
    at = pq.read_table(hunted / cases.EXCHANGES).column("at").to_pylist()
    assert min(at) >= middle
    assert min(pq.read_table(hunted / cases.MEMBERS).column("last").to_pylist()) >= middle
    lines = (hunted / cases.EXEMPLARS).read_text().splitlines()
    assert all(datetime.fromisoformat(json.loads(line)["at"]) >= middle for line in lines)


def test_a_case_that_is_wholly_before_a_time_is_erased_whole(hunted: Path) -> None:
    (hunted / ".scratch").mkdir()
    erased = forget(hunted, Wanted(before=datetime(2030, 1, 1, tzinfo=UTC)), page)
    assert erased.whole
    assert not hunted.exists()


def test_files_that_are_no_part_of_a_case_stay(hunted: Path) -> None:
    (hunted / "notes.txt").write_text("mine")
    forget(hunted, Wanted(before=datetime(2030, 1, 1, tzinfo=UTC)), page)
    assert {path.name for path in hunted.iterdir()} == {cases.LOCK, "notes.txt"}


def test_what_an_interrupted_hunt_had_read_goes_too(hunted: Path) -> None:
    (hunted / ".scratch" / "traffic").mkdir(parents=True)
    assert forget(hunted, Wanted(accounts=frozenset({"nobody"})), page).unfinished
    assert not (hunted / ".scratch").exists()


def test_nothing_is_erased_where_there_is_no_case(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(CaseError):
        forget(tmp_path, Wanted(before=datetime(2030, 1, 1, tzinfo=UTC)), page)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
