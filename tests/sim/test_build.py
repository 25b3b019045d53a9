import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import sim
from stillwatch.errors import UsageError
from stillwatch.model.exchange import EXCHANGES
from stillwatch.sim import _checksum


def test_the_same_seed_gives_the_same_rows_on_any_number_of_threads(make: Any, demo: Any) -> None:
    for threads in (1, 3):
        again = make(world="demo", scale=0.3, sets=["days=4"], seed=3, threads=threads)
        assert again.truth == demo.truth
        assert again.traffic.equals(demo.traffic)


def test_another_seed_gives_other_rows(make: Any, demo: Any) -> None:
    assert make(world="demo", scale=0.3, sets=["days=4"], seed=4).truth.checksum != demo.truth.checksum


def test_the_checksum_is_that_of_the_rows_on_disk(demo: Any) -> None:
    table = demo.traffic
    assert demo.truth.checksum == f"{table.num_rows}-{_checksum.of_table(table):016x}"
    shuffled = pa.concat_tables([table.slice(500), table.slice(0, 500)])
    assert _checksum.of_table(shuffled) == _checksum.of_table(table)


def test_every_canonical_column_has_its_type(demo: Any) -> None:
    table = demo.traffic
    for field in EXCHANGES:
        assert table.schema.field(field.name).type == field.type, field.name
    for name in ("exchange", "at", "account", "key", "model", "messages", "status", "user_agent", "stream"):
        assert table[name].null_count == 0, name


def test_exchanges_are_unique_and_lie_in_the_folder_of_their_day(demo: Any) -> None:
    table = demo.traffic
    assert len(set(table["exchange"].to_pylist())) == table.num_rows
    for file in (demo.folder / "traffic").glob("day=*/*.parquet"):
        days = {str(at.date()) for at in pq.ParquetFile(file).read(["at"])["at"].to_pylist()}
        assert days == {file.parent.name.removeprefix("day=")}


def test_failed_requests_have_no_answer_and_answered_ones_have(demo: Any) -> None:
    for row in demo.traffic.to_pylist():
        if row["status"] >= 300:
            assert row["response"] is None
            assert row["output_tokens"] is None
            assert row["finish_reason"] is None
        else:
            assert row["response"] or row["tool_calls"] or row["response"] == ""
            assert row["finish_reason"] in {"stop", "tool_calls", "refusal"}
    assert {429, 500} & set(demo.traffic["status"].to_pylist())


def test_an_assistants_turn_in_a_history_is_an_answer_delivered_earlier(demo: Any) -> None:
    delivered: dict[tuple[str, str], set[str]] = {}
    checked = doubled = 0
    for row in sorted(demo.traffic.to_pylist(), key=lambda row: row["at"]):
        contents = [m["content"] for m in row["messages"]]
        for nth, message in enumerate(row["messages"]):
            before = (row["account"], "\x1f".join(contents[:nth]))
            long = len(before[1]) > 40  # "why?" begins many a history that the client has cut short
            if message["role"] == "assistant" and long and before in delivered:
                exact = message["content"] in delivered[before]
                assert exact or any(_doubled(text, message["content"]) for text in delivered[before])
                checked += 1
                doubled += not exact
        if row["status"] < 300:
            delivered.setdefault((row["account"], "\x1f".join(contents)), set()).add(_as_remembered(row))
    assert checked > 500
    assert 0 < doubled < 0.1 * checked  # what gateways doubled


def _doubled(logged: str, said: str) -> bool:
    """Tell whether a log holds what was said with one word doubled."""
    words = logged.split(" ")
    return any(
        a == b and " ".join(words[:nth] + words[nth + 1 :]) == said for nth, (a, b) in enumerate(pairwise(words))
    )


def _as_remembered(row: dict) -> str:
    spoken = row["response"] or ""
    if not row["tool_calls"]:
        return spoken
    line = json.dumps(
        {"tool_calls": [{"arguments": json.loads(c["arguments"]), "name": c["name"]} for c in row["tool_calls"]]},
        separators=(",", ":"),
        sort_keys=True,
        ensure_ascii=False,
    )
    return f"{spoken}\n{line}" if spoken else line


def test_a_trajectory_ends_in_tool_messages_and_offers_its_tools(demo: Any) -> None:
    rows = [row for row in demo.traffic.to_pylist() if row["tools"]]
    assert any(row["messages"][-1]["role"] == "tool" for row in rows)
    for row in rows:
        for call in row["tool_calls"] or []:
            assert call["name"] in row["tools"]
            json.loads(call["arguments"])


def test_held_histories_name_the_exchange_that_they_continue(make: Any) -> None:
    world = make("ordinary", told={"ordinary": {"accounts": 400, "per_day": 6}})
    rows = {row["exchange"]: row for row in world.traffic.to_pylist()}
    held = [row for row in rows.values() if row["previous"]]
    assert held
    for row in held:
        assert len(row["messages"]) == 1
        if row["previous"] in rows:
            assert rows[row["previous"]]["at"] < row["at"]
            assert rows[row["previous"]]["account"] == row["account"]


def test_truth_names_every_exchange_once_and_agrees_with_the_traffic(demo: Any) -> None:
    traffic = dict(zip(*(demo.traffic[c].to_pylist() for c in ("exchange", "account")), strict=True))
    planted = demo.planted.to_pylist()
    assert {row["exchange"] for row in planted} == set(traffic)
    assert len(planted) == demo.truth.exchanges == len(traffic)
    by_id = {campaign.id: campaign for campaign in demo.truth.campaigns}
    counted = dict.fromkeys(by_id, 0)
    for row in planted:
        if row["campaign"]:
            counted[row["campaign"]] += 1
            assert traffic[row["exchange"]] in by_id[row["campaign"]].accounts
    for name, campaign in by_id.items():
        if campaign.finding != "account_network":
            assert campaign.exchanges == counted[name] > 0


def test_no_campaign_account_stands_in_an_innocent_crowd(demo: Any) -> None:
    guilty = {a for campaign in demo.truth.campaigns for a in campaign.accounts}
    for crowd in demo.truth.crowds:
        assert not guilty & set(crowd.accounts), crowd.id


def test_traffic_keeps_to_the_life_of_its_account(demo: Any) -> None:
    lives = {row["account"]: (row["created_at"], row["closed_at"]) for row in demo.accounts}
    for at, account in zip(*(demo.traffic[c].to_pylist() for c in ("at", "account")), strict=True):
        created, closed = lives[account]
        assert created.timestamp() <= at.timestamp() + 1
        assert closed is None or at.timestamp() <= closed.timestamp() + 1


def test_nothing_is_written_over_a_strangers_directory(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="not a practice world"):
        sim.make("demo", seed=1, out=tmp_path, scale=0.05, sets=["days=1"])
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_an_earlier_practice_world_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    out = tmp_path / "world"
    first = sim.make("demo", seed=1, out=out, scale=0.05, sets=["days=2"])
    second = sim.make("demo", seed=2, out=out, scale=0.05, sets=["days=1"])
    assert first.checksum != second.checksum
    assert [p.name for p in tmp_path.iterdir()] == ["world"]
    assert json.loads((out / "truth.json").read_bytes())["checksum"] == second.checksum


def test_a_failure_leaves_the_earlier_world_and_no_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "world"
    sim.make("demo", seed=1, out=out, scale=0.05, sets=["days=1"])
    before = (out / "truth.json").read_bytes()

    def fail(done: int, days: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sim.make("demo", seed=2, out=out, scale=0.05, sets=["days=2"], progress=fail)
    assert (out / "truth.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["world"]


def test_a_chunk_without_system_prompts_has_the_columns_of_the_others(make: Any, monkeypatch: Any) -> None:
    from stillwatch.sim import _days

    told = {"harvester": {"accounts": 4, "per_day": 20}, "saas_template": {"accounts": 6, "products": 2, "per_day": 1}}
    whole = make("harvester", "saas_template", told=told)
    monkeypatch.setattr(_days, "CHUNK", 64)
    small = make("harvester", "saas_template", told=told)
    assert small.truth.checksum == whole.truth.checksum
