"""The clean control set: a campaign does not keep its own template from being told; a public one is not told."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa
from tests.share.conftest import a_case, an_entry
from tests.share.test_families import CONTROL, EXEMPLARS, FRAME, GROUP, words

from stillwatch.model.case import Undecided, ViewTold
from stillwatch.share.control import Hanging, gather, hanging
from stillwatch.share.families import Outcome, publish

ORDINARY = [(f"customer {number}", text) for number, text in enumerate(CONTROL)]


def told(others: list[tuple[str, str]], hung: dict[str, Hanging]) -> Outcome:
    clean = gather([*ORDINARY, *others], hung)
    return publish(EXEMPLARS, clean.marks, controls=clean.texts, group=GROUP, epoch="2026-W20", accounts=8, exchanges=9)


def users(count: int) -> list[tuple[str, str]]:
    return [(f"a{n}", FRAME.format(words(700 + n, 9), words(800 + n, 30))) for n in range(count)]


def test_the_unfound_half_of_a_campaign_does_not_keep_its_template_from_being_told() -> None:
    assert told(users(2), {}).family is None
    linked = {f"a{n}": Hanging(n, template=False) for n in range(9)}
    assert told(users(9), linked).family is not None
    assert told(users(2), {f"a{n}": Hanging(n, template=True) for n in range(2)}).family is not None


def test_a_public_template_is_still_refused() -> None:
    by_template = {f"a{n}": Hanging(n, template=True) for n in range(9)}
    outcome = told(users(9), by_template)
    assert outcome.family is None
    assert "in the control set too" in outcome.because
    assert told(users(3), by_template).family is None
    assert told(users(3), {name: Hanging(7, template=True) for name in by_template}).family is not None  # one owner's
    assert (
        told([*users(9), ("somebody", users(1)[0][1])], {f"a{n}": Hanging(n, template=False) for n in range(9)}).family
        is None
    )


def test_who_is_set_aside_does_not_count_as_a_text_of_the_control_set() -> None:
    assert gather(users(9), {f"a{n}": Hanging(n, template=False) for n in range(4)}).texts == 5


def view(name: str, *, admits: bool = True) -> ViewTold:
    return ViewTold(name=name, looks_at="", needs=[], silent=False, admits=admits, hard=False, late=False, cap=20.0,
                    ties_from=2.0)  # fmt: skip


def a_row(account: str, **change: Any) -> dict[str, Any]:
    row = {"account": account, "owner": 1, "declared": False, "near": 0, "tie_repertoire": 5.0, "tie_payment": 0.0,
           "tie_client": 9.0}  # fmt: skip
    return {**row, **change}


def test_who_hangs_on_a_finding_is_read_from_the_case() -> None:
    entry = an_entry()
    case = msgspec.structs.replace(
        a_case(entry), views=[view("repertoire"), view("payment"), view("client", admits=False)],
        undecided=[Undecided(accounts=["open"], exchanges=9, missing="hard evidence")],
    )  # fmt: skip
    rows = [
        a_row("by template"), a_row("by card too", tie_payment=2.5), a_row("hardly", tie_repertoire=1.9),
        a_row("a partner", declared=True), a_row("of another group", near=1), a_row(entry.accounts[0]),
        a_row("of none", near=None),
    ]  # fmt: skip
    groups = pa.table({"number": [0, 1], "settled": [True, True], "verdicts": [[entry.id], ["clear-1"]]})
    found = hanging(case, pa.Table.from_pylist(rows), groups)
    assert found == {
        "by template": Hanging(1, template=True), "by card too": Hanging(1, template=False),
        "open": Hanging(-1, template=False),
    }  # fmt: skip
