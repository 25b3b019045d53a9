"""The tally: how often the suspect wrote each (window, token) pair, and how often it should have.

`count` is what the suspect's text holds. `expected` is what it would hold without our mark, as well as we
can tell from references: the better, the less noise, and *any* expectation is valid, since it does not
depend on the key. `own` is what the text would hold had our unmarked model chosen every token: it says
where our answers would show.

Expectations come from probabilities that reference models give at the suspect's own contexts (`read`), or
from pairs counted in reference texts (`compare`). With neither, the suspect's own word frequencies must
do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import UsageError
from stillwatch.prove import prf

Floats = NDArray[np.float64]
U64 = NDArray[np.uint64]
Ints = NDArray[np.int64]

FAINT = 0.05
"""Pairs that were not written and of which fewer than this were expected are left out: they say nothing."""


RUMOUR = 5.0
"""How often our own texts must hold a pair until half of its frequency is believed."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Pairs with their counts; all arrays have shape (n,).

    Attributes:
        windows: window words, from `prf.pack_windows`.
        tokens: token ids.
        count: how often the suspect wrote the pair.
        expected: how often an unmarked source would have.
        own: how often our own model would have; equal to `expected` where that is unknown.
        window: how many tokens a window has.
        written: how many pairs were written in all.
        shares: weight of each reference in `expected`, ours first where there is one.
    """

    windows: U64
    tokens: Ints
    count: Floats
    expected: Floats
    own: Floats
    window: int
    written: int
    shares: tuple[float, ...] = ()

    @property
    def distinct(self) -> int:
        """How many different pairs the suspect wrote."""
        return int((self.count > 0).sum())


def pairs(texts: Iterable[Ints], window: int) -> tuple[U64, Ints]:
    """Cut texts, given as token ids, into (window word, next token); windows never reach over a text's edge."""
    windows, tokens = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    for ids in texts:
        if len(ids) > window:
            views = np.lib.stride_tricks.sliding_window_view(ids, window)[:-1]
            windows.append(prf.pack_windows(views))
            tokens.append(ids[window:].astype(np.int64))
    return np.concatenate(windows), np.concatenate(tokens)


@dataclass(frozen=True)
class _Names:
    """Short names for pairs: rank of the window among those known, and token, in one integer."""

    windows: U64

    def of(self, windows: U64, tokens: Ints) -> U64:
        place = np.searchsorted(self.windows, windows).astype(np.uint64)
        named: U64 = (place << np.uint64(32)) | tokens.astype(np.uint64)
        return named

    def known(self, windows: U64) -> NDArray[np.bool_]:
        place = np.clip(np.searchsorted(self.windows, windows), 0, max(0, len(self.windows) - 1))
        return self.windows[place] == windows if len(self.windows) else np.zeros(len(windows), dtype=np.bool_)

    def open(self, names: U64) -> tuple[U64, Ints]:
        return self.windows[(names >> np.uint64(32)).astype(np.int64)], (names & np.uint64(0xFFFFFFFF)).astype(np.int64)


@dataclass(frozen=True)
class _Counts:
    """Counted pairs of one source, with the totals of their windows."""

    names: U64
    counts: Floats
    totals: Floats
    kinds: Floats

    @classmethod
    def of(cls, names: _Names, windows: U64, tokens: Ints) -> _Counts:
        inside = names.known(windows)
        found, counts = np.unique(names.of(windows[inside], tokens[inside]), return_counts=True)
        place = (found >> np.uint64(32)).astype(np.int64)
        totals = np.bincount(place, counts, minlength=len(names.windows))
        kinds = np.bincount(place, minlength=len(names.windows))
        return cls(found, counts.astype(np.float64), totals.astype(np.float64), kinds.astype(np.float64))

    def look_up(self, names: U64) -> Floats:
        if not len(self.names):
            return np.zeros(len(names))
        place = np.clip(np.searchsorted(self.names, names), 0, len(self.names) - 1)
        found: Floats = np.where(self.names[place] == names, self.counts[place], 0.0)
        return found

    def plain(self, names: U64) -> Floats:
        """Chance of each pair's token after its window, lowered where few were seen: hearsay is not knowledge."""
        place = (names >> np.uint64(32)).astype(np.int64)
        found = self.look_up(names)
        chance: Floats = found / np.maximum(1.0, self.totals[place]) * found / (found + RUMOUR)
        return chance

    def smoothed(self, names: U64, base: Floats) -> Floats:
        """Chance of each pair's token after its window: Witten-Bell, backing off to `base`."""
        place = (names >> np.uint64(32)).astype(np.int64)
        kinds = np.maximum(1.0, self.kinds[place])
        chance: Floats = (self.look_up(names) + kinds * base) / (self.totals[place] + kinds)
        return chance


def compare(
    suspect: Sequence[Ints], own: Sequence[Ints] = (), others: Sequence[Sequence[Ints]] = (), *, window: int = 1
) -> Tally:
    """Tally a suspect's texts against pairs counted in reference texts.

    Args:
        suspect: the suspect's texts, as token ids.
        own: our own unmarked answers, best to the same prompts.
        others: texts of other models that did not learn from us, such as the suspect's predecessor.
        window: how many tokens a window has.

    The references are mixed with weights fitted to the suspect's text (EM), backing off to its own word
    frequencies. Cost: a few sorts of all pairs.
    """
    windows, tokens = pairs(suspect, window)
    names = _Names(np.unique(windows))
    mine = _Counts.of(names, windows, tokens)
    sources = [_Counts.of(names, *pairs(texts, window)) for texts in (own, *others) if len(texts)]
    everything = np.unique(np.concatenate([mine.names, *(s.names for s in sources)]))
    words, word_of = np.unique(tokens, return_counts=True)
    base_of = _frequencies(words, word_of, (everything & np.uint64(0xFFFFFFFF)).astype(np.int64))
    place = (everything >> np.uint64(32)).astype(np.int64)
    count = mine.look_up(everything)
    chances = np.stack([base_of, *(source.smoothed(everything, base_of) for source in sources)])
    shares = _fit(chances, count)
    expected = mine.totals[place] * (shares @ chances)
    seen = sources[0].plain(everything) if len(own) else shares @ chances
    keep = (count > 0) | (expected >= FAINT)
    return _tally(
        names.open(everything[keep]), count[keep], expected[keep], (mine.totals[place] * seen)[keep], window,
        len(tokens), shares[1:],
    )  # fmt: skip


def dense(
    count: Floats, expected: Sequence[Floats], hits: Floats, *, ours: bool, window_words: U64 | None = None
) -> Tally:
    """Tally a small world whose pairs fit in tables: windows of one token, rows, against tokens, columns.

    Args:
        count: shape (W, V), how often each pair was written.
        expected: one table per reference, what it would have written at the same contexts.
        hits: shape (references, positions), the chance that each gave to what was written; fits the mixture.
        ours: whether the first reference is our own model.
        window_words: shape (W,), the window words of the rows; 0..W-1 when left out.
    """
    shares = _fit(np.maximum(hits, 1e-9), np.ones(hits.shape[1]))
    mixed = sum((share * table for share, table in zip(shares, expected, strict=True)), np.zeros(count.shape))
    rows, tokens = np.nonzero((count > 0) | (mixed >= FAINT))
    named = np.arange(len(count), dtype=np.uint64) if window_words is None else window_words
    own = expected[0] if ours else mixed
    return _tally(
        (named[rows], tokens.astype(np.int64)), count[rows, tokens], mixed[rows, tokens], own[rows,
        tokens], 1, int(count.sum()), shares,
    )  # fmt: skip


def _frequencies(words: Ints, counts: Ints, tokens: Ints) -> Floats:
    """Share of each token in the suspect's text, with a little for tokens that it never wrote."""
    if not len(words):
        return np.zeros(len(tokens))
    place = np.clip(np.searchsorted(words, tokens), 0, len(words) - 1)
    found = np.where(words[place] == tokens, counts[place], 0) + 0.1
    shares: Floats = found / (counts.sum() + 0.1 * (len(words) + 1))
    return shares


def _fit(chances: Floats, count: Floats, rounds: int = 30) -> Floats:
    """Fit the weights of a mixture of references to counts by EM; chances has shape (sources, pairs)."""
    written = count > 0
    chances, count = chances[:, written], count[written]
    shares = np.full(len(chances), 1.0 / len(chances))
    for _ in range(rounds if len(count) else 0):
        blame = shares[:, None] * chances
        blame /= np.maximum(1e-300, blame.sum(axis=0))
        shares = blame @ count
        shares /= shares.sum()
    return shares


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What reference models would have said at each position of the suspect's text.

    Attributes:
        candidates: shape (positions, k), token ids: the likeliest of each reference, no token twice.
        chances: shape (references, positions, k), the probability that each reference gives to each
            candidate; ours first where `ours` is true.
        ours: whether the first reference is our own model.
        suspect: shape (positions, k), the suspect's own probabilities where its weights are open.
    """

    candidates: Ints
    chances: Floats
    ours: bool
    suspect: Floats | None = None


def read(windows: U64, tokens: Ints, reading: Reading, *, window: int = 1) -> Tally:
    """Tally a suspect's text against the probabilities that reference models give at its own contexts.

    A token that is written where it was no candidate is not counted there, so that what is counted and
    what is expected speak of the same events. The references are mixed with weights fitted to the
    suspect's text.

    Args:
        windows: shape (positions,), window words.
        tokens: shape (positions,), the tokens written.
        reading: what the references would have said.
        window: how many tokens a window has.

    Raises:
        UsageError: when the reading is not one of these positions.
    """
    if len(tokens) != len(reading.candidates):
        raise UsageError(
            f"the reading has {len(reading.candidates)} positions, the texts have {len(tokens)}",
            hint="read them with the same tokens as the keys use",
        )
    hit = reading.candidates == tokens[:, None]
    inside = hit.any(axis=1)
    chances = np.maximum((reading.chances * hit).sum(axis=2), 1e-9)
    if reading.suspect is None:
        drawn, shares = hit, _fit(chances[:, inside], np.ones(int(inside.sum())))
    else:
        flat = np.maximum(reading.chances.reshape(len(reading.chances), -1), 1e-9)
        drawn, shares = reading.suspect, _fit(flat, reading.suspect.ravel())
    names = _Names(np.unique(windows))
    label = names.of(np.repeat(windows, reading.candidates.shape[1]), reading.candidates.ravel())
    everything, place = np.unique(label, return_inverse=True)
    sums = np.stack(
        [np.bincount(place, mass.ravel(), minlength=len(everything)) for mass in (drawn, *reading.chances)]
    ).astype(np.float64)
    count, expected = sums[0], shares @ sums[1:]
    keep = (count > 0) | (expected >= FAINT)
    own = sums[1] if reading.ours else expected
    opened = names.open(everything.astype(np.uint64)[keep])
    return _tally(opened, count[keep], expected[keep], own[keep], window, len(tokens), shares)


def _tally(
    opened: tuple[U64, Ints], count: Floats, expected: Floats, own: Floats, window: int, written: int, shares: Floats
) -> Tally:
    return Tally(
        windows=opened[0], tokens=opened[1], count=count, expected=np.maximum(expected, 1e-9),
        own=np.maximum(own, 1e-12), window=window, written=written, shares=tuple(float(s) for s in shares),
    )  # fmt: skip
