"""Every practice is met by a good installation, and not met by a bad one: no check that cannot fail."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.posture.conftest import ATTESTED, NOW, Installation

from stillwatch.cli import main
from stillwatch.model.exchange import EXCHANGES
from stillwatch.posture import ask, house
from stillwatch.posture.catalogue import AREAS, catalogue
from stillwatch.posture.facts import Facts
from stillwatch.posture.house import House
from stillwatch.posture.run import checks, posture
from stillwatch.settings import Settings

IDS = [one.id for one in catalogue().practice]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return Installation(tmp_path_factory.mktemp("a") / "good", good=True).facts(mode="enforce")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return Installation(tmp_path_factory.mktemp("b") / "bad", good=False).facts(mode="shadow")


def line(facts: Facts, name: str) -> dict[str, str]:
    (found,) = (one for one in posture(facts).practices if one.id == name)
    return {"state": found.state, "evidence": found.evidence, "next": found.next}


@pytest.mark.parametrize("name", IDS)
def test_a_good_installation_meets_it_and_a_bad_one_is_told_what_to_do(name: str, good: Facts, bad: Facts) -> None:
    assert line(good, name)["state"] == "met", line(good, name)
    told = line(bad, name)
    assert told["state"] == "not met", told
    assert told["evidence"]
    assert told["next"]


@pytest.mark.parametrize("name", IDS)
def test_where_nothing_was_given_it_is_not_called_met(name: str, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(Settings(), store=msgspec.structs.replace(
        Settings().store, key_file=str(tmp_path / "no-key")))  # fmt: skip
    nothing = house.look(settings, place=None, desk=tmp_path / "none")
    told = line(Facts(settings=settings, now=NOW, traffic=None, accounts=None, house=nothing), name)
    assert told["state"] != "met" or name == "mark-narrowly"  # the default marking is a good one
    assert told["next"] or told["state"] == "met"
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "no-key").exists()


def test_every_practice_has_its_check_and_every_check_its_practice() -> None:
    checked = {one.id for one in catalogue().practice if not one.attest}
    assert set(checks()) == checked
    assert {one.id for one in catalogue().practice if one.attest} == set(ATTESTED)
    assert {one.area for one in catalogue().practice} == set(AREAS)
    assert len(IDS) == len(set(IDS))
    for one in catalogue().practice:
        assert all(number.startswith("AML.M00") for number in one.mitigation)


def test_an_attestation_runs_out_and_needs_a_name_and_no_day_to_come(good: Facts) -> None:
    held = good.settings.posture.attested["bind-terms"]
    for change, word in (({"on": NOW.date() - timedelta(400)}, "400 days ago"), ({"by": " "}, "nobody stands"),
                         ({"on": NOW.date() + timedelta(30)}, "not yet")):  # fmt: skip
        said = {"bind-terms": msgspec.structs.replace(held, **change)}
        section = msgspec.structs.replace(good.settings.posture, attested=said)
        told = line(replace(good, settings=msgspec.structs.replace(good.settings, posture=section)), "bind-terms")
        assert (told["state"], word in told["evidence"]) == ("not met", True)


def test_an_address_of_ones_own_proxy_is_no_clients(good: Facts) -> None:
    assert good.traffic is not None
    proxied = replace(good.traffic, commonest_address=190, private=0)
    told = line(replace(good, traffic=proxied), "log-address")
    assert told["state"] == "not met"
    assert "a proxy of yours" in told["evidence"]


def test_raw_reasoning_in_any_script_is_seen(tmp_path: Path) -> None:
    made = Installation(tmp_path / "x", good=False)
    row = made._row(0) | {"reasoning": "思" * 130, "reasoning_tokens": 100}
    pq.write_table(pa.Table.from_pylist([row], schema=EXCHANGES), made.traffic)
    assert line(made.facts(), "summarise-reasoning")["state"] == "not met"


def test_what_orders_do_is_the_servers_word(good: Facts) -> None:
    without = replace(good, house=replace_house(good.house, mode=None))
    assert line(without, "enforce")["state"] == "cannot be seen"
    empty = replace_house(good.house, mode=None, book=replace(good.house.book, orders=[]))  # type: ignore[type-var]
    assert line(replace(good, house=empty), "enforce")["state"] == "not met"
    assert line(replace(good, house=replace_house(good.house, mode="")), "enforce")["state"] == "cannot be seen"


def replace_house(house: House, **change: object) -> House:
    return replace(house, **change)  # type: ignore[arg-type]


def test_a_running_server_is_asked() -> None:
    class Metrics(BaseHTTPRequestHandler):
        text = b'stillwatch_decisions_total{order="o",action="refuse",mode="enforce"} 3\n'

        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Authorization"] == "Bearer t" else 401)
            self.end_headers()
            self.wfile.write(self.text)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Metrics)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        assert ask.mode(url, "t") == "enforce"
        Metrics.text += b'stillwatch_decisions_total{order="o",action="refuse",mode="shadow"} 3\n'
        assert ask.mode(url, "t") == "shadow"
        Metrics.text = b"stillwatch_state_made_seconds 0\n"
        assert ask.mode(url, "t") == ""
        with pytest.raises(Exception, match="answers 401"):
            ask.mode(url, "wrong")
        Metrics.text = b"hello"
        with pytest.raises(Exception, match="no server of stillwatch"):
            ask.mode(url, "t")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(Exception, match="no address"):
        ask.mode("file:///etc/passwd", "")


# -- as its users run it


def leave(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(["posture", *map(str, arguments)])
    return int(left.value.code or 0)


def test_as_its_users_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = Installation(tmp_path / "bad", good=False)
    asked = (bad.traffic, "--accounts", bad.accounts, "--state", bad.place, "--keys", bad.tracers, "--settings",
             bad.settings)  # fmt: skip
    assert leave(*asked, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    unseen = {one["id"] for one in told["practices"] if one["state"] == "cannot be seen"}
    assert (told["met"], unseen) == (0, {"two-people-suspend", "scope-tokens", "license"} & unseen)  # over by now
    assert told["not_met"] == len(IDS) - len(unseen)
    assert leave(*asked, "--only", "not-met") == 1
    shown = capsys.readouterr().out
    assert "NOT MET         log-answers" in shown
    assert "next: " in shown
    assert not list(tmp_path.glob(".posture-*"))
    assert leave("--list") == 0
    assert "log-prompts: " in capsys.readouterr().out
    (bad.place / "book.db").write_bytes(b"no database at all, and long enough to be read as one" * 40)
    assert leave(*asked) == 1
    assert "the book cannot be read" in capsys.readouterr().err
