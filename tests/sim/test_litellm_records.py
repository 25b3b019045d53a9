import json
from typing import Any


def test_litellm_records_carry_the_same_exchanges(make: Any) -> None:
    world = make(world="demo", scale=0.05, sets=["days=1"], litellm=True)
    records = [
        json.loads(line)
        for file in sorted((world.folder / "litellm").glob("day=*/*.ndjson"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    rows = {row["exchange"]: row for row in world.traffic.to_pylist()}
    assert {record["litellm_call_id"] for record in records} == set(rows)
    for record in records:
        row = rows[record["litellm_call_id"]]
        assert record["metadata"]["user_api_key_org_id"] == row["account"]
        assert abs(record["startTime"] - row["at"].timestamp()) < 0.001
        assert (record["status"] == "failure") == (row["status"] >= 300)
        texts = [m["content"] for m in record["messages"] if m["role"] == "user"]
        assert texts == [m["content"] for m in row["messages"] if m["role"] == "user"]
        if row["status"] < 300:
            message = record["response"]["choices"][0]["message"]
            assert message["content"] == row["response"]
            names = [c["function"]["name"] for c in message["tool_calls"] or []]
            assert names == [c["name"] for c in row["tool_calls"] or []]
