"""The scorecard's own arithmetic, and one small unit from its world to its page."""

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

BENCH = Path(__file__).parents[2] / "bench"
sys.path.insert(0, str(BENCH))

from scorecard import compared, evasion, page, plan, rivals, work  # noqa: E402
from scorecard.picture import Line, chart  # noqa: E402
from stillwatch.sim import _world  # noqa: E402

WORLD = """
days = 4
outages = 0
[[cast]]
actor = "ordinary"
accounts = 260
per_day = 1.5
[[cast]]
actor = "hydra_reseller"
accounts = 24
per_day = 12
mix = 0.4
carriers = 1.0
end_users = 200
[[cast]]
actor = "enterprise_nat"
accounts = 16
"""


def cell(**told: Any) -> dict[str, Any]:
    head = {"group": "main", "label": "east", "seed": 1000, "variant": "hunt", "world": "w", "exchanges": 10}
    head |= {"accounts": 100, "days": 14, "digest": "d", "version": "0", "at": "2026-11-21"}
    return head | told


def scored(found: int, of: int, false: int, entries: int) -> dict[str, Any]:
    counts = {"right": 9, "named": 10, "planted": 12}
    campaigns = [
        {
            "kind": "rubric_judge", "found": k < found, "as_planted": k < found, "accounts": {"recall": 0.75},
            "account_counts": counts, "exchange_counts": counts,
        }
        for k in range(of)
    ]  # fmt: skip
    wrong = [{"hit": "campus-0", "finding": "account_network"}] * false
    return {
        "campaigns": campaigns, "false_campaigns": wrong, "entries_bounded": entries, "entries_per_operation": 1.0,
    }  # fmt: skip


def test_a_campaign_has_twenty_seeds_fifty_quiet_worlds_and_no_cell_twice() -> None:
    units = list(plan.units())
    cells = [unit.cell(variant) for unit in units for variant in unit.variants]
    assert len(cells) == len(set(cells))
    assert len({unit.seed for unit in units if unit.group == "main"}) >= 20
    assert len({unit.seed for unit in units if unit.group == "quiet"}) >= 50
    assert all(unit.seed >= plan.REPORT for unit in units)
    for world in {unit.world for unit in units}:
        assert _world.read(world).cast


def test_the_first_practice_world_has_a_table_of_its_own() -> None:
    told = page._first([cell(group="first", score=scored(3, 4, 1, 4))])
    assert "1 worlds of `stillwatch sim first`: found 3 of 4, account precision 0.900, account recall 0.750" in told
    assert "false entries 1 of 4" in told
    assert "| `rubric_judge` | 3/4 |" in told
    assert page._first([cell()]) == ""


def test_the_two_halves_have_every_kind_of_campaign_of_the_full_world() -> None:
    halves = {part.actor for half in ("east", "west") for part in _world.read(str(plan.WORLDS / f"{half}.toml")).cast}
    assert halves >= {part.actor for part in _world.read("full").cast}


def test_a_unit_is_measured_once_and_again_where_a_cell_is_damaged(tmp_path: Path) -> None:
    world = tmp_path / "small.toml"
    world.write_text('about = "small"\n' + WORLD, encoding="utf-8")
    variants = ("hunt", "fdr 0.2", "rivals", "no payment", "without payment", "metadata only", "replay")
    unit = plan.Unit(group="mix", label="5 %", world=str(world), seed=1000, variants=variants, days=(1, 3))
    work.do(unit, tmp_path / "out", lambda _: None)
    assert work.todo(unit, tmp_path / "out") == []
    cells = {path.stem: json.loads(path.read_bytes()) for path in (tmp_path / "out").rglob("*.json")}
    assert sorted(cells) == sorted(variant.replace(" ", "-") for variant in variants)
    assert cells["hunt"]["held"]["planted"] == 24
    assert set(cells["rivals"]["rivals"]) >= set(compared.RIVALS[1:]) - {compared.OPTIONAL}
    assert cells["replay"]["replay"]["alerts"]["hydra_reseller-0"]["harvest"] > 100
    damaged = tmp_path / "out" / "cells" / unit.cell("fdr 0.2")
    damaged.write_text('{"schema": 1', encoding="utf-8")
    assert work.todo(unit, tmp_path / "out") == ["fdr 0.2"]
    kept = (tmp_path / "out" / "cells" / unit.cell("hunt")).stat().st_mtime_ns
    work.do(unit, tmp_path / "out", lambda _: None)
    assert work.todo(unit, tmp_path / "out") == []
    assert (tmp_path / "out" / "cells" / unit.cell("hunt")).stat().st_mtime_ns == kept
    page.write(tmp_path / "out", tmp_path / "docs")
    told = (tmp_path / "docs" / "scorecard.md").read_text(encoding="utf-8")
    assert "### Mix share" in told
    assert ET.parse(tmp_path / "docs" / "images" / "recall-by-mix.svg").getroot().tag.endswith("svg")


def test_a_cell_of_other_code_is_measured_again(tmp_path: Path) -> None:
    unit = plan.Unit(group="main", label="east", world="demo", seed=1000)
    path = tmp_path / "cells" / unit.cell("hunt")
    path.parent.mkdir(parents=True)
    told = {"schema": work.SCHEMA, "digest": work.digest(), "sets": []}
    path.write_text(json.dumps(told), encoding="utf-8")
    assert work.todo(unit, tmp_path) == []
    for other in ({"digest": "older"}, {"sets": ["ordinary.accounts=9"]}, {"schema": 0}):
        path.write_text(json.dumps(told | other), encoding="utf-8")
        assert work.todo(unit, tmp_path) == ["hunt"]


def test_the_page_counts_what_the_cells_say() -> None:
    cells = [
        cell(score=scored(3, 4, 1, 8)), cell(seed=1001, score=scored(4, 4, 0, 12)),
        cell(group="quiet", score=scored(0, 0, 0, 0)), cell(group="quiet", seed=1001, score=scored(0, 0, 2, 2)),
    ]  # fmt: skip
    told = page._glance(cells)
    assert "0.875 (7 of 8;" in told
    assert "0.136 (3 of 22;" in told
    assert "0.500 (1 of 2; upper 95 % bound 0.975)" in told
    assert "| 0.05 | 1/20 | 0.050 |" in page._rates(cells)
    assert "| `campus` | account_network | 3 |" in page._false(cells)


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert compared.section([cell(score=scored(1, 1, 0, 1), held={})]) == ""
    assert page._alerts([]) == ""
    assert "not measured yet" in page._glance([cell(score=scored(1, 1, 0, 1))])


def test_the_page_tells_what_evading_cost(tmp_path: Path) -> None:
    def kept(number: int, accounts: int, harvested: float, silent: list[str]) -> None:
        seen = {"views": ["payment"], "silent": silent, "cards": accounts // 5}
        told = {
            "round": number, "tactics": {"accounts": accounts, "days": 14}, "cost": accounts / 60, "worlds": [seen],
            "harvested": harvested, "alert_days": [None],
        }  # fmt: skip
        (tmp_path / "adversary").mkdir(exist_ok=True)
        (tmp_path / "adversary" / f"round-{number:04d}.json").write_text(json.dumps(told), encoding="utf-8")

    assert evasion.section(tmp_path) == ""
    kept(0, 60, 0.1, [])
    kept(1, 240, 0.8, ["network"])
    kept(2, 120, 0.6, ["network", "signup"])
    told = evasion.section(tmp_path)
    assert "in round 1; the cheapest such round cost **2.0 times (2.0 x the accounts, 1.0 x the days" in told
    assert "`network` (2), `signup` (1)" in told
    ET.fromstring(evasion.picture(tmp_path))


def test_a_chart_is_well_formed_and_keeps_its_points_inside() -> None:
    line = Line(name='<b>"x"&', points=[(2, 0.0), (50, 1.0)], limits=[(0.0, 0.5), (0.4, 1.0)])
    root = ET.fromstring(chart("a < b", "across", "up", [line], [2, 5, 50], logarithmic=True))
    points = [one for one in root.iter() if one.tag.endswith("circle")]
    assert len(points) == 3
    assert all(0 <= float(one.attrib["cx"]) <= 720 and 0 <= float(one.attrib["cy"]) <= 400 for one in points)


def test_shingles_are_of_length_one_and_alike_for_alike_texts() -> None:
    table = rivals._shingles(["the very same words", "the very same words!", "gänzlich anderes, 它不同", ""])
    norms = (table**2).sum(axis=1)
    assert norms[:3] == pytest.approx([1, 1, 1], abs=1e-5)
    assert table[0] @ table[1] > 0.9 > 0.5 > table[0] @ table[2]
