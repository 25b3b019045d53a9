"""Families: prompt templates as keyed fingerprints that are matched by containment; the template stays in the house.

A fingerprint of `kit.fingerprint` (winnowed shingles of four words; digits, code and quotations are slots) is hashed
under the group's key of the week: outsiders learn nothing, and what was kept of one week does not match in the next.
Whoever holds the key can test a text that he has or guesses; that is what it is for. What the family shares with any
text of the clean control set is left out, so that no ordinary customer's words are in it (`control`).

Cost: one pass over each text; a match costs a look-up for each fingerprint. Source: Schleimer, Wilkerson and Aiken
2003, "Winnowing"; keyed BLAKE2b, RFC 7693.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.errors import ShareError
from stillwatch.kit.fingerprint import FINE, FRAME, Scratch, scratch, sketch
from stillwatch.kit.jit import kernel
from stillwatch.model.bulletin import SharedFamily, rounded
from stillwatch.share.scrub import EPOCH_SCHEME, LEAST_MARKS

KEY_BYTES: Final = 32
FRAME_SHARE: Final = 0.6
"""Share of the exemplars that must have a fingerprint for it to belong to the frame."""
MOST_MARKS: Final = 64
"""Fingerprints published of one family: those spread evenly over the values."""
THRESHOLD: Final = 0.2
"""Share of a family's fingerprints that a text must contain. In `bench/families.py` no text of 10,706 that is neither a
copy nor a rewording of the template reaches 0.15; with a fifth of the words changed nine in ten texts reach 0.2."""
LEAST_EXEMPLARS: Final = 3
LEAST_ACCOUNTS: Final = 5
LEAST_CONTROL: Final = 100
"""Texts of the clean control set below which nothing is published."""


def epoch_of(day: date) -> str:
    """Name the epoch of a day: its ISO week."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def epoch_key(group: bytes, epoch: str) -> bytes:
    """Derive the key of one week; whoever has it cannot derive another week's.

    Raises:
        ShareError: when the group's key is none.
    """
    if len(group) != KEY_BYTES:
        raise ShareError(f"this is no group key: expected {KEY_BYTES} bytes, got {len(group)}")
    return hmac.digest(group, b"stillwatch families epoch|" + epoch.encode(), "sha256")


class Reader:
    """Takes the fingerprints of texts; keeps its working memory (some 9 MB)."""

    def __init__(self) -> None:
        self._work = scratch()

    def marks(self, text: str) -> frozenset[int]:
        """Take the fingerprints of one text; none of one that is shorter than a shingle."""
        raw = text.encode("utf-8", "replace")
        found = _marks(np.frombuffer(raw + bytes(64), np.uint8), len(raw), self._work)
        return frozenset(found.tolist())


@kernel
def _marks(text: npt.NDArray[np.uint8], length: int, work: Scratch) -> npt.NDArray[np.uint64]:
    found = sketch(text, 0, length, work, FRAME, np.uint64(0))[4]
    kept = work.marks[:found]
    windows: npt.NDArray[np.uint64] = kept[kept & np.uint64(FINE) == 0]  # which texts of any length have
    return windows


def keyed(marks: Iterable[int], key: bytes) -> dict[str, int]:
    """Hash fingerprints under the key of a week; gives each hash with the fingerprint that it stands for."""
    return {hashlib.blake2b(mark.to_bytes(8, "little"), digest_size=8, key=key).hexdigest(): mark for mark in marks}


def frame(exemplars: Sequence[frozenset[int]]) -> set[int]:
    """Keep the fingerprints that most exemplars have: those of the frame, without those of the slots."""
    holders = Counter(mark for one in exemplars for mark in one)
    least = max(2, math.ceil(FRAME_SHARE * len(exemplars)))
    return {mark for mark, count in holders.items() if count >= least}


class Outcome(NamedTuple):
    """What became of a family: it is published, or the reason why not."""

    family: SharedFamily | None
    because: str


def publish(
    exemplars: Sequence[str], control: frozenset[int], *, controls: int, group: bytes, epoch: str, accounts: int,
    exchanges: int, kinds: Sequence[str] = (), reader: Reader | None = None,
) -> Outcome:  # fmt: skip
    """Make the fingerprints of a family that may leave.

    Args:
        exemplars: a few of its prompts.
        control: fingerprints that stand in the clean control set.
        controls: how many texts that set has.
        accounts: flagged accounts that sent it.
    """
    if controls < LEAST_CONTROL:
        return Outcome(None, f"the clean control set has {controls} texts, and {LEAST_CONTROL} are needed")
    if accounts < LEAST_ACCOUNTS:
        return Outcome(None, f"{accounts} accounts sent it, and {LEAST_ACCOUNTS} are needed")
    if not exemplars:
        return Outcome(None, "the case keeps no exemplars of it: none are kept of an account network")
    if len(exemplars) < LEAST_EXEMPLARS:
        return Outcome(None, f"the case keeps {len(exemplars)} exemplars of it, and {LEAST_EXEMPLARS} are needed")
    taken = reader or Reader()
    own = frame([taken.marks(text) for text in exemplars])
    clean = own - control
    if len(clean) < LEAST_MARKS:
        lost = len(own) - len(clean)
        return Outcome(None, f"{len(clean)} fingerprints are its own, {lost} are in the control set too")
    hashed = sorted(keyed(clean, epoch_key(group, epoch)))
    places = np.unique(np.linspace(0, len(hashed) - 1, min(MOST_MARKS, len(hashed))).astype(int))
    spread = [hashed[place] for place in places]
    name = hashlib.blake2b("".join(hashed).encode(), digest_size=6, key=group).hexdigest()
    family = SharedFamily(
        id=f"f-{name}", epoch=epoch, scheme=EPOCH_SCHEME, marks=spread, threshold=THRESHOLD, control=controls,
        accounts=rounded(accounts), exchanges=rounded(exchanges), kinds=list(kinds),
    )  # fmt: skip
    return Outcome(family, f"{len(spread)} fingerprints")


class Matcher:
    """Finds the families of peers in texts of one's own.

    Args:
        families: those of one epoch or of several.
        group: the group's key.
    """

    def __init__(self, families: Iterable[SharedFamily], group: bytes) -> None:
        self._families = list(families)
        self._keys = {one.epoch: epoch_key(group, one.epoch) for one in self._families}
        self._held: dict[tuple[str, str], list[int]] = {}
        for number, family in enumerate(self._families):
            for mark in family.marks:
                self._held.setdefault((family.epoch, mark), []).append(number)
        self._reader = Reader()

    def match(self, text: str) -> dict[str, float]:
        """Give each family that the text contains, with the share of its fingerprints that it contains."""
        marks = self._reader.marks(text)
        found: Counter[int] = Counter()
        for epoch, key in self._keys.items():
            for mark in keyed(marks, key):
                found.update(self._held.get((epoch, mark), ()))
        shares: Mapping[int, float] = {n: count / len(self._families[n].marks) for n, count in found.items()}
        return {
            self._families[number].id: share
            for number, share in shares.items()
            if share >= self._families[number].threshold
        }
