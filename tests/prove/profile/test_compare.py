import numpy as np
import pytest

from stillwatch.prove.profile.compare import Comparison, anytime


def play(suspect: float, reference: float, seed: int, items: int, *, margin: float = 0.1) -> Comparison:
    rng = np.random.default_rng(seed)
    made = Comparison("harmful", margin, 1e-3)
    for _ in range(items):
        made.add(float(rng.random() < suspect), float(rng.random() < reference))
        if made.decision != "undecided":
            break
    return made


def test_a_gap_of_94_against_8_percent_compliance_is_decided_in_fewer_than_50_prompts() -> None:
    games = [play(0.06, 0.92, seed, 200) for seed in range(100)]
    assert {game.decision for game in games} == {"lost"}
    assert max(game.decided_after or 999 for game in games) < 50


def test_where_there_is_no_gap_none_is_found() -> None:
    games = [play(0.92, 0.92, seed, 150) for seed in range(150)]
    assert not any(game.decision == "lost" for game in games)


def test_the_same_answers_to_everything_are_kept_in_the_end() -> None:
    made = Comparison("chosen", 0.1, 1e-3)
    for _ in range(200):
        made.add(1.0, 1.0)
    assert made.decision == "kept"


def test_the_limits_hold_the_true_difference_and_narrow() -> None:
    widths = []
    for n in (20, 200):
        inside = 0
        for seed in range(30):
            rng = np.random.default_rng(seed)
            values = (rng.random(n) < 0.3).astype(float) - (rng.random(n) < 0.6)
            low, high = anytime(values, 0.05)
            inside += low - 0.0126 <= -0.3 <= high + 0.0126
        widths.append(high - low)
        assert inside >= 27
    assert widths[1] < 0.6 * widths[0]


def test_nothing_compared_gives_the_widest_limits() -> None:
    assert anytime(np.zeros(0), 0.05) == (-1.0, 1.0)
    axis = Comparison("harmful", 0.1, 1e-3).axis()
    assert (axis.items, axis.decision) == (0, "undecided")


@pytest.mark.parametrize("value", [1.5, -2.0])
def test_a_score_outside_0_and_1_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        Comparison("harmful", 0.1, 1e-3).add(value, 0.0)
