"""Closer: what the late views look at, for the owners in proposals that passed and a sample of the others."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.engine.scratch import Scratch
from stillwatch.engine.spill import Pairing
from stillwatch.kit.codes import Seen
from stillwatch.kit.hashes import pair
from stillwatch.kit.held import hold
from stillwatch.kit.pairs import Pairs
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


def look(scratch: Scratch, crowd: Crowd, linked: npt.NDArray[np.bool_], harness: npt.NDArray[np.bool_]) -> Closely:
    """Read what the late views need, in two passes over the scratch.

    Args:
        linked: owners in proposals that passed.
        harness: families that are harness; their items are not looked at.
    """
    sent = np.bincount(crowd.owner, weights=crowd.exchanges, minlength=crowd.owners)
    fit = np.flatnonzero(~linked & (sent >= LEAST_HOURS))
    sample = np.sort(np.random.default_rng(0).choice(fit, min(SAMPLE, len(fit)), replace=False)).astype(np.int32)
    wanted = linked.copy()
    wanted[sample] = True
    hours, models = Pairing(scratch.limit(1)), Pairs()
    every = Pairs()
    carried = np.zeros(len(harness), np.int64)
    names = ["who", "at", "primary", *(["model"] if "model" in scratch else [])]
    for _, piece in scratch.pieces(*names):
        owner = crowd.owner[piece["who"]]
        here = wanted[owner]
        hours.add(owner[here], (piece["at"][here] // HOUR_MS + 1).astype(U64))
        if "model" in piece:
            models.add(owner[here], piece["model"][here], piece["at"][here])
            every.add(np.zeros(len(owner), np.int32), piece["model"], piece["at"])
        mine = linked[owner]
        used = Seen(len(harness))
        key = piece["primary"][mine].astype(U64) << U64(32) | owner[mine].astype(U64) + U64(1)
        used.note(key, piece["primary"][mine])
        carried += used.counts
    active = hours.close()
    used_models = models.close()
    appeared = every.close()
    released = np.argsort(appeared.first, kind="stable")[:MODELS]
    adopted = np.zeros((crowd.owners, len(released)), np.int64)
    for number, place in enumerate(released):
        theirs = used_models.other == appeared.other[place]
        adopted[used_models.one[theirs], number] = used_models.first[theirs]
    frames = (carried >= FRAME_OWNERS) & ~harness
    frames[0] = False
    item_owner, item, item_family = _items(scratch, crowd, frames)
    return Closely(
        owners=np.flatnonzero(wanted).astype(np.int32),
        sample=sample,
        hours=hold(active.one, active.other, np.ones(len(active.one)), crowd.owners, most=1 << 14),
        models=appeared.other[released],
        released=appeared.first[released],
        adopted=adopted,
        item_owner=item_owner,
        item=item,
        item_family=item_family,
    )


def _items(
    scratch: Scratch, crowd: Crowd, frames: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """List the distinct (owner, frame, item): an item is a last user turn within its frame."""
    found = [(np.zeros(0, np.int32), np.zeros(0, U64), np.zeros(0, np.int32))]
    if "last" in scratch and frames.any():
        for _, piece in scratch.pieces("who", "primary", "last"):
            here = frames[piece["primary"]] & (piece["last"] != 0)
            owner = crowd.owner[piece["who"][here]]
            item = np.zeros(len(owner), U64)
            pair(piece["primary"][here].astype(U64), piece["last"][here], item)
            found.append((owner, item, piece["primary"][here]))
    owner, item, family = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((item, owner))
    fresh = np.ones(len(order), bool)
    fresh[1:] = (owner[order][1:] != owner[order][:-1]) | (item[order][1:] != item[order][:-1])
    kept = order[fresh]
    return owner[kept], item[kept], family[kept]
