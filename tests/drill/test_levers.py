import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.drill.tactics import LEVERS, NAIVE, Budget, Seen, Tactics, choose, cost, pull, worth

BUDGET = Budget(accounts=4, days=2)


def seen(number: int, tactics: Tactics, harvested: float) -> Seen:
    return Seen(
        round=number, tactics=tactics, cost=cost(tactics), harvested=harvested, alert_days=[3], stopped=0.9,
        categories=["distillation_campaign"],
    )  # fmt: skip


def test_the_naive_campaign_costs_one() -> None:
    assert cost(NAIVE) == 1.0
    assert cost(msgspec.structs.replace(NAIVE, accounts=2 * NAIVE.accounts, days=3 * NAIVE.days)) == 6.0


@given(st.lists(st.tuples(st.sampled_from(LEVERS), st.floats(-3, 3)), max_size=30))
def test_no_lever_leaves_the_budget(pulls: list[tuple[str, float]]) -> None:
    tactics = NAIVE
    for lever, strength in pulls:
        tactics = pull(tactics, lever, strength, BUDGET)
    assert NAIVE.accounts <= tactics.accounts <= 4 * NAIVE.accounts
    assert NAIVE.days <= tactics.days <= 2 * NAIVE.days
    assert 0.05 <= tactics.mix <= 1
    assert all(0 <= getattr(tactics, name) <= 1 for name in ("paraphrase", "clean", "homes", "jitter"))
    assert 2 <= tactics.each <= 8
    assert 1 <= tactics.cells <= 60


@pytest.mark.parametrize("lever", LEVERS)
def test_every_lever_moves_the_tactics(lever: str) -> None:
    assert pull(NAIVE, lever, 1.5, BUDGET) != NAIVE


def test_an_unknown_lever_is_refused() -> None:
    with pytest.raises(ValueError, match="no lever is called luck"):
        pull(NAIVE, "luck", 1.0, BUDGET)


def test_it_begins_naively_and_the_same_rounds_lead_to_the_same_choice() -> None:
    assert choose([], BUDGET, 1) == NAIVE
    rounds = [seen(0, NAIVE, 0.1), seen(1, pull(NAIVE, "clean", 2.0, BUDGET), 0.4)]
    assert choose(rounds, BUDGET, 1) == choose(rounds, BUDGET, 1)
    assert choose(rounds, BUDGET, 1) not in {one.tactics for one in rounds}


def test_a_round_that_made_half_is_worth_more_the_cheaper_it_was() -> None:
    dear = msgspec.structs.replace(NAIVE, accounts=200)
    assert worth(seen(0, NAIVE, 0.49)) < worth(seen(1, dear, 0.9)) < worth(seen(2, NAIVE, 0.6))


def test_it_pulls_more_often_what_helped() -> None:
    clean = [seen(k, msgspec.structs.replace(NAIVE, clean=0.2 + 0.01 * k), 0.9) for k in range(10)]
    worded = [seen(20 + k, msgspec.structs.replace(NAIVE, paraphrase=0.2 + 0.01 * k), 0.0) for k in range(10)]
    rounds = [seen(40, NAIVE, 0.1), *clean, *worded]
    chosen = [choose(rounds, BUDGET, seed) for seed in range(60)]
    assert sum(one.paraphrase > 0 for one in chosen) < sum(one.clean > 0.1 for one in chosen)
