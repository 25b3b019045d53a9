"""Ids persist over hunts that name each other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.hunt.previous import Found, Previous, family_names, name_entries, sample
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.model.lineage import Line, Lineage
from stillwatch.store import cases
from stillwatch.store.key import Key

MAY = datetime(2026, 5, 1, tzinfo=UTC)
KEY = Key(bytes(32))


def line(name: str, accounts: str, families: str = "", **more: Any) -> Line:
    told = {"finding": "distillation_campaign", "first": MAY, "last": MAY} | more
    return Line(id=name, accounts=list(accounts), families=list(families), **told)


def found(name: str, accounts: str, families: str = "", **more: Any) -> Found:
    told = {"finding": "distillation_campaign"} | more
    return Found(name=name, accounts=frozenset(accounts), families=frozenset(families), **told)


def before(*lines: Line) -> Previous:
    return Previous(lineage=Lineage(lines=list(lines)), families=pa.table({}), grants=pa.table({}), to=MAY)


def named(previous: Previous | None, *entries: Found) -> list[tuple[str, str]]:
    return [(one.id, one.since) for one in name_entries(entries, previous)]


def test_without_a_previous_case_everything_is_new() -> None:
    assert named(None, found("cam-1", "abc")) == [("cam-1", "new")]


def test_a_known_entry_keeps_its_id_and_a_grown_one_says_by_how_much() -> None:
    old = before(line("cam-old", "abcdef"))
    assert named(old, found("cam-1", "abcde")) == [("cam-old", "known")]
    assert named(old, found("cam-1", "abcdefgh")) == [("cam-old", "grown")]
    assert name_entries([found("cam-1", "abcdefgh")], old)[0].grown_by == 2
    assert named(old, found("cam-1", "xyz")) == [("cam-1", "new")]


def test_an_operation_that_replaced_all_its_accounts_is_known_by_its_own_families() -> None:
    old = before(line("cam-old", "abcdef", "FG"))
    assert named(old, found("cam-1", "uvwxyz", "FG")) == [("cam-old", "grown")]
    assert named(old, found("cam-1", "uvwxyz", "HI")) == [("cam-1", "new")]


def test_one_customer_is_known_by_the_account_and_never_by_a_template() -> None:
    old = before(line("cam-old", "a", "F", finding="open_extraction"))
    assert named(old, found("cam-1", "b", "F", finding="open_extraction")) == [("cam-1", "new")]
    assert named(old, found("cam-1", "a", "G", finding="open_extraction")) == [("cam-old", "known")]


def test_a_grant_is_known_by_its_id() -> None:
    old = before(line("cam-old", "ab", finding="grant_exceeded", grant="g-1"))
    assert named(old, found("cam-1", "xy", finding="grant_exceeded", grant="g-1")) == [("cam-old", "grown")]
    assert named(old, found("cam-1", "ab", finding="grant_exceeded", grant="g-2")) == [("cam-1", "new")]


def test_a_network_and_the_campaign_inside_it_stay_apart() -> None:
    old = before(line("net-old", "abcdefgh", finding="account_network"), line("cam-old", "abcd"))
    assert named(old, found("cam-1", "abcd"), found("net-1", "abcdefgh", finding="account_network")) == [
        ("cam-old", "known"), ("net-old", "known")
    ]  # fmt: skip


def test_a_network_that_turns_out_a_campaign_keeps_its_id() -> None:
    old = before(line("net-old", "abcdef", finding="account_network"))
    assert named(old, found("cam-1", "abcdef")) == [("net-old", "known")]


def test_entries_that_merge_name_those_that_went_into_them() -> None:
    old = before(line("cam-a", "abcdef"), line("cam-b", "ghij"))
    (one,) = name_entries([found("cam-1", "abcdefghij")], old)
    assert (one.id, one.since, one.merged) == ("cam-a", "grown", ["cam-b"])


def test_an_entry_that_splits_names_where_it_came_from() -> None:
    one, other = name_entries([found("cam-1", "abcdef"), found("cam-2", "ghi")], before(line("cam-old", "abcdefghi")))
    assert (one.id, one.since, one.split_from) == ("cam-old", "known", None)
    assert (other.id, other.since, other.split_from) == ("cam-2", "new", "cam-old")


def test_no_id_is_given_twice() -> None:
    old = before(line("cam-1", "abc"))
    ids = [name for name, _ in named(old, found("cam-2", "abc"), found("cam-1", "xyz"))]
    assert ids[0] == "cam-1"
    assert len(set(ids)) == 2


# -- families


def kept(*families: tuple[str, list[int], str]) -> Previous:
    table = pa.table(
        {
            "family": [name for name, _, _ in families],
            "kind": [kind for _, _, kind in families],
            "marks": pa.array(
                [KEY.marks(sample(np.array(m, np.uint32))) for _, m, _ in families], pa.list_(pa.int64())
            ),
        }
    )
    return Previous(lineage=Lineage(key=KEY.name), families=table, grants=pa.table({}), to=MAY)


def names(previous: Previous | None, *families: list[int]) -> list[str]:
    marks = [np.zeros(0, np.uint32), *(np.array(one, np.uint32) for one in families)]
    return family_names(marks, np.array([0, *[1] * len(families)], np.uint8), previous, KEY)[1:]


def test_a_family_keeps_its_name_although_its_smallest_fingerprint_is_gone() -> None:
    assert names(None, [5, 6, 7, 8]) == ["f-00000005"]
    assert names(kept(("f-00000005", [5, 6, 7, 8], "turn")), [6, 7, 8, 9]) == ["f-00000005"]


def test_a_family_unlike_every_old_one_has_a_name_of_its_own() -> None:
    old = kept(("f-00000005", [5, 6, 7, 8], "turn"))
    assert names(old, [20, 21, 22, 8]) == ["f-00000008"]
    assert names(old, [6, 7, 8, 9], [5, 30, 31, 32]) == ["f-00000005", "f-00000005-n"]


def test_a_system_text_never_takes_the_name_of_a_turn_nor_what_another_key_hashed() -> None:
    assert names(kept(("f-00000005", [5, 6, 7, 8], "system")), [6, 7, 8, 9]) == ["f-00000006"]
    other = Previous(
        lineage=Lineage(key="another"), families=kept(("f-00000005", [5, 6, 7], "turn")).families,
        grants=pa.table({}), to=MAY,
    )  # fmt: skip
    assert names(other, [5, 6, 7, 8]) == ["f-00000005"]
    assert names(other, [6, 7, 8, 9]) == ["f-00000006"]


# -- whole hunts


def test_a_second_week_knows_the_operations_of_the_first(world: Path, tmp_path: Path) -> None:
    days = sorted((world / "traffic").iterdir())
    accounts = world / "accounts.csv"
    first = run(Request(traffic=tuple(map(str, days[:4])), case=tmp_path / "one", accounts=accounts), Unheard())
    again = run(
        Request(traffic=tuple(map(str, days)), case=tmp_path / "two", accounts=accounts, previous=tmp_path / "one"),
        Unheard(),
    )
    assert first.campaigns, "the small world must give something to know again"
    old = {entry.id for entry in first.campaigns}
    assert old & {entry.id for entry in again.campaigns if entry.since_previous in ("known", "grown")}
    assert {entry.since_previous for entry in first.campaigns} == {"new"}
    ids = {entry.id for entry in again.campaigns}
    assert {entry.part_of for entry in again.campaigns} - {None} <= ids
    assert set(pq.read_table(tmp_path / "two" / cases.EXCHANGES).column("campaign").to_pylist()) <= ids
    assert {line.id for line in cases.lineage(tmp_path / "two").lines} >= ids


@pytest.mark.parametrize("gone", [cases.LINEAGE, cases.FAMILIES, cases.GRANTS])
def test_a_previous_case_that_lacks_a_table_still_serves(gone: str, world: Path, hunted: Path, tmp_path: Path) -> None:
    (hunted / gone).unlink()
    case = run(
        Request(
            traffic=(str(world / "traffic"),), case=tmp_path / "case", accounts=world / "accounts.csv", previous=hunted
        ),
        Unheard(),
    )
    assert {entry.since_previous for entry in case.campaigns} == {"known"}
