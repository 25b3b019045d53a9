"""Missing: which columns are not there, and what a hunt cannot see for want of each; said once."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from types import ModuleType
from typing import Final

from stillwatch import rooms
from stillwatch.model.account import ACCOUNTS
from stillwatch.model.case import Missing
from stillwatch.model.exchange import CONTENT, EXCHANGES

ELSE: Final[Mapping[str, str]] = {
    "system": "frameworks and applications are harder to tell from their users",
    "output_tokens": "output tokens count as 0",
    "session": "tasks are told apart by the turn that opened them",
    "status": "failed requests cannot be told from answered ones",
    "model": "grants for some models only cannot be checked",
    "email": "accounts of one company are not seen as one owner",
    "organisation": "accounts of one company are not seen as one owner",
    "payment": "accounts of one company are not seen as one owner",
    "programme": "students and researchers are not recognised as such",
    "verification": "verified customers are not recognised as such",
}
"""What is lost beside the views: this is read by the judge, by the counts and by the rule of owners."""


def missing(traffic: Collection[str], accounts: Collection[str] | None, *, no_content: bool) -> list[Missing]:
    """Tell which columns are missing, with what each would have been good for.

    Args:
        traffic: columns of the traffic that hold anything.
        accounts: columns of the accounts file that hold anything; None where there is no such file.
        no_content: whether the texts were left closed.
    """
    opened = set(traffic) - (set(CONTENT) if no_content else set())
    there = opened | set(accounts or ())
    views = rooms.members("link")
    wanted = dict.fromkeys([*(column for view in views.values() for column in view.NEEDS), *ELSE])
    order = [*EXCHANGES.names, *ACCOUNTS.names]
    return [
        Missing(column=column, lost=_lost(column, views, there, accounts, no_content))
        for column in sorted(wanted, key=order.index)
        if column not in there
    ]


def sentences(lost: Iterable[Missing]) -> list[str]:
    """Say it for a person: columns that cost the same are named together."""
    together: dict[str, list[str]] = {}
    for one in lost:
        together.setdefault(one.lost, []).append(f"`{one.column}`")
    return [
        f"no {'column' if len(names) == 1 else 'columns'} {', '.join(names)}: {what}"
        for what, names in together.items()
    ]


def _lost(
    column: str, views: Mapping[str, ModuleType], there: set[str], accounts: Collection[str] | None, no_content: bool
) -> str:
    lost = []
    for name, view in views.items():
        if column in view.NEEDS:
            blind = not there & set(view.NEEDS)
            lost.append(f"the view {name} ({looks_at(view)}) " + ("sees nothing" if blind else "sees less"))
    if column in ELSE:
        lost.append(ELSE[column])
    why = ""
    if no_content and column in CONTENT:
        why = "closed by --no-content: "
    elif column in ACCOUNTS.names and accounts is None:
        why = "no --accounts file: "
    return why + "; ".join(lost)


def looks_at(view: ModuleType) -> str:
    """Take what a view looks at from the first line of its page."""
    first = (inspect.getdoc(view) or "").partition("\n")[0]
    return first.partition(":")[2].strip().rstrip(".") or first
