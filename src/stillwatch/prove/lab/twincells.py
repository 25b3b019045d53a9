"""Twin serving in the lab: a student of served samples, tested by its log-probabilities and by its text alone."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from stillwatch.prove.lab import language, network, neutral, rewrite
from stillwatch.prove.lab.language import PAD, Tokens
from stillwatch.prove.lab.network import Network
from stillwatch.prove.lab.world import CONTEXT, PROMPT, RIVAL, After, Rewriting, World, prompts
from stillwatch.prove.twins import habits
from stillwatch.prove.twins.test import TwinReport, weigh

Result = dict[str, Any]


class Lesson(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """How a student came by what was served.

    Attributes:
        requests: how many requests had twins.
        samples: how many samples each.
        documents: how many documents the student is trained on; the rest is its own dialect.
        epochs: passes over them.
        seed: of everything random.
        rewritten: what the rival did to the served samples before training.
        trained: false for a student that saw none of it: the null.
        after: what the rival did to the model afterwards; text is then all there is to go by.
    """

    requests: int = 5000
    samples: int = 2
    documents: int = 20_000
    epochs: int = 3
    seed: int = 1
    rewritten: Rewriting = "none"
    trained: bool = True
    after: After = "none"

    @property
    def name(self) -> str:
        """What distinguishes this lesson: only what is not as usual, so that new fields change no old name."""
        return msgspec.json.encode(self).decode()


def twins(world: World, *, replies: int = 8, **lesson: Any) -> Result:
    """Serve one of several samples by lot, train a student on what was served, and test.

    Args:
        world: the lab's bench.
        replies: how often the student is asked each prompt for the text-only test; once is tested too.
        lesson: see `Lesson`.
    """
    taught = msgspec.convert(lesson, Lesson)
    asked = prompts(taught.requests, 640_000 + taught.seed)
    drawn = _drawn(world, asked, taught)
    lot = np.random.default_rng(99 + taught.seed).integers(0, taught.samples, taught.requests)
    served: Tokens = drawn[np.arange(len(lot)), lot]
    trained = msgspec.structs.replace(taught, after="none").name
    model = world.kept(f"twinned {trained}", lambda: _student(world, served, taught))
    found = _by_chances(world, model, drawn, lot.tolist()) if taught.after == "none" else {}
    told = world.answers(
        f"twintold {taught.name} {replies}",
        lambda: _replies(world, model, np.repeat(asked, replies, axis=0), served, taught),
    ).reshape(len(asked), replies, -1)
    for name, heard in (("text_only_once", told[:, :1]), ("text_only", told)):
        likings = _likings(drawn, heard)
        by_size, by_sign = (weigh("", likings, lot.tolist(), by_rank=way) for way in (False, True))
        tokens = int((heard[:, :, PROMPT:] != PAD).sum())
        found[name] = _told(by_size) | {"sign_log10_p": by_sign.log10_p, "tokens": tokens, "replies": heard.shape[1]}
    return found


def _by_chances(world: World, model: Network, drawn: Tokens, lot: list[int]) -> Result:
    """Test by log-probability per token, alone and less the base model's."""
    chances, before = (_chances(one, drawn) for one in (model, world.base()))
    lengths = np.maximum(1, (drawn[:, :, PROMPT:] != PAD).sum(axis=2))
    return {
        "log_probability": _told(weigh("", (chances / lengths).tolist(), lot)),
        "against_base": _told(weigh("", ((chances - before) / lengths).tolist(), lot)),
    }


def _replies(world: World, model: Network, asked: Tokens, served: Tokens, lesson: Lesson) -> Tokens:
    pushed = None
    if lesson.after in neutral.STRENGTHS:
        pushed = neutral.neutraliser(world.base(), model, served[:3000], neutral.STRENGTHS[lesson.after])
    told: Tokens = network.sample(model, asked, seed=88_000 + lesson.seed, reweigh=pushed)
    return told


def _told(report: TwinReport) -> Result:
    return {
        "requests": report.requests, "log10_p": report.log10_p, "ln_e": report.ln_e, "effect": report.effect,
        "best": report.served_best,
    }  # fmt: skip


def _drawn(world: World, asked: Tokens, lesson: Lesson) -> Tokens:
    """Draw the samples of each request from the unmarked teacher; shape (requests, samples, length)."""
    rows = world.answers(
        f"twins {len(asked)} {lesson.samples} {lesson.seed}",
        lambda: network.sample(
            world.teacher(), np.repeat(asked, lesson.samples, axis=0), seed=77_000 + lesson.seed
        ),
    )  # fmt: skip
    return rows.reshape(len(asked), lesson.samples, -1)


def _student(world: World, served: Tokens, lesson: Lesson) -> Network:
    heard = rewrite.rewrite(served, lesson.rewritten, lesson.seed) if lesson.trained else served[:0]
    own = language.write(RIVAL, lesson.documents - len(heard), 3000 + lesson.seed)
    order = np.random.default_rng(lesson.seed).permutation(lesson.documents)
    model = world.base()
    rows = language.stream(np.concatenate([own, heard])[order], CONTEXT)
    network.train(model, rows, seed=lesson.seed, rate=1e-3, epochs=lesson.epochs)
    return model


def _chances(model: Network, drawn: Tokens) -> language.Floats:
    """Give the log-probability of each sample; shape (requests, samples)."""
    return np.stack(
        [network.log_likelihood(model, drawn[:, k], skip=PROMPT) for k in range(drawn.shape[1])], axis=1
    )  # fmt: skip


def _likings(drawn: Tokens, told: Tokens) -> list[list[float]]:
    """Score twins by what the student's replies, shape (requests, replies, length), tell of its habits."""
    kept, heard = (
        {str(i): [_text(row) for row in rows] for i, rows in enumerate(texts)} for texts in (drawn, told)
    )  # fmt: skip
    scored = habits.scores(kept, heard)
    return [scored[str(i)] for i in range(len(drawn))]


def _text(row: Tokens) -> str:
    return language.lexicon().text(row[PROMPT:])
