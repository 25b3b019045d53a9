"""Closer: what the late views look at, for the owners in proposals that passed and a sample of the others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.memory import give_back
from stillwatch.engine.scratch import Scratch
from stillwatch.engine.spill import Pairing
from stillwatch.kit.hashes import pair
from stillwatch.kit.held import Held, hold
from stillwatch.kit.lots import once, put
from stillwatch.kit.pairs import Pairs
from stillwatch.kit.several import Several
from stillwatch.link.rhythm import LEAST_HOURS
from stillwatch.model.crowd import Crowd
from stillwatch.model.traces import Closely

SAMPLE: Final = 3000
"""Other owners in the yardstick."""
MODELS: Final = 16
"""Models looked at: those used most."""
HOUR_MS: Final = 3_600_000
FRAME_OWNERS: Final = 3
"""Owners in proposals that must use a frame for its items to be looked at."""

U64 = np.uint64


def look(
    scratch: Scratch, crowd: Crowd, linked: npt.NDArray[np.bool_], harness: npt.NDArray[np.bool_], threads: int = 1
) -> Closely:  # fmt: skip
    """Read what the late views need, in a few passes over the scratch.

    Args:
        linked: owners in proposals that passed.
        harness: families that are harness; their items are not looked at.
    """
    sent = np.bincount(crowd.owner, weights=crowd.exchanges, minlength=crowd.owners)
    fit = np.flatnonzero(~linked & (sent >= LEAST_HOURS))
    sample = np.sort(np.random.default_rng(0).choice(fit, min(SAMPLE, len(fit)), replace=False)).astype(np.int32)
    wanted = linked.copy()
    wanted[sample] = True
    give_back()  # what it took to examine the proposals
    with ThreadPoolExecutor(scratch.abreast(threads)) as pool:
        hours, models = pool.submit(_hours, scratch, crowd, wanted), pool.submit(_models, scratch, crowd, wanted)
        items = pool.submit(_items, scratch, crowd, linked, harness)
        item_owner, item, item_family = items.result()
        released, first, adopted = models.result()
        active = hours.result()
    give_back()
    return Closely(
        owners=np.flatnonzero(wanted).astype(np.int32), sample=sample, hours=active, models=released, released=first,
        adopted=adopted, item_owner=item_owner, item=item, item_family=item_family,
    )  # fmt: skip


def _hours(scratch: Scratch, crowd: Crowd, wanted: npt.NDArray[np.bool_]) -> Held:
    """Build the table of owners by the hours in which they were active."""
    hours = Pairing(scratch.limit(1))
    for _, piece in scratch.pieces("who", "at"):
        owner = crowd.owner[piece["who"]]
        here = np.flatnonzero(wanted[owner])
        hours.add(owner[here], (piece["at"][here] // HOUR_MS + 1).astype(U64))
    active = hours.close()
    return hold(active.one, active.other, np.ones(len(active.one)), crowd.owners, most=1 << 14)


def _models(
    scratch: Scratch, crowd: Crowd, wanted: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Tell the first models of the log, when each appeared, and when each owner first used it."""
    models, every = Pairs(), Pairs(1 << 8)
    if "model" in scratch:
        for _, piece in scratch.pieces("who", "at", "model"):
            owner = crowd.owner[piece["who"]]
            here = np.flatnonzero(wanted[owner])
            models.add(owner[here], piece["model"][here], piece["at"][here])
            every.add(np.zeros(len(owner), np.int32), piece["model"], piece["at"])
    used, appeared = models.close(), every.close()
    released = np.argsort(appeared.first, kind="stable")[:MODELS]
    adopted = np.zeros((crowd.owners, len(released)), np.int64)
    for number, place in enumerate(released):
        theirs = used.other == appeared.other[place]
        adopted[used.one[theirs], number] = used.first[theirs]
    return appeared.other[released], appeared.first[released], adopted


def _carried(
    scratch: Scratch, crowd: Crowd, linked: npt.NDArray[np.bool_], harness: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Tell which frames enough owners in proposals use; those of an owner count once in each piece of the traffic."""
    carried = np.zeros(len(harness), np.int64)
    for _, piece in scratch.pieces("who", "primary"):
        owner = crowd.owner[piece["who"]]
        mine = np.flatnonzero(linked[owner])
        used = Several(len(harness))
        used.note(piece["primary"][mine], owner[mine].astype(U64) + U64(1))
        carried += used.counts()
    frames: npt.NDArray[np.bool_] = (carried >= FRAME_OWNERS) & ~harness
    frames[0] = False
    return frames


Items = tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64], npt.NDArray[np.int32]]


def _items(scratch: Scratch, crowd: Crowd, linked: npt.NDArray[np.bool_], harness: npt.NDArray[np.bool_]) -> Items:
    """List the distinct (owner, frame, item), in order: an item is a last user turn within its frame.

    They are counted first and then put where they belong, so that no row stands in memory twice.
    """
    frames = _carried(scratch, crowd, linked, harness)
    if "last" not in scratch or not frames.any():
        return np.zeros(0, np.int32), np.zeros(0, U64), np.zeros(0, np.int32)
    rows = np.zeros(crowd.owners + 1, np.int64)
    for owner, _, _ in _asked(scratch, crowd, frames):
        rows[1:] += np.bincount(owner, minlength=crowd.owners)
    starts = np.cumsum(rows)
    item, family, ends = np.empty(starts[-1], U64), np.empty(starts[-1], np.int32), starts[:-1].copy()
    for owner, asked, frame in _asked(scratch, crowd, frames):
        put(owner, asked, frame, item, family, ends)
    many = once(item, family, starts)
    return np.repeat(np.arange(crowd.owners, dtype=np.int32), many), item[: many.sum()], family[: many.sum()]


def _asked(scratch: Scratch, crowd: Crowd, frames: npt.NDArray[np.bool_]) -> Iterator[Items]:
    """Read who asked which item of some frames."""
    for _, piece in scratch.pieces("who", "primary", "last"):
        here = np.flatnonzero(frames[piece["primary"]] & (piece["last"] != 0))
        item, frame = np.zeros(len(here), U64), piece["primary"][here]
        pair(frame.astype(U64), piece["last"][here], item)
        yield crowd.owner[piece["who"][here]], item, frame
