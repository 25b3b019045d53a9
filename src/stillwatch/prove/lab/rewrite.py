"""What a rival may do to text before training on it, at the strength that a rule can give it.

- `weak` paraphrase: three content words in ten become a synonym drawn at random (perhaps the same).
- `strong` paraphrase: nine in ten do, determiners are drawn anew, openers and adverbs go half of the time.
- `translate`: every content word is rendered in another dialect's favourite words, determiners anew: what comes
  back from a round trip through a translator with habits of its own.
- `last_sentence`: only the last sentence of an answer is kept, as when answers are kept without what led to them.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stillwatch.prove.lab import language
from stillwatch.prove.lab.language import COLON, COMMA, EOS, PAD, STOP, SYNONYMS, Tokens


@lru_cache(maxsize=1)
def _families() -> tuple[Tokens, NDArray[np.int64], Tokens]:
    """Give all meanings' synonyms, (meanings, 3), how many each has, and the meaning of each word (-1 for none)."""
    table = np.concatenate(list(language.lexicon().synonyms.values()))
    meaning = np.full(len(language.lexicon()), -1, dtype=np.int32)
    for row, words in enumerate(table):
        meaning[words[words >= 0]] = row
    return table, (table >= 0).sum(axis=1), meaning


def rewrite(rows: Tokens, how: str, seed: int) -> Tokens:
    """Rewrite documents; shape and padding stay as they are.

    Raises:
        ValueError: when there is no such way.
    """
    rng = np.random.default_rng(seed + 77)
    match how:
        case "none":
            return rows
        case "weak":
            return _swap(rows, rng, 0.3)
        case "strong":
            return _thin(_determiners(_swap(rows, rng, 0.9), rng), rng)
        case "translate":
            return _determiners(_render(rows, rng), rng)
        case "last_sentence":
            return _last_sentence(rows)
    raise ValueError(f"no way to rewrite is called `{how}`")


def _swap(rows: Tokens, rng: np.random.Generator, share: float) -> Tokens:
    table, sizes, meaning = _families()
    of = meaning[rows]
    drawn = table[of, (rng.random(rows.shape) * sizes[of]).astype(np.int64)]
    return np.where((of >= 0) & (rng.random(rows.shape) < share), drawn, rows).astype(np.int32)


def _render(rows: Tokens, rng: np.random.Generator) -> Tokens:
    table, _, meaning = _families()
    habits = np.concatenate(list(language.dialect("east").tables[6:10]))
    of = meaning[rows]
    draw = rng.random(rows.shape)
    choice = np.minimum((habits[of] <= draw[..., None]).sum(axis=-1), SYNONYMS - 1)
    return np.where(of >= 0, table[of, choice], rows).astype(np.int32)


def _determiners(rows: Tokens, rng: np.random.Generator) -> Tokens:
    first = language.lexicon().function
    place = rows - first
    inside = (place >= 0) & (place < 8)
    drawn = first + (place // 4) * 4 + rng.choice(4, rows.shape, p=[0.5, 0.3, 0.12, 0.08])
    return np.where(inside, drawn, rows).astype(np.int32)


def _thin(rows: Tokens, rng: np.random.Generator) -> Tokens:
    book = language.lexicon()
    adverbs = np.isin(rows, book.synonyms["adverb"])
    opener = (rows >= book.function + 16) & (rows < book.function + 24)
    drop = (adverbs | opener) & (rng.random(rows.shape) < 0.5)
    after = np.zeros_like(drop)
    after[:, 1:] = drop[:, :-1] & (rows[:, 1:] == COMMA)
    return close_up(rows, ~(drop | after))


def _last_sentence(rows: Tokens) -> Tokens:
    keep = np.zeros(rows.shape, dtype=np.bool_)
    for line, kept in zip(rows, keep, strict=True):
        ends = np.flatnonzero(line == STOP)
        colon = np.flatnonzero(line == COLON)
        start = colon[0] + 1 if len(colon) else 0
        last = (ends[-2] + 1 if len(ends) > 1 else start) if len(ends) else start
        kept[:start] = True
        kept[max(last, start) :] = True
    return close_up(rows, keep)


def close_up(rows: Tokens, keep: NDArray[np.bool_]) -> Tokens:
    """Move kept tokens together to the left."""
    keep = keep & (rows != PAD)
    order = np.argsort(~keep, axis=1, kind="stable")
    moved = np.take_along_axis(rows, order, axis=1)
    return np.where(np.arange(rows.shape[1]) < keep.sum(axis=1, keepdims=True), moved, PAD).astype(np.int32)


def ends_well(rows: Tokens) -> float:
    """Give the share of documents that come to their end within the length."""
    return float((rows == EOS).any(axis=1).mean())
