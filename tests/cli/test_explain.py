"""`explain` as its user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stillwatch.cli import main
from stillwatch.store import cases


def leave(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["explain", *arguments])
    return int(left.value.code or 0)


def test_each_of_the_three_is_told_in_words_and_as_json(hunted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = cases.read(hunted).campaigns[0]
    exchange = pq.read_table(hunted / cases.EXCHANGES).column("exchange")[0].as_py()
    for kind, name in (("campaign", entry.id), ("account", entry.accounts[0]), ("exchange", exchange)):
        assert leave(str(hunted), name) == 0
        assert name in capsys.readouterr().out
        assert leave(str(hunted), name, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["schema"], told["kind"]) == (1, kind)
        assert told["because"]


def test_an_exchange_of_no_entry_is_found_in_ones_own_log(
    world: Path, hunted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attributed = set(pq.read_table(hunted / cases.EXCHANGES).column("exchange").to_pylist())
    part = next((world / "traffic").glob("*/*.parquet"))
    rows = pq.ParquetFile(part).read(columns=["exchange", "account"]).to_pylist()
    row = next(row for row in rows if row["exchange"] not in attributed)
    assert leave(str(hunted), row["exchange"]) == 1
    assert "--traffic" in capsys.readouterr().err
    assert leave(str(hunted), row["exchange"], "--traffic", str(world / "traffic")) == 0
    out = capsys.readouterr().out
    assert "attributed to no entry" in out
    assert f"account {row['account']}" in out


def test_what_is_not_there_is_told(hunted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(str(hunted), "nobody") == 1
    assert "nothing in this case is called `nobody`" in capsys.readouterr().err
    assert leave(str(tmp_path), "nobody") == 1
    assert "there is no case" in capsys.readouterr().err
