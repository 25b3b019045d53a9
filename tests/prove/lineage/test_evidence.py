import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.kit.evalue import ebh
from stillwatch.prove import prf
from stillwatch.prove.lab import pairs as little
from stillwatch.prove.lineage import tally, tokens, weigh
from stillwatch.prove.lineage.evidence import (
    Plan,
    decoy_rank,
    decoys,
    layer_weights,
    weigh_each,
    weigh_key,
    weigh_keys,
)
from stillwatch.prove.lineage.tally import Tally
from stillwatch.prove.mark import Mark

MARK = Mark(mode="bias", green=8192, delta=3.0)
KEY, OTHER = decoys(2, 4711)


def encode(texts: list[str]) -> list[np.ndarray]:
    return [tokens.words(text) for text in texts]


@pytest.fixture(scope="module")
def pairs() -> little.Pairs:
    return little.pairs(1)


def suspect(pairs: little.Pairs, share: float, *, answers: int = 700, seed: int = 5) -> Tally:
    table = (1 - share) * pairs.other + share * little.marked(pairs.teacher, KEY, MARK)
    own = encode(little.write(pairs.teacher, 400, seed + 1))
    return tally.compare(encode(little.write(table, answers, seed)), own)


def ks(p: np.ndarray) -> float:
    stats = pytest.importorskip("scipy.stats")
    return float(stats.kstest(p, "uniform").pvalue)


def test_the_right_key_is_found_and_the_wrong_one_is_not(pairs: little.Pairs) -> None:
    plan = Plan.of(suspect(pairs, 0.1), MARK)
    right, wrong = (weigh_key(plan, [int(s)]) for s in plan.sums([KEY, OTHER]))
    assert right.ln_p < math.log(1e-5)
    assert right.ln_e > math.log(1e4)
    assert right.lift - right.lift_error > 0
    assert wrong.ln_e < math.log(100)
    assert wrong.ln_p > math.log(1e-3)


def test_p_values_of_decoys_are_uniform_on_unmarked_on_marked_and_on_repeated_text(pairs: little.Pairs) -> None:
    repeated = little.write(pairs.other, 20, 9) * 50
    for found in (suspect(pairs, 0.0), suspect(pairs, 0.3), tally.compare(encode(repeated))):
        plan = Plan.of(found, MARK)
        ln_e, p = weigh_keys(plan, plan.sums(decoys(2000, 31)))
        assert ks(p) > 1e-3
        assert (p < 0.01).mean() < 0.02
        assert np.exp(ln_e).mean() < 1.5


def test_a_student_of_one_campaign_is_not_laid_at_another_ones_door(pairs: little.Pairs) -> None:
    plan = Plan.of(suspect(pairs, 0.5), MARK)
    others = decoys(999, 77)
    ln_e, _ = weigh_keys(plan, plan.sums([KEY, *others]))
    assert ebh(ln_e, 0.05, log=True).tolist() == [True] + [False] * 999


def test_a_mark_that_was_pushed_out_too_far_shows_as_a_deficit(pairs: little.Pairs) -> None:
    base = pairs.other
    pushed = base * (base / little.marked(base, KEY, MARK)) ** 0.3
    pushed /= pushed.sum(axis=1, keepdims=True)
    found = tally.compare(encode(little.write(pushed, 700, 3)), encode(little.write(base, 700, 4)))
    plan = Plan.of(found, MARK)
    weighed = weigh_key(plan, [int(plan.sums([KEY])[0])])
    assert weighed.deficit
    assert weighed.ln_p_both < math.log(1e-4)
    assert weighed.ln_e > math.log(1e3)
    assert weighed.ln_p > math.log(0.5)


def test_epochs_of_a_key_join_their_evidence(pairs: little.Pairs) -> None:
    half = [little.marked(pairs.teacher, key, MARK) for key in (KEY, OTHER)]
    table = 0.9 * pairs.other + 0.05 * half[0] + 0.05 * half[1]
    found = tally.compare(encode(little.write(table, 1200, 8)), encode(little.write(pairs.teacher, 400, 9)))
    plan = Plan.of(found, MARK)
    sums = [int(s) for s in plan.sums([KEY, OTHER])]
    joint = weigh_key(plan, sums)
    assert joint.ln_p < min(weigh_key(plan, [s]).ln_p for s in sums)
    assert joint.ln_e > 0


def test_many_keys_at_once_are_weighed_as_one_by_one(pairs: little.Pairs) -> None:
    plan = Plan.of(suspect(pairs, 0.1), MARK)
    sums = plan.sums([KEY, *decoys(20, 3)])
    for one, sole in zip(weigh_each(plan, sums), (weigh_key(plan, [int(s)]) for s in sums), strict=True):
        for name in ("ln_e", "ln_p", "ln_p_both", "lift", "sigmas"):
            assert getattr(one, name) == pytest.approx(getattr(sole, name), rel=1e-6, abs=1e-9)
    assert weigh_each(plan, sums[:0]) == []


def test_decoys_rank_the_true_key_first(pairs: little.Pairs) -> None:
    plan = Plan.of(suspect(pairs, 0.2), MARK)
    assert decoy_rank(plan, [int(plan.sums([KEY])[0])], 200, seed=1) == (0, 1 / 201)
    above, p = decoy_rank(plan, [int(plan.law.mean)] * 2, 200, seed=1)
    assert 50 < above < 150
    assert p == (1 + above) / 201


def test_layers_of_the_free_mode_add_up(pairs: little.Pairs) -> None:
    free = Mark(mode="free", green=32768, layers=3)
    table = pairs.teacher
    for layer in range(3):
        lanes = [prf.lanes(KEY, np.full(little.SIZE, w, dtype=np.uint64), little.IDS, layer=layer) for w in little.IDS]
        g = np.stack(lanes) < free.green
        table = table * (1 + g - (table * g).sum(axis=1, keepdims=True))
    found = tally.compare(
        encode(little.write(0.6 * pairs.other + 0.4 * table, 900, 2)), encode(little.write(pairs.teacher, 400, 3))
    )
    plan = Plan.of(found, free)
    assert plan.weights.shape == (3, len(found.count))
    assert layer_weights(free)[0] == 1.0
    assert weigh_key(plan, [int(plan.sums([KEY])[0])]).ln_e > math.log(1e3)


def test_windows_that_belong_to_another_key_are_left_out(pairs: little.Pairs) -> None:
    found = suspect(pairs, 0.1)
    only = found.windows % np.uint64(2) == 0
    plan = Plan.of(found, MARK, only=only)
    assert not plan.weights[:, ~only].any()
    assert plan.weights[:, only].any()


def test_a_tally_of_other_windows_is_refused(pairs: little.Pairs) -> None:
    with pytest.raises(ValueError, match="windows of 1 tokens, the mark of 2"):
        Plan.of(suspect(pairs, 0.0, answers=5), Mark(window=2))


def test_longer_windows_work_too(pairs: little.Pairs) -> None:
    texts = encode(little.write(pairs.other, 100, 1))
    plan = Plan.of(tally.compare(texts, window=3), Mark(window=3))
    assert plan.law.sd > 0
    assert weigh_key(plan, [int(plan.sums([KEY])[0])]).ln_p_both > math.log(1e-4)


def test_an_empty_text_proves_nothing() -> None:
    plan = Plan.of(tally.compare([]), MARK)
    weighed = weigh_key(plan, [int(plan.sums([KEY])[0])])
    assert (weighed.ln_e, weighed.ln_p, weighed.lift) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    assert weighed.lift_error == math.inf


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12), st.integers(1, 4))
def test_any_text_gives_an_exact_law(texts: list[list[int]], window: int) -> None:
    ids = [np.array(t, dtype=np.int64) for t in texts]
    found = tally.compare(ids, ids[:3], [ids[3:6]], window=window)
    plan = Plan.of(found, Mark(window=window))
    weighed = weigh_key(plan, [int(plan.sums([KEY])[0])])
    assert math.isfinite(weighed.ln_e)
    assert weighed.ln_p <= 0
    assert found.written == sum(max(0, len(t) - window) for t in ids)
    assert found.count.sum() == found.written


def test_references_take_noise_away(pairs: little.Pairs) -> None:
    """The same suspect and text: with our own unmarked text the same key scores higher than with nothing."""
    text = encode(little.write(0.9 * pairs.other + 0.1 * little.marked(pairs.teacher, KEY, MARK), 700, 5))
    own, other = (encode(little.write(t, 700, 6)) for t in (pairs.teacher, pairs.other))
    scores = []
    for found in (tally.compare(text), tally.compare(text, own), tally.compare(text, own, [other])):
        plan = Plan.of(found, MARK)
        scores.append(weigh_key(plan, [int(plan.sums([KEY])[0])]).sigmas)
    assert scores[0] < scores[1] < scores[2]


def test_a_reading_beats_counted_references_and_knows_the_share(pairs: little.Pairs) -> None:
    text = encode(little.write(0.9 * pairs.other + 0.1 * little.marked(pairs.teacher, KEY, MARK), 700, 5))
    windows, written = tally.pairs(text, 1)
    place = {int(w): i for i, w in enumerate(little.IDS)}
    rows = np.array([place[int(w)] for w in windows])
    candidates = np.tile(little.IDS, (len(rows), 1))
    chances = np.stack([pairs.teacher[rows], pairs.other[rows]])
    found = tally.read(windows, written, tally.Reading(candidates=candidates, chances=chances, ours=True))
    plan = Plan.of(found, MARK)
    assert weigh_key(plan, [int(plan.sums([KEY])[0])]).ln_e > math.log(1e5)
    assert found.shares[0] == pytest.approx(0.1, abs=0.05)
    assert weigh.misfit(found) < 0.05
    count = np.histogram2d(rows, [place[int(t)] for t in written], bins=(range(251), range(251)))[0]
    visits = np.bincount(rows, minlength=250)[:, None]
    hits = np.stack([t[rows, [place[int(x)] for x in written]] for t in (pairs.teacher, pairs.other)])
    dense = tally.dense(count, [visits * pairs.teacher, visits * pairs.other], hits, ours=True)
    assert dense.written == found.written
    assert dense.shares[0] == pytest.approx(found.shares[0], abs=1e-6)
