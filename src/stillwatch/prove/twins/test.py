"""The exact test of twins: does the suspect prefer what was served to what was kept secret?

Given the samples and any scores that the suspect gave them, the lot is uniform unless the suspect's training depends
on it: which of k ordinary samples was served is random and known to nobody who was not served. So the score of the
served sample is a uniform pick among its request's k scores, independently over requests. The sum of picks has an
exactly known law (`kit.choices`), for any scores whatever: log-probabilities, similarities, ranks. Requests may be
grouped by campaign *after* the fact, since grouping by accounts does not depend on the lot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from stillwatch.kit import choices
from stillwatch.kit.choices import Choices
from stillwatch.kit.evalue import ebh
from stillwatch.prove.twins.store import Twin

Floats = NDArray[np.float64]
STEPS = 500.0
"""How fine scores are made that are not ranked: steps in one standard deviation of their sum, at least."""


class TwinReport(msgspec.Struct, kw_only=True, frozen=True):
    """What the twins of one group of requests say.

    Attributes:
        name: the campaign, or `all`.
        requests: how many there were.
        used: how many had scores that differ.
        ln_e: evidence that the suspect learnt from what was served, natural logarithm.
        log10_p: exact p-value.
        effect: mean of (served - mean of all) / spread over requests: 0 without memory.
        served_best: share of requests whose served sample has the best score (ties shared); 1/k by chance.
        attributed: whether it is found at the asked rates.
    """

    name: str
    requests: int
    used: int
    ln_e: float
    log10_p: float
    effect: float
    served_best: float
    attributed: bool = False


def weigh(name: str, scores: Sequence[Sequence[float]], served: Sequence[int], *, by_rank: bool = True) -> TwinReport:
    """Weigh the requests of one group.

    Args:
        name: what to call it.
        scores: one list per request, a score for each of its samples, higher for what the suspect prefers.
        served: which sample was served.
        by_rank: replace the scores by their ranks within the request (ties shared), which no outlier can move; with
            two samples that is the sign test. Else the scores themselves are picked, and a request counts for as much
            as its samples differ: stronger where scores have a unit, as nats have.

    Raises:
        ValueError: when a score is no number or a lot points nowhere.
    """
    laws, observed, effects, best, used = [], 0, [], [], 0
    unit = 0.0 if by_rank else _unit(scores)
    for size in sorted({len(row) for row in scores}):
        rows = [(row, lot) for row, lot in zip(scores, served, strict=True) if len(row) == size]
        table = np.array([row for row, _ in rows], dtype=np.float64)
        lots = np.array([lot for _, lot in rows])
        if not np.isfinite(table).all() or size < 2 or lots.min() < 0 or lots.max() >= size:
            raise ValueError("scores must be numbers, two or more to a request, and each lot one of them")
        values = _ranked(table) if by_rank else _in_steps(table, unit)
        picked = values[np.arange(len(lots)), lots]
        moved = values.any(axis=1)
        laws.append(Choices.uniform(values[moved]))
        observed += int(picked.sum())
        used += int(moved.sum())
        spread = np.sqrt((values**2).mean(axis=1))
        effects += list(picked[moved] / spread[moved])
        top = table == table.max(axis=1, keepdims=True)
        best += list(top[np.arange(len(lots)), lots] / top.sum(axis=1))
    ln_e, log10_p = _evidence(laws, observed)
    return TwinReport(
        name=name, requests=len(scores), used=used, ln_e=ln_e, log10_p=log10_p,
        effect=float(np.mean(effects)) if effects else 0.0, served_best=float(np.mean(best)) if best else 0.0,
    )  # fmt: skip


def _evidence(laws: Sequence[Choices], observed: int) -> tuple[float, float]:
    law = _padded(laws)
    if law is None or law.sd == 0.0:
        return 0.0, 0.0
    return choices.ln_e(law, observed), choices.ln_tail(law, observed) / math.log(10)


def _padded(laws: Sequence[Choices]) -> Choices | None:
    """Join laws over different numbers of samples: k values uniform are lcm(k) values uniform, each repeated."""
    laws = [law for law in laws if len(law.values)]
    if not laws:
        return None
    width = math.lcm(*(law.values.shape[1] for law in laws))
    values = np.concatenate([np.repeat(law.values, width // law.values.shape[1], axis=1) for law in laws])
    return Choices.uniform(values)


def _ranked(table: Floats) -> NDArray[np.int64]:
    """Give twice the rank within each row, centred: integers, ties shared, zero everywhere in a row of equals."""
    above = (table[:, :, None] > table[:, None, :]).sum(axis=2)
    below = (table[:, :, None] < table[:, None, :]).sum(axis=2)
    ranks: NDArray[np.int64] = (above - below).astype(np.int64)
    return ranks


def _unit(scores: Sequence[Sequence[float]]) -> float:
    """Give steps per unit of score: a dozen for an ordinary request, `STEPS` or more in the sum's deviation."""
    spread = math.sqrt(sum(float(np.var(row)) for row in scores))
    return max(STEPS, 16.0 * math.sqrt(len(scores))) / spread if spread > 0 else 0.0


def _in_steps(table: Floats, unit: float) -> NDArray[np.int64]:
    steps: NDArray[np.int64] = np.rint((table - table.mean(axis=1, keepdims=True)) * unit).astype(np.int64)
    return steps


def weigh_campaigns(
    twins: Sequence[Twin],
    scores: Mapping[str, Sequence[float]],
    campaigns: Mapping[str, str],
    *,
    alpha: float = 1e-3,
    fdr: float = 0.05,
    by_rank: bool = True,
) -> list[TwinReport]:
    """Weigh all requests together, then each campaign, with e-BH over campaigns.

    Args:
        twins: the store's records.
        scores: by request id.
        campaigns: campaign of each account, by the store's hash of the account.
        alpha: chance of a false finding over all requests.
        fdr: expected share of wrongly named campaigns.
        by_rank: see `weigh`.
    """
    known = [twin for twin in twins if twin.id in scores]
    whole = _weigh_group("all", known, scores, by_rank=by_rank)
    groups: dict[str, list[Twin]] = {}
    for twin in known:
        if twin.account in campaigns:
            groups.setdefault(campaigns[twin.account], []).append(twin)
    found = [_weigh_group(name, members, scores, by_rank=by_rank) for name, members in sorted(groups.items())]
    hits = ebh([report.ln_e for report in found], fdr, log=True)
    found = [msgspec.structs.replace(r, attributed=bool(hit)) for r, hit in zip(found, hits, strict=True)]
    return [msgspec.structs.replace(whole, attributed=whole.ln_e >= -math.log(alpha)), *found]


def _weigh_group(
    name: str, twins: Sequence[Twin], scores: Mapping[str, Sequence[float]], *, by_rank: bool
) -> TwinReport:
    return weigh(name, [scores[t.id] for t in twins], [t.served for t in twins], by_rank=by_rank)
