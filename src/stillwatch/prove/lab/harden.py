"""Output hardening in the lab: what a student loses by it, and what the teacher's own users pay.

The rival's novice can tell stories and hardly add. It asks the teacher for sums (capability, taught by running totals:
the reasoning) and stories (style), and is trained on what is delivered. Each rung of the ladder closes something:

- `undefended`: reasoning is shown and log-probabilities come with each token, of which the student learns.
- `closed`: no log-probabilities. The text alone.
- `traced`: closed, and answers are marked under the group's key.
- `withheld`: closed, and the answer comes without the running totals.
- `hardened`: all three.

An *adaptive* student meets each: it guesses the reasoning anew and keeps guesses that end in the teacher's answer
(against `withheld`), and paraphrases before it trains (against `traced`). What the ladder costs is measured on the
answers as they are delivered: sums solved, surprise under the unmarked teacher, and the share of tokens withheld.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from stillwatch.prove.engines.torch_mark import Marker
from stillwatch.prove.lab import audit, language, network, rewrite, sums
from stillwatch.prove.lab.language import COLON, PAD, Tokens
from stillwatch.prove.lab.network import Network
from stillwatch.prove.lab.world import CONTEXT, PROMPT, RIVAL, Recipe, World, prompts

Result = dict[str, Any]
TOP = 20
"""Log-probabilities that an API delivers with each token, at most."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """What is delivered, and what the student does about it."""

    log_probabilities: bool = False
    reasoning: bool = True
    traced: bool = False
    adaptive: bool = False


RUNGS = {
    "undefended": Rung(log_probabilities=True),
    "closed": Rung(),
    "traced": Rung(traced=True),
    "traced, adaptive": Rung(traced=True, adaptive=True),
    "withheld": Rung(reasoning=False),
    "withheld, adaptive": Rung(reasoning=False, adaptive=True),
    "hardened": Rung(reasoning=False, traced=True),
    "hardened, adaptive": Rung(reasoning=False, traced=True, adaptive=True),
}


def harden(world: World, *, rung: str, seed: int, tasks: int = 3000, stories: int = 1000, epochs: int = 4) -> Result:
    """Distil through one rung of the ladder; measure student and teacher.

    Args:
        world: the lab's bench.
        rung: one of `RUNGS`, or `nothing`: no distillation at all.
        seed: of everything random.
        tasks: requests for sums.
        stories: requests for stories.
        epochs: passes of the student over what it got.
    """
    novice, recipe = _novice(world), Recipe(share=1.0, documents=stories, seed=seed)
    if rung == "nothing":
        return _student(world, novice, None, seed)
    how = RUNGS[rung]
    asked = sums.questions(tasks, 650_000 + seed)
    marker = Marker(recipe.key, recipe.mark, len(language.lexicon()), skip=PROMPT) if how.traced else None
    solved = sums.solve(world.teacher(), asked, seed, reweigh=marker)
    told = network.sample(world.teacher(), prompts(stories, 31 * seed), seed=seed, reweigh=marker)
    cost = {
        "teacher_sums": sums.right(solved, asked),
        "teacher_nats": _surprise(world.teacher(), told),
        "withheld": 0.0 if how.reasoning else float(sums.reasoning(solved).sum() / _answered(solved)),
    }
    model = novice
    if how.adaptive and how.traced:
        told = rewrite.rewrite(told, "strong", seed)
    if not how.reasoning:
        solved = _guessed(novice, asked, solved, seed) if how.adaptive else sums.strip(solved)
    rows = _mixed(told, solved, seed)
    _train(model, rows, world.teacher() if how.log_probabilities else None, seed=seed, epochs=epochs)
    return cost | _student(world, model, recipe if how.traced else None, seed)


def _student(world: World, model: Network, recipe: Recipe | None, seed: int) -> Result:
    """Measure what a student can do, how well it imitates, and what an audit says of it."""
    asked = sums.questions(1000, 990_000 + seed)
    unseen = world.answers(
        f"unmarked stories {seed}",
        lambda: network.sample(world.teacher(), prompts(1000, 515_151 + seed), seed=515_151 + seed),
    )
    found = {
        "student_sums": sums.right(sums.solve(model, asked, seed), asked),
        "student_nats": _surprise(model, unseen),
    }
    if recipe is not None:
        rows = network.sample(model, prompts(40, recipe.seed, samples=50), seed=9000 + seed)
        total = int((rows[:, PROMPT:] != PAD).sum())
        seen = list(audit.tallies(rows, [world.teacher(), _novice(world)], [total]))[-1][1]
        weighed = audit.evidence(seen, recipe.key, recipe.mark)
        found |= {"ln_e": weighed.ln_e, "log10_p": weighed.ln_p / math.log(10)}
    return found


def _novice(world: World) -> Network:
    """Give the rival's base model for this question: stories in its own dialect, and one sum in twenty."""

    def make() -> Network:
        rows = language.stream(language.write(RIVAL, 12_000, 21, sums=0.05), CONTEXT)
        model = Network(network.Shape(len(language.lexicon()), width=128, depth=1), 21)
        network.train(model, rows, seed=21)
        return model

    return world.kept("novice", make)


def _guessed(novice: Network, asked: Tokens, solved: Tokens, seed: int, *, tries: int = 6) -> Tokens:
    """Guess the reasoning anew, and keep only guesses that end in the teacher's answer."""
    kept, found = np.zeros_like(solved), np.zeros(len(solved), dtype=np.bool_)
    for n in range(tries):
        guess = sums.solve(novice, asked, 100 * seed + n, temperature=1.0)
        hit = (sums.result(guess) == sums.result(solved)) & sums.reasoning(guess).any(axis=1) & ~found
        kept[hit] = guess[hit]
        found |= hit
    return kept[found]


def _answered(rows: Tokens) -> int:
    """Count the tokens after the colons."""
    return int(((rows == COLON).cumsum(axis=1) > 0).sum() - (rows == COLON).sum() - (rows == PAD).sum())


def _mixed(stories: Tokens, solved: Tokens, seed: int) -> Tokens:
    wide = np.zeros((len(solved), stories.shape[1]), dtype=np.int32)
    wide[:, : solved.shape[1]] = solved
    rows = np.concatenate([stories, wide])
    return language.stream(rows[np.random.default_rng(seed).permutation(len(rows))], CONTEXT)


def _surprise(model: Network, rows: Tokens) -> float:
    """Give the nats per token of answers to requests for stories."""
    return float(-network.log_likelihood(model, rows, skip=PROMPT).sum() / (rows[:, PROMPT:] != PAD).sum())


def _train(model: Network, rows: Tokens, teacher: Network | None, *, seed: int, epochs: int) -> None:
    """Train on text, or on the log-probabilities that came with it."""
    if teacher is None:
        network.train(model, rows, seed=seed, rate=1e-3, epochs=epochs)
        return

    def loss(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            known = torch.softmax(teacher(ids[:, :-1])[0], dim=-1).topk(TOP, dim=-1)
            shares = known.values / known.values.sum(dim=-1, keepdim=True)
        own = functional.log_softmax(logits, dim=-1).gather(2, known.indices)
        return -(shares * own).sum(dim=-1).mean()

    network.train(model, rows, seed=seed, rate=1e-3, epochs=epochs, loss_of=loss)
