"""Grants and the allowlist beat everything, at decision and at enforcement, whatever orders there are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.model.answer import LADDER, Asked, Order, Spared, rank
from stillwatch.model.grant import Grant
from stillwatch.remedy import commands
from stillwatch.settings import Command
from stillwatch.settings import Watch as WatchSettings
from stillwatch.store import key as keys
from stillwatch.store.key import Key
from stillwatch.store.licences import Issued
from stillwatch.watch.live import Watch
from stillwatch.watch.standing import drawn, in_force, laid_out

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
ACCOUNTS = ("a", "b", "c")
MODELS = ("demo-large", "demo-mini")
DAY = timedelta(days=1)
shift = st.integers(-3, 3).map(lambda days: NOW + days * DAY)


@st.composite
def orders(draw: Any) -> Order:
    return Order(
        id=f"o-{draw(st.integers(0, 2**32 - 1)):08x}", rung=draw(st.sampled_from(LADDER)),
        accounts=draw(st.lists(st.sampled_from(ACCOUNTS), max_size=3, unique=True)),
        campaign=draw(st.sampled_from([None, "cam"])), members=draw(st.lists(st.sampled_from(ACCOUNTS), max_size=2)),
        reason="r", planned_by="Ada", planned_at=NOW - 9 * DAY,
        step=draw(st.sampled_from(["planned", "approved", "expired", "undone"])), approved_by="Ada",
        approved_at=draw(st.one_of(st.none(), shift)), ends=draw(shift),
        delay_s=draw(st.sampled_from([0, 3600, 7 * 86_400])),
        snoozed_until=draw(st.one_of(st.none(), shift)),
    )  # fmt: skip


@st.composite
def grants(draw: Any) -> Issued:
    starts = draw(st.integers(-3, 3))
    grant = Grant(
        id=f"g-{draw(st.integers(0, 9))}", holder="H",
        accounts=frozenset(draw(st.lists(st.sampled_from(ACCOUNTS), min_size=1, unique=True))),
        models=frozenset(draw(st.lists(st.sampled_from(MODELS), max_size=2))),
        exchanges=draw(st.sampled_from([0, 1, 5])), starts=(NOW + starts * DAY).date(),
        ends=(NOW + (starts + draw(st.integers(0, 4))) * DAY).date(),
    )  # fmt: skip
    return Issued(grant=grant, by="Ada", at=NOW, revoked_at=draw(st.sampled_from([None, NOW])))


spares = st.builds(
    lambda account, ends: Spared(account=account, reason="r", by="Ada", ends=ends), st.sampled_from(ACCOUNTS), shift
)
ADAPTER = Command(name="keys", rungs=("suspend", "harden"), do=("/bin/true", "{account}"))


@pytest.fixture(scope="module")
def key() -> Key:
    return keys.find()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(orders(), max_size=5, unique_by=lambda one: one.id), st.lists(grants(), max_size=3),
    st.lists(spares, max_size=2), st.dictionaries(st.sampled_from(["g-0", "g-1"]), st.integers(0, 6)),
    st.sampled_from(MODELS), st.sampled_from([False, True, ("refuse", "harden", "slow", "challenge")]),
)  # fmt: skip
def test_whoever_is_spared_or_licensed_is_left_alone_whatever_orders_there_are(
    key: Key, told: list[Order], issued: list[Issued], allowed: list[Spared], spent: dict[str, int], model: str,
    closed: Any,
) -> None:  # fmt: skip
    stands = laid_out(told, allowed, issued, spent)
    at = NOW.timestamp()
    watch = Watch(key, None, stands, WatchSettings(fail_closed=closed), enforce=True, clock=lambda: at)
    wanted = commands._wanted(ADAPTER, stands, told, key, at)
    for account in ACCOUNTS:
        spared = stands.spared.get(account, 0.0) > at
        held = [one.grant for one in issued if one.revoked_at is None and account in one.grant.accounts]
        running = [grant for grant in held if grant.starts <= date(2026, 6, 15) <= grant.ends]
        covering = [
            grant for grant in running
            if (not grant.models or model in grant.models)
            and (not grant.exchanges or spent.get(grant.id, 0) < grant.exchanges)
        ]  # fmt: skip
        decision = watch.decide(Asked(account=account, model=model))
        acting = [
            one
            for one in told
            if one.step == "approved" and account in one.accounts and in_force(one, account, at, key)
        ]
        if spared or covering:
            assert (decision.action, decision.transforms, decision.order) == ("allow", [], None)
        elif acting:
            assert decision.order is not None
            assert rank(next(one for one in told if one.id == decision.order).rung) == max(
                rank(one.rung) for one in acting
            )
        else:
            assert decision.action == "allow"
        if spared or running:
            assert account not in wanted, "no command touches whoever is spared or holds a grant of the day"
            assert watch.undecided(Asked(account=account, model=model)).action == "allow", "nor our own mistakes"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orders(), st.sampled_from(ACCOUNTS), st.floats(-10 * 86_400, 10 * 86_400))
def test_an_order_acts_from_within_its_delay_until_its_end_and_never_outside(
    key: Key, order: Order, account: str, offset: float
) -> None:
    at = NOW.timestamp() + offset
    acts = in_force(order, account, at, key)
    assert 0 <= drawn(key, order.id, account) < 1
    if acts:
        assert order.approved_at is not None
        assert order.approved_at.timestamp() <= at < order.ends.timestamp()
        assert order.snoozed_until is None or at >= order.snoozed_until.timestamp()
    elif order.approved_at is not None and at >= order.approved_at.timestamp() + order.delay_s:
        resting = order.snoozed_until is not None and at < order.snoozed_until.timestamp()
        assert resting or at >= order.ends.timestamp(), "the whole delay is over: it acts"


def test_the_instants_of_a_delay_are_spread_and_stay_what_they_are(key: Key, tmp_path: Path) -> None:
    first = [drawn(key, "o-00000001", f"acct-{n}") for n in range(2000)]
    assert first == [drawn(key, "o-00000001", f"acct-{n}") for n in range(2000)], "a restart draws the same"
    for tenth in range(10):
        share = sum(tenth <= 10 * one < tenth + 1 for one in first) / len(first)
        assert 0.07 < share < 0.13, "who probes learns nothing from where the others began"
    other = keys.find(str(tmp_path / "other"))
    assert first != [drawn(other, "o-00000001", f"acct-{n}") for n in range(2000)]
