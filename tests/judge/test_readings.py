"""Readings: what tells an account factory from the honest groups that look like one."""

from __future__ import annotations

import pytest

from stillwatch.judge import axes
from stillwatch.judge.readings import HARD, HIDDEN, HONEST, READINGS, TRAITS, best, weigh

USUAL = {
    "purse": 0.05, "device": 0.04, "egress": 0.25, "hop": 0.003, "business": 0.3, "open": 0.02, "school": 0.02,
    "verified": 0.04, "shared_frame": 0.05, "own_frame": 0.5, "burst": 0.05, "referred": 0.1, "brief": 0.2,
}  # fmt: skip
STRANGERS = dict.fromkeys(USUAL, 0.0) | {"own_frame": 0.5, "brief": 0.1}
FACTORY = STRANGERS | {"purse": 0.8, "device": 0.6, "egress": 0.7, "burst": 0.5, "shared_frame": 1.0, "own_frame": 0.0}
GROUPS = {
    "a course or school": {"egress": 1.0, "school": 0.7, "burst": 0.5, "shared_frame": 0.9, "referred": 1.0},
    "an event": {"egress": 1.0, "burst": 1.0, "brief": 0.8, "device": 0.3, "referred": 1.0, "shared_frame": 0.7},
    "one organisation in the open": {"egress": 1.0, "open": 0.9, "shared_frame": 1.0},
    "a service provider's staff": {"egress": 1.0, "device": 1.0, "business": 1.0, "shared_frame": 1.0},
    "an agency's people": {
        "egress": 1.0, "device": 0.6, "open": 0.4, "business": 0.4, "shared_frame": 1.0, "referred": 1.0,
    },
    "a marketplace": {"purse": 1.0, "referred": 0.9, "own_frame": 0.9},
    "households": {"purse": 0.8, "device": 0.6, "egress": 0.9, "own_frame": 0.8},
}  # fmt: skip


def test_every_trait_of_a_reading_has_a_sentence() -> None:
    assert {trait for reading in READINGS for trait in reading.expects} <= set(TRAITS)
    assert {reading.key for reading in READINGS if reading.side == HIDDEN} <= {*HARD, "chained"}  # made of hard links


def test_an_account_factory_is_read_as_hidden_by_a_wide_margin() -> None:
    hidden, honest, margin = best(weigh(FACTORY, 30, USUAL))
    assert hidden.reading.side == HIDDEN
    assert honest.reading.side == HONEST
    assert margin >= 3 * axes.MARGIN_BITS
    assert axes.deception(40.0, weigh(FACTORY, 30, USUAL), FACTORY, 30).axis.passed


@pytest.mark.parametrize("name", GROUPS)
def test_each_honest_group_is_read_by_its_name_and_clears(name: str) -> None:
    shares = STRANGERS | GROUPS[name]
    members = 4 if name == "households" else 24
    weighed = weigh(shares, members, USUAL)
    honest, margin = best(weighed)[1:]
    assert honest.reading.name == name
    assert margin < 0
    assert not axes.deception(40.0, weighed, shares, members).axis.passed


@pytest.mark.parametrize("name", ["a course or school", "an event", "an agency's people", "a service provider's staff"])
def test_people_of_several_institutions_at_one_computer_are_no_false_claims_by_themselves(name: str) -> None:
    shares = STRANGERS | GROUPS[name] | {"claims": 0.25}
    weighed = weigh(shares, 24, USUAL)
    assert best(weighed)[2] < 0
    assert not axes.deception(40.0, weighed, shares, 24).axis.passed


def test_invented_institutions_opened_at_one_machine_are_no_course() -> None:
    course = STRANGERS | {
        "device": 0.6,
        "block": 0.3,
        "egress": 0.7,
        "shared_frame": 1.0,
        "referred": 0.7,
        "burst": 0.5,
    }
    course |= {"own_frame": 0.0, "business": 0.3}
    margins = [best(weigh(course | {"claims": claims}, 30, USUAL))[2] for claims in (0.0, 0.5)]
    assert margins[0] < axes.MARGIN_BITS <= margins[1]


CHAINED = STRANGERS | {
    "purse": 0.7, "device": 0.5, "block": 1.0, "chained": 1.0, "shared_frame": 1.0, "own_frame": 0.0,
}  # fmt: skip


def test_a_chain_of_small_purses_in_homes_of_their_own_is_read_as_hidden() -> None:
    hidden, _, margin = best(weigh(CHAINED, 12, USUAL))
    assert hidden.reading.name == "a chain of small purses and machines"
    assert margin >= 2 * axes.MARGIN_BITS
    assert axes.deception(20.0, weigh(CHAINED, 12, USUAL), CHAINED, 12).axis.passed


def test_an_extended_family_behind_the_addresses_of_its_homes_clears() -> None:
    shares = CHAINED | {"egress": 0.8, "own_frame": 0.6, "purse": 0.9}
    honest, margin = best(weigh(shares, 12, USUAL))[1:]
    assert honest.reading.name == "relatives"
    assert margin < axes.MARGIN_BITS
    assert not axes.deception(20.0, weigh(shares, 12, USUAL), shares, 12).axis.passed


def test_no_family_has_fifty_members() -> None:
    shares = CHAINED | {"egress": 0.8, "own_frame": 0.6, "purse": 0.9}
    assert "relatives" not in {one.reading.name for one in weigh(shares, 50, USUAL)}


def test_eighty_strangers_whom_cards_tie_into_one_block_are_no_households() -> None:
    """Opened slowly, each by himself, they look like families in all but this."""
    slowly = STRANGERS | {"purse": 0.9, "device": 0.6, "egress": 0.9, "shared_frame": 1.0, "own_frame": 0.0}
    for block, members, held in ((1.0, 80, False), (0.1, 80, True), (1.0, 12, True)):
        names = [one.reading.name for one in weigh(slowly | {"block": block}, members, USUAL)]
        assert ("households" in names) == held
    shares = slowly | {"block": 1.0}
    assert axes.deception(60.0, weigh(shares, 80, USUAL), shares, 80).axis.passed


def test_a_group_no_larger_than_a_family_must_beat_every_honest_reading_by_more() -> None:
    slowly = STRANGERS | {
        "purse": 0.9,
        "device": 0.5,
        "egress": 0.5,
        "shared_frame": 1.0,
        "own_frame": 0.0,
        "block": 0.9,
    }
    few, many = (axes.deception(40.0, weigh(slowly, n, USUAL), slowly, n) for n in (10, 17))
    assert axes.MARGIN_BITS <= few.margin < axes.FAMILY_BITS
    assert axes.MARGIN_BITS <= many.margin < axes.FAMILY_BITS
    assert not few.axis.passed
    assert few.axis.because[-1].endswith("bits, of 8 that so few must show")
    assert many.axis.passed


def test_without_its_key_a_hidden_reading_is_not_held() -> None:
    nothing_hard = {trait: share for trait, share in FACTORY.items() if trait not in HARD}
    assert best(weigh(nothing_hard | {"purse": 0.0, "device": 0.0}, 30, USUAL))[2] < 0


def test_circumstances_alone_never_carry_a_deception() -> None:
    shares = FACTORY | {"purse": 0.1, "device": 0.1}
    assert not axes.deception(100.0, weigh(shares, 30, USUAL), shares, 30).axis.passed


def test_a_trait_that_cannot_be_seen_weighs_nothing() -> None:
    seen = {trait: share for trait, share in FACTORY.items() if trait != "burst"}
    for one in weigh(seen, 30, USUAL):
        assert "burst" not in one.parts


def test_the_sentences_of_two_sides_have_opposite_signs() -> None:
    hidden, honest, _ = best(weigh(FACTORY, 30, USUAL))
    against = hidden.because(honest, FACTORY)
    for_the_other = hidden.because(honest, FACTORY, sign=-1)
    assert against[0].startswith("+")
    assert for_the_other[0].startswith("-")


def test_what_a_household_shows_counts_only_where_a_peer_told_of_the_template() -> None:
    pairs = FACTORY | {"purse": 0.3, "device": 0.5, "block": 0.0, "purses": 0.0}
    weighed = weigh(pairs, 8, USUAL)
    alone = axes.deception(40.0, weighed, pairs, 8)
    assert alone.margin >= axes.MARGIN_BITS
    assert not alone.axis.passed
    told = axes.deception(40.0, weighed, pairs, 8, vouched="Other Lab (bulletin 1)").axis
    assert told.passed
    assert told.because[1] == (
        "Other Lab (bulletin 1) found the template in no ordinary customer's traffic, so these are no households"
    )


def test_no_peer_makes_hard_evidence_or_a_reading() -> None:
    soft = FACTORY | {"purse": 0.0, "device": 0.1, "block": 0.0, "purses": 0.0}
    assert not axes.deception(100.0, weigh(soft, 8, USUAL), soft, 8, vouched="Other Lab").axis.passed
    for name, shows in GROUPS.items():
        shares = STRANGERS | {"block": 0.0, "purses": 0.0} | shows
        members = 4 if name == "households" else 24
        assert not axes.deception(40.0, weigh(shares, members, USUAL), shares, members, vouched="Liar").axis.passed
