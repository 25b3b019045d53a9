import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from stillwatch.cli.score import command
from stillwatch.errors import CaseError, SettingsError
from stillwatch.sim import score as s

A = [f"a{k}" for k in range(10)]
B = [f"b{k}" for k in range(10)]
CROWD = [f"c{k}" for k in range(8)]


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    folder = tmp_path / "world"
    folder.mkdir()
    campaigns = [
        {"id": "net", "kind": "hydra_network", "finding": "account_network", "accounts": A, "exchanges": 100},
        {
            "id": "stream",
            "kind": "hydra_reseller",
            "finding": "distillation_campaign",
            "accounts": A[:6],
            "exchanges": 12,
            "part_of": "net",
        },
        {
            "id": "harvest",
            "kind": "reasoning_harvest",
            "finding": "distillation_campaign",
            "accounts": B,
            "exchanges": 20,
        },
        {"id": "open", "kind": "open_extraction", "finding": "open_extraction", "accounts": ["o1"], "exchanges": 5},
    ]
    for campaign in campaigns:
        campaign |= {"actor": campaign["kind"], "tactics": [], "days": 3}
    crowd = {"id": "crowd-0", "kind": "campus", "actor": "campus", "accounts": CROWD, "paired_with": ""}
    planted = {
        "world": "w",
        "seed": 1,
        "report": False,
        "scale": 1,
        "stillwatch": "0",
        "from": "2026-05-04",
        "days": 3,
        "campaigns": campaigns,
        "crowds": [crowd | {"looks_guilty": "", "innocent": ""}],
    }
    (folder / "truth.json").write_text(json.dumps(planted), encoding="utf-8")
    rows = [(f"s{k}", "hydra_reseller", "stream") for k in range(12)]
    rows += [(f"h{k}", "reasoning_harvest", "harvest") for k in range(20)] + [
        (f"n{k}", "ordinary", None) for k in range(30)
    ]
    names = ["exchange", "actor", "campaign"]
    table = pa.table({n: list(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)})
    pq.write_table(table, folder / "truth.parquet")
    return folder


def case(folder: Path, entries: list[dict[str, Any]], exchanges: list[tuple[str, str]] | None = None) -> Path:
    place = folder / "case"
    place.mkdir(exist_ok=True)
    (place / "case.json").write_text(json.dumps({"schema": 1, "campaigns": entries}), encoding="utf-8")
    if exchanges is not None:
        told = {"exchange": [e for e, _ in exchanges], "campaign": [c for _, c in exchanges]}
        schema = pa.schema([("exchange", pa.string()), ("campaign", pa.string())])
        pq.write_table(pa.table(told, schema=schema), place / "exchanges.parquet")
    return place


def entry(name: str, accounts: list[str], finding: str = "distillation_campaign") -> dict[str, Any]:
    return {"id": name, "finding": finding, "accounts": accounts}


def by_id(result: s.Score) -> dict[str, s.Scored]:
    return {c.id: c for c in result.campaigns}


def test_a_perfect_case_scores_one_everywhere(truth: Path, tmp_path: Path) -> None:
    entries = [
        entry("e1", A, "account_network"),
        entry("e2", A[:6]),
        entry("e3", B),
        entry("e4", ["o1"], "open_extraction"),
    ]
    told = [(f"s{k}", "e2") for k in range(12)] + [(f"h{k}", "e3") for k in range(20)]
    result = s.score(case(tmp_path, entries, told), truth)
    assert (result.recall, result.fdr, result.false_campaigns) == (1.0, 0.0, [])
    assert by_id(result)["stream"].entries == ["e2"]
    assert by_id(result)["net"].entries == ["e1"]
    assert by_id(result)["harvest"].exchanges == s.Rate(precision=1.0, recall=1.0)
    assert by_id(result)["net"].exchanges == s.Rate(precision=None, recall=None)
    assert result.entries_per_operation == 1.0
    assert not result.merged


def test_an_empty_case_finds_nothing_and_accuses_nobody(truth: Path, tmp_path: Path) -> None:
    result = s.score(case(tmp_path, []), truth)
    assert (result.recall, result.fdr) == (0.0, 0.0)
    assert not any(c.found for c in result.campaigns)


def test_of_a_world_without_a_campaign_no_recall_is_told(truth: Path, tmp_path: Path) -> None:
    planted = json.loads((truth / "truth.json").read_text(encoding="utf-8"))
    (truth / "truth.json").write_text(json.dumps(planted | {"campaigns": []}), encoding="utf-8")
    for entries, told in (
        ([], "no campaign was planted; no entries\n"),
        ([entry("e", CROWD)], "1 entries, all of them false\n"),
    ):
        shown = CliRunner().invoke(command, [str(case(tmp_path, entries)), str(truth)]).stdout
        assert shown.endswith(told)
        assert "recall" not in shown
        assert ("hit crowd-0" in shown) == bool(entries)


def test_half_of_an_entrys_accounts_are_enough_and_less_is_not(truth: Path, tmp_path: Path) -> None:
    half = s.score(case(tmp_path, [entry("e", [*B[:3], "x", "y", "z"])]), truth)
    assert by_id(half)["harvest"].found
    assert by_id(half)["harvest"].accounts == s.Rate(precision=0.5, recall=0.3)
    less = s.score(case(tmp_path, [entry("e", [*B[:3], "x", "y", "z", "w"])]), truth)
    assert not by_id(less)["harvest"].found
    assert less.false_campaigns[0].hit == "harvest"


def test_a_graver_finding_than_planted_is_false_and_a_lighter_one_is_found(truth: Path, tmp_path: Path) -> None:
    graver = s.score(case(tmp_path, [entry("e", ["o1"], "account_network")]), truth)
    assert [f.why for f in graver.false_campaigns] == ["graver than planted: `open_extraction`"]
    assert graver.fdr == 1.0
    lighter = s.score(case(tmp_path, [entry("e", B, "account_network")]), truth)
    assert by_id(lighter)["harvest"].found
    assert not by_id(lighter)["harvest"].as_planted


def test_a_network_called_a_campaign_over_all_its_accounts_matches_the_stream(truth: Path, tmp_path: Path) -> None:
    result = s.score(case(tmp_path, [entry("e", A)]), truth)
    assert by_id(result)["stream"].accounts == s.Rate(precision=0.6, recall=1.0)
    assert not by_id(result)["net"].found


def test_an_innocent_crowd_that_is_named_is_told(truth: Path, tmp_path: Path) -> None:
    entries = [entry("e1", CROWD), entry("e2", [*B, *CROWD[:4]]), entry("e3", ["nobody"])]
    result = s.score(case(tmp_path, entries), truth)
    assert {(f.id, f.hit) for f in result.false_campaigns} == {("e1", "crowd-0"), ("e2", "crowd-0"), ("e3", None)}
    assert result.crowds_hit == {"crowd-0": ["e1", "e2"], "nobody planted": ["e3"]}
    assert result.fdr == 1.0


def test_split_and_merged_operations_are_counted(truth: Path, tmp_path: Path) -> None:
    result = s.score(case(tmp_path, [entry("e1", B[:5]), entry("e2", B[5:])]), truth)
    assert (result.split, result.entries_per_operation) == (["harvest"], 2.0)
    assert by_id(result)["harvest"].accounts == s.Rate(precision=1.0, recall=1.0)
    result = s.score(case(tmp_path, [entry("e", [*A, *B])]), truth)
    assert result.merged == ["e: harvest, net"]


def test_exchanges_of_several_entries_are_counted_once(truth: Path, tmp_path: Path) -> None:
    told = [("h0", "e1"), ("h1", "e1"), ("n0", "e1"), ("h1", "e2"), ("h2", "e2")]
    result = s.score(case(tmp_path, [entry("e1", B[:5]), entry("e2", B[5:])], told), truth)
    assert by_id(result)["harvest"].exchanges == s.Rate(precision=0.75, recall=0.15)


def test_the_table_and_the_json_say_the_same(truth: Path, tmp_path: Path) -> None:
    place = case(tmp_path, [entry("e1", B), entry("e2", CROWD)])
    told = json.loads(CliRunner().invoke(command, [str(place), str(truth), "--json"]).stdout)
    shown = CliRunner().invoke(command, [str(place / "case.json"), str(truth / "truth.json")]).stdout
    assert told["recall"] == 0.25
    assert told["fdr"] == 0.5
    assert told["false_campaigns"][0]["hit"] == "crowd-0"
    assert {"id", "kind", "found", "finding", "accounts", "exchanges"} <= set(told["campaigns"][0])
    assert "recall 0.250" in shown
    assert "hit crowd-0" in shown


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "not a case"),
        ('{"campaigns": [{"id": "x"}]}', "not a case"),
        ('{"campaigns": [{"id": "x", "finding": "witchcraft", "accounts": []}]}', "no finding is called `witchcraft`"),
    ],
)
def test_a_case_that_cannot_be_read_says_so(truth: Path, tmp_path: Path, text: str, what: str) -> None:
    place = case(tmp_path, [])
    (place / "case.json").write_text(text, encoding="utf-8")
    with pytest.raises(CaseError, match=what):
        s.score(place, truth)


def test_what_is_not_there_is_named(truth: Path, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no case"):
        s.score(tmp_path / "nowhere", truth)
    with pytest.raises(SettingsError, match="no truth"):
        s.score(case(tmp_path, []), tmp_path / "nowhere")
