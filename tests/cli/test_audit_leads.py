from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from tests.prove.leads.test_resemble import models

from stillwatch import cli


def test_leads_are_read_from_a_table_of_answers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"model": m, "prompt_id": p, "output": t} for m, said in models(0.4).items() for p, t in said.items()]
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    words = [
        "audit",
        "leads",
        str(path),
        "--suspect",
        "suspect",
        *(x for i in range(4) for x in ("--teacher", f"t{i}")),
    ]
    done = CliRunner().invoke(cli.stillwatch, [*words, "--json"], standalone_mode=False)
    assert done.return_value == 10
    found = msgspec.json.decode(done.stdout)["leads"]
    assert [one["teacher"] for one in found if one["verdict"] == "lead"] == ["t0"]
    told = CliRunner().invoke(cli.stillwatch, words, standalone_mode=False)
    assert "a lead is no proof" in told.stderr


def test_a_table_without_answers_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"x": 1}\n')
    words = ["audit", "leads", str(path), "--suspect", "s", "--teacher", "t"]
    with pytest.raises(Exception, match="no answers were read"):
        raise CliRunner().invoke(cli.stillwatch, words, standalone_mode=False).exception or AssertionError
