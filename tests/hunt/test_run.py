"""A hunt that is interrupted, killed, out of room, or not alone."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import CaseError, NothingToRead, ResourceError, UsageError
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.store import cases

PATIENCE_S = 120.0


def start(world: Path, case: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start a hunt as its user would, in a process of its own."""
    command = [
        sys.executable, "-m", "stillwatch", "hunt", str(world / "traffic"), "--accounts", str(world / "accounts.csv"),
        "--case", str(case), "--threads", "1", "--json", *more,
    ]  # fmt: skip
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job would bequeath deafness
    try:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)


def strike(hunt: subprocess.Popen[bytes], case: Path, blow: signal.Signals) -> tuple[bytes, bytes]:
    """Send a signal as soon as a first piece of the traffic is sketched; much is left to do then."""
    end = time.monotonic() + PATIENCE_S
    while not list((case / ".scratch" / "columns").glob("segment-*.json")):
        assert hunt.poll() is None, hunt.communicate()
        assert time.monotonic() < end, "the hunt did not begin"
        time.sleep(0.002)
    hunt.send_signal(blow)
    return hunt.communicate(timeout=PATIENCE_S)


def told(case: Path) -> Any:
    return json.loads((case / "case.json").read_bytes())


def files(case: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in case.iterdir() if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_struck_hunt_leaves_the_previous_case_intact_and_resumes(
    blow: signal.Signals, world: Path, hunted: Path
) -> None:
    before = files(hunted)
    _, err = strike(hunt := start(world, hunted), hunted, blow)
    assert files(hunted) == before
    assert hunt.returncode == (130 if blow == signal.SIGINT else -9)
    assert blow != signal.SIGINT or b"--resume" in err
    sketched = {path.name: path.stat().st_mtime_ns for path in (hunted / ".scratch" / "columns").glob("*.json")}
    resumed = start(world, hunted, "--resume")
    out, err = resumed.communicate(timeout=PATIENCE_S)
    assert resumed.returncode == 14, err
    assert sketched, "nothing had been sketched"
    assert json.loads(out) == told(hunted)
    assert told(hunted)["campaigns"] == json.loads(before["case.json"])["campaigns"]
    assert not (hunted / ".scratch").exists()


def test_a_resumed_hunt_sketches_only_what_is_left(world: Path, tmp_path: Path) -> None:
    case = tmp_path / "case"
    strike(start(world, case), case, signal.SIGKILL)
    columns = case / ".scratch" / "columns"
    sketched = {path: path.stat().st_mtime_ns for path in columns.glob("segment-*.bin")}
    request = Request(traffic=(str(world / "traffic"),), case=case, accounts=world / "accounts.csv", resume=True)
    seen: dict[Path, int] = {}

    class Watching(Unheard):
        def stage(self, name: str, total: int) -> None:
            super().stage(name, total)
            if name == "families":
                seen.update({path: path.stat().st_mtime_ns for path in columns.glob("segment-*.bin")})

    run(request, Watching())
    assert sketched.items() <= seen.items()
    assert len(seen) > len(sketched)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"since": 1_777_852_800_000}, "`--since`"),
        ({"no_content": True}, "`--no-content`"),
        ({"traffic": ("elsewhere",)}, "TRAFFIC"),
    ],
)
def test_a_hunt_is_resumed_only_as_it_was_asked_for(
    change: dict[str, Any], says: str, world: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    request = {"traffic": (str(world / "traffic"),), "case": case}
    _interrupted(Request(**request))
    with pytest.raises(UsageError, match=says):
        run(Request(**(request | change), resume=True), Unheard())
    assert (case / ".scratch").exists(), "what was read must not be lost by a slip"


def test_a_hunt_is_not_resumed_when_the_traffic_has_changed(world: Path, tmp_path: Path) -> None:
    source = tmp_path / "traffic"
    source.mkdir()
    parts = sorted((world / "traffic").glob("*/*.parquet"))[:2]
    for number, part in enumerate(parts):
        (source / f"{number}.parquet").write_bytes(part.read_bytes())
    request = {"traffic": (str(source),), "case": tmp_path / "case"}
    _interrupted(Request(**request))
    os.utime(source / "0.parquet", ns=(1, 1))
    with pytest.raises(UsageError, match="the traffic has changed"):
        run(Request(**request, resume=True), Unheard())


def test_there_must_be_something_to_resume_and_stdin_is_nothing(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no interrupted hunt"):
        run(Request(traffic=(str(world / "traffic"),), case=tmp_path / "case", resume=True), Unheard())
    with pytest.raises(UsageError, match="stdin"):
        run(Request(traffic=("-",), case=tmp_path / "case", resume=True), Unheard())
    assert not (tmp_path / "case").exists()


def _interrupted(request: Request) -> None:
    class Impatient(Unheard):
        def stage(self, name: str, total: int) -> None:
            if name == "families":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(request, Impatient())


@pytest.mark.parametrize(("at", "limit"), [("sketch", 50_000), ("tell", 6_000)])
def test_a_full_disk_leaves_the_previous_case_intact(at: str, limit: int, world: Path, hunted: Path) -> None:
    before = files(hunted)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filling(Unheard):
        def stage(self, name: str, total: int) -> None:
            if name == at:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))

    request = Request(traffic=(str(world / "traffic"),), case=hunted, accounts=world / "accounts.csv")
    try:
        with pytest.raises(ResourceError) as trouble:
            run(request, Filling())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "--resume" in str(trouble.value)
    assert files(hunted) == before
    assert not (hunted / cases.NEXT).exists()
    assert (hunted / ".scratch").exists()


def test_two_hunts_on_one_case_are_one_too_many(world: Path, hunted: Path) -> None:
    before = files(hunted)
    with cases.locked(hunted):
        second = start(world, hunted)
        out, err = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 1
    assert out == b""
    assert b"another process is writing to this case" in err
    assert files(hunted) == before


def test_a_hunt_that_reads_nothing_keeps_why_and_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"exchange": "x", "at": "2026-05-01T00:00:00Z"}\n')
    with pytest.raises(NothingToRead, match="--map") as trouble:
        run(Request(traffic=(str(log),), case=tmp_path / "case"), Unheard())
    assert str(tmp_path / "case" / "rejected.jsonl") in str(trouble.value)
    assert sorted(path.name for path in (tmp_path / "case").iterdir()) == [".lock", "rejected.jsonl"]


def test_a_case_that_cannot_be_previous_is_told_before_anything_is_read(world: Path, tmp_path: Path) -> None:
    class Deaf(Unheard):
        def stage(self, name: str, total: int) -> None:
            raise AssertionError(f"it began to {name}")

    with pytest.raises(CaseError, match="there is no case"):
        run(Request(traffic=(str(world / "traffic"),), case=tmp_path / "c", previous=tmp_path / "absent"), Deaf())
    assert not (tmp_path / "c").exists()


def test_without_content_the_hunt_goes_on_and_keeps_no_prompt(world: Path, tmp_path: Path) -> None:
    warned: list[str] = []

    class Listening(Unheard):
        def warn(self, text: str) -> None:
            warned.append(text)

    request = Request(
        traffic=(str(world / "traffic"),), case=tmp_path / "case", accounts=world / "accounts.csv", no_content=True
    )
    case = run(request, Listening())
    assert {"messages", "response"} <= set(case.traffic.columns_missing)
    assert any("--no-content" in warning for warning in warned)
    assert not (tmp_path / "case" / cases.EXEMPLARS).exists()
    assert not any(family.template for entry in case.campaigns for family in entry.families)


def test_the_memory_that_is_allowed_does_not_change_what_is_found(world: Path, hunted: Path, tmp_path: Path) -> None:
    request = Request(
        traffic=(str(world / "traffic"),), case=tmp_path / "case", accounts=world / "accounts.csv", memory=64 << 20
    )
    run(request, Unheard())
    assert told(tmp_path / "case")["campaigns"] == told(hunted)["campaigns"]
