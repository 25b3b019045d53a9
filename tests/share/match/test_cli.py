"""`share match` as two people on each side would type it, against a server that is killed in between."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.share.match.conftest import OURS, SHARED, THEIRS
from tests.share.test_two_installations import House

TOKEN = "token-of-a-" + "y" * 40


@pytest.fixture
def houses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[House, House]:
    here, there = House(tmp_path / "a", "Example Lab", capsys), House(tmp_path / "b", "Other Lab", capsys)
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    (there.desk / "peers.toml").write_text(f'[[peer]]\nname = "a"\ntoken_sha256 = "{hashed}"\nmatch_size = 1000\n')
    (here.desk / "peers.toml").write_text('[[peer]]\nname = "b"\norganisation = "Other Lab"\n')
    (here.folder / "token").write_text(TOKEN + "\n")
    (here.folder / "mails").write_text("# suspects of May\n\n" + "\n".join(OURS) + "\n")
    (there.folder / "mails").write_text("\n".join(THEIRS) + "\n")
    return here, there


class Served:
    """`stillwatch share taxii`, a process of its own."""

    def __init__(self, house: House, port: int) -> None:
        self._command = [sys.executable, "-m", "stillwatch", "share", "taxii", "--listen", f"127.0.0.1:{port}",
                         "--settings", str(house.settings)]  # fmt: skip
        self.port, self.url = port, f"http://127.0.0.1:{port}/"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None
        raise AssertionError("it does not listen")

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def served(houses: tuple[House, House]) -> Iterator[Served]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    found = Served(houses[1], port)
    yield found
    found.kill()


def test_from_the_offer_to_the_names(houses: tuple[House, House], served: Served) -> None:
    here, there = houses
    mails, there_mails, token = here.folder / "mails", there.folder / "mails", here.folder / "token"
    told = there.say(
        "match", "offer", there_mails, "--kind", "email", "--peer", "a", "--until", "2999-01-01", "--by", "Ada"
    )
    assert told == "9 identifiers of kind email are offered to `a` until 2999-01-01\n"
    begun = here.say("match", "start", served.url, mails, "--kind", "email", "--peer", "b", "--token-file", token,
                     "--by", "Eve", "--json")  # fmt: skip
    (run,) = begun["runs"]
    assert (run["step"], run["count"]) == ("counted", 8)
    served.kill()
    served.start()
    assert "8 identifiers on both sides; names wait for a person on each side" in there.say("match", "list")
    (theirs,) = there.say("match", "list", "--json")["runs"]
    here.say("match", "release", run["id"][:6], "--by", "Ben")
    (waits,) = here.say("match", "go", run["id"][:6], "--token-file", token, "--json")["runs"]
    assert waits["step"] == "counted"
    there.say("match", "release", theirs["id"], "--by", "Cy")
    assert "`names` tells which of ours" in here.say("match", "go", run["id"], "--token-file", token)
    assert here.say("match", "names", run["id"]).split() == sorted(SHARED)
    out = there.folder / "matched"
    until = time.monotonic() + 30
    while there.say("match", "list", "--json")["runs"][0]["step"] != "named" and time.monotonic() < until:
        pass
    assert there.say("match", "names", theirs["id"], "--out", out) == f"8 identifiers in {out}\n"
    assert out.read_text().split() == sorted(THEIRS[1:])
    assert out.stat().st_mode & 0o77 == 0
    here.say("match", "drop", run["id"])
    assert here.say("match", "list") == ""
    assert "names released" in (there.desk / "disclosures.jsonl").read_text()


def test_what_cannot_be_is_refused_before_anything_is_sent(houses: tuple[House, House]) -> None:
    here, there = houses
    mails = there.folder / "mails"
    (there.folder / "wrong").write_text("a@example.com\nno address\n")
    (there.folder / "none").write_text("# nothing\n")
    for file, peer, until, code in (
        (mails, "nobody", "2999-01-01", 1), (mails, "a", "soon", 2), (there.folder / "wrong", "a", "2999-01-01", 1),
        (there.folder / "none", "a", "2999-01-01", 2),
    ):  # fmt: skip
        there.say("match", "offer", file, "--kind", "email", "--peer", peer, "--until", until, fails=code)
    here.say("match", "offer", mails, "--kind", "email", "--peer", "b", "--until", "2999-01-01", fails=2)
    here.say("match", "go", "0123", fails=1)
    here.say("match", "start", "http://peer.example.com/", mails, "--kind", "email", "--peer", "b", fails=1)
    assert there.say("match", "withdraw", "--kind", "email", "--peer", "a") == "there was none\n"


def test_who_may_release_stands_in_the_settings(houses: tuple[House, House], served: Served) -> None:
    here, there = houses
    there.say("match", "offer", there.folder / "mails", "--kind", "email", "--peer", "a", "--until", "2999-01-01")
    here.settings.write_text(here.settings.read_text() + 'releasers = ["Ben"]\n')
    here.say("match", "start", served.url, here.folder / "mails", "--kind", "email", "--peer", "b", "--token-file",
             here.folder / "token", "--by", "Eve")  # fmt: skip
    (run,) = here.say("match", "list", "--json")["runs"]
    for who in ("Cy", "Eve"):
        here.say("match", "release", run["id"], "--by", who, fails=1)
    assert "released by Ben" in here.say("match", "release", run["id"], "--by", "Ben")
