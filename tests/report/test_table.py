"""What a person sees on a terminal."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from stillwatch.model.case import Case
from stillwatch.report import table


def test_a_case_reads_well_in_100_columns(case: Case, same: Callable[[str, str], None]) -> None:
    seen = table.text(case, "case/report.html")
    assert max(map(len, seen.splitlines())) <= 100
    same("table.txt", seen)


def test_a_case_without_findings_says_so(case: Case) -> None:
    assert "Nothing was found." in table.text(msgspec.structs.replace(case, campaigns=[]), "report.html")


HOSTILE = ["\x1b[2J\x1b[31mred", "[bold red]markup[/]", "\u202egnirts", "a\nb\rc", "wide\u3000\u200bspace", "x" * 5000]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_moves_no_cursor_and_is_no_markup(text: str, case: Case) -> None:
    entry = case.campaigns[1]
    family = msgspec.structs.replace(entry.families[0], template=text)
    bad = msgspec.structs.replace(entry, id=text, families=[family], part_of=text)
    seen = table.text(msgspec.structs.replace(case, campaigns=[bad]), text)
    assert not [letter for letter in seen if letter < " " and letter != "\n"]
    assert "\u202e" not in seen
    assert "\u200b" not in seen
    assert ("[bold red]markup[/]" in seen) == text.startswith("[bold")


def test_a_bar_is_as_long_as_its_bits() -> None:
    assert table.bar(0.0) == table.bar(-3.0) == ""
    assert table.bar(12.0) == "█" * 8
    assert len(table.bar(1000.0)) == table.BAR
