"""Two installations on loopback: one tells, the other looks, answers, and undoes what is taken back."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.share.conftest import a_case, an_entry
from tests.share.test_families import CONTROL, EXEMPLARS, FRAME, words

from stillwatch.cli import main
from stillwatch.share import peers
from stillwatch.share.files import write
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.serve import bind
from stillwatch.share.taxii.store import Store

TOKEN = "token-of-b-" + "y" * 40
TALK = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def traffic(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    """Write canonical Parquet: account, address and prompt."""
    at = datetime(2026, 5, 20, tzinfo=UTC)
    pq.write_table(
        pa.table({
            "exchange": [f"x{n}" for n in range(len(rows))], "at": [at] * len(rows),
            "account": [one[0] for one in rows], "ip": [one[1] for one in rows],
            "messages": pa.array([[{"role": "user", "content": one[2]}] for one in rows], TALK),
        }), path,
    )  # fmt: skip
    return path


class House:
    """One installation: a directory with settings, a desk and traffic."""

    def __init__(self, folder: Path, organisation: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.desk = folder / "desk"
        self.desk.mkdir(parents=True)
        self.settings = folder / "stillwatch.toml"
        self.settings.write_text(f'[share]\norganisation = "{organisation}"\ndirectory = "{self.desk}"\n')

    def say(self, *arguments: str | Path, fails: int = 0) -> Any:
        with pytest.raises(SystemExit) as left:
            main(["share", *map(str, arguments), "--settings", str(self.settings)])
        out = self._capsys.readouterr()
        assert (left.value.code or 0) == fails, out.err
        return json.loads(out.out) if "--json" in arguments else out.out


@pytest.fixture
def houses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[House, House]:
    one, other = House(tmp_path / "a", "Example Lab", capsys), House(tmp_path / "b", "Other Lab", capsys)
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    (one.desk / "peers.toml").write_text(
        f'[[peer]]\nname = "b"\norganisation = "Other Lab"\nwrite = true\ntoken_sha256 = "{hashed}"\n'
    )
    (other.desk / "peers.toml").write_text('[[peer]]\nname = "a"\norganisation = "Example Lab"\n')
    (other.folder / "token").write_text(TOKEN + "\n")
    return one, other


@pytest.fixture
def url(houses: tuple[House, House]) -> Iterator[str]:
    place = houses[0].desk
    listening = bind(
        Server(Store(place / "taxii.sqlite"), peers.read(place / "peers.toml"), "Example Lab"), "127.0.0.1", 0
    )
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{listening.server_address[1]}/taxii2/stillwatch/"
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_told_looked_for_answered_and_undone(houses: tuple[House, House], url: str, tmp_path: Path) -> None:
    here, there = houses
    key = tmp_path / "group.key"
    here.folder.joinpath("case").mkdir()
    entry = an_entry()
    (here.folder / "case" / "case.json").write_bytes(msgspec.json.encode(a_case(entry)))
    kept = [{"entry": entry.id, "family": "f-199a7a1f", "prompt": text} for text in EXEMPLARS]
    (here.folder / "case" / "exemplars.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
    seen = [(name, f"203.0.113.{n}", EXEMPLARS[n % 5]) for n, name in enumerate(entry.accounts)]
    seen += [(f"clean-{n}", "198.51.100.1", text) for n, text in enumerate(CONTROL)]
    logs = traffic(here.folder / "a.parquet", seen)
    write(key, bytes(range(32)))

    # told
    (record,) = here.say("prepare", here.folder / "case", "--traffic", logs, "--group-key", key, "--by", "Ada",
                         "--json")["bulletins"]  # fmt: skip
    name = record["bulletin"]["id"]
    assert len(record["bulletin"]["families"]) == 1
    assert [one["value"] for one in record["bulletin"]["ranges"]] == ["203.0.113.0/24"]
    assert here.say("publish", "--json")["bulletins"] == 0
    here.say("release", name, "--by", "Grace", "--to", "b")
    assert here.say("publish", "--json")["new_objects"] > 10
    assert here.say("publish", "--json")["new_objects"] == 0

    # looked for
    pull = ("pull", url, "--peer", "a", "--token-file", there.folder / "token", "--json")
    (outcome,) = there.say(*pull)["bulletins"]
    assert (outcome["bulletin"], outcome["became"]) == (name, "new")
    assert there.say(*pull)["bulletins"] == []
    missed = [(f"missed-{n}", "192.0.2.1", FRAME.format(words(n, 9), words(n, 60))) for n in range(7)]
    honest = [(f"honest-{n}", "192.0.2.1", words(7000 + n, 60)) for n in range(80)]
    their_logs = traffic(there.folder / "b.parquet", [*missed, *honest])
    look = ("look", their_logs, "--group-key", key, "--on", "2026-05-20", "--json")
    (looked,) = there.say(*look)["bulletins"]
    assert {one["account"] for one in looked["leads"]} == {one[0] for one in missed}
    assert looked["shadow"] is True

    # answered
    said = ("--opinion", "agree", "--because", "We see it too.", "--by", "Bo")
    there.say("answer", name, "--out", there.folder / "answer.json", *said)
    objects = json.loads((there.folder / "answer.json").read_text())["objects"]
    assert {one["type"] for one in objects} == {"identity", "extension-definition", "sighting", "opinion"}
    assert "missed" not in json.dumps(objects)
    there.say("answer", name, "--to", url, "--token-file", there.folder / "token", *said)
    for house in (here, there):
        (operation,) = house.say("joint", "--json")["operations"]
        sides = {one["organisation"]: one for one in operation["sides"]}
        assert sides["Example Lab"]["weeks"]["2026-W19"] == 860
        assert sides["Other Lab"]["accounts"] == 7
        assert sides["Other Lab"]["weeks"] == {"2026-W21": 7}
    assert here.say("joint", "--json")["operations"][0]["opinions"][0]["because"] == "We see it too."
    assert "Other Lab: agree: We see it too." in here.say("joint")

    # undone
    here.say("revoke", name, "--by", "Ada", "--because", "They were one customer after all.")
    here.say("publish")
    (outcome,) = there.say(*pull)["bulletins"]
    assert (outcome["became"], outcome["undone"]) == ("revoked", 7)
    assert there.say(*look)["bulletins"] == []
    assert [line["did"] for line in here.say("log", "--json")["lines"]] == [
        "prepared", "released", "published", "revoked", "published"
    ]  # fmt: skip
