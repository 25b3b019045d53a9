"""What looks personal, secret or commercial is refused with its field and its rule; honest text passes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.share.conftest import FAMILY, RANGES, a_case, an_entry

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import preview, scrub
from stillwatch.share.compose import compose


def with_note(bulletin: Bulletin, note: str) -> Bulletin:
    return msgspec.structs.replace(bulletin, note=note)


def test_an_honest_bulletin_passes(bulletin: Bulletin) -> None:
    assert scrub.refusals(bulletin, {f"acct-{n:016x}" for n in range(24)}) == []


@pytest.mark.parametrize(
    ("note", "rule"),
    [
        ("write to Jane.Doe+x@mail.example.com", "e-mail"),
        ("paid with 4111 1111 1111 1111", "card"),
        ("came from 198.51.100.7 mostly", "network address"),
        ("came from 2001:db8::17", "network address"),
        ("call +44 20 7946 0958", "telephone"),
        ("call 020 7946 0958", "telephone"),
        ("the key sk-abcdefgh12345678", "secret"),
        ("account acct-0000000000000001", "secret"),
        ("sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "hash"),
        ("token dGhpcyBpcyBhIGxvbmcgdG9rZW4xMjM0NTY3ODkw", "hash"),
        ("they got a 20 % discount", "commercial"),
        ("before our launch date", "commercial"),
        ("worth $3 million", "commercial"),
        ("Acme Robotics is behind it", "id of the house"),
        ("x" * 3000, "2,000 characters"),
    ],
)
def test_what_must_not_leave_is_refused_by_field_and_rule(bulletin: Bulletin, note: str, rule: str) -> None:
    known = {"Acme"}
    assert any(one.field == "note" and rule in one.rule for one in scrub.refusals(with_note(bulletin, note), known))
    with pytest.raises(ShareError, match="`note` holds"):
        scrub.check(with_note(bulletin, note), known)


def test_the_refusal_does_not_repeat_what_it_refuses(bulletin: Bulletin) -> None:
    with pytest.raises(ShareError) as refused:
        scrub.check(with_note(bulletin, "jane@example.com"))
    assert "jane" not in str(refused.value)


@pytest.mark.parametrize("note", ["Seen on 2026-05-04 at 14:30, version 1.2.3, 12,000 exchanges.", "AS64500, 1:2"])
def test_dates_versions_and_counts_pass(bulletin: Bulletin, note: str) -> None:
    assert scrub.refusals(with_note(bulletin, note)) == []


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"value": "203.0.113.7"}, "ranges.0.value", "too narrow"),
        ({"value": "203.0.113.0/25"}, "ranges.0.value", "too narrow"),
        ({"value": "2001:db8::/64"}, "ranges.0.value", "too narrow"),
        ({"value": "not a range"}, "ranges.0.value", "no network"),
        ({"value": "127.0.0.0/24"}, "ranges.0.value", "nobody"),
        ({"accounts": 2}, "ranges.0.accounts", "fewer than 3"),
    ],
)
def test_a_range_that_could_be_somebody_is_refused(
    bulletin: Bulletin, change: dict[str, Any], field: str, rule: str
) -> None:
    wrong = msgspec.structs.replace(bulletin, ranges=[msgspec.structs.replace(RANGES[0], **change)])
    assert any(one.field == field and rule in one.rule for one in scrub.refusals(wrong))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scheme": "sha256"}, "families.0.scheme"),
        ({"marks": FAMILY.marks[:7]}, "families.0.marks"),
        ({"marks": [*FAMILY.marks, "jane@example.com"]}, "families.0.marks"),
        ({"control": 0}, "families.0.control"),
        ({"epoch": "always"}, "families.0.epoch"),
        ({"id": "f-199a7a1f"}, "families.0.id"),
    ],
)
def test_a_family_leaves_only_as_keyed_fingerprints_of_a_week(
    bulletin: Bulletin, change: dict[str, Any], field: str
) -> None:
    wrong = msgspec.structs.replace(bulletin, families=[msgspec.structs.replace(FAMILY, **change)])
    assert field in {one.field for one in scrub.refusals(wrong)}


@given(st.sampled_from([f"acct-{n:016x}" for n in range(24)]), st.sampled_from(["title", "description", "producer"]))
def test_no_id_of_the_house_passes_in_any_text(account: str, field: str) -> None:
    entry = an_entry()
    told = compose(entry, a_case(entry), producer="Example Lab")
    wrong = msgspec.structs.replace(told, **{field: f"about {account}, and more"})
    assert field in {one.field for one in scrub.refusals(wrong, entry.accounts)}


def test_every_field_of_a_bulletin_has_a_reason_to_leave(named: Bulletin) -> None:
    told = preview.leaving(msgspec.structs.replace(named, revoked=True, revoked_because="an error"))
    shown = {one.field.partition(".")[0] for one in told}
    assert shown == {field.encode_name for field in msgspec.structs.fields(Bulletin)}
    assert all(one.why for one in told)


def test_a_field_without_a_reason_is_refused() -> None:

    with pytest.raises(KeyError, match="price"):
        preview.why("price")
