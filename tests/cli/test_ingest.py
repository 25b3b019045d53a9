"""`stillwatch ingest` as a person runs it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from stillwatch.cli.ingest import _bar

RECORD = '{"exchange":"x-%d","at":"2026-05-01T12:00:00Z","account":"a-%d","ip":"10.0.0.1, 203.0.113.9, 10.0.0.7"}\n'


def run(*arguments: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "stillwatch", "ingest", *arguments]
    return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, check=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(RECORD % (n, n) for n in range(5)) + "broken\n")
    return path


def test_json_stands_alone_on_stdout(log: Path, tmp_path: Path) -> None:
    done = run("log.jsonl", "--out", "out", "--json", folder=tmp_path)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["exchanges"], told["rejected"], told["duplicates"]) == (5, 1, 0)
    assert told["formats"] == {"canonical": 5}
    assert b"1 line could not be read" in done.stderr


def test_without_json_stdout_stays_empty(log: Path, tmp_path: Path) -> None:
    done = run("log.jsonl", "--out", "out", folder=tmp_path)
    assert done.stdout == b""
    assert b"5 exchanges from 1 source:" in done.stderr


def test_stdin_is_read(log: Path, tmp_path: Path) -> None:
    done = run("-", "--out", "out", "--json", folder=tmp_path, stdin=log.read_bytes())
    assert json.loads(done.stdout)["exchanges"] == 5
    again = run("-", "--out", "out", "--json", folder=tmp_path, stdin=log.read_bytes())
    assert json.loads(again.stdout)["duplicates"] == 5


def test_the_settings_of_the_working_directory_count(log: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (tmp_path / "stillwatch.toml").write_text('[ingest]\ntrusted_proxies = ["10.0.0.0/8"]\n')
    assert run("log.jsonl", "--out", "out", folder=tmp_path).returncode == 0
    (path,) = (tmp_path / "out").glob("day=2026-05-01/*.parquet")
    assert set(pq.ParquetFile(path).read(["ip"]).column(0).to_pylist()) == {"203.0.113.9"}


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("absent.jsonl", "--out", "out"), 2, "no such file: `absent.jsonl`"),
        (("*.absent", "--out", "out"), 2, "nothing matches"),
        (("log.jsonl", "--out", "out", "--format", "nginx"), 2, "no such format: `nginx`"),
        (("log.jsonl", "--out", "out", "--map", "absent.toml"), 2, "cannot read the map file"),
        (("log.jsonl", "--out", "out", "--settings", "absent.toml"), 2, "cannot read the settings"),
        (("log.jsonl", "--out", "log.jsonl"), 2, "is a file"),
        (("log.jsonl",), 2, "--out"),
        (("empty.jsonl", "--out", "out"), 3, "no exchange could be read"),
    ],
)
def test_a_mistake_ends_in_its_code_and_two_lines(
    log: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, what: str
) -> None:
    (tmp_path / "empty.jsonl").touch()
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == code
    assert what in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_no_account_names_the_line_that_mends_it_and_it_does(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"exchange":"x","at":"2026-05-01T12:00:00Z","tenant":"t-1"}\n')
    done = run("log.jsonl", "--out", "out", "--format", "canonical", folder=tmp_path)
    assert done.returncode == 3
    assert '`account = "tenant"`' in done.stderr.decode()
    (tmp_path / "map.toml").write_text('account = "tenant"\n')
    mended = run("log.jsonl", "--out", "out", "--map", "map.toml", "--json", folder=tmp_path)
    assert json.loads(mended.stdout)["exchanges"] == 1


def test_what_is_drawn_on_a_terminal_keeps_no_reader_from_being_forked() -> None:
    """A process that runs a second thread must not fork."""
    before = threading.active_count()
    with _bar(Console(file=io.StringIO(), force_terminal=True)) as bar:
        bar.add_task("reading", total=1)
        assert threading.active_count() == before
