"""Bundles and what contains them: frames hold together, phrases that many share glue nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.families.assign import KEPT, assign, scales
from stillwatch.families.bundle import LEAST, bundles
from stillwatch.families.heavy import Heavy
from stillwatch.families.tally import Tally

FRAMES = {"a": list(range(100, 110)), "b": list(range(200, 206)), "c": list(range(300, 320))}
PHRASE = [7, 8, 9]
"""Said in every frame and outside of them."""


def marks(frame: list[int], *, slot: int) -> list[int]:
    return [*frame, *PHRASE, *(10_000 + slot * 8 + n for n in range(8))]


def grown(texts: list[list[int]]) -> tuple[Heavy, npt.NDArray[np.int32], int, npt.NDArray[np.int32]]:
    """Bundle the heavy fingerprints of some texts, and tell which bundles each text contains."""
    flat = np.array([mark for text in texts for mark in text], np.uint32)
    counts = np.array([len(text) for text in texts], np.uint16)
    tally = Tally(len(flat))
    tally.weigh(flat, counts, np.ones(len(texts), np.int64))
    tally.next_part()
    heavy = Heavy(tally)
    heavy.sketch(flat, counts, None, 0)
    heavy.close()
    bundle, count = bundles(heavy.lanes, heavy.rows)
    scale, sizes = scales(np.zeros_like(heavy.marks), bundle, count)  # all of one scale
    rows = np.zeros(count, np.int64)
    np.maximum.at(rows, bundle[bundle >= 0], heavy.rows[bundle >= 0])
    out = np.full((len(texts), KEPT), -1, np.int32)
    assign(heavy.find(flat), counts, scale, sizes, rows, out)
    return heavy, bundle, count, out


def many(each: int = 60) -> list[tuple[str, list[int]]]:
    """Texts of three frames, and small talk that uses the phrase."""
    named = [(name, marks(frame, slot=n)) for name, frame in FRAMES.items() for n in range(each)]
    talk = [("", [*PHRASE, *(50_000 + n * 9 + k for k in range(9))]) for n in range(4 * each)]
    order = np.random.default_rng(4).permutation(len(named) + len(talk))
    every = [*named, *talk]
    return [every[n] for n in order]


def test_each_frame_is_one_bundle_and_a_phrase_glues_none() -> None:
    heavy, bundle, _, _ = grown([text for _, text in many()])
    of = dict(zip(heavy.marks.tolist(), bundle.tolist(), strict=True))
    homes = {name: {of[mark] for mark in frame} for name, frame in FRAMES.items()}
    assert all(len(home) == 1 and -1 not in home for home in homes.values()), homes
    assert len(set.union(*homes.values())) == 3
    assert not {of[mark] for mark in PHRASE} & set.union(*homes.values())


def test_every_text_is_given_the_frame_that_it_was_made_from_and_talk_none_of_them() -> None:
    texts = many()
    heavy, bundle, _, out = grown([text for _, text in texts])
    of = dict(zip(heavy.marks.tolist(), bundle.tolist(), strict=True))
    home: dict[str, Any] = {name: of[frame[0]] for name, frame in FRAMES.items()}
    for (name, _), found in zip(texts, out.tolist(), strict=True):
        if name:
            assert home[name] in found
        assert not {home[other] for other in FRAMES if other != name} & set(found)


def test_half_of_a_frame_is_enough_and_less_is_not() -> None:
    frame = FRAMES["c"]
    texts = [text for _, text in many()]
    for share in (0.55, 0.45):
        _, _, _, out = grown([*texts, frame[: round(share * len(frame))]])
        whole = out[next(n for n, (name, _) in enumerate(many()) if name == "c")]
        assert (out[-1, 0] in whole and out[-1, 0] >= 0) == (share > 0.5)


def test_fewer_fingerprints_than_a_frame_needs_are_none() -> None:
    texts = [[1, 2, *(1000 + 5 * n + k for k in range(5))] for n in range(40)]
    _, bundle, count, _ = grown(texts)
    assert LEAST > 2
    assert count == 0
    assert (bundle == -1).all()


def test_the_order_of_the_texts_changes_no_bundle() -> None:
    texts = [text for _, text in many()]
    heavy, bundle, count, _ = grown(texts)
    again, other, other_count, _ = grown(texts[::-1])
    assert np.array_equal(heavy.marks, again.marks)
    assert count == other_count
    assert np.array_equal(bundle, other)
