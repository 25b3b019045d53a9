"""Orders, tokens, grants, the state and the servers, as their user types them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stillwatch.cli import main, stillwatch
from stillwatch.model.case import Case
from stillwatch.store import cases

ADA = ("--by", "Ada Example", "--reason", "reviewed")


def say(*words: Any) -> str:
    told = CliRunner().invoke(stillwatch, [str(word) for word in words], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    return told.stdout


def fails(*words: Any) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0)


def test_from_a_case_to_an_order_and_back(hunted: Path, tmp_path: Path, world: Path) -> None:
    place = ("--state", tmp_path / "state")
    told: Case = cases.read(hunted)
    meta = json.loads(say("state", "export", hunted, *place, "--json"))
    assert {one["id"] for one in meta["campaigns"]} == {entry.id for entry in told.campaigns}
    assert told.campaigns[0].id in say("state", "show", *place)
    entry = next(one for one in told.campaigns if one.finding == "distillation_campaign")
    planned = say(
        "order", "plan", "harden", "--campaign", entry.id, "--case", hunted, "--accounts", world / "accounts.csv",
        "--newcomers", "harden", *place, *ADA, "--json",
    )  # fmt: skip
    order = json.loads(planned)
    assert order["step"] == "planned"
    assert order["blast"]["accounts"] == len(entry.accounts)
    assert f"{entry.id}" in say("order", "list", *place)
    assert json.loads(say("order", "approve", order["id"], *place, *ADA, "--json"))["step"] == "approved"
    say("order", "snooze", order["id"], "--until", order["ends"], *place, *ADA)
    say("order", "spare", entry.accounts[0], *place, *ADA)
    say("order", "spare", entry.accounts[0], "--end", *place, *ADA)
    assert json.loads(say("order", "undo", order["id"], *place, *ADA, "--json"))["step"] == "undone"
    shown = say("order", "show", order["id"], *place)
    for word in ("planned by Ada Example", "approved by", "snoozed by", "undone by"):
        assert word in shown
    assert json.loads(say("order", "list", *place, "--json"))["orders"] == []


def test_mistakes_are_told_and_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--state", tmp_path / "state")
    assert fails("order", "plan", "suspend", *place, *ADA) == 2
    assert fails("order", "plan", "suspend", "--account", "a", "--by", "bot", "--reason", "x", *place) == 2
    assert fails("order", "approve", "o-nothing", *place, *ADA) == 1
    assert fails("order", "plan", "observe", "--account", "a", "--days", "9999", *place, *ADA) == 2
    assert fails("state", "show", *place) == 1
    assert fails("grant", "receipt", "g", "--out", tmp_path / "r.json", *place) == 1
    assert fails("proxy", "--upstream", "ftp://x", "--listen", "127.0.0.1:0", *place) == 2
    assert fails("serve", "--listen", "nowhere", "--store", str(tmp_path / "state")) == 2
    assert fails("serve", "--store", "postgresql://x/y") == 2
    assert "hint:" in capsys.readouterr().err
    assert json.loads(say("order", "list", "--all", *place, "--json"))["orders"] == []


def test_what_rests_and_who_is_spared_is_told_and_an_empty_place_is_said_to_be_empty(tmp_path: Path) -> None:
    place = ("--state", tmp_path / "state")
    nothing = CliRunner().invoke(stillwatch, ["order", "list", "--state", str(tmp_path / "other")])
    assert "nothing is planned, in force or spared in" in nothing.stderr
    order = json.loads(say("order", "plan", "slow", "--account", "a", *place, *ADA, "--json"))["id"]
    say("order", "approve", order, *place, *ADA)
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert "it rests until" in say("order", "snooze", order, "--until", until, *place, *ADA)
    say("order", "spare", "acct-7", *place, *ADA)
    told = say("order", "list", *place)
    assert "resting" in told
    assert "acct-7  spared" in told
    assert json.loads(say("order", "list", *place, "--json"))["spared"][0]["account"] == "acct-7"


def test_an_address_that_is_taken_and_a_proxy_before_itself_are_told_as_such(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        there = f"127.0.0.1:{held.getsockname()[1]}"
        place = ("--state", tmp_path / "state")
        for words in (("serve", "--store", tmp_path / "state"), ("proxy", "--upstream", "http://192.0.2.1", *place)):
            assert fails(*words, "--listen", there) == 1
        assert fails("proxy", "--upstream", f"http://{there}", "--listen", there, *place) == 2


def test_a_grants_file_is_issued_as_a_whole_and_revoked(tmp_path: Path) -> None:
    place = ("--state", tmp_path / "state")
    grants = tmp_path / "grants.toml"
    grants.write_text(
        '[[grant]]\nid = "g-1"\nholder = "Example Robotics"\naccounts = ["a"]\nexchanges = 5\n'
        "starts = 2026-01-01\nends = 2099-12-31\n"
    )
    say("grant", "issue", grants, *place, *ADA)
    assert fails("grant", "issue", grants, *place, *ADA) == 2
    assert json.loads(say("grant", "list", *place, "--json"))["grants"][0]["state"] == "in force"
    say("grant", "revoke", "g-1", *place, *ADA)
    assert "revoked" in say("grant", "list", *place)
    assert fails("grant", "revoke", "g-1", *place, *ADA) == 1


def test_the_server_starts_answers_behind_a_token_made_while_it_runs_and_stops(tmp_path: Path) -> None:
    place = tmp_path / "state"
    server = subprocess.Popen(
        [sys.executable, "-m", "stillwatch", "serve", "--listen", "127.0.0.1:0", "--store", f"sqlite:///{place}"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert server.stderr is not None
        line = server.stderr.readline()
        assert "shadow" in line
        port = next(word for word in _listening(server.pid))
        token = say("token", "make", "gateway", "--scope", "decide", "--state", place).strip()
        listed = say("token", "list", "--state", place)
        assert "gateway" in listed
        assert token not in listed
        status = 401
        while status == 401:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/decide", b'{"account": "a"}', {"x-stillwatch-token": token}
            )
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    status, told = answer.status, json.loads(answer.read())
            except urllib.error.HTTPError as trouble:
                status = trouble.code
        assert (told["action"], told["shadow"]) == ("allow", True)
        say("token", "revoke", token.split("_")[1], "--by", "Ada Example", "--state", place)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _listening(pid: int) -> list[int]:
    """Find the loopback port that a process listens on."""
    import time

    for _ in range(600):
        inodes = {str(path.readlink())[8:-1] for path in Path(f"/proc/{pid}/fd").iterdir() if _socket(path)}
        ports = []
        for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.append(int(fields[1].partition(":")[2], 16))
        if ports:
            return ports
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def _socket(path: Path) -> bool:
    try:
        return str(path.readlink()).startswith("socket:[")
    except OSError:
        return False
