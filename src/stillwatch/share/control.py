"""Control: the clean control set, which shows that what is told of a family is no ordinary customer's text.

A campaign that is half found stands in the traffic outside its finding too, and would keep its own template from being
told. So who hangs on a finding is set aside: accounts that are undecided, and accounts whose ties are to its group. Who
hangs on it by nothing but a template may be a stranger who uses the same public one; of those fewer than STRANGERS may
have a fingerprint. Everybody else is an ordinary customer, and one text of one of them is enough.

Cost: one pass over the texts. Source: fingerprints as in `families`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import pyarrow as pa

from stillwatch.model.case import Case
from stillwatch.share.families import Reader

HIDDEN: Final = ("distillation_campaign", "account_network")
TEMPLATE: Final = "repertoire"
"""The view that sees shared templates."""
STRANGERS: Final = 3
"""Owners tied by a template alone from which on it counts as public, as a network of so many is shared egress."""


class Hanging(NamedTuple):
    """An account that stands in no finding, and is tied to one.

    Attributes:
        template: whether a template is all that ties it.
    """

    owner: int
    template: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The clean control set.

    Attributes:
        marks: fingerprints that are not told of.
        texts: how many texts of ordinary customers were looked at.
    """

    marks: frozenset[int]
    texts: int


def hanging(case: Case, members: pa.Table, groups: pa.Table) -> dict[str, Hanging]:
    """Find the accounts that hang on a finding of hidden coordination, or are undecided.

    Args:
        members, groups: tables of the case.
    """
    hidden = {entry.id for entry in case.campaigns if entry.finding in HIDDEN}
    named = {account for entry in case.campaigns for account in entry.accounts}
    open_ = {account for one in case.undecided for account in one.accounts} - named
    theirs = [row["number"] for row in groups.to_pylist() if row["settled"] and hidden & set(row["verdicts"])]
    asked = [one for one in case.views if one.admits and f"tie_{one.name}" in members.column_names]
    near = members.filter(pa.compute.is_in(members["near"], pa.array(theirs, pa.int32())))
    found = {}
    for row in near.to_pylist():
        tied = {one.name for one in asked if (row[f"tie_{one.name}"] or 0.0) >= max(one.ties_from, 1.0)}
        if tied and row["account"] not in named and not row["declared"]:
            found[row["account"]] = Hanging(row["owner"], tied <= {TEMPLATE})
    return found | {account: Hanging(-1, template=False) for account in open_}


def gather(
    texts: Iterable[tuple[str, str]], hung: Mapping[str, Hanging] | None = None, reader: Reader | None = None
) -> Control:
    """Take the fingerprints of the clean control set.

    Args:
        texts: account and text, of accounts that stand in no finding.
    """
    taken, aside = reader or Reader(), hung or {}
    clean: set[int] = set()
    by_template: dict[int, set[int]] = {}
    count = 0
    for account, text in texts:
        where = aside.get(account)
        if where is None:
            clean |= taken.marks(text)
            count += 1
        elif where.template:
            for mark in taken.marks(text):
                by_template.setdefault(mark, set()).add(where.owner)
    clean |= {mark for mark, owners in by_template.items() if len(owners) >= STRANGERS}
    return Control(marks=frozenset(clean), texts=count)
