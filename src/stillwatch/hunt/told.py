"""Told: what peers told, as groups to examine; nothing that they say weighs anything.

A bulletin that was looked for in one's own traffic points at accounts of one's own. Each way of pointing proposes a
group: by prompt families, by networks, by identifiers matched without showing them, and all of them together; a whole
AS, out of which many come, by itself alone. The view whose column it was looked up in does not weigh the group;
everything else is the log's own evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from stillwatch.errors import UsageError
from stillwatch.judge.examine import Told
from stillwatch.judge.look import LEAST
from stillwatch.judge.pointed import FEW
from stillwatch.kit.plain import plain
from stillwatch.model.crowd import Crowd
from stillwatch.share.exchange import IMPORTED, Exchange, Imported
from stillwatch.share.leads import Kind
from stillwatch.share.peers import FILE as PEERS

ASIDE: Final[dict[Kind, frozenset[str]]] = {
    "family": frozenset({"repertoire"}), "range": frozenset({"network"}), "as": frozenset({"network"}),
    "card": frozenset({"payment"}), "device": frozenset({"signup"}), "phone": frozenset({"signup"}),
    "email": frozenset({"signup"}),
}  # fmt: skip
"""Views that look at the column by which a lead was found."""
MOST: Final = 200
"""Groups that peers may propose, so that a flood of bulletins cannot use up the error budget."""


def read(place: Path) -> Sequence[Imported]:
    """Read the bulletins of peers that are in force and were looked for.

    Raises:
        UsageError: when that is no share directory, or nothing was looked for.
        ShareError: when one is damaged.
    """
    if not any((place / name).exists() for name in (IMPORTED, PEERS)):
        raise UsageError("this is no share directory", where=str(place),
                         hint="it is `[share] directory`, where peers.toml lies")  # fmt: skip
    held = [one for one in Exchange(place).all() if not one.bulletin.revoked]
    if held and not any(one.looked_at for one in held):
        raise UsageError("none of the bulletins there was looked for in any traffic", where=str(place),
                         hint="`stillwatch share look TRAFFIC` first, with the traffic that is hunted")  # fmt: skip
    return held


def used(place: Path) -> list[str]:
    """Name the bulletins that point at anybody, and so may have proposed a group."""
    return [one.bulletin.id for one in read(place) if one.leads]


def groups(held: Sequence[Imported], crowd: Crowd) -> list[Told]:
    """Make the groups that peers point at, each large enough to be shown to a person, at most MOST."""
    number = {name: place for place, name in enumerate(crowd.accounts)} if held else {}
    every = [told for one in held for told in _groups(one, crowd, number)]
    return sorted(every, key=lambda one: len(one.members) < LEAST)[:MOST]


def _groups(one: Imported, crowd: Crowd, number: dict[str, int]) -> Iterator[Told]:
    label = f"{plain(one.bulletin.producer, 60)} (bulletin {one.bulletin.id[:8]})"
    by: dict[Kind, set[int]] = {}
    for lead in one.leads:
        if lead.account in number:
            owner = int(crowd.owner[number[lead.account]])
            for kind in lead.kinds:
                by.setdefault(kind, set()).add(owner)
    ways = [([kind], owners) for kind, owners in sorted(by.items())]
    precise: list[Kind] = [kind for kind in by if kind != "as"]
    together = set().union(*(by[kind] for kind in precise))
    if all(together != owners for _, owners in ways):
        ways.append((precise, together))
    for kinds, owners in ways:
        if len(owners) >= FEW:
            aside = frozenset().union(*(ASIDE[kind] for kind in kinds))
            yield Told(members=np.array(sorted(owners), np.int32), aside=aside, label=label)
