"""The lab's questions: each cell is one recipe and one measurement, kept as one JSON file.

A cell is named by its kind and its parameters. Its result is numbers only. Small and full runs share cells, so that a
full run goes on from a small one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from stillwatch.kit.evalue import ebh
from stillwatch.prove.engines.torch_mark import Marker
from stillwatch.prove.lab import audit, harden, network, neutral, sums, twincells
from stillwatch.prove.lab.language import PAD, Tokens
from stillwatch.prove.lab.network import Network, Reweigh
from stillwatch.prove.lab.world import PROMPT, Recipe, World, prompts
from stillwatch.prove.lineage.evidence import Plan, decoys, weigh_key, weigh_keys
from stillwatch.prove.lineage.tally import Tally

Result = dict[str, Any]
LOG10 = math.log(10)


@dataclass(frozen=True)
class Cell:
    """One question.

    Attributes:
        kind: which function answers it.
        settings: its parameters, JSON values only.
    """

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file name of the result."""
        told = "-".join(f"{key}={value}" for key, value in sorted(self.settings.items()))
        return f"{self.kind}-{told}".replace("/", "_").replace(" ", "")

    @property
    def student(self) -> tuple[str, ...]:
        """Name the student that it asks: cells of one student are best answered one after another."""
        if self.kind not in ("curve", "keys", "exact", "open"):
            return (self.name,)
        return tuple(f"{key} {value}" for key, value in sorted(self.settings.items()) if key not in ("text", "answers"))

    def run(self, world: World) -> Result:
        """Answer it."""
        return KINDS[self.kind](world, **self.settings)


def asked(world: World, recipe: Recipe, *, answers: int, reweigh: Reweigh | None = None) -> Tokens:
    """Ask a student for stories with key-free prompts, fifty answers to each."""
    return world.answers(
        f"asked {answers} {recipe.name}",
        lambda: network.sample(
            world.student(recipe), prompts(answers // 50, recipe.seed, samples=50), seed=9000 + recipe.seed,
            reweigh=reweigh,
        ),
    )  # fmt: skip


def _shuffled(rows: Tokens, seed: int) -> Tokens:
    return rows[np.random.default_rng(seed).permutation(len(rows))]


def curve(world: World, *, answers: int = 15_000, **recipe: Any) -> Result:
    """Audit a student at growing amounts of text: our test and the published one, on the same text."""
    made = msgspec.convert(recipe, Recipe)
    rows = _shuffled(asked(world, made, answers=answers, reweigh=_neutraliser(world, made)), made.seed)
    total = int((rows[:, PROMPT:] != PAD).sum())
    windows = _common_windows(world.taught(made))
    grouped = audit.Grouped.of(rows, made.key, made.mark)
    looks: list[Result] = []
    for seen, found in audit.tallies(rows, [world.teacher(), world.base()], audit.grid(total)):
        weighed = audit.evidence(found, made.key, made.mark)
        looks.append(
            {
                "tokens": seen,
                "pairs": found.distinct,
                "share_read": found.shares[0],
                "ln_e": weighed.ln_e,
                "log10_p": weighed.ln_p / LOG10,
                "log10_p_both": weighed.ln_p_both / LOG10,
                "sigmas": weighed.sigmas,
                "lift": weighed.lift,
                "lift_error": weighed.lift_error,
                "grouped_log10_p": grouped.upto(seen),
                "distinct_log10_p": audit.distinct_pairs_log10_p(found, made.key, made.mark),
                "filtered_log10_p": audit.distinct_pairs_log10_p(found, made.key, made.mark, only=windows),
            }
        )
    tokens = [look["tokens"] for look in looks]
    return {
        "looks": looks,
        "share_read": looks[-1]["share_read"],
        "taught_tokens": int((world.taught(made)[:, PROMPT:] != PAD).sum()),
        "best": {
            way: {
                "crosses": audit.first_cross(tokens, [look[way] for look in looks]),
                "stays": audit.first_stay(tokens, [look[way] for look in looks]),
                "lowest": min(look[way] for look in looks),
            }
            for way in ("log10_p", "distinct_log10_p", "filtered_log10_p")
        },
    }


def _common_windows(taught: Tokens, least: int = 100) -> frozenset[int]:
    """Give the windows that are frequent in the marked text, the published test's filter."""
    counts = np.bincount(taught[:, PROMPT - 1 : -1].ravel()) if len(taught) else np.zeros(1)
    counts[PAD] = 0
    return frozenset(int(w) for w in np.flatnonzero(counts >= least))


def _neutraliser(world: World, recipe: Recipe) -> Reweigh | None:
    if recipe.after not in neutral.STRENGTHS:
        return None
    rows = world.taught(recipe)[:3000]
    return neutral.neutraliser(world.base(), world.student(recipe), rows, neutral.STRENGTHS[recipe.after])


def _full_tally(world: World, recipe: Recipe, answers: int) -> Tally:
    rows = asked(world, recipe, answers=answers)
    total = int((rows[:, PROMPT:] != PAD).sum())
    return _last(rows, world, total)


def _last(rows: Tokens, world: World, total: int) -> Tally:
    found: Tally = list(audit.tallies(rows, [world.teacher(), world.base()], [total]))[-1][1]
    return found


def keys(world: World, *, count: int = 1000, sets: int = 20, answers: int = 15_000, **recipe: Any) -> Result:
    """Look for the campaign among many keys: who is found, who is accused wrongly."""
    made = msgspec.convert(recipe, Recipe)
    plan = Plan.of(_full_tally(world, made, answers), made.mark)
    truth = plan.sums([made.key])
    wrong, found, false_share, top, absent = 0, 0, [], -math.inf, 0
    for one in range(sets):
        others = plan.sums(decoys(count - 1, 1_000_000 + 1000 * made.seed + one))
        ln_e, _ = weigh_keys(plan, np.concatenate([truth, others]))
        rejected = ebh(ln_e, 0.05, log=True)
        wrong += int(rejected[1:].sum())
        found += int(rejected[0])
        absent += int(ebh(ln_e[1:], 0.05, log=True).any())
        false_share.append(float(rejected[1:].sum() / max(1, rejected.sum())))
        top = max(top, float(ln_e[1:].max()))
    return {
        "sets": sets, "keys": count, "found": found, "wrongly_accused": wrong, "fdr": float(np.mean(false_share)),
        "sets_without_its_key_that_accuse": absent,
        "ln_e_true": float(weigh_keys(plan, truth)[0][0]), "ln_e_of_best_decoy": top,
        "ln_e_needed": math.log(count / 0.05),
    }  # fmt: skip


def exact(world: World, *, text: str, decoy_keys: int = 10_000, answers: int = 15_000, **recipe: Any) -> Result:
    """Score decoy keys on a text: are the p-values uniform, and is the mean e-value at most one?"""
    made = msgspec.convert(recipe, Recipe)
    rows = asked(world, made, answers=answers)
    if text == "repeated":
        rows = np.repeat(rows[:100], 150, axis=0)
    total = int((rows[:, PROMPT:] != PAD).sum())
    found = _last(rows, world, total)
    plan = Plan.of(found, made.mark)
    ln_e, p = weigh_keys(plan, plan.sums(decoys(decoy_keys, 5 + made.seed)))
    return {
        "keys": decoy_keys, "tokens": total, "pairs": found.distinct, "ks": ks_uniform(p),
        "below_1_percent": float((p < 0.01).mean()), "below_5_percent": float((p < 0.05).mean()),
        "mean_e": float(np.exp(np.minimum(ln_e, 50)).mean()), "largest_ln_e": float(ln_e.max()),
    }  # fmt: skip


def ks_uniform(p: np.ndarray[Any, np.dtype[np.float64]]) -> Result:
    """Compare p-values with the uniform law (Kolmogorov-Smirnov): distance, and its asymptotic p-value."""
    ordered = np.sort(p)
    n = len(ordered)
    above = np.arange(1, n + 1) / n - ordered
    distance = float(max(above.max(), (ordered - np.arange(n) / n).max()))
    x = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    terms = [2 * (-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101)]
    return {"distance": distance, "p": min(1.0, max(0.0, sum(terms)))} if x > 0.2 else {"distance": distance, "p": 1.0}


def open_weights(world: World, *, contexts: int = 4000, **recipe: Any) -> Result:
    """Audit a student whose weights are open, at contexts from our unmarked text."""
    made = msgspec.convert(recipe, Recipe)
    unmarked = world.answers(
        f"unmarked {contexts}",
        lambda: network.sample(world.teacher(), prompts(contexts, 424_242), seed=424_242),
    )
    found = audit.open_tally(unmarked, world.student(made), [world.teacher(), world.base()])
    plan = Plan.of(found, made.mark)
    weighed = weigh_key(plan, [int(s) for s in plan.sums([made.key])])
    return {
        "contexts": int((unmarked[:, PROMPT:] != PAD).sum()), "ln_e": weighed.ln_e, "sigmas": weighed.sigmas,
        "log10_p": weighed.ln_p / LOG10, "lift": weighed.lift,
    }  # fmt: skip


def quality(
    world: World, *, mode: str, green: int = 8192, delta: float = 3.0, layers: int = 1, seeds: int = 3
) -> Result:
    """Measure what marking costs the teacher's own answers: surprise, sums solved, variety, share of green."""
    found = []
    for seed in range(1, seeds + 1):
        recipe = msgspec.convert(
            {"share": 1.0, "documents": 1500, "seed": seed, "mode": mode, "green": green, "delta": delta,
             "layers": layers, "marked": mode != "none"} | ({"mode": "free"} if mode == "none" else {}),
            Recipe,
        )  # fmt: skip
        rows = world.taught(recipe)
        told = rows[:, PROMPT:] != PAD
        surprise = -network.log_likelihood(world.teacher(), rows, skip=PROMPT).sum() / told.sum()
        found.append((surprise, sums_solved(harden.tutor(world), recipe, seed), _variety(rows)))
    columns = np.array(found)
    return {
        name: {"mean": float(column.mean()), "sd": float(column.std(ddof=1))}
        for name, column in zip(("nats_per_token", "sums_solved", "variety"), columns.T, strict=True)
    }


def sums_solved(model: Network, recipe: Recipe, seed: int) -> float:
    """Give the share of a thousand sums that a model solves with a recipe's mark on its answers."""
    asked = sums.write(1000, 880_000 + seed)
    marker = Marker(recipe.key, recipe.mark, model.shape.vocabulary) if recipe.marked else None
    return sums.right(sums.solve(model, asked, seed, reweigh=marker), asked)


def _variety(rows: Tokens) -> float:
    """Give the entropy of pairs after a word, nats: what is lost when the same window leans the same way each time."""
    told = rows[:, PROMPT:] != PAD
    windows, tokens = rows[:, PROMPT - 1 : -1][told], rows[:, PROMPT:][told]
    _, pair = np.unique(windows.astype(np.int64) << 20 | tokens, return_counts=True)
    _, alone = np.unique(windows, return_counts=True)
    n = len(windows)
    return float((alone * np.log(alone)).sum() / n - (pair * np.log(pair)).sum() / n)


KINDS: dict[str, Callable[..., Result]] = {
    "curve": curve,
    "keys": keys,
    "exact": exact,
    "open": open_weights,
    "quality": quality,
    "twins": twincells.twins,
    "harden": harden.harden,
}
