"""Output hardening in the lab: what a student loses by it, and what the teacher's own users pay.

The rival's base model tells stories and cannot add. It asks the teacher for sums (capability, taught by running totals:
the reasoning) and for stories (style), and is trained on what is delivered. Each rung of the ladder closes something:

- `undefended`: reasoning is shown, and the log-probabilities of the likeliest tokens come with it.
- `closed`: no log-probabilities, the text alone.
- `traced`: closed, and answers are marked under the group's key.
- `withheld`: closed, and the answer comes without the running totals.
- `hardened`: all three.

An *adaptive* student answers each: against `withheld` it asks for every step as a question of its own and puts the
reasoning together from the results, at five times the questions; against `traced` it paraphrases before it trains.
What the ladder costs is measured on the answers as they are delivered: sums solved, surprise under the unmarked
teacher, and the share of tokens withheld.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from stillwatch.prove.engines.torch_mark import Marker
from stillwatch.prove.lab import audit, language, network, rewrite, sums
from stillwatch.prove.lab.language import PAD, Tokens
from stillwatch.prove.lab.network import Network
from stillwatch.prove.lab.world import CONTEXT, PROMPT, TEACHER, Recipe, World, prompts

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


def harden(
    world: World,
    *,
    rung: str,
    seed: int,
    tasks: int = 10_000,
    stories: int = 1500,
    epochs: int = 4,
    asked_of: int = 1000,
) -> Result:
    """Distil through one rung of the ladder; measure student and teacher.

    Args:
        world: the lab's bench.
        rung: one of `RUNGS`, or `nothing`: no distillation at all.
        seed: of everything random.
        tasks: sums that are asked.
        stories: stories that are asked.
        epochs: passes of the student over what it got.
        asked_of: how many sums and stories measure a student; twice as many stories are audited.
    """
    recipe = Recipe(share=1.0, documents=stories, seed=seed)
    if rung == "nothing":
        return _student(world, world.base(), None, seed, asked_of)
    how, teacher, model = RUNGS[rung], tutor(world), world.base()
    given = _deliver(teacher, how, recipe, sums.write(tasks, 650_000 + seed))
    _train(model, given.stories, given.sums, teacher if how.log_probabilities else None, seed=seed, epochs=epochs)
    return given.cost | _student(world, model, recipe if how.traced else None, seed, asked_of)


@dataclass(frozen=True)
class _Given:
    """What the student has to train on, and what it cost the teacher."""

    stories: Tokens
    sums: Tokens
    cost: Result


def _deliver(teacher: Network, how: Rung, recipe: Recipe, asked: Tokens) -> _Given:
    """Answer the rival as the rung says; an adaptive one makes more of it."""
    seed = recipe.seed
    marker = Marker(recipe.key, recipe.mark, len(language.lexicon()), skip=PROMPT) if how.traced else None
    solved = sums.solve(teacher, asked, seed, reweigh=marker)
    told = network.sample(teacher, prompts(recipe.documents, 31 * seed), seed=seed, reweigh=marker)
    by_steps = how.adaptive and not how.reasoning
    cost = {
        "teacher_sums": sums.right(solved, asked),
        "teacher_nats": _surprise(teacher, told),
        "withheld": 0.0 if how.reasoning else sums.share_of_reasoning(solved),
        "questions": recipe.documents + len(asked) * (sums.TERMS if by_steps else 1),
    }
    if how.adaptive and how.traced:
        told = rewrite.rewrite(told, "strong", seed)
    if by_steps:
        solved = _step_by_step(teacher, asked, seed, marker)
    elif not how.reasoning:
        solved = sums.strip(solved)
    return _Given(told, solved, cost)


def tutor(world: World) -> Network:
    """Give the teacher after a course in sums, which it then solves, step by step."""

    def make() -> Network:
        model = world.teacher()
        stories = language.write(TEACHER, 3000, 31, sums=0.0)
        _train(model, stories, sums.write(20_000, 31), None, seed=31, epochs=3, rate=3e-3)
        return model

    return world.kept("tutor", make)


def _student(world: World, model: Network, recipe: Recipe | None, seed: int, count: int) -> Result:
    """Measure what a student can do, how well it imitates, and what an audit says of it."""
    asked = sums.write(count, 990_000 + seed)
    unseen = world.answers(
        f"tutor's stories {count} {seed}",
        lambda: network.sample(tutor(world), prompts(count, 515_151 + seed), seed=515_151 + seed),
    )
    found = {
        "student_sums": sums.right(sums.solve(model, asked, seed), asked),
        "student_nats": _surprise(model, unseen),
    }
    if recipe is not None:
        rows = network.sample(model, prompts(count // 25, recipe.seed, samples=50), seed=9000 + seed)
        total = int((rows[:, PROMPT:] != PAD).sum())
        seen = list(audit.tallies(rows, [tutor(world), world.base()], [total]))[-1][1]
        weighed = audit.evidence(seen, recipe.key, recipe.mark)
        found |= {"ln_e": weighed.ln_e, "log10_p": weighed.ln_p / math.log(10)}
    return found


def _step_by_step(teacher: Network, asked: Tokens, seed: int, marker: network.Reweigh | None) -> Tokens:
    """Ask for the sum of the first digits, of one more, and so on; put the results together as reasoning."""
    made = asked.copy()
    for step in range(sums.TERMS):
        part = asked.copy()
        part[:, 2 + step + 1 : 2 + sums.TERMS] = language.FIRST_DIGIT
        made[:, sums.ASKED + step] = sums.result(sums.solve(teacher, part, seed + step, reweigh=marker))
    made[:, sums.ASKED + sums.TERMS + 1] = made[:, sums.ASKED + sums.TERMS - 1]
    kept: Tokens = np.maximum(made, PAD)
    return kept


def _surprise(model: Network, rows: Tokens) -> float:
    """Give the nats per token of answers to requests for stories."""
    return float(-network.log_likelihood(model, rows, skip=PROMPT).sum() / (rows[:, PROMPT:] != PAD).sum())


def _train(
    model: Network, stories: Tokens, solved: Tokens, teacher: Network | None, *, seed: int, epochs: int,
    rate: float = 2e-3,
) -> None:  # fmt: skip
    """Train on text, or on the log-probabilities that came with it; stories and sums by turns."""
    loss = _likeness(teacher) if teacher is not None else None
    told = language.stream(stories, CONTEXT)
    for epoch in range(epochs):
        network.train(model, solved, seed=seed + epoch, rate=rate, batch=128, loss_of=loss)
        network.train(model, told, seed=seed + epoch, rate=rate / 2, loss_of=loss)


def _likeness(teacher: Network) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Make the loss of a student that sees the teacher's likeliest tokens at each place with their probabilities."""

    def loss(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            known = torch.softmax(teacher(ids[:, :-1])[0], dim=-1).topk(TOP, dim=-1)
            shares = known.values / known.values.sum(dim=-1, keepdim=True)
        own = functional.log_softmax(logits, dim=-1).gather(2, known.indices)
        told = (ids[:, 1:] != PAD).float()
        return -((shares * own).sum(dim=-1) * told).sum() / told.sum()

    return loss
