"""What may be told of a finding: rounded, dated to the day, and in words that are not from the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.share.conftest import a_case, an_entry

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin, rounded, scaled, sureness
from stillwatch.model.case import Explanation
from stillwatch.share.compose import compose, revoke, weigh


def test_counts_are_rounded_and_times_are_days(bulletin: Bulletin) -> None:
    assert bulletin.volume.exchanges == 1600
    assert bulletin.volume.output_tokens == 130_000
    assert [(one.week, one.exchanges) for one in bulletin.weeks] == [("2026-W19", 860), ("2026-W20", 700)]
    assert (bulletin.created, bulletin.modified) == (
        datetime(2026, 5, 4, tzinfo=UTC),
        datetime(2026, 5, 17, tzinfo=UTC),
    )
    assert "1,561" not in msgspec.json.encode(bulletin).decode()


def test_no_id_template_or_sentence_of_the_log_is_in_it(bulletin: Bulletin) -> None:
    text = msgspec.json.encode(bulletin).decode()
    entry = an_entry()
    for inside in (*entry.accounts, entry.id, entry.families[0].template, entry.families[0].id, "22 owners"):
        assert inside not in text


def test_facts_about_a_contract_are_not_shared() -> None:
    for finding in ("open_extraction", "grant_exceeded"):
        entry = an_entry(finding=finding)
        with pytest.raises(ShareError, match="contract"):
            compose(entry, a_case(entry), producer="Example Lab")


def test_too_few_accounts_are_not_shared() -> None:
    entry = an_entry(accounts=["a", "b", "c", "d"])
    with pytest.raises(ShareError, match="too few"):
        compose(entry, a_case(entry), producer="Example Lab")


@pytest.mark.parametrize(("bits", "likely"), [(-8.0, 5), (-3.0, 15), (-1.0, 30), (0.0, 50), (1.0, 70), (3.0, 85)])
def test_likelihood_follows_the_bits_against_the_best_honest_reading(bits: float, likely: int) -> None:
    entry = an_entry(explanations=[Explanation(name="one purse", bits=bits, because=[], side="hidden")])
    assert weigh(entry, 0.05)[0] == likely


def test_the_false_discovery_rate_bounds_the_likelihood() -> None:
    assert weigh(an_entry(), 0.05)[0] == 85
    assert weigh(an_entry(), 0.001)[0] == 95
    assert weigh(an_entry(evidence=[]), 0.05)[1] == 30


def test_words_and_scales_are_those_of_the_standard() -> None:
    assert [scaled(one) for one in (1, 5.1, 20.1, 50, 60, 90, 96)] == [5, 15, 30, 50, 70, 85, 95]
    assert [sureness(one) for one in (30, 60, 85)] == ["low", "moderate", "high"]
    assert [rounded(one) for one in (0, 7, 24, 155, 1561, 16_049_999)] == [0, 7, 24, 160, 1600, 16_000_000]


def test_techniques_that_atlas_lacks_come_from_what_was_harvested(bulletin: Bulletin) -> None:
    assert bulletin.gaps == ["bulk-account-fraud", "reasoning-harvest", "safety-stripping"]


def test_the_same_finding_has_the_same_id_for_ever_and_another_producer_another() -> None:
    entry = an_entry()
    one, again = (compose(entry, a_case(entry), producer="Example Lab") for _ in range(2))
    other = compose(entry, a_case(entry), producer="Other Lab")
    assert one == again
    assert one.id != other.id


def test_a_revoked_bulletin_says_why_and_drops_the_note(bulletin: Bulletin) -> None:
    taken = revoke(bulletin, bulletin.modified + timedelta(1), "the accounts were one customer's")
    assert (taken.id, taken.revoked, taken.note) == (bulletin.id, True, "")
