"""Groups, from what the views see: a gang in two views is found, strangers and one view alone are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stillwatch.hunt.join import Joined, join
from stillwatch.judge.settle import _one_hand
from stillwatch.model.traces import Traces


def pool(*, size: int = 12, values: int = 2, first: int = 0, base: int = 1) -> Any:
    """Some owners draw from a few values; everybody has one of his own and one that he shares with a neighbour."""

    def draw(owner: int) -> list[int]:
        own = [10_000 + owner, 50_000 + owner // 2]
        return [base + owner % values, *own] if first <= owner < first + size else own

    return draw


def joined(town: Any, traces: Traces, fdr: float = 0.05) -> Joined:
    return join(traces, fdr, lambda linked: town.closely(sample=np.flatnonzero(~linked).astype(np.int32)))


def test_a_gang_that_two_views_tie_is_one_group(town: Any) -> None:
    found = joined(town, town.traces(payment=pool(), ip=pool(base=7), device=pool(base=3, values=1)))
    (group,) = found.settled
    assert group.members.tolist() == town.gang.tolist()
    assert all((group.ties[view] >= 2).mean() > 0.9 for view in ("payment", "network", "signup"))
    assert set(found.silent) >= {"client", "handover", "repertoire"}


@pytest.mark.parametrize("column", ["payment", "ip", "device", "ja4", "family"])
def test_one_view_alone_finds_nobody(column: str, town: Any) -> None:
    found = joined(town, town.traces(**{column: pool()}))
    assert found.settled == []


def test_a_shared_address_and_a_shared_client_alone_find_nobody(town: Any) -> None:
    assert joined(town, town.traces(ip=pool(), ja4=pool(base=7))).settled == []


def test_two_gangs_are_two_groups(town: Any) -> None:
    def two(base: int, values: int) -> Any:
        one, other = pool(base=base, values=values), pool(base=base + 100, values=values, first=12)
        return lambda owner: one(owner) if owner < 12 else other(owner)

    found = joined(town, town.traces(payment=two(1, 2), ip=two(5, 3), device=two(9, 1)))
    assert sorted(group.members.tolist() for group in found.settled) == [list(range(12)), list(range(12, 24))]


def test_a_neighbour_who_shares_one_thing_by_chance_stays_out(town: Any) -> None:
    def address(owner: int) -> list[int]:
        return [7] if owner == 100 else pool(base=7)(owner)

    (group,) = joined(town, town.traces(payment=pool(), ip=address, device=pool(base=3, values=1))).settled
    assert 100 not in group.members


def test_an_office_does_not_come_in_with_the_one_of_its_people_who_shares_something_by_chance(town: Any) -> None:
    """They use the gang's public frames and its client, and vouch for each other by their address alone."""
    office = range(100, 110)

    def address(owner: int) -> list[int]:
        return [900] if owner in office else pool(base=7)(owner)

    def frames(owner: int) -> list[int]:
        return [1, 2, 3] if owner < 12 or owner in office or owner >= 395 else [10_000 + owner]

    def opened(owner: int) -> list[int]:
        return [5] if owner in (3, 100) else [10_000 + owner]

    def client(owner: int) -> list[int]:
        return [8] if owner < 12 or owner in office else [10_000 + owner]

    known = {"payment": pool(), "device": pool(base=3, values=1), "created_hour": opened}
    traces = town.traces(ip=address, ja4=client, family=frames, **known)
    found = joined(town, traces).settled
    assert town.gang.tolist() in [group.members.tolist() for group in found]
    assert not any(set(office) & set(group.members.tolist()) and 0 in group.members for group in found)


def test_blocks_that_came_in_together_do_not_vouch_for_each_other(town: Any) -> None:
    """Twelve who pay with two cards, sit behind one address, were opened in one hour and use the gang's frame."""
    theirs = np.arange(100, 112, dtype=np.int32)

    def card(owner: int) -> list[int]:
        return [50 if owner < 108 else 51] if owner in theirs else pool()(owner)

    def address(owner: int) -> list[int]:
        return [900] if owner in theirs else pool(base=7)(owner)

    def frames(owner: int) -> list[int]:
        return [1] if owner < 12 or owner in theirs else [10_000 + owner]

    def opened(owner: int) -> list[int]:
        return [5] if owner in theirs else [10_000 + owner]

    looks = joined(town, town.traces(payment=card, ip=address, family=frames, created_hour=opened)).looks
    both = np.concatenate([town.gang, theirs]).astype(np.int32)
    assert _one_hand(looks, both, town.gang, town.owners).tolist() == town.gang.tolist()


@pytest.mark.parametrize(("shows", "inside"), [("frame", False), ("frame and day", True), ("day", False)])
def test_who_uses_the_gangs_own_frame_comes_in_with_one_more_tie(shows: str, inside: bool, town: Any) -> None:
    """Thirteenth is somebody with an own card, device and address, whom only the frame brings near."""
    late = 12

    def frames(owner: int) -> list[int]:
        return [1] if owner < late or (owner == late and "frame" in shows) else [10_000 + owner, 20_000 + owner // 2]

    def day(owner: int) -> list[int]:
        return [5] if owner < late or (owner == late and "day" in shows) else [10 + owner % 150]

    known = {"payment": pool(), "device": pool(base=3, values=1), "created_day": day}
    (group,) = joined(town, town.traces(ip=pool(base=7), family=frames, **known)).settled
    assert (late in group.members) == inside
    assert set(town.gang.tolist()) <= set(group.members.tolist())


def test_ties_of_two_views_that_look_at_the_same_facts_are_one(town: Any) -> None:
    """Who was opened when others were, after a closure, was opened once: a day is not a day and a succession."""
    day = 86_400_000
    created, closed = np.full(town.owners, town.begin - 300 * day), np.zeros(town.owners, np.int64)
    created += 3 * day * (np.arange(town.owners) % 90)
    closed[:4] = town.begin
    created[4:12] = created[200] = town.begin + day
    crowd = town.crowd(created_at=created, closed_at=closed)
    known = {"payment": pool(), "ip": pool(base=7), "device": pool(base=3, values=1)}
    opened = lambda owner: [int(created[owner] // day)]  # noqa: E731
    found = joined(town, town.traces(crowd, **known, created_day=opened))
    group = next(group for group in found.settled if 6 in group.members)
    looks = found.looks
    assert looks["succession"].sight.admit(group.members, np.array([200], np.int32))[0] >= 2
    assert 200 not in group.members


def test_who_was_declared_is_in_no_group(town: Any) -> None:
    declared = np.arange(town.owners) < 12
    crowd = replace(town.crowd(), declared=declared)
    assert joined(town, town.traces(crowd, payment=pool(), ip=pool(base=7), device=pool(base=3))).settled == []


def test_fewer_than_five_owners_are_no_group(town: Any) -> None:
    small = {"payment": pool(size=4), "ip": pool(size=4, base=7), "device": pool(size=4, base=3)}
    assert joined(town, town.traces(**small)).settled == []


@pytest.mark.parametrize("seed", range(5))
def test_strangers_who_draw_from_common_pools_are_no_group(seed: int, town: Any) -> None:
    """Every column is drawn by itself, so whatever is shared is shared by chance."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.zipf(1.4, (town.owners, 2)) % 400 + 1 for name in ("payment", "ip", "device", "ja4", "family")}

    def draws(values: Any) -> Any:
        return lambda owner: values[owner].tolist()

    found = joined(town, town.traces(**{name: draws(values) for name, values in drawn.items()}))
    assert len(found.proposals.groups) > 20, "many groups were examined"
    assert found.settled == []


def test_what_late_views_need_is_read_only_when_a_group_has_passed(town: Any) -> None:
    asked: list[int] = []

    def closer(linked: Any) -> Any:
        asked.append(int(linked.sum()))
        return town.closely()

    join(town.traces(payment=pool(size=0)), 0.05, closer)
    assert asked == []
    join(town.traces(payment=pool(), ip=pool(base=7), device=pool(base=3)), 0.05, closer)
    assert asked == [12]
