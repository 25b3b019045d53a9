"""Intent: a signature needs all of its parts, and a rank among controls keeps its rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.judge import axes, intent, tally
from stillwatch.judge import open as in_the_open
from stillwatch.judge.exemplars import READ
from stillwatch.judge.intent import KINDS, STATISTICS, Read
from stillwatch.model.items import Meeting, deficit_bits


def whole(kind: str) -> npt.NDArray[np.float64]:
    row = np.zeros((1, len(STATISTICS)))
    for name, (_, high) in KINDS[kind].ramps.items():
        row[0, STATISTICS.index(name)] = high
    return row


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_signature_scores_one_and_a_missing_part_ends_it(kind: str) -> None:
    at = list(KINDS).index(kind)
    assert intent.scores(whole(kind))[0, at] == pytest.approx(1.0)
    for name, (low, _) in KINDS[kind].ramps.items():
        broken = whole(kind)
        broken[0, STATISTICS.index(name)] = low
        assert intent.scores(broken)[0, at] == 0.0


def test_a_family_like_the_controls_rarely_reaches_many_bits() -> None:
    rng = np.random.default_rng(4)
    ramps = np.array([[min(k.ramps[s][0] for k in KINDS.values() if s in k.ramps) for s in STATISTICS]])
    tops = np.array([[max(k.ramps[s][1] for k in KINDS.values() if s in k.ramps) for s in STATISTICS]])
    families = ramps + rng.random((4000, len(STATISTICS))) * (tops - ramps) * 1.2
    splits = [rng.permutation(4000) for _ in range(25)]
    found = [intent.weigh(families[split[100:500]], families[split[:100]]) for split in splits]
    bits = np.array([read.bits for reads_ in found for read in reads_])
    for level in (1, 2, 3, 4):
        assert (bits >= level).mean() <= 2.0**-level * 1.15


def test_many_hands_alone_are_no_list() -> None:
    """Any six who ask once each look like one; only whose hands avoid each other on a list of others go through it."""
    controls = np.zeros((100, len(STATISTICS)))
    open_, avoiding = intent.weigh(np.repeat(whole("divided"), 2, axis=0), controls, np.array([False, True]))
    assert (open_.bits, open_.kinds, open_.alike["divided"]) == (0.0, [], 0.0)
    assert avoiding.bits > 6
    assert avoiding.kinds == ["divided"]


def test_what_an_assistant_is_told_is_given_away_only_where_most_are_refused_it() -> None:
    """Whoever has system texts written gets such answers too, and is never refused."""

    def given_away(refuses: float) -> tuple[float, float]:
        read = np.zeros((1, len(READ)))
        read[0, READ.index("instructed")], read[0, READ.index("refuses")] = 0.1, refuses
        one = np.ones(1, np.int64)
        row = intent.statistics(
            np.zeros((1, tally.SIZE)), distinct=one, unordered=one, conversations=one, contexts=one, read=read,
            turns=np.ones(1, bool), hands=np.zeros(1),
        )[0]  # fmt: skip
        return row[STATISTICS.index("given_away")], row[STATISTICS.index("forces")]

    assert given_away(0.8) == pytest.approx((0.2 + 0.4 * 0.8, 1.6))
    assert given_away(0.1)[1] == 0.0


def test_attacks_that_are_sent_word_for_word_again_count_as_attempts() -> None:
    """Twelve prompts, each sent forty times: as many attempts as seventy-six that differ."""
    read, rows = np.zeros((1, len(READ))), np.zeros((1, tally.SIZE))
    rows[0, tally.FIELDS.index("rows")] = 480
    few, one = np.full(1, 12), np.ones(1, np.int64)
    row = intent.statistics(
        rows, distinct=few, unordered=few, conversations=one, contexts=one, read=read, turns=np.ones(1, bool),
        hands=np.zeros(1),
    )[0]  # fmt: skip
    assert 2 ** row[STATISTICS.index("attempts")] == pytest.approx(76, abs=0.5)


def test_without_controls_nothing_has_bits() -> None:
    assert intent.weigh(whole("reasoning"), np.zeros((0, len(STATISTICS))))[0].bits == 0.0


def reads(*, kind: str = "reasoning", rivals: int = 0, alike: float = 1.0) -> dict[int, Read]:
    return {3: Read(bits=7.0, score=0.7, kinds=[kind], because="", alike={kind: alike}, rivals={kind: rivals})}


def always(_families: object) -> bool:
    return True


def never(_families: object) -> bool:
    return False


def test_one_customer_is_named_for_a_whole_large_and_rare_signature_only() -> None:
    assert in_the_open.stands_out(reads(), {3: 1500}, 150, never) == [3]
    assert in_the_open.stands_out(reads(alike=0.5), {3: 1500}, 150, never) == []
    assert in_the_open.stands_out(reads(rivals=3), {3: 1500}, 150, never) == []
    assert in_the_open.stands_out(reads(), {3: 900}, 150, never) == []
    assert in_the_open.stands_out(reads(), {3: 1500}, 10, never) == []
    assert in_the_open.stands_out(reads(kind="rubric"), {3: 1500}, 150, always) == []
    assert in_the_open.stands_out(reads(kind="rewriting"), {3: 1500}, 150, always) == []


def test_without_words_one_customer_is_named_only_where_a_machine_sends_one_request_after_the_other() -> None:
    assert in_the_open.stands_out(reads(kind="solutions"), {3: 9000}, 150, never) == []
    assert in_the_open.stands_out(reads(kind="solutions"), {3: 9000}, 150, always) == [3]
    assert in_the_open.stands_out(reads(kind="solutions", rivals=3), {3: 9000}, 150, always) == []


def test_a_list_that_many_hands_divide_is_intent() -> None:
    axis = axes.divided([Meeting(family=1, met=0.0, expected=40.0), Meeting(family=2, met=1.0, expected=25.0)])
    assert axis.passed
    assert axis.bits > axes.DIVIDED_BITS
    assert deficit_bits(30.0, 28.0) == 0.0


def test_the_e_value_of_a_deficit_has_a_mean_of_one_at_most_by_chance() -> None:
    met = np.random.default_rng(5).poisson(12.0, 20_000).astype(float)
    raw = [2.0 ** deficit_bits(one, 12.0) for one in met]
    assert np.mean([value for value in raw if value > 1.0] + [0.0]) * np.mean(np.array(raw) > 1.0) <= 1.0


def families(*bits: float) -> list[Read]:
    return [Read(bits=one, score=0.7 if one else 0.0, kinds=[], because=f"{one}") for one in bits]


def test_a_large_stream_does_not_pay_for_each_small_family_beside_it() -> None:
    reads = families(6.4, *[0.0] * 60)
    assert not axes.intent(reads).passed
    assert axes.intent(reads, sizes=[2000, *[100] * 60]).passed
    assert not axes.intent(reads, sizes=[20, *[100] * 60]).passed


def test_a_pools_stream_is_told_beside_a_hundred_small_families_of_its_other_customers() -> None:
    small = families(*[0.0] * 100)
    assert axes.intent([*families(4.5), *small], pool=families(0.0)[0], sizes=[1500, *[60] * 100]).passed
    assert not axes.intent([*families(4.5), *small], pool=families(0.0)[0], sizes=[300, *[60] * 100]).passed


def test_families_of_one_size_are_weighed_as_without_sizes() -> None:
    reads = families(5.0, 3.0, 0.5, 4.2)
    assert axes.intent(reads, sizes=[7, 7, 7, 7]).bits == axes.intent(reads).bits


def test_weighed_by_size_chance_alone_is_not_passed_more_often() -> None:
    rng = np.random.default_rng(5)
    passed = 0
    for _ in range(2000):
        many = int(rng.integers(1, 40))
        reads = families(*-np.log2(rng.random(many)))
        passed += axes.intent(reads, sizes=[int(one) for one in 1 + 3000 * rng.random(many) ** 4]).passed
    assert passed <= 2000 / 8 * 1.15
