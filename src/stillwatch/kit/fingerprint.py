"""Fingerprints of texts: winnowed shingles for containment, an exact hash, an order-free sum.

What is guaranteed: two texts that share a run of at least `SHINGLE + WINDOW - 1` frame tokens share at least
one fingerprint, wherever the run stands (Schleimer, Wilkerson and Aiken 2003, "Winnowing"). In texts of more
than `2 * DENSE` windows the head and the tail keep that promise; of the middle a part is kept that is chosen
by value, so that containment between long texts is still estimated without bias. Of a short text all shingles are kept
besides, marked by a bit (`FINE`): two questions of ten words share few windows, and six words in a row at this scale.

Normalisation: code points are folded (see `scripts`); for the fingerprints alone digits, code spans and quoted
spans of three or more words become slots, and neighbouring slots one. The exact hash and the sum see all tokens.

Cost: linear, no allocation; on ASCII some 1 GB/s per core, on other scripts a fifth of that. Folding (`fold`),
hashing (`words`) and winnowing (`winnow`) work on vectors, with hardly a branch; `spans` finds code and quotations.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.desk import LONGEST, MOST, Scratch, lay
from stillwatch.kit.fold import HIGH, cut, fold, fold_unicode
from stillwatch.kit.jit import kernel, part
from stillwatch.kit.mix import mix
from stillwatch.kit.scripts import fold_table
from stillwatch.kit.spans import find_spans
from stillwatch.kit.wide import SLOT
from stillwatch.kit.winnow import (
    FINE,
    LANES,
    SHARED,
    SHINGLE,
    SHORT,
    WINDOW,
    add_fine,
    copy_marks,
    smallest,
    telling,
    winnow,
)  # fmt: skip
from stillwatch.kit.words import hash_eight

__all__ = [
    "FINE", "FRAME", "HASHES", "LANES", "LONGEST", "MOST", "SHARED", "SHINGLE", "SHORT", "TURN", "WINDOW", "WRAPPING",
    "Scratch", "copy_marks", "scratch", "sketch", "sketch_text", "smallest", "telling",
]  # fmt: skip

U64 = np.uint64
_BASE: Final = U64(0xD6E8FEB86659FD93)
_SLOT: Final = U64(SLOT)
_ONE, _ZERO = U64(1), U64(0)
LATIN: Final = 1
"""The script of a text in ASCII; see `kit.scripts.SCRIPTS`."""

HASHES, FRAME, TURN = 0, 1, 2
"""Modes of `sketch`."""

WRAPPING: Final = (
    "tool_calls",
    "tool_call",
    "tool_use",
    "function",
    "name",
    "arguments",
    "input",
    "type",
    "id",
)


def scratch() -> Scratch:
    """Allocate the working memory of one thread: some 14 MB."""
    work = lay(fold_table())
    for word in WRAPPING:
        letters = np.frombuffer(word.encode().ljust(64), np.uint8)
        sketch(letters, 0, 64, work, FRAME, U64(0))
        hashed = work.hashes[0]
        work.wrapping[int(hashed) & 1023] = hashed
    return work


@part
def _main_script(counts: npt.NDArray[np.int64]) -> int:
    """Tell which script most of a text is written in."""
    most, script = 0, LATIN
    for i in range(1, len(counts)):
        if counts[i] > most:
            most, script = counts[i], i
    return script


Read = tuple[np.uint64, np.uint64, int, int]
"""Exact hash and sum of what was read, how many words, and how many tokens stand in `tokens`."""


@part
def _every_word(work: Scratch, words: int) -> Read:
    """Read all words, for their hashes alone."""
    exact = total = _ZERO
    for first in range(0, words, 8):
        hash_eight(work, first)
        for word in range(first, min(first + 8, words)):
            hashed = work.hashes[U64(word)]
            exact = (exact + hashed) * _BASE
            exact ^= exact >> U64(31)
            total += hashed
    return exact, total, words, 0


@part
def _turn(work: Scratch, words: int) -> Read:
    """Read all words but those in which gateways wrap a tool call."""
    exact = total = _ZERO
    count = _ZERO
    for first in range(0, words, 8):
        hash_eight(work, first)
        for word in range(first, min(first + 8, words)):
            hashed = work.hashes[U64(word)]
            if work.wrapping[hashed & U64(1023)] == hashed:
                continue
            exact = (exact + hashed) * _BASE
            exact ^= exact >> U64(31)
            total += hashed
            work.tokens[count] = hashed
            count += _ONE
    return exact, total, int(np.int64(count)), int(np.int64(count))


@part
def _frame(work: Scratch, words: int) -> Read:
    """Read all words; for the frame those that begin with a digit are slots, and neighbouring slots one.

    There is no branch on it: whether a word begins with a digit is hard to foresee.
    """
    exact = total = _ZERO
    framed = slotted = _ZERO
    for first in range(0, words, 8):
        slots = hash_eight(work, first)
        fresh = ~(slots & ((slots << _ONE) | slotted))
        slotted = (slots >> U64(7)) & _ONE
        for word in range(first, min(first + 8, words)):
            hashed = work.hashes[U64(word)]
            exact = (exact + hashed) * _BASE
            exact ^= exact >> U64(31)
            total += hashed
            work.tokens[framed] = work.slotted[U64(word)]
            framed += fresh & _ONE
            fresh >>= _ONE
    return exact, total, words, int(np.int64(framed))


@part
def _frame_with_spans(work: Scratch, words: int, spans: int) -> Read:
    """Read all words; for the frame code and quotations are slots as well."""
    exact = total = _ZERO
    framed = slotted = _ZERO
    span = 0
    for first in range(0, words, 8):
        slots = hash_eight(work, first)
        for word in range(first, min(first + 8, words)):
            hashed = work.hashes[U64(word)]
            exact = (exact + hashed) * _BASE
            exact ^= exact >> U64(31)
            total += hashed
            slot = slots & _ONE
            slots >>= _ONE
            end = work.edges[2 * word + 1]
            while span < spans and work.spans[2 * span + 1] < end:
                span += 1
            slot |= U64(span < spans and work.spans[2 * span] < end)
            work.tokens[framed] = _SLOT if slot != _ZERO else hashed
            framed += _ONE ^ (slot & slotted)
            slotted = slot
    return exact, total, words, int(np.int64(framed))


@part
def sketch_text(
    text: npt.NDArray[np.uint8], start: int, end: int, work: Scratch, mode: int, salt: np.uint64
) -> tuple[np.uint64, np.uint64, int, int, int]:
    """Sketch one text: `text[start:end]`, UTF-8 as far as it goes, at most LONGEST bytes of it.

    Args:
        work: this thread's scratch; `work.marks` holds the fingerprints afterwards, as uint64.
        mode: HASHES for the hashes alone; FRAME for fingerprints in which digits, code and quotations are
            slots; TURN for fingerprints of all tokens but the keys in which gateways wrap a tool call.
        salt: keeps the fingerprints of different kinds of text apart.

    Returns:
        exact hash (0 for a text without tokens), order-free sum of token hashes, tokens, main script,
        and how many fingerprints stand in `work.marks`.
    """
    length = min(end - start, LONGEST)
    kinds, edges = fold(text, start, length, work)
    spans = find_spans(text, start, start + length, work.spans) if mode == FRAME and kinds != 0 else 0
    script = LATIN
    if kinds & HIGH:
        written = fold_unicode(text, start, start + length, work, spans)
        script = _main_script(work.counts)
        edges = cut(work, written)
    else:
        for i in range(2 * spans):
            work.spans[i] -= start
    for i in range(edges, edges + 16):  # words are hashed eight at a time
        work.edges[i] = i & 1
    words = edges >> 1
    if mode == HASHES:
        exact, total, count, framed = _every_word(work, words)
    elif mode == TURN:
        exact, total, count, framed = _turn(work, words)
    elif spans == 0:
        exact, total, count, framed = _frame(work, words)
    else:
        exact, total, count, framed = _frame_with_spans(work, words, spans)
    found = winnow(work, framed, salt, ~U64(FINE) if mode == FRAME else ~_ZERO)
    if mode == FRAME:
        found = add_fine(work, found, max(framed - SHINGLE + 1, 0))
    if count == 0:
        return _ZERO, _ZERO, 0, 0, 0
    return mix(exact), total, count, script, found


@kernel
def sketch(
    text: npt.NDArray[np.uint8], start: int, end: int, work: Scratch, mode: int, salt: np.uint64
) -> tuple[np.uint64, np.uint64, int, int, int]:
    """Do as `sketch_text`, for callers that are no kernels themselves: compiled once and cached."""
    return sketch_text(text, start, end, work, mode, salt)
