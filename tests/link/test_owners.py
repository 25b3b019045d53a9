"""Owners: accounts that openly belong together are one; a bare name is a claim and not a key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stillwatch.link._owners import Declared, find_owners
from stillwatch.model import mail


def known(town: Any, count: int = 6, **given: int) -> Any:
    """The first few accounts have the same of what is given; nobody else has any of it."""
    columns: dict[str, Any] = {}
    for name, value in given.items():
        dtype = np.uint8 if name == "mail_kind" else np.uint64
        columns[name] = np.where(np.arange(town.owners) < count, value, 0).astype(dtype)
    return town.crowd(**columns).facts


OWN = {"mail_domain": 5, "mail_kind": mail.OWN}


@pytest.mark.parametrize(
    "shared",
    [
        {"payment": 1, **OWN}, {"device": 1, **OWN}, {"organisation": 1, **OWN},
        {"organisation": 1, "payment": 2}, {"organisation": 1, "device": 2},
    ],
    ids="+".join,
)  # fmt: skip
def test_two_open_ties_make_one_owner(shared: dict[str, int], town: Any) -> None:
    owners = find_owners(known(town, **shared), [], {})
    assert len(set(owners.owner[:6].tolist())) == 1
    assert len(owners.declared) == town.owners - 5
    assert int(owners.owner[0]) in owners.reasons


@pytest.mark.parametrize(
    "shared",
    [
        {"payment": 1}, {"device": 1}, {"organisation": 1}, OWN, {"payment": 1, "device": 2},
        {"payment": 1, "mail_domain": 5, "mail_kind": mail.FREE},
        {"payment": 1, "mail_domain": 5, "mail_kind": mail.SCHOOL},
        {"device": 1, "mail_domain": 5, "mail_kind": mail.THROWAWAY},
    ],
    ids=lambda shared: "+".join(f"{name}{value}" for name, value in shared.items()),
)  # fmt: skip
def test_one_tie_or_a_public_mail_domain_makes_none(shared: dict[str, int], town: Any) -> None:
    assert len(find_owners(known(town, **shared), [], {}).declared) == town.owners


def test_a_domain_of_many_who_pay_for_themselves_is_a_public_one(town: Any) -> None:
    facts = known(town, count=40, organisation=1, **OWN)
    purses = np.where(np.arange(town.owners) < 40, np.arange(town.owners) + 1, 0).astype(np.uint64)
    crowd = town.crowd(
        organisation=facts.organisation, mail_domain=facts.mail_domain, mail_kind=facts.mail_kind, payment=purses
    )
    assert len(find_owners(crowd.facts, [], {}).declared) == town.owners


def test_what_was_declared_is_one_owner_and_known_as_such(town: Any) -> None:
    names = {f"a{n}": n for n in range(town.owners)}
    declared = [Declared(accounts=("a3", "a9", "elsewhere"), reason="one contract")]
    owners = find_owners(known(town), declared, names)
    assert owners.owner[3] == owners.owner[9]
    assert owners.declared.sum() == 1
    assert owners.declared[owners.owner[3]]
    assert owners.reasons[int(owners.owner[3])] == "one contract"


def test_ties_chain(town: Any) -> None:
    payment, device, domain = (np.zeros(town.owners, np.uint64) for _ in range(3))
    kind = np.zeros(town.owners, np.uint8)
    payment[[0, 1]], device[[1, 2]], domain[:3], kind[:3] = 1, 2, 5, mail.OWN
    facts = town.crowd(payment=payment, device=device, mail_domain=domain, mail_kind=kind).facts
    assert len(set(find_owners(facts, [], {}).owner[:3].tolist())) == 1
