"""The hunt as its user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from stillwatch.cli import main
from stillwatch.cli._progress import Journey, left
from stillwatch.cli._values import Size
from stillwatch.model.case import Case


def stillwatch(*arguments: str, given: bytes | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "stillwatch", *arguments], input=given, capture_output=True, check=False,
        env={**os.environ, **variables},
    )  # fmt: skip


def leave(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def test_json_is_one_object_the_case_itself_and_the_exit_code_is_the_gravest_finding(
    world: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    done = stillwatch(
        "hunt", str(world / "traffic"), "--accounts", str(world / "accounts.csv"), "--grants",
        str(world / "grants.toml"), "--case", str(case), "--json",
    )  # fmt: skip
    assert done.returncode == 14, done.stderr
    assert done.stdout.count(b"\n") == 1
    told = msgspec.json.decode(done.stdout, type=Case)
    assert told == msgspec.json.decode((case / "case.json").read_bytes(), type=Case)
    assert done.stderr == b"", "quiet where nobody looks on, and nothing to warn of"
    assert {path.name for path in case.iterdir()} >= {
        "case.json", "exchanges.parquet", "rejected.jsonl", "report.html", "members.parquet", "streams.parquet"
    }  # fmt: skip


def test_the_shape_that_other_programs_rely_on_stays(hunted: Path) -> None:
    told = json.loads((hunted / "case.json").read_bytes())
    assert told["schema"] == 1
    assert {"exchanges", "accounts", "from", "to", "rejected", "columns_missing"} <= set(told["traffic"])
    assert {"fdr", "method", "groups_examined"} <= set(told["error_control"])
    entry = told["campaigns"][0]
    assert {
        "id", "since_previous", "finding", "part_of", "accounts", "exchanges", "tasks", "output_tokens",
        "distinct_prompts", "from", "to", "scale", "deception", "intent", "evidence", "families", "targets", "atlas",
    } <= set(entry)  # fmt: skip
    assert {"bits", "because"} <= set(entry["scale"])
    assert {"view", "axis", "bits", "because", "innocent_reading"} <= set(entry["evidence"][0])
    assert {"id", "template", "exchanges", "accounts"} <= set(entry["families"][0])


def test_the_table_is_told_where_the_report_is(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = tmp_path / "case"
    assert leave("hunt", str(world / "traffic"), "--accounts", str(world / "accounts.csv"), "--case", str(case)) == 14
    out, err = capsys.readouterr()
    assert "distillation campaign" in out
    assert f"report: {case}/report.html" in out.replace("\n", "")
    assert "\x1b" not in out + err, "no colour where there is no terminal"
    assert err == ""


def test_stdin_is_a_log_like_any_other(tmp_path: Path) -> None:
    rows = [{"exchange": f"x{n}", "at": "2026-05-04T00:00:00Z", "account": f"a{n % 5}"} for n in range(30)]
    log = "".join(json.dumps(row) + "\n" for row in rows).encode()
    done = stillwatch("hunt", "-", "--case", str(tmp_path / "case"), "--json", given=log)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["traffic"]["exchanges"] == 30


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "TRAFFIC"),
        (("absent.jsonl",), 2, "no such file"),
        (("log.jsonl", "--format", "nonesuch"), 2, "no such format"),
        (("log.jsonl", "--since", "yesterday"), 2, "is no time"),
        (("log.jsonl", "--since", "2026-05-01T12:00:00"), 2, "has no zone"),
        (("log.jsonl", "--since", "2026-05-02", "--until", "2026-05-01"), 2, "is not before"),
        (("log.jsonl", "--fdr", "0"), 2, "--fdr"),
        (("log.jsonl", "--memory", "much"), 2, "is no size"),
        (("log.jsonl", "--engine", "abacus"), 2, "--engine"),
        (("log.jsonl", "--resume"), 2, "--case"),
        (("log.jsonl", "--accounts", "absent.csv"), 2, "--accounts"),
        (("log.jsonl", "--previous", "absent"), 1, "there is no case"),
        (("log.jsonl", "--settings", "bad.toml"), 2, "no such setting"),
        (("empty.jsonl",), 3, "no exchange could be read"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_nothing(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("log.jsonl").write_text('{"exchange": "x", "at": "2026-05-04T00:00:00Z", "account": "a"}\n')
    Path("empty.jsonl").touch()
    Path("bad.toml").write_text("[ingest]\ncolour = 1\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert leave("hunt", *arguments) == code
    out, err = capsys.readouterr()
    assert says in err
    assert "Traceback" not in err
    assert out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_nothing_found_leaves_with_0(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"exchange": "x", "at": "2026-05-04T00:00:00Z", "account": "a"}\n')
    assert leave("hunt", str(log), "--case", str(tmp_path / "case"), "--json") == 0


def test_a_dry_run_says_what_would_be_read_and_writes_nothing(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log.jsonl").write_text('{"exchange": "x", "at": "2026-05-04T00:00:00Z"}\n')
    assert leave("hunt", str(world / "traffic"), "log.jsonl", "--dry-run", "--format", "canonical") == 0
    out = capsys.readouterr().out
    assert "canonical Parquet, used where it lies" in out
    assert "`account` is missing" in out
    assert "payment: no --accounts file" in out
    assert leave("hunt", str(world / "traffic"), "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["exchanges"] == told["survey"]["sorts"][0]["exchanges"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize(
    ("text", "size"), [("6GB", 6 * 10**9), ("512MB", 512 * 10**6), ("1.5 GiB", 3 << 29), ("100", 100), ("2k", 2000)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize(
    ("elapsed", "done", "says"),
    [
        (5.0, 0.01, "time left: not known yet"), (10.0, 0.5, "about 10 seconds left"),
        (60.0, 0.1, "about 9 minutes left"), (7200.0, 0.4, "about 3 hours left"), (60.0, 0.99, "a moment left"),
    ],
)  # fmt: skip
def test_the_time_left_is_told_as_well_as_it_is_known(elapsed: float, done: float, says: str) -> None:
    assert left(elapsed, done) == says


def test_what_a_hunt_does_whatever_the_size_counts_less_in_a_large_log() -> None:
    shares = []
    for rows in (100_000, 16_000_000):
        with Journey(quiet=True) as journey:
            journey.stage("sketch", rows)
            journey.advance(rows)
            shares.append(journey.share)
    assert shares[0] < 0.1 < 0.25 < shares[1] < 0.35


def test_progress_never_goes_back_and_ends_at_the_end() -> None:
    seen = []
    with Journey(quiet=True) as journey:
        for name, total in (("read", 10), ("sketch", 8), ("duplicates", 0), ("families", 24), ("groups", 0),
                            ("weigh", 0), ("tell", 0)):  # fmt: skip
            journey.stage(name, total * 1_000_000)
            seen.append(journey.share)
            for _ in range(total):
                journey.advance(1_000_000)
                seen.append(journey.share)
    assert seen == sorted(seen)
    assert seen[0] == 0.0
    assert 0.9 < seen[-1] <= 1.0
