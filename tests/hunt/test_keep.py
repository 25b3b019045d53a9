"""What a case keeps, and what it does not."""

from __future__ import annotations

import json
import re
import stat
from collections import Counter
from pathlib import Path

import pyarrow.csv as csv
import pyarrow.parquet as pq

from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.settings import Settings, Store
from stillwatch.store import cases

IDENTIFIERS = ("key", "ip", "user_agent", "ja4", "end_user", "session")
WORDS = {"marketplace"}
"""Referrers that are ordinary words, which a report may use too."""
FACTS = ("email", "phone", "payment", "device", "referrer", "organisation")


def words(case: Path) -> set[str]:
    """Give every text in every file of a case, tables included."""
    found: set[str] = set()
    for path in case.iterdir():
        if path.suffix == ".parquet":
            for column in pq.read_table(path).columns:
                found |= {str(value) for value in column.to_pylist()}
        elif path.is_file():
            found |= set(re.split(r'[\s"<>,]+', path.read_text("utf-8", "replace")))
    return found


def test_no_identifier_stands_in_a_case_but_those_of_accounts_and_exchanges(world: Path, hunted: Path) -> None:
    kept = words(hunted)
    known: set[str] = set()
    for part in (world / "traffic").glob("*/*.parquet"):
        table = pq.ParquetFile(part).read(columns=list(IDENTIFIERS))
        known |= {value for column in table.columns for value in column.to_pylist() if value}
    accounts = csv.read_csv(world / "accounts.csv")
    for name in FACTS:
        known |= {str(value) for value in accounts.column(name).to_pylist() if value and str(value) not in WORDS}
    assert len(known) > 1000
    assert known & kept == set()


def test_the_only_prompts_are_a_few_in_a_file_for_its_owner_alone(hunted: Path) -> None:
    file = hunted / cases.EXEMPLARS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert max(Counter((one["entry"], one["family"]) for one in lines).values()) <= 5
    assert {one["entry"] for one in lines} <= {entry.id for entry in cases.read(hunted).campaigns}
    attributed = set(pq.read_table(hunted / cases.EXCHANGES).column("exchange").to_pylist())
    assert {one["exchange"] for one in lines} <= attributed
    prompts = {one["prompt"] for one in lines if len(one["prompt"]) > 40}
    others = [path for path in hunted.iterdir() if path.suffix in (".json", ".html") and path != file]
    assert not [path for path in others if any(prompt in path.read_text() for prompt in prompts)]


def test_what_is_kept_is_bounded_as_the_settings_say(world: Path, hunted: Path, tmp_path: Path) -> None:
    settings = Settings(store=Store(exemplars=2, exemplar_characters=30, streams=1))
    request = Request(
        traffic=(str(world / "traffic"),), case=tmp_path / "case", accounts=world / "accounts.csv", settings=settings
    )
    run(request, Unheard())
    lines = [json.loads(line) for line in (tmp_path / "case" / cases.EXEMPLARS).read_text().splitlines()]
    assert max(len(one["prompt"]) for one in lines) <= 30
    assert max(Counter((one["entry"], one["family"]) for one in lines).values()) <= 2
    rows = pq.read_table(tmp_path / "case" / cases.STREAMS).num_rows
    assert rows < pq.read_table(hunted / cases.STREAMS).num_rows
    settings = Settings(store=Store(exemplars=0))
    run(Request(traffic=(str(world / "traffic"),), case=tmp_path / "none", settings=settings), Unheard())
    assert not (tmp_path / "none" / cases.EXEMPLARS).exists()


def test_under_another_key_no_hash_is_the_same(world: Path, hunted: Path, tmp_path: Path) -> None:
    settings = Settings(store=Store(key_file=str(tmp_path / "other-key")))
    request = Request(
        traffic=(str(world / "traffic"),), case=tmp_path / "case", accounts=world / "accounts.csv", settings=settings
    )
    run(request, Unheard())
    one, other = (
        set(pq.read_table(case / cases.TIES).column("value").to_pylist()) for case in (hunted, tmp_path / "case")
    )
    assert one
    assert one & other == set()
    assert cases.read(hunted).key != cases.read(tmp_path / "case").key


def test_every_account_has_a_row_and_every_attributed_exchange_an_account_in_its_entry(hunted: Path) -> None:
    case = cases.read(hunted)
    members = pq.read_table(hunted / cases.MEMBERS)
    assert members.num_rows == case.traffic.accounts
    assert sum(members.column("exchanges").to_pylist()) == case.traffic.exchanges
    accounts = {entry.id: set(entry.accounts) for entry in case.campaigns}
    rows = pq.read_table(hunted / cases.EXCHANGES).to_pylist()
    assert all(row["account"] in accounts[row["campaign"]] for row in rows)
    counts = Counter(row["campaign"] for row in rows)
    for entry in case.campaigns:
        wanted = 0 if entry.finding == "account_network" else entry.exchanges
        assert counts[entry.id] == wanted
        assert sum(entry.days.values()) == entry.exchanges
    assert sum(case.traffic.days.values()) == case.traffic.exchanges
