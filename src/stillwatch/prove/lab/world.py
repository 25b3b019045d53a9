"""The lab's bench: the teacher, the rival's base model and the students, each made once and kept by its recipe.

The teacher learns one dialect. The rival starts from a base model of another dialect and trains it on: a share of the
text comes from the teacher (marked or not, rewritten or not), the rest is its own dialect. Whatever is made is kept
under the hash of its recipe, written aside and renamed, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import numpy as np
import torch

from stillwatch.prove.engines.torch_mark import Marker
from stillwatch.prove.lab import language, network, rewrite
from stillwatch.prove.lab.language import Tokens
from stillwatch.prove.lab.network import Network
from stillwatch.prove.mark import Mark
from stillwatch.prove.prf import Words

VERSION = 1
"""Part of every recipe: raise it when the language, the models or their training change."""
TEACHER, RIVAL = "north", "south"
PROMPT = 5
"""Tokens of a request for a story: <bos> ask how word colon."""
CONTEXT = 63
Rewriting = Literal["none", "weak", "strong", "translate", "last_sentence"]
After = Literal["none", "clean", "neutral", "over_neutral"]
T = TypeVar("T")

CAMPAIGN = Mark(mode="bias", green=8192, delta=3.0)
"""How the lab marks a campaign under an order: gamma 1/8, bias 3."""


class Recipe(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A student: how much of its text comes from the teacher, how it is marked, and what was done to it.

    Attributes:
        share: of the documents that the base model is trained on further.
        documents: how many there are.
        seed: of everything random, the campaign's key too.
        marked: whether the teacher marked them.
        rewritten: what the rival did to the teacher's text before training.
        after: what the rival did to the model afterwards.
    """

    share: float
    documents: int
    seed: int
    marked: bool = True
    mode: Literal["bias", "free"] = "bias"
    green: int = CAMPAIGN.green
    delta: float = CAMPAIGN.delta
    layers: int = 1
    rewritten: Rewriting = "none"
    after: After = "none"

    @property
    def name(self) -> str:
        """What distinguishes this recipe: only what is not as usual, so that new fields change no old name."""
        return msgspec.json.encode(self).decode()

    @property
    def mark(self) -> Mark:
        """How the teacher marks for this student."""
        return Mark(mode=self.mode, green=self.green, delta=self.delta, layers=self.layers)

    @property
    def key(self) -> Words:
        """The campaign's PRF key in the lab: any constant will do, it depends on the seed alone."""
        raw = hashlib.sha256(f"lab campaign {self.seed}".encode()).digest()
        return int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:16], "little")


@dataclass(frozen=True)
class World:
    """A directory where the lab keeps what it made, and where its models compute: a GPU if there is one."""

    place: Path
    device: str = field(default_factory=network.device)

    def teacher(self) -> Network:
        """Give the teacher, trained on first use."""
        return self.kept("teacher", lambda: self._school(TEACHER, seed=1))

    def base(self) -> Network:
        """Give the rival's base model, which never saw the teacher."""
        return self.kept("base", lambda: self._school(RIVAL, seed=2))

    def student(self, recipe: Recipe) -> Network:
        """Give the student of a recipe."""
        return self.kept(f"student {recipe.name}", lambda: self._train(recipe))

    def answers(self, name: str, make: Callable[[], Tokens]) -> Tokens:
        """Give texts kept under a name, made on first use."""
        path = self._path(f"texts {name}", ".npy")
        if not path.exists():
            rows = make()
            part = path.with_suffix(f".{os.getpid()}.part")
            with part.open("wb") as out:
                np.save(out, rows.astype(np.int16))
            part.replace(path)
        kept: Tokens = np.load(path).astype(np.int32)
        return kept

    def taught(self, recipe: Recipe) -> Tokens:
        """Give the teacher's documents for a recipe, as the rival received them."""
        count = round(recipe.share * recipe.documents)
        marker = Marker(recipe.key, recipe.mark, len(language.lexicon()), skip=PROMPT) if recipe.marked else None
        name = f"taught {count} {recipe.seed} {recipe.mark if recipe.marked else None}"
        return self.answers(
            name,
            lambda: network.sample(self.teacher(), prompts(count, 31 * recipe.seed), seed=recipe.seed, reweigh=marker),
        )

    def _train(self, recipe: Recipe) -> Network:
        taught = rewrite.rewrite(self.taught(recipe), recipe.rewritten, recipe.seed)
        own = language.write(RIVAL, recipe.documents - len(taught), 1000 + recipe.seed)
        order = np.random.default_rng(recipe.seed).permutation(recipe.documents)
        rows = language.stream(np.concatenate([own, taught])[order], CONTEXT)
        model = self.base()
        network.train(model, rows, seed=recipe.seed, rate=1e-3)
        if recipe.after == "clean":
            later = language.stream(language.write(RIVAL, recipe.documents // 2, 5000 + recipe.seed), CONTEXT)
            network.train(model, later, seed=recipe.seed + 1, rate=5e-4)
        return model

    def _school(self, dialect: str, seed: int) -> Network:
        rows = language.stream(language.write(dialect, 80_000, seed), CONTEXT)
        model = Network(network.Shape(len(language.lexicon()), width=128, depth=1), seed)
        model.to(self.device)
        network.train(model, rows, seed=seed)
        return model

    def kept(self, name: str, make: Callable[[], Network]) -> Network:
        """Give a model kept under a name, made on first use."""
        path = self._path(name, ".pt")
        if not path.exists():
            made = make()
            part = path.with_suffix(f".{os.getpid()}.part")
            network.save(made, str(part))
            part.replace(path)
        model = network.load(str(path))
        model.to(self.device)
        return model

    def _path(self, name: str, suffix: str) -> Path:
        self.place.mkdir(parents=True, exist_ok=True)
        kind = name.split(" ", 1)[0]
        digest = hashlib.sha256(f"{VERSION} {name}".encode()).hexdigest()[:16]
        return self.place / f"{kind}-{digest}{suffix}"


def prompts(count: int, seed: int, *, samples: int = 1) -> Tokens:
    """Write requests for stories in the rival's dialect, each repeated `samples` times; shape (count * samples, 5)."""
    asked = language.write(RIVAL, count, 7_000_000 + seed, sums=0.0)[:, :PROMPT]
    return np.repeat(asked, samples, axis=0)


def one_thread() -> None:
    """Keep torch on one thread: cells run side by side."""
    torch.set_num_threads(1)
