"""Nulls: what a permutation keeps and what it cuts, and who is matched with whom."""

from __future__ import annotations

import numpy as np

from stillwatch.judge.nulls import matched, permuted, strata, without
from stillwatch.kit.held import Held, hold
from stillwatch.model.crowd import Crowd, Facts
from stillwatch.model.traces import Traces

OWNERS = 400


def log(seed: int = 1) -> Traces:
    rng = np.random.default_rng(seed)
    owner = np.arange(OWNERS, dtype=np.int32)
    zeros, none = np.zeros(OWNERS, np.int64), np.zeros(OWNERS, np.uint64)
    facts = Facts(
        created_at=zeros, closed_at=zeros, payment=none, payment_bin=none, device=none, referrer=none, phone=none,
        mail_domain=none, mail_kind=np.zeros(OWNERS, np.uint8), organisation=none, programme=none,
        verification=np.zeros(OWNERS, np.uint8), plan=rng.integers(1, 3, OWNERS).astype(np.uint64),
    )  # fmt: skip
    crowd = Crowd(
        accounts=[f"a{i}" for i in owner], exchanges=rng.integers(1, 5000, OWNERS), first=zeros, last=zeros,
        facts=facts, owner=owner, declared=np.zeros(OWNERS, bool),
    )  # fmt: skip
    ones = np.ones(OWNERS)
    office = np.where(owner < 60, 7, 1000 + owner).astype(np.uint64)
    card = np.where((owner >= 100) & (owner < 120), 5, 2000 + owner).astype(np.uint64)
    device = np.where((owner >= 100) & (owner < 120), 6, 3000 + owner // 2).astype(np.uint64)
    held = {
        name: hold(owner, values, ones, OWNERS)
        for name, values in (("prefix", office), ("ip", office), ("payment", card), ("device", device))
    }
    return Traces(crowd=crowd, held=held)


def holders(held: Held) -> list[list[int]]:
    return [held.holding(value).tolist() for value in range(held.size)]


def test_a_popular_network_a_plan_and_a_time_of_day_make_a_stratum() -> None:
    traces = log()
    hour = np.where(np.arange(OWNERS) % 2 == 0, 3.0, 15.0)
    stratum = strata(traces, hour)
    office = set(stratum[:60].tolist())
    assert len(office) == 4
    assert not office & set(stratum[60:].tolist())
    assert len(set(stratum.tolist())) == 8


def test_a_permutation_keeps_holders_and_strata_and_cuts_what_two_views_agree_on() -> None:
    traces = log()
    stratum = strata(traces, np.zeros(OWNERS))
    dealt = permuted(traces, stratum, np.random.default_rng(2))
    for name, held in traces.held.items():
        assert sorted(map(len, holders(held))) == sorted(map(len, holders(dealt.held[name])))
        assert held.bearers == dealt.held[name].bearers
    assert holders(dealt.held["ip"])[0] == list(range(60))  # the office stays what it is
    card = next(one for one in holders(dealt.held["payment"]) if len(one) == 20)
    device = next(one for one in holders(dealt.held["device"]) if len(one) == 20)
    before = next(one for one in holders(traces.held["payment"]) if len(one) == 20)
    assert before == list(range(100, 120))
    assert len(set(card) & set(device)) < 8
    assert holders(dealt.held["ip"]) == holders(dealt.held["prefix"])  # columns of one view move together


def test_what_is_left_out_is_gone_from_every_table() -> None:
    gone = np.arange(100, 119, dtype=np.int32)
    for held in without(log(), gone).held.values():
        assert not held.bears[gone].any()
        assert not set(held.holders.tolist()) & set(gone.tolist())
        assert all(len(one) >= 2 for one in holders(held))


def test_matched_strangers_stand_in_the_stratum_of_a_member_and_are_nobody_left_out() -> None:
    traces = log()
    stratum = strata(traces, np.zeros(OWNERS))
    out = np.zeros(OWNERS, bool)
    out[:30] = True
    like = [np.arange(20, 40, dtype=np.int32), np.arange(200, 230, dtype=np.int32)]
    drawn = matched(like, stratum, traces.crowd.exchanges, out, np.random.default_rng(3))
    for members, found in zip(like, drawn, strict=True):
        assert set(stratum[found].tolist()) <= set(stratum[members].tolist())
        assert not out[found].any()
        assert len(np.unique(found)) == len(found)
        assert 0 < len(found) <= len(members)
