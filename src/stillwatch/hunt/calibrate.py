"""Calibrate: how often the error control would speak where there is nothing to find, on the operator's own traffic."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch.hunt.join import look
from stillwatch.hunt.linked import Linked, link
from stillwatch.hunt.read import Log, Progress, declare, read
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import room
from stillwatch.judge import axes, readings
from stillwatch.judge.examine import SELF_CONFIRMING, examine
from stillwatch.judge.gather import Settled, gather
from stillwatch.judge.look import LEAST
from stillwatch.judge.nulls import matched, permuted, strata, without
from stillwatch.judge.traits import Traits
from stillwatch.kit import groups as sets
from stillwatch.kit.intervals import upper_limit
from stillwatch.model.traces import Traces
from stillwatch.store import key as keys

MATCHED: Final = 2000
"""Matched groups that are drawn."""
LIKE: Final = 400
"""Proposals of the hunt that they are matched to, at the most."""
STRATUM: Final = "network"
"""The view that makes the strata: it has no voice on groups that were drawn from them."""
CANNOT_SEE: Final = (
    "honest links inside a stratum (colleagues, households, one course): both ways cut them; the readings weigh them",
    "handovers: an answer that comes back from another account is no coincidence, and is not dealt out anew",
    "intent: an entry also needs volume, and a campaign needs intent; so these are upper bounds",
    "rhythm, shards, succession and pivot: they confirm groups that have passed, and take no part in the control",
)


class ViewCalibrated(msgspec.Struct, kw_only=True, frozen=True):
    """What one view says of matched groups of strangers."""

    view: str
    above_20: float
    """Share of its e-values of 20 or more; at most 0.05 is asked."""
    above_20_at_most: float
    """Exact upper 95 % limit of that share."""


class Calibration(msgspec.Struct, kw_only=True, frozen=True):
    """A false-alarm check on one's own traffic."""

    exchanges: int
    accounts: int
    owners: int
    left_out: int
    """Owners in groups that the hunt itself holds for hidden; the check is made on the others."""
    strata: int
    fdr: float
    rounds: int
    false_rounds: int
    """Permuted logs in which any group would be an entry, if its volume were large."""
    false_at_most: float
    """Exact upper 95 % limit of the share of such logs."""
    linked: float
    """Groups in a permuted log, in the mean, that are linked beyond chance by what a stratum has in common."""
    matched: int
    matched_passed: int
    matched_at_most: float
    """Exact upper 95 % limit of the share of matched groups that reach the bits needed, the network not counted."""
    bits_needed: float
    views: list[ViewCalibrated]
    cannot_see: list[str]

    @property
    def holds(self) -> bool:
        """Tell whether nothing that was measured lies above the rate asked for (one-sided, at 95 %)."""
        if _lower(self.false_rounds, self.rounds) > self.fdr:
            return False
        return all(_lower(round(one.above_20 * self.matched), self.matched) <= 0.05 for one in self.views)


def _lower(hits: int, trials: int) -> float:
    return 1.0 - upper_limit(trials - hits, trials)


def calibrate(request: Request, rounds: int, progress: Progress, seed: int = 0) -> Calibration:
    """Measure false alarms on a log, by permutation inside strata and by matched groups of strangers.

    Raises:
        NothingToRead: when there is no exchange.
        StillwatchError: when an input is wrong.

    Cost: reading and linking as for a hunt, then proposing and weighing groups as many times as there are rounds.
    """
    key = keys.find(request.settings.store.key_file)
    declared = declare(request)
    with room(request):
        log = read(request, declared, progress)
        linked = link(request, log, key, progress)
        return measure(request.fdr, log, linked, rounds, progress, np.random.default_rng(seed))


def measure(
    fdr: float, log: Log, linked: Linked, rounds: int, progress: Progress, rng: np.random.Generator
) -> Calibration:
    """Measure a log that has been read and linked."""
    crowd, joined = linked.traces.crowd, linked.joined
    hidden = _hidden(linked.traces, joined.settled)
    left_out = np.unique(np.concatenate([np.zeros(0, np.int32), *hidden])).astype(np.int32)
    clean = without(linked.traces, left_out)
    stratum = strata(clean, _hours(log, linked))
    progress.stage("calibrate", rounds)
    false = together = 0
    for _ in range(rounds):
        dealt = permuted(clean, stratum, rng)
        looks = look(dealt, {})
        proposals = examine(looks, fdr)
        settled = gather(looks, proposals, crowd.declared)
        together += len(settled)
        false += bool(_hidden(dealt, settled))
        progress.advance(1)
    drawn = _drawn(linked, stratum, rng)
    early = {n: one for n, one in look(clean, {}).items() if n not in (*SELF_CONFIRMING, STRATUM)}
    every = sets.of(drawn)
    bits = {name: one.sight.weigh(every) if drawn else np.zeros(0) for name, one in early.items()}
    total = sum((np.minimum(bits[name], one.view.CAP) for name, one in early.items()), np.zeros(len(drawn)))
    needed = log2((len(joined.proposals.groups) + 1) / fdr)
    passing = int((total >= needed).sum())
    return Calibration(
        exchanges=log.scratch.rows, accounts=len(crowd.accounts), owners=crowd.owners, left_out=len(left_out),
        strata=int(stratum.max(initial=-1)) + 1, fdr=fdr, rounds=rounds, false_rounds=false,
        false_at_most=upper_limit(false, rounds), linked=round(together / rounds, 2), matched=len(drawn),
        matched_passed=passing, matched_at_most=upper_limit(passing, len(drawn)), bits_needed=round(needed, 1),
        views=[_view(name, one) for name, one in bits.items()], cannot_see=list(CANNOT_SEE),
    )  # fmt: skip


def _hidden(traces: Traces, settled: Sequence[Settled]) -> list[npt.NDArray[np.int32]]:
    """Find the groups that a hidden reading explains best: entries, if their volume is large."""
    traits = Traits(traces)
    found = []
    for group in settled:
        shares = traits.of(group.members, group.ties, group.weights)
        told = readings.weigh(shares, len(group.members), traits.usual)
        if axes.deception(group.total, told, shares, len(group.members)).axis.passed:
            found.append(group.members)
    return found


def _drawn(linked: Linked, stratum: npt.NDArray[np.int32], rng: np.random.Generator) -> list[npt.NDArray[np.int32]]:
    """Draw groups of strangers like the proposals; like groups of any size where there are none."""
    traces, joined = linked.traces, linked.joined
    proposals = [members for members in joined.proposals.groups if len(members) >= LEAST]
    like = proposals or [
        rng.choice(traces.crowd.owners, size).astype(np.int32) for size in (5, 10, 20) if size <= traces.crowd.owners
    ]
    if not like:
        return []
    chosen = [like[i] for i in rng.choice(len(like), min(len(like), LIKE), replace=False)]
    linked_indeed = np.zeros(traces.crowd.owners, bool)
    for group in joined.settled:
        linked_indeed[group.members] = True
    activity = np.bincount(traces.crowd.owner, weights=traces.crowd.exchanges, minlength=traces.crowd.owners)
    times = -(-MATCHED // len(chosen))
    found = matched(chosen * times, stratum, activity.astype(np.int64), linked_indeed, rng)[:MATCHED]
    return [members for members in found if len(members) >= LEAST]


def _view(name: str, bits: npt.NDArray[np.float64]) -> ViewCalibrated:
    large = int((bits >= log2(20)).sum())
    return ViewCalibrated(view=name, above_20=large / max(len(bits), 1), above_20_at_most=upper_limit(large, len(bits)))


def _hours(log: Log, linked: Linked) -> npt.NDArray[np.float64]:
    """Find the hour of the day around which each owner is active (a circular mean)."""
    crowd = linked.traces.crowd
    east, north = np.zeros(crowd.owners), np.zeros(crowd.owners)
    for _, piece in log.scratch.pieces("who", "at"):
        owner = crowd.owner[piece["who"]]
        angle = (piece["at"] % 86_400_000) * (2 * np.pi / 86_400_000)
        east += np.bincount(owner, weights=np.cos(angle), minlength=crowd.owners)
        north += np.bincount(owner, weights=np.sin(angle), minlength=crowd.owners)
    hours: npt.NDArray[np.float64] = np.arctan2(north, east) % (2 * np.pi) * (24 / (2 * np.pi))
    return hours
