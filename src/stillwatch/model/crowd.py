"""Crowd: the accounts of a log, the owners behind them, and what is known of each.

Everything that counts "how many" counts *owners*: accounts that openly belong together are one unit, and
evidence between two accounts of one owner is void.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stillwatch.model import mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the operator knows of the accounts: one entry for each account of the traffic, 0 for unknown.

    Identifiers are 64-bit hashes, times ms since 1970 UTC. `billing_country` is not here: it is never evidence.
    """

    created_at: npt.NDArray[np.int64]
    closed_at: npt.NDArray[np.int64]
    payment: npt.NDArray[np.uint64]
    payment_bin: npt.NDArray[np.uint64]
    device: npt.NDArray[np.uint64]
    referrer: npt.NDArray[np.uint64]
    phone: npt.NDArray[np.uint64]
    mail_domain: npt.NDArray[np.uint64]
    mail_kind: npt.NDArray[np.uint8]
    """Kinds of `model.mail`."""
    organisation: npt.NDArray[np.uint64]
    programme: npt.NDArray[np.uint64]
    verification: npt.NDArray[np.uint8]
    plan: npt.NDArray[np.uint64]
    columns: frozenset[str] = frozenset()
    """Columns of the accounts file that hold anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The accounts of the traffic, in the order of their codes."""

    accounts: list[str]
    exchanges: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    facts: Facts
    owner: npt.NDArray[np.int32]
    """Owner of each account; owners are numbered from 0 without gaps."""
    declared: npt.NDArray[np.bool_]
    """Owners that somebody declared: the operator's known list, or a grant."""
    reasons: dict[int, str] = field(default_factory=dict)
    """Why an owner of several accounts is taken for one."""

    @property
    def owners(self) -> int:
        """How many owners there are."""
        return len(self.declared)

    def domains_of_their_own(self) -> npt.NDArray[np.bool_]:
        """Tell which accounts have a mail domain that no other owner has: a firm that signs its name."""
        facts = self.facts
        own: npt.NDArray[np.bool_] = facts.mail_kind == mail.OWN
        pairs = np.unique(np.stack([facts.mail_domain[own], self.owner[own].astype(np.uint64)]), axis=1)
        domains, owners = np.unique(pairs[0], return_counts=True)
        alone: npt.NDArray[np.bool_] = own & np.isin(facts.mail_domain, domains[owners == 1])
        return alone

    def accounts_of(self, owners: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Accounts of some owners, in order."""
        return np.flatnonzero(np.isin(self.owner, owners))
