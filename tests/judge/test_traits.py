"""Traits: what a household shows and what a factory shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.judge import axes, readings
from stillwatch.judge.traits import FAMILY, Traits
from stillwatch.model import mail

TIES: dict[str, Any] = {}


def homes(size: int) -> Any:
    """Neighbours of one number share a card and a computer; everybody has a value of his own besides."""
    return lambda owner: [10_000 + owner, 1 + owner // size]


def chained(owner: int) -> list[int]:
    """Each of the first twelve shares one card with the one before and another with the one after."""
    return [10_000 + owner, 1 + owner, 2 + owner] if owner < 12 else [10_000 + owner]


def test_a_household_is_no_block_and_a_chain_of_cards_is_one(town: Any) -> None:
    two_families = np.array([0, 1, 2, 3, 4], np.int32)
    family = Traits(town.traces(payment=homes(FAMILY - 1), device=homes(FAMILY - 1)))
    assert family.of(two_families, TIES, {})["block"] == 0.0
    assert family.of(two_families, TIES, {})["purse"] == 1.0
    assert Traits(town.traces(payment=chained)).of(town.gang, TIES, {})["block"] == 1.0


def test_a_card_and_a_computer_at_home_are_no_hard_evidence(town: Any) -> None:
    """Three of a family and two who use the same public template were once called a network."""
    traits = Traits(town.traces(payment=homes(3), device=homes(3)))
    shares = traits.of(np.array([0, 1, 2, 3, 7], np.int32), TIES, {}) | {"shared_frame": 1.0, "own_frame": 0.0}
    assert shares["purse"] == 0.6
    told = axes.deception(30.0, readings.weigh(shares, 5, traits.usual), shares, 5)
    assert not told.axis.passed
    linked = axes.deception(30.0, readings.weigh(shares, 5, traits.usual), shares | {"block": 1.0}, 5)
    assert any("pay with an instrument" in sentence for sentence in linked.axis.because)
    assert not any("pay with an instrument" in sentence for sentence in told.axis.because)


def test_one_small_purse_after_another_is_hard_evidence_and_one_household_is_not(town: Any) -> None:
    traits = Traits(town.traces(payment=homes(3)))

    def told(*members: int) -> list[str]:
        group = np.array(members, np.int32)
        shares = traits.of(group, TIES, {}) | {"shared_frame": 1.0, "own_frame": 0.0}
        return axes.deception(30.0, readings.weigh(shares, len(group), traits.usual), shares, len(group)).axis.because

    households = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert any("pay with an instrument" in sentence for sentence in told(*households))
    assert not any("pay with an instrument" in sentence for sentence in told(0, 1, 2, 3, 6, 9))
    assert not any("pay with an instrument" in sentence for sentence in told(0, 1, 3, 4, 6, 9, 12, 15))


def test_who_claims_a_programme_for_another_institution_at_the_same_computer_is_seen(town: Any) -> None:
    """Owners 0 to 3 invent institutions at one machine, 4 and 5 study at one school, 6 and 7 are in no programme."""
    count = town.owners
    device, domain, programme = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(add) for add in (100, 900, 0))
    device[:4], device[4:6], device[6:8] = 7, 8, 9
    domain[4:6] = 5
    programme[:] = 0
    programme[:6] = 3
    crowd = town.crowd(
        device=device, mail_domain=domain, mail_kind=np.full(count, mail.OWN, np.uint8), programme=programme,
        columns=frozenset({"device", "email", "programme"}),
    )  # fmt: skip
    traits = Traits(town.traces(crowd))
    assert traits.of(np.arange(8, dtype=np.int32), TIES, {})["claims"] == 0.5
    assert traits.of(np.arange(4, 8, dtype=np.int32), TIES, {})["claims"] == 0.0
    assert "claims" not in Traits(town.traces()).of(np.arange(8, dtype=np.int32), TIES, {})
