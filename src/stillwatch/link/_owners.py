"""Owners: the accounts that openly belong together. Everything else counts owners, not accounts.

A company with forty accounts on its card and mail domain hides nothing; what its accounts have in common is no
evidence of anything. A bare organisation's name is a claim that anybody can make, and not a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.kit.union import find, join_all
from stillwatch.model import mail
from stillwatch.model.crowd import Facts

PUBLIC_HOLDERS = 25
PUBLIC_PURSES = 0.8
"""A mail domain of at least so many accounts, of which this share pay with purses of their own, is a public one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Accounts that somebody declared to belong together, and why."""

    accounts: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Who is behind each account."""

    owner: npt.NDArray[np.int32]
    declared: npt.NDArray[np.bool_]
    reasons: dict[int, str]


def open_mail(facts: Facts) -> npt.NDArray[np.bool_]:
    """Tell which accounts have a mail domain that stands for an owner: neither a public provider nor a school."""
    own: npt.NDArray[np.bool_] = facts.mail_kind == mail.OWN
    if not own.any():
        return own
    domains, inverse, holders = np.unique(facts.mail_domain[own], return_inverse=True, return_counts=True)
    pairs = np.unique(np.stack([inverse.astype(np.uint64), facts.payment[own]]), axis=1)
    purses = np.bincount(pairs[0][pairs[1] != 0].astype(np.int64), minlength=len(domains))
    public = (holders >= PUBLIC_HOLDERS) & (purses >= PUBLIC_PURSES * holders)
    standing = own.copy()
    standing[np.flatnonzero(own)[public[inverse]]] = False
    return standing


def find_owners(facts: Facts, declared: Sequence[Declared], numbers: Mapping[str, int]) -> Owners:
    """Find the accounts that openly belong together.

    One owner are: accounts declared by the operator, or in one grant; accounts with one card or device *and* one
    mail domain of their own; accounts with one organisation's name *and* one card, device or mail domain.

    Args:
        numbers: the number of each account by its name.
    """
    count = len(facts.created_at)
    parent = np.arange(count, dtype=np.int32)
    domain = np.where(open_mail(facts), facts.mail_domain, np.uint64(0))
    keys: list[tuple[str, npt.NDArray[Any], npt.NDArray[Any]]] = [
        ("one payment instrument and one mail domain", facts.payment, domain),
        ("one device and one mail domain", facts.device, domain),
        ("one organisation and one payment instrument", facts.organisation, facts.payment),
        ("one organisation and one device", facts.organisation, facts.device),
        ("one organisation and one mail domain", facts.organisation, domain),
    ]
    why: dict[int, str] = {}
    for reason, one, other in keys:
        both = np.flatnonzero((one != 0) & (other != 0))
        order = both[np.lexsort((other[both], one[both]))]
        same = (one[order][1:] == one[order][:-1]) & (other[order][1:] == other[order][:-1])
        left, right = order[:-1][same].astype(np.int32), order[1:][same].astype(np.int32)
        join_all(parent, left, right)
        for account in left.tolist():
            why.setdefault(account, reason)
    listed = np.zeros(count, bool)
    for group in declared:
        members = np.array([numbers[name] for name in group.accounts if name in numbers], np.int32)
        join_all(parent, members[1:], np.full(max(len(members) - 1, 0), members[0] if len(members) else 0, np.int32))
        listed[members] = True
        why.update(dict.fromkeys(members.tolist(), group.reason))
    roots, owner = np.unique(find(parent), return_inverse=True)
    known = np.zeros(len(roots), bool)
    known[owner[listed]] = True
    reasons = {int(owner[account]): reason for account, reason in why.items()}
    return Owners(owner=owner.astype(np.int32), declared=known, reasons=reasons)
