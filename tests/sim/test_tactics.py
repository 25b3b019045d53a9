"""Tactics: what an actor says it does can be seen in its traffic, and its pair does not do it."""

import re
import tomllib
from collections import Counter, defaultdict
from typing import Any

import pytest


def rows_of(world: Any, actor: str) -> list[dict[str, Any]]:
    own = {r["exchange"]: r for r in world.planted.to_pylist() if r["actor"] == actor}
    rows = [r | own[r["exchange"]] for r in world.traffic.to_pylist() if r["exchange"] in own]
    return sorted(rows, key=lambda r: r["at"])


def asked(row: dict[str, Any]) -> str:
    return str(row["messages"][-1]["content"])


def carried(world: Any) -> list[tuple[str, str]]:
    """List (from, to) for histories whose long answer was delivered to another account alone."""
    delivered: dict[str, set[str]] = defaultdict(set)
    found = []
    for row in sorted(world.traffic.to_pylist(), key=lambda r: r["at"]):
        for message in row["messages"]:
            if message["role"] == "assistant" and len(message["content"]) > 80:
                givers = delivered.get(message["content"], set())
                if len(givers) == 1 and row["account"] not in givers:
                    found.append((next(iter(givers)), row["account"]))
        if row["status"] < 300 and row["response"]:
            delivered[row["response"]].add(row["account"])
    return found


def test_a_harvest_asks_each_task_once_and_comes_back_with_the_models_own_answer(make: Any) -> None:
    told = {"accounts": 30, "per_day": 12, "rationale": 0.6, "cover": 0, "lag_days": 1}
    rows = rows_of(make("reasoning_harvest", told={"reasoning_harvest": told}), "reasoning_harvest")
    answered = [r for r in rows if r["status"] < 300]
    given = {r["response"] for r in answered}
    back = [r for r in answered if any(text in asked(r) for text in given if len(text) > 60)]
    first = [r for r in answered if r not in back]
    assert len(back) > 100
    assert len({asked(r) for r in first}) == len(first)
    assert len({r["account"] for r in first}) >= 25


def test_a_hydra_hands_conversations_from_account_to_account_and_hides_one_stream(make: Any) -> None:
    told = {"accounts": 30, "per_day": 20, "mix": 0.1, "carriers": 0.5, "hop": 0.6, "end_users": 200}
    world = make("hydra_reseller", told={"hydra_reseller": told})
    assert len(carried(world)) > 100
    network, stream = world.truth.campaigns
    assert (network.finding, stream.finding, stream.part_of) == ("account_network", "distillation_campaign", network.id)
    assert set(stream.accounts) < set(network.accounts)
    assert 0.05 < stream.exchanges / network.exchanges < 0.2


def test_customers_of_a_pool_carry_its_conversations_over_and_strangers_do_not(make: Any) -> None:
    told = {
        "declared_pool": {"accounts": 10, "hop": 0.0},
        "reseller_customers": {"accounts": 40, "carried": 0.4},
        "prompt_course": {"accounts": 40},
    }
    world = make("declared_pool", "reseller_customers", "prompt_course", told=told)
    crowds = {c.kind: set(c.accounts) for c in world.truth.crowds}
    pairs = carried(world)
    assert len(pairs) > 10
    assert {giver for giver, _ in pairs} <= crowds["declared_pool"]
    assert {taker for _, taker in pairs} <= crowds["reseller_customers"]


def test_a_judge_sees_pairs_with_their_sides_swapped(make: Any) -> None:
    told = {"rubric_judge": {"accounts": 16, "per_day": 10, "swapped": 1.0}}
    rows = rows_of(make("rubric_judge", told=told, seed=2), "rubric_judge")

    def sides(text: str) -> tuple[str, str] | None:
        found = re.search(
            r"(?:\[Response A\]|### A)\n(.*?)\n\n(?:\[Response B\]|### B)\n(.*?)(?:\n\n### |\Z)", text, re.DOTALL
        )
        return (found[1], found[2]) if found else None

    pairs = {s for r in rows if (s := sides(asked(r)))}
    assert len(pairs) > 100
    assert sum((b, a) in pairs for a, b in pairs) > 0.5 * len(pairs)


def test_a_sweep_asks_the_same_numbers_in_many_languages(make: Any) -> None:
    told = {"multilingual_sweep": {"accounts": 20, "per_day": 10, "languages": 6}}
    rows = rows_of(make("multilingual_sweep", told=told), "multilingual_sweep")
    asked_in: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in rows:
        text = asked(row)
        asked_in[tuple(sorted(re.findall(r"\d+", text)))].add(text)
    assert Counter(len(texts) for texts in asked_in.values()).most_common(1)[0][0] >= 5


def test_sampling_repeats_prompts_and_its_answers_differ(make: Any) -> None:
    told = {"repeated_sampling": {"accounts": 16, "per_day": 10, "samples": 8, "choices": 2}}
    rows = [r for r in rows_of(make("repeated_sampling", told=told), "repeated_sampling") if r["status"] < 300]
    prompts = Counter(asked(r) for r in rows)
    assert sum(prompts.values()) / len(prompts) > 2.5
    for row in rows:
        assert row["n"] == len(row["choices"]) == 2
        assert row["choices"][0] == row["response"]
    assert sum(len(set(r["choices"])) > 1 for r in rows) > 0.6 * len(rows)


def test_a_pivot_moves_within_a_day_and_the_rest_does_not(make: Any) -> None:
    told = {"release_pivot": {"accounts": 30, "at_once": 0.8}, "ordinary": {"accounts": 400, "per_day": 4}}
    world = make("release_pivot", "ordinary", told=told)

    def share(actor: str) -> float:
        day = [
            r for r in rows_of(world, actor) if r["at"].strftime("%d") == "07" and r["model"].startswith("demo-large")
        ]
        return sum(r["model"] == "demo-large-2" for r in day) / len(day)

    assert share("release_pivot") > 0.6 > 0.45 > share("ordinary")


@pytest.mark.parametrize("actor", ["banned_and_back", "moved_accounts"])
def test_waves_end_where_others_begin(make: Any, actor: str) -> None:
    world = make(actor, told={actor: {"accounts": 40}})
    accounts = world.accounts
    closed = [a["closed_at"] for a in accounts if a["closed_at"] is not None]
    begun = [a["created_at"] for a in accounts if a["created_at"] > min(closed)]
    assert len(closed) >= 15
    assert len(begun) >= 10
    devices = Counter(a["device"] for a in accounts if a["device"])
    assert max(devices.values()) > 1


def test_a_slow_campaign_words_every_request_anew(make: Any) -> None:
    told = {"slow_and_low": {"accounts": 40, "per_day": 5, "clean": 0.5, "cover": 0.2}}
    world = make("slow_and_low", told=told)
    rows = [r for r in rows_of(world, "slow_and_low") if r["campaign"] and len(r["messages"]) == 1]
    heads = Counter(asked(r)[:30] for r in rows)
    assert max(heads.values()) < 0.1 * len(rows)
    cards = Counter(a["payment"] for a in world.accounts if a["payment"])
    assert 0.3 < sum(many for many in cards.values() if many == 1) / len(world.accounts) < 0.95
    assert max(cards.values()) <= 3


def test_grants_are_kept_by_one_and_passed_by_the_other(make: Any) -> None:
    for seed in range(3, 7):
        world = make("licensed_distiller", "grant_exceeded", seed=seed)
        grants = tomllib.loads((world.folder / "grants.toml").read_text(encoding="utf-8"))["grant"]
        beyond = {g["id"]: 0 for g in grants}
        for grant in grants:
            own = [r for r in world.traffic.to_pylist() if r["account"] in grant["accounts"] and r["status"] < 300]
            days = [r["at"].date() for r in own]
            late = sum(not grant["starts"] <= day <= grant["ends"] for day in days)
            other = sum(bool(grant["models"]) and r["model"] not in grant["models"] for r in own)
            over = max(0, len(own) - grant["exchanges"]) if grant["exchanges"] else 0
            beyond[grant["id"]] = late + other + over
        assert beyond["g-licensed_distiller-0"] == 0
        assert beyond["g-grant_exceeded-0"] > 20


def test_a_declared_pool_says_so(make: Any) -> None:
    world = make("declared_pool", told={"declared_pool": {"accounts": 8}})
    known = tomllib.loads((world.folder / "known.toml").read_text(encoding="utf-8"))["owner"]
    assert {a for owner in known for a in owner["accounts"]} == set(world.truth.crowds[0].accounts)
    assert {a["organisation"] for a in world.accounts} == {known[0]["name"]}


def test_a_campaigns_ties_overlap_and_have_holes(make: Any) -> None:
    world = make("reasoning_harvest", told={"reasoning_harvest": {"accounts": 80, "clean": 0.3}})
    cards = Counter(a["payment"] for a in world.accounts)
    devices = Counter(a["device"] for a in world.accounts if a["device"])
    tied = [(cards[a["payment"]] > 1, bool(a["device"]) and devices[a["device"]] > 1) for a in world.accounts]
    assert {(True, True), (True, False), (False, True), (False, False)} <= set(tied)
    assert 3 <= max(cards.values()) <= 9


def test_hidden_prompt_extraction_mostly_fails_and_sometimes_leaks(make: Any) -> None:
    told = {"hidden_prompt_extraction": {"accounts": 14, "per_day": 10, "leaks": 0.2}}
    rows = rows_of(make("hidden_prompt_extraction", told=told), "hidden_prompt_extraction")
    tries = Counter(r["finish_reason"] for r in rows if r["campaign"] and r["status"] < 300)
    assert 0.1 < tries["stop"] / tries.total() < 0.3


def test_trajectories_run_over_several_channels_that_do_not_tell_where_they_come_from(make: Any) -> None:
    told = {"agentic_trajectories": {"accounts": 30, "clouds": 0.6, "per_day": 20}}
    rows = rows_of(make("agentic_trajectories", told=told), "agentic_trajectories")
    assert {"api", "bedrock"} <= {r["channel"] for r in rows}
    assert all((r["ip"] is None) == (r["channel"] != "api") for r in rows)
    assert max(len(r["messages"]) for r in rows) > 12


def test_templates_of_report_seeds_are_met_nowhere_else(make: Any) -> None:
    told = {"reasoning_harvest": {"accounts": 20, "per_day": 8}}
    kept = ("leaving", "Narrate how", "with nothing left implicit", "Give the derivation first")
    tuned = [make("reasoning_harvest", told=told, seed=seed) for seed in (1, 2, 3)]
    report = [make("reasoning_harvest", told=told, seed=seed) for seed in (1001, 1002, 1003)]

    def share(worlds: list[Any]) -> float:
        rows = [asked(r) for w in worlds for r in rows_of(w, "reasoning_harvest") if r["campaign"]]
        return sum(any(words in text for words in kept[1:]) for text in rows) / len(rows)

    assert share(tuned) == 0.0
    assert share(report) > 0.5


def test_a_harvester_moves_one_lever_at_a_time(make: Any) -> None:
    def cards(**told: Any) -> tuple[int, int]:
        world = make("harvester", told={"harvester": {"accounts": 40, "per_day": 6} | told})
        held = [row["payment"] for row in world.accounts if row["payment"]]
        return len(set(held)), world.truth.campaigns[0].exchanges

    pooled, harvested = cards()
    spread, _ = cards(each=2)
    clean, _ = cards(clean=1.0)
    assert pooled < spread < clean
    assert abs(cards(paraphrase=1.0)[1] - harvested) < 0.1 * harvested
    assert abs(cards(mix=0.25)[1] - harvested) < 0.1 * harvested


def test_cells_of_a_harvester_share_no_card_and_no_device(make: Any) -> None:
    def parts(cells: int) -> int:
        told = {"accounts": 40, "per_day": 4, "cells": cells, "clean": 0.0}
        world = make("harvester", told={"harvester": told})
        assert [len(campaign.accounts) for campaign in world.truth.campaigns] == [40]
        groups: list[set[str]] = []
        for row in world.accounts:
            one = {row["account"]} | {str(row[name]) for name in ("payment", "device") if row[name]}
            touching = [group for group in groups if group & one]
            groups = [group for group in groups if not group & one] + [one.union(*touching)]
        return len(groups)

    assert parts(8) >= 8
    assert parts(1) < 5


def test_bulk_campaigns_share_no_card_and_no_device_with_each_other(make: Any) -> None:
    world = make("bulk_campaigns", told={"bulk_campaigns": {"accounts": 60, "operations": 4, "per_day": 2}})
    whose = {account: campaign.id for campaign in world.truth.campaigns for account in campaign.accounts}
    holders: dict[str, set[str]] = defaultdict(set)
    for row in world.accounts:
        for value in (row["payment"], row["device"]):
            if value:
                holders[str(value)].add(row["account"])
    shared = [held for held in holders.values() if len(held) >= 3]
    assert len(world.truth.campaigns) == 4
    assert shared
    assert all(len({whose[account] for account in held}) == 1 for held in shared)


def test_only_the_first_days_are_written_where_a_world_says_so(make: Any) -> None:
    whole = make("harvester", "ordinary", told={"harvester": {"accounts": 20}, "ordinary": {"accounts": 60}})
    part = make(
        "harvester", "ordinary", told={"harvester": {"accounts": 20}, "ordinary": {"accounts": 60}}, sets=["written=1"]
    )
    assert whole.truth.campaigns[0].written == 1.0
    assert part.truth.campaigns[0].written == pytest.approx(0.25, abs=0.02)
    first = sorted(r["exchange"] for r in whole.traffic.to_pylist() if str(r["at"]) < "2026-05-05")
    assert first == sorted(r["exchange"] for r in part.traffic.to_pylist() if str(r["at"]) < "2026-05-05")
