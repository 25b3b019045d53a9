"""Twins by text alone, on suspects whose word pairs were learnt from what was served: no network is needed."""

import numpy as np
import pytest

from stillwatch.prove.lab.pairs import WORDS, pairs, write
from stillwatch.prove.twins import habits
from stillwatch.prove.twins.test import weigh

REQUESTS = 600


def drawn(seed: int) -> dict[str, list[str]]:
    texts = write(pairs(seed).teacher, 2 * REQUESTS, seed, length=30)
    return {f"r{i}": texts[2 * i : 2 * i + 2] for i in range(REQUESTS)}


def replies(seed: int, served: list[str], *, each: int = 8) -> dict[str, list[str]]:
    """What a suspect says whose pairs are another model's, and those of the served texts as often as they occur."""
    seen = 40.0 * pairs(seed).other
    number = {word: i for i, word in enumerate(WORDS)}
    for text in served:
        ids = [number[word] for word in text.split()]
        np.add.at(seen, (ids[:-1], ids[1:]), 1.0)
    told = write(seen / seen.sum(axis=1, keepdims=True), each * REQUESTS, seed + 1, length=30)
    return {f"r{i}": told[each * i : each * (i + 1)] for i in range(REQUESTS)}


def evidence(twins: dict[str, list[str]], told: dict[str, list[str]], lots: np.ndarray, of: slice) -> float:
    scored = habits.scores(twins, told)
    names = list(twins)[of]
    return weigh("", [scored[name] for name in names], lots[of].tolist(), by_rank=False).log10_p


@pytest.mark.parametrize("seed", range(3))
def test_a_suspect_that_learnt_what_was_served_is_found_by_its_text_and_no_other_campaign_is(seed: int) -> None:
    twins, lots = drawn(seed), np.random.default_rng(seed).integers(0, 2, REQUESTS)
    half = [twins[f"r{i}"][lots[i]] for i in range(REQUESTS // 2)]
    told = replies(seed, half)
    assert evidence(twins, told, lots, slice(0, REQUESTS // 2)) < -6
    assert evidence(twins, told, lots, slice(REQUESTS // 2, None)) > -3


@pytest.mark.parametrize("seed", range(3))
def test_a_suspect_that_learnt_both_twins_or_none_shows_nothing(seed: int) -> None:
    twins, lots = drawn(seed), np.random.default_rng(seed).integers(0, 2, REQUESTS)
    for learnt in ([], [text for both in twins.values() for text in both]):
        assert evidence(twins, replies(seed, learnt), lots, slice(None)) > -3


def test_a_sample_said_again_to_its_own_prompt_is_preferred() -> None:
    twins = drawn(1)
    told = {name: [both[0]] for name, both in twins.items()}
    scored = habits.scores(twins, told)
    assert np.mean([one > other for one, other in scored.values()]) > 0.98


def test_replies_to_unknown_prompts_do_not_matter_and_silence_gives_no_scores() -> None:
    twins = {"r1": ["one two three", "two three one"], "r2": ["four four", ""]}
    told = {"r1": ["one two three"]}
    assert habits.scores(twins, told) == habits.scores(twins, told | {"r9": ["five"]})
    assert habits.scores(twins, {"r1": [" \n"]}) == {}
    assert habits.scores({}, told) == {}
    assert len(habits.scores(twins, told)["r2"]) == 2


def test_scores_do_not_depend_on_which_sample_stands_first() -> None:
    twins = drawn(2)
    told = replies(2, [both[0] for both in twins.values()], each=1)
    turned = habits.scores({name: both[::-1] for name, both in twins.items()}, told)
    for name, score in habits.scores(twins, told).items():
        assert turned[name][::-1] == pytest.approx(score, abs=1e-9)
