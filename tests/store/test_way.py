"""The way of an account, an exchange and an entry through a hunt."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import CaseError
from stillwatch.model.way import AccountWay, EntryWay, ExchangeWay
from stillwatch.store import cases
from stillwatch.store.way import way


def test_a_found_account_shows_its_owner_families_ties_and_what_decided(hunted: Path) -> None:
    entry = next(one for one in cases.read(hunted).campaigns if one.finding == "distillation_campaign")
    told = way(hunted, entry.accounts[0])
    assert isinstance(told, AccountWay)
    assert entry.id in {one.id for one in told.verdicts}
    assert entry.id in {name for stream in told.streams for name in stream.entries}
    assert told.group is not None
    assert told.group.passed
    assert entry.id in told.group.verdicts
    assert any(tie.tied and tie.admits for tie in told.ties)
    assert any("membership needs" in because or "handover alone" in because for because in told.because)
    assert any(because.startswith(entry.id) for because in told.because)


def test_an_account_that_was_not_found_is_told_why_not(hunted: Path) -> None:
    case = cases.read(hunted)
    named = {name for part in (case.campaigns, case.cleared, case.undecided) for one in part for name in one.accounts}
    rows = pq.read_table(hunted / cases.MEMBERS).to_pylist()
    near = next(row for row in rows if row["account"] not in named and row["near"] is not None and row["views"] == 1)
    told = way(hunted, near["account"])
    assert isinstance(told, AccountWay)
    assert (told.verdicts, told.group) == ([], None)
    assert told.near is not None
    assert any("it has ties in 1 view" in because for because in told.because)
    assert any(because.startswith("no tie in ") for because in told.because)
    far = next(row for row in rows if row["near"] is None and not row["declared"])
    told = way(hunted, far["account"])
    assert isinstance(told, AccountWay)
    assert "no view ties it to any group that is linked beyond chance" in told.because


def test_owners_of_several_accounts_are_told_with_the_reason(hunted: Path) -> None:
    rows = pq.read_table(hunted / cases.MEMBERS).to_pylist()
    one = next(row for row in rows if row["owner_accounts"] > 1)
    told = way(hunted, one["account"])
    assert isinstance(told, AccountWay)
    assert told.owner_size == one["owner_accounts"]
    assert told.owner_because == one["owner_because"]
    assert told.owner_accounts
    assert one["account"] not in told.owner_accounts


def test_an_exchange_leads_to_its_account_family_and_entry(hunted: Path) -> None:
    row = pq.read_table(hunted / cases.EXCHANGES).slice(0, 1).to_pylist()[0]
    told = way(hunted, row["exchange"])
    assert isinstance(told, ExchangeWay)
    assert (told.account, told.family, told.at) == (row["account"], row["family"], row["at"])
    assert row["campaign"] in {one.id for one in told.entries}
    assert told.found is not None
    assert told.found.account == row["account"]


def test_an_entry_leads_to_its_group(hunted: Path) -> None:
    for entry in cases.read(hunted).campaigns:
        told = way(hunted, entry.id)
        assert isinstance(told, EntryWay)
        assert told.entry == entry
        assert told.group is not None
        assert entry.id in told.group.verdicts


def test_an_unknown_name_says_what_may_be_named(hunted: Path) -> None:
    with pytest.raises(CaseError, match="nothing in this case is called"):
        way(hunted, "nobody")


def test_a_case_without_its_tables_still_tells_what_it_can(hunted: Path) -> None:
    for path in hunted.glob("*.parquet"):
        path.unlink()
    entry = cases.read(hunted).campaigns[0]
    told = way(hunted, entry.id)
    assert isinstance(told, EntryWay)
    assert told.group is None


def test_a_damaged_table_is_told(hunted: Path) -> None:
    (hunted / cases.MEMBERS).write_bytes(b"PAR1 and no more")
    with pytest.raises(CaseError, match="the case is damaged"):
        way(hunted, "anybody")
