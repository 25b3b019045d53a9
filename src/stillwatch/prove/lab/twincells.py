"""Twin serving in the lab: a student of served samples, tested by its log-probabilities and by its text alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.prove.lab import language, network
from stillwatch.prove.lab.language import Tokens
from stillwatch.prove.lab.network import Network
from stillwatch.prove.lab.world import CONTEXT, PROMPT, RIVAL, World, prompts
from stillwatch.prove.twins import alike
from stillwatch.prove.twins.test import weigh

Result = dict[str, Any]


def twins(
    world: World, *, requests: int = 5000, samples: int = 2, documents: int = 20_000, epochs: int = 3, seed: int = 1,
    replies: int = 8, trained: bool = True,
) -> Result:  # fmt: skip
    """Serve one of several samples by lot, train a student on what was served, and test.

    Args:
        world: the lab's bench.
        requests: how many requests had twins.
        samples: how many samples each.
        documents: how many documents the student is trained on; the rest is its own dialect.
        epochs: passes over them.
        seed: of everything random.
        replies: how often the student is asked each prompt for the text-only test.
        trained: false for a student that saw none of it: the null.
    """
    asked = prompts(requests, 640_000 + seed)
    drawn = _drawn(world, asked, samples, seed)
    lot = np.random.default_rng(99 + seed).integers(0, samples, requests)
    served = drawn[np.arange(requests), lot]
    model = _student(world, served if trained else served[:0], documents, epochs, seed)
    chances = np.stack([network.log_likelihood(model, drawn[:, k], skip=PROMPT) for k in range(samples)], axis=1)
    before = np.stack([network.log_likelihood(world.base(), drawn[:, k], skip=PROMPT) for k in range(samples)], axis=1)
    lengths = np.maximum(1, (drawn[:, :, PROMPT:] != language.PAD).sum(axis=2))
    found = {
        "log_probability": weigh("log_probability", (chances / lengths).tolist(), lot.tolist()),
        "against_base": weigh("against_base", ((chances - before) / lengths).tolist(), lot.tolist()),
    }
    if replies:
        likeness = _likeness(model, asked, drawn, replies, seed)
        found["text_only"] = weigh("text_only", likeness, lot.tolist())
    return {
        name: {"requests": r.requests, "log10_p": r.log10_p, "ln_e": r.ln_e, "effect": r.effect, "best": r.served_best}
        for name, r in found.items()
    }


def _drawn(world: World, asked: Tokens, samples: int, seed: int) -> Tokens:
    """Draw the samples of each request from the unmarked teacher; shape (requests, samples, length)."""
    rows = world.answers(
        f"twins {len(asked)} {samples} {seed}",
        lambda: network.sample(world.teacher(), np.repeat(asked, samples, axis=0), seed=77_000 + seed),
    )
    return rows.reshape(len(asked), samples, -1)


def _student(world: World, served: Tokens, documents: int, epochs: int, seed: int) -> Network:
    own = language.write(RIVAL, documents - len(served), 3000 + seed)
    order = np.random.default_rng(seed).permutation(documents)
    model = world.base()
    rows = language.stream(np.concatenate([own, served])[order], CONTEXT)
    network.train(model, rows, seed=seed, rate=1e-3, epochs=epochs)
    return model


def _likeness(model: Network, asked: Tokens, drawn: Tokens, replies: int, seed: int) -> list[list[float]]:
    """Score twins by how much the student's replies share with them; a score of 0 each where it said nothing."""
    book = language.lexicon()
    told = network.sample(model, np.repeat(asked, replies, axis=0), seed=88_000 + seed)
    heard = {
        str(i): [book.text(row[PROMPT:]) for row in told[i * replies : (i + 1) * replies]] for i in range(len(asked))
    }
    kept = {str(i): [book.text(row[PROMPT:]) for row in twin] for i, twin in enumerate(drawn)}
    scored = alike.scores(kept, heard)
    return [scored.get(str(i), [0.0] * drawn.shape[1]) for i in range(len(asked))]
