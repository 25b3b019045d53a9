"""Trace: the sparse tables that the views look at, made from the scratch and the accounts in a few passes."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Scratch
from stillwatch.engine.spill import Pairing
from stillwatch.families.assign import KEPT
from stillwatch.hunt.grow import FAMILIES, Grown
from stillwatch.kit.counts import Tally
from stillwatch.kit.held import Held, hold
from stillwatch.kit.pairs import Pairs
from stillwatch.kit.returns import Returns
from stillwatch.link.handover import without_examples
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Handovers, Streams

U64 = np.uint64
SEEN: Final = ("ip", "prefix", "ja4", "user_agent")
"""Columns of the traffic of which it matters which owners share a value."""
HOUR_MS: Final = 3_600_000


def tables(scratch: Scratch, crowd: Crowd, pool: Executor) -> dict[str, Held]:
    """Build the tables of owners by values: those of the traffic, then those of the accounts."""
    seen = [name for name in SEEN if name in scratch]  # as many are counted at a time as there are threads
    facts = crowd.facts
    opened = facts.created_at > 0
    hours = np.where(opened, (facts.created_at // HOUR_MS).astype(np.uint64) + U64(1), U64(0))
    days = np.where(opened, (facts.created_at // (24 * HOUR_MS)).astype(np.uint64) + U64(1), U64(0))
    values = {
        "payment": facts.payment, "payment_bin": facts.payment_bin, "device": facts.device,
        "referrer": facts.referrer, "created_hour": hours, "created_day": days, "phone": facts.phone,
    }  # fmt: skip
    known = {name: one for name, one in values.items() if one.any()}
    ones = np.ones(len(crowd.owner))
    spread = pool.map if scratch.abreast(2) > 1 else map
    counted = spread(lambda name: _counted(_pairs(scratch, crowd, name), crowd), seen)
    declared = pool.map(lambda one: hold(crowd.owner, one, ones, crowd.owners), known.values())
    return dict(zip((*seen, *known), (*counted, *declared), strict=True))


def _pairs(scratch: Scratch, crowd: Crowd, name: str) -> Tally:
    pairs = Pairing(scratch.limit(len(SEEN) + 1))
    for _, piece in scratch.pieces("who", name):
        pairs.add(crowd.owner[piece["who"]], piece[name])
    return pairs.close()


def _counted(pairs: Tally, crowd: Crowd) -> Held:
    return hold(pairs.one, pairs.other, pairs.times.astype(np.float64), crowd.owners)


def carriers(scratch: Scratch, crowd: Crowd) -> Held:
    """Build the table of owners by families: all families of an exchange count, each once."""
    pairs = Pairing(scratch.limit(len(SEEN) + 1))  # counted beside those
    for _, piece in scratch.pieces("who", "family"):
        owner = crowd.owner[piece["who"]]
        for place in range(FAMILIES):
            family = piece["family"][:, place].astype(np.uint64)
            if place == KEPT + 1:  # the opening turn's family may be there already
                family = np.where((piece["family"][:, :KEPT] == family[:, None]).any(axis=1), U64(0), family)
            if family.any():
                pairs.add(owner, family)
    return _counted(pairs.close(), crowd)


def streams(scratch: Scratch) -> Streams:
    """Count every stream: the exchanges of one account whose primary family is one."""
    pairs = Pairs(1 << 16)
    tokens = "output_tokens" in scratch
    wanted = ["who", "at", "primary", *(["output_tokens"] if tokens else [])]
    for _, piece in scratch.pieces(*wanted):
        account = piece["who"]
        amount = piece["output_tokens"].astype(np.int64) if tokens else None
        pairs.add(account, piece["primary"].astype(np.uint64), piece["at"], amount)
    counted = pairs.close()
    return Streams(
        account=counted.one, family=counted.other.astype(np.int32), exchanges=counted.times,
        output_tokens=counted.amount, first=counted.first, last=counted.last,
    )  # fmt: skip


def handovers(scratch: Scratch, crowd: Crowd) -> Handovers | None:
    """Find the answers that were generated for one owner and come back as history from another."""
    if "history" not in scratch or "answer" not in scratch:
        return None
    returns = Returns()
    for _, piece in scratch.pieces("history"):
        returns.note(piece["history"])
    if not len(returns):
        return None
    answers, carried = np.zeros(crowd.owners, np.int64), np.zeros(crowd.owners, np.int64)
    for _, piece in scratch.pieces("answer", "who", "at"):
        owner = crowd.owner[piece["who"]]
        returns.produced(piece["answer"], owner, piece["at"])
        answers += np.bincount(owner[piece["answer"][:, 0] != 0], minlength=crowd.owners)
    found: list[dict[str, npt.NDArray[Any]]] = []
    for _, piece in scratch.pieces("history", "who", "at", "first"):
        owner = crowd.owner[piece["who"]]
        giver = returns.givers(piece["history"], owner, piece["at"])
        carried += np.bincount(owner[piece["history"][:, 0] != 0], minlength=crowd.owners)
        rows = np.flatnonzero(giver >= 0)
        found.append({
            "giver": giver[rows], "taker": owner[rows], "conversation": piece["first"][rows],
            "at": piece["at"][rows], "text": piece["history"][rows, 0],
        })  # fmt: skip
    joined = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    events = Handovers(
        giver=joined["giver"], taker=joined["taker"], conversation=joined["conversation"], at=joined["at"],
        answers=answers, returns=carried,
    )  # fmt: skip
    return without_examples(events, joined["text"])


def distinct_turns(scratch: Scratch, grown: Grown) -> npt.NDArray[np.int64]:
    """Estimate the distinct last user turns of each family (HyperLogLog, 256 registers: 6.5 % error)."""
    from stillwatch.kit.distinct import Distinct

    counter = Distinct(len(grown))
    for _, piece in scratch.pieces("last", "family"):
        for place in range(FAMILIES):
            counter.add(piece["family"][:, place], piece["last"])
    return counter.counts()
