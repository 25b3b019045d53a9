"""Ahead: proposals that are settled side by side come to what they come to one after another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stillwatch.judge.ahead import Ahead, Told
from stillwatch.judge.screen import Screen
from stillwatch.judge.settle import Grown
from stillwatch.kit import groups
from stillwatch.model.view import Most

OWNERS, BLOCK, PROPOSALS = 300, 12, 120
EVERYBODY_STAYS: Any = {
    name: SimpleNamespace(view=SimpleNamespace(CAP=24.0, ADMITS=True), sight=SimpleNamespace(most=Most))
    for name in ("one", "two")
}


def settled(seed: int, threads: int) -> tuple[list[list[int]], list[list[int]], int]:
    """Settle proposals, each of which grows to whoever is free of the blocks that it touches.

    Returns the groups, the proposals that lie in each, and how often one was settled.
    """
    rng = np.random.default_rng(seed)
    near = [np.arange(OWNERS)[max(at - 9, 0) : at + 9] for at in rng.integers(0, OWNERS, PROPOSALS)]
    proposed = groups.of([np.sort(rng.choice(pool, 5, replace=False)).astype(np.int32) for pool in near])
    declared, home = rng.random(OWNERS) < 0.05, np.full(OWNERS, -1, np.int64)
    found: list[list[int]] = []
    seeds: list[list[int]] = []
    times = 0

    def settle(number: int, taken: npt.NDArray[np.bool_], told: Told) -> Grown:
        nonlocal times
        times += 1
        members = proposed[number][~taken[proposed[number]]]
        relied = [members]
        told(members)
        for _ in range(3):
            around = np.flatnonzero(np.isin(np.arange(OWNERS) // BLOCK, members // BLOCK) & ~taken).astype(np.int32)
            members = around[: 2 * BLOCK]
            relied.append(members)
            told(members)
        return Grown(members if number % 3 else members[:0], np.concatenate(relied))

    with ThreadPoolExecutor(threads) as pool:
        screen = Screen(EVERYBODY_STAYS, declared)
        order = np.arange(PROPOSALS)
        for number, grown in Ahead(screen, proposed, order, declared, home, seeds, settle, pool, threads):
            if len(grown.members) >= 5:
                home[grown.members] = len(found)
                found.append(grown.members.tolist())
                seeds.append([number])
    return found, seeds, times


@pytest.mark.parametrize("seed", range(6))
def test_proposals_settled_ahead_come_to_what_they_come_to_one_after_another(seed: int) -> None:
    found, seeds, times = settled(seed, 1)
    assert len(found) > 5
    assert sum(len(one) for one in seeds) > len(seeds), "some lie in groups that others grew to"
    for threads in (2, 4):
        assert settled(seed, threads)[:2] == (found, seeds)
    assert times < PROPOSALS


def test_what_goes_wrong_in_a_thread_is_told() -> None:
    def settle(number: int, taken: npt.NDArray[np.bool_], told: Told) -> Grown:
        raise ArithmeticError(number, len(taken), told)

    proposed, nobody = groups.of([np.arange(5, dtype=np.int32)]), np.zeros(OWNERS, bool)
    with ThreadPoolExecutor(2) as pool:
        screen, home = Screen(EVERYBODY_STAYS, nobody), np.full(OWNERS, -1, np.int64)
        with pytest.raises(ArithmeticError):
            list(Ahead(screen, proposed, np.zeros(1, np.int64), nobody, home, [], settle, pool, 2))
