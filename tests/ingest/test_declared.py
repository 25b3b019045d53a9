"""Grants and known accounts: files that people write by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from stillwatch.errors import SettingsError
from stillwatch.ingest import read_grants, read_known

GRANTS = """
[[grant]]
id = "g-2026-014"
holder = "Example Robotics"
accounts = ["acct-311", "acct-312"]
models = ["demo-large"]
families = ["f-12", "rewrite.txt"]
exchanges = 2_000_000
starts = 2026-05-01
ends = 2026-12-31
"""
KNOWN = """
[[owner]]
name = "Example Robotics"
accounts = ["acct-1", "acct-2"]
reason = "contract lists both subsidiaries"
expires = 2027-06-30

[[test]]
accounts = ["acct-900"]
reason = "load tests"
expires = 2027-01-31

[[benign]]
name = "spring course"
accounts = ["acct-7"]
families = ["f-3"]
reason = "one assignment"
expires = 2026-12-31
by = "trust and safety"
"""


def test_a_grant_is_read_with_its_template(tmp_path: Path) -> None:
    (tmp_path / "rewrite.txt").write_text("Rewrite this: {}")
    path = tmp_path / "grants.toml"
    path.write_text(GRANTS)
    (grant,) = read_grants(path)
    assert (grant.id, grant.exchanges) == ("g-2026-014", 2_000_000)
    assert grant.accounts == {"acct-311", "acct-312"}
    assert (grant.families, grant.templates) == ({"f-12"}, ("Rewrite this: {}",))
    assert not grant.covers_any_use
    assert [grant.runs_on(date(2026, month, 31)) for month in (3, 5, 12)] == [False, True, True]


def test_known_accounts_are_read_with_reason_and_end(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(KNOWN)
    owner, test, benign = read_known(path)
    assert (owner.kind, test.kind, benign.kind) == ("owner", "test", "benign")
    assert benign.by == "trust and safety"
    assert owner.holds_on(date(2027, 6, 30))
    assert not owner.holds_on(date(2027, 7, 1))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("holder", "holdr", "did you mean `holder`"),
        ("[[grant]]", "[[grants]]", "did you mean `grant`"),
        ("ends = 2026-12-31", 'ends = "2026-12-31"', "expected a date"),
        ("ends = 2026-12-31", "ends = 2026-01-31", "before it starts"),
        ("ends = 2026-12-31", "", "is missing"),
        ("2_000_000", "-1", "expected a whole number"),
        ('["acct-311", "acct-312"]', "[]", "is missing"),
        ('"rewrite.txt"', '"absent.txt"', "cannot read"),
        ("id =", "id", "not TOML"),
    ],
)
def test_a_mistake_in_a_grant_is_told_with_its_place(tmp_path: Path, old: str, new: str, what: str) -> None:
    (tmp_path / "rewrite.txt").write_text("x")
    path = tmp_path / "grants.toml"
    path.write_text(GRANTS.replace(old, new))
    with pytest.raises(SettingsError, match=what) as told:
        read_grants(path)
    assert "grants.toml" in str(told.value)
    if "TOML" not in what and "[[" not in old:
        assert "line 2" in str(told.value)


def test_two_grants_cannot_share_an_id(tmp_path: Path) -> None:
    (tmp_path / "rewrite.txt").write_text("x")
    path = tmp_path / "grants.toml"
    path.write_text(GRANTS + GRANTS)
    with pytest.raises(SettingsError, match="two grants"):
        read_grants(path)


def test_a_known_entry_needs_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(KNOWN.replace('reason = "load tests"', ""))
    with pytest.raises(SettingsError, match="is missing") as told:
        read_known(path)
    assert "line 8" in str(told.value)
