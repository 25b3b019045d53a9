"""Orders and appeals over HTTP: the token says who acts, nobody acts for somebody else, and all of it is on record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.serve.conftest import SETTINGS, serving
from tests.serve.test_decisions import Endpoint

from stillwatch.serve.decisions import Decisions
from stillwatch.serve.desk import Desk
from stillwatch.settings import Remedy, Settings
from stillwatch.store import key as keys
from stillwatch.store import outbox, tokens
from stillwatch.watch.export import export
from stillwatch.watch.room import Room

NOW = datetime.now(UTC)


class Office(Endpoint):
    """The endpoint, and two people with tokens."""

    def __init__(self, room: Room, url: str) -> None:
        super().__init__(room, url)
        self.ada, self.grace = (self.owned(name, ["orders"]) for name in ("Ada Example", "Grace Example"))

    def owned(self, owner: str, scopes: list[Any], days: float = 1) -> str:
        _, text = tokens.make(self.room.book, owner=owner, scopes=scopes, ends=NOW + timedelta(days=days), now=NOW)
        while self.room.doors.who(text, 0.0) is None:
            threading.Event().wait(0.01)
        return text

    def plan(self, token: str, **asked: Any) -> Any:
        status, told, _ = self.ask("/v1/orders", {"rung": "suspend", "reason": "found", **asked}, token=token)
        assert status == 200, told
        return told

    def do(self, path: str, token: str, **asked: Any) -> tuple[int, Any]:
        status, told, _ = self.ask(path, asked, token=token)
        return status, told

    def met(self, account: str, action: str) -> Any:
        """Wait until an account is met so."""
        for _ in range(500):
            told = self.ask("/v1/decide", {"account": account})[1]
            if told["action"] == action:
                return told
            threading.Event().wait(0.01)
        raise AssertionError(told)


@pytest.fixture(scope="module")
def office(_hunted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    place = tmp_path_factory.mktemp("office")
    export(_hunted, place, keys.find())
    room = Room(place, SETTINGS, enforce=True)
    with serving(Decisions(room)) as url:
        yield Office(room, url)


def test_an_order_is_planned_by_one_approved_by_another_and_undone(office: Office) -> None:
    made = office.plan(office.ada, accounts=["a1"], days=3)
    assert (made["step"], made["planned_by"]) == ("planned", "Ada Example")
    status, told = office.do(f"/v1/orders/{made['id']}/approve", office.grace, reason="seen")
    assert (status, told["step"], told["approved_by"]) == (200, "approved", "Grace Example")
    assert office.met("a1", "refuse")["reference"]
    until = (NOW + timedelta(hours=1)).isoformat()
    assert office.do(f"/v1/orders/{made['id']}/snooze", office.ada, until=until, reason="appeal")[0] == 200
    office.met("a1", "allow")
    assert office.do(f"/v1/orders/{made['id']}/undo", office.ada, reason="wrong")[0] == 200
    _, told, _ = office.ask(f"/v1/orders/{made['id']}", token=office.ada)
    grace = office.grace.split("_")[1]
    assert [(note["did"], note["by"].partition(" ")[0]) for note in told["record"]] == [
        ("planned", "Ada"), ("approved", "Grace"), ("snoozed", "Ada"), ("undone", "Ada")
    ]  # fmt: skip
    assert f"[token {grace}]" in told["record"][1]["why"], "the record tells which token it was"
    _, listed, _ = office.ask("/v1/orders", token=office.ada)
    assert made["id"] in {order["id"] for order in listed["orders"]}


def test_the_blast_radius_of_a_campaign_is_told_before_it_is_approved(office: Office) -> None:
    assert office.room.watch.state is not None
    campaign = office.room.watch.state.meta.campaigns[0]
    made = office.plan(office.ada, rung="harden", campaign=campaign.id, newcomers="harden")
    assert made["blast"]["accounts"] == campaign.accounts
    assert made["blast"]["exchanges"] == campaign.exchanges
    assert 0.03 < made["blast"]["newcomers_expected"] <= 0.04 + 0.1 * campaign.accounts
    status, told = office.do("/v1/orders", office.ada, rung="harden", campaign="cam-nobody", reason="x")
    assert status == 400
    assert "knows no campaign" in told["error"]
    assert campaign.id in told["hint"]


def test_each_scope_opens_its_own_door_and_no_other(office: Office) -> None:
    made = office.plan(office.ada, accounts=["a2"])
    reader, form, gateway = (office.owned("somebody", [scope]) for scope in ("read", "appeals", "decide"))
    for path, body, allowed in (
        ("/v1/orders", None, (reader,)), ("/v1/orders", {"rung": "slow", "reason": "x", "accounts": ["b"]}, ()),
        (f"/v1/orders/{made['id']}/approve", {}, ()), (f"/v1/orders/{made['id']}/undo", {"reason": "x"}, ()),
        ("/v1/appeals", None, ()),
        ("/v1/appeals/a-00000000/decide", {"restore": True, "reason": "x"}, ()),
    ):  # fmt: skip
        for token in (reader, form, gateway):
            status, told, _ = office.ask(path, body, token=token)
            assert status == (200 if token in allowed else 403), (path, told)
        assert office.ask(path, body, token="")[0] == 401
        assert office.ask(path, body, token="sw_nobody_x")[0] == 401
    assert office.ask("/v1/decide", {"account": "a"}, token=office.ada)[0] == 401, "nor the other way round"
    assert office.room.book.order(made["id"]).step == "planned"


def test_a_service_approves_nothing(office: Office) -> None:
    made = office.plan(office.ada, accounts=["a3"])
    for owner in ("edge gateway", "system", "LiteLLM-proxy", "deploy-bot"):
        service = office.owned(owner, ["orders"])
        status, told = office.do(f"/v1/orders/{made['id']}/approve", service)
        assert status == 400, owner
        assert "person" in told["error"]
    assert office.room.book.order(made["id"]).step == "planned"


def test_a_token_that_ended_or_was_revoked_acts_no_more(office: Office) -> None:
    made = office.plan(office.ada, accounts=["a4"])
    late = office.owned("Ada Example", ["orders"], days=-1)
    assert office.do(f"/v1/orders/{made['id']}/approve", late)[0] == 401
    gone = office.owned("Ada Example", ["orders"])
    tokens.revoke(office.room.book, gone.split("_")[1], by="Grace Example", now=NOW)
    while office.room.doors.who(gone, 0.0) is not None:
        threading.Event().wait(0.01)
    assert office.do(f"/v1/orders/{made['id']}/approve", gone)[0] == 401


def test_nothing_is_done_twice_and_what_is_not_there_is_told(office: Office) -> None:
    made = office.plan(office.ada, accounts=["a5"])
    path = f"/v1/orders/{made['id']}/approve"
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(office.do(path, office.grace)[0])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [200, 409, 409, 409, 409, 409]
    assert [note.did for note in office.room.book.record(made["id"])] == ["planned", "approved"]
    assert office.do("/v1/orders/o-00000000/approve", office.ada)[0] == 404
    assert office.do(f"/v1/orders/{made['id']}/delete", office.ada)[0] == 405
    assert office.ask("/v1/orders/a/b/c/d", token=office.ada)[0] == 404
    assert office.ask("/v1/orders//", token=office.ada)[0] in (200, 404)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({}, "rung"), ({"rung": "kill", "reason": "x", "accounts": ["a"]}, "rung"),
        ({"rung": "slow", "accounts": ["a"], "reason": " "}, "reason"), ({"rung": "slow", "reason": "x"}, "somebody"),
        ({"rung": "slow", "reason": "x", "accounts": ["a"], "by": "Grace Example"}, "unknown field"),
        ({"rung": "slow", "reason": "x", "accounts": ["a"], "days": 400}, "366"),
        ({"rung": "slow", "reason": "x", "accounts": ["a"], "days": 1, "ends": "2027-01-01T00:00:00Z"}, "once"),
        ({"rung": "slow", "reason": "x", "accounts": ["a"], "ends": "2027-01-01T00:00:00"}, "zone"),
        ({"rung": "slow", "reason": "x", "accounts": ["a"], "delay_s": -1}, "delay"),
        ({"rung": "slow", "reason": "x", "accounts": ["a"], "newcomers": "suspend"}, "nothing harder"),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_meant_is_refused_and_says_why(office: Office, body: Any, what: str) -> None:
    before = len(office.room.book.orders())
    status, told, _ = office.ask("/v1/orders", body, token=office.ada)
    assert status == 400
    assert what in told["error"] + told.get("hint", "")
    assert len(office.room.book.orders()) == before


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b'{"a":' * 2000, b'"x"'])
def test_what_is_no_json_is_refused(office: Office, raw: bytes) -> None:
    assert office.ask("/v1/orders", raw, "POST", token=office.ada)[0] == 400
    assert office.ask("/v1/appeals", raw, "POST", token=office.ada)[0] == 400


def test_a_body_that_is_too_large_is_refused(office: Office) -> None:
    assert office.ask("/v1/orders", b" " * (1 << 20) + b"xx", "POST", token=office.ada)[0] == 413


def test_a_refused_party_appeals_through_a_form_and_is_restored_by_somebody_else(office: Office) -> None:
    made = office.plan(office.ada, accounts=["school", "other"])
    office.do(f"/v1/orders/{made['id']}/approve", office.grace)
    reference = office.met("school", "refuse")["reference"]
    form = office.owned("appeal form", ["appeals"])
    asked = {"reference": reference, "text": "We are a school.", "contact": "a@example.com"}
    status, told = office.do("/v1/appeals", form, **asked)
    assert status == 200
    assert set(told) == {"schema", "id", "step", "opened_at"}, "the form learns nothing of the order"
    assert office.do("/v1/appeals", form, **asked)[0] == 409
    assert office.do("/v1/appeals", form, reference=reference[:-1] + "g", text="x")[0] == 400
    path = f"/v1/appeals/{told['id']}/decide"
    status, refused = office.do(path, office.grace, restore=True, reason="it is")
    assert status == 409, "she approved it"
    assert "Ada Example" in refused["hint"]
    status, decided = office.do(path, office.ada, restore=True, reason="it is a school")
    assert (status, decided["step"]) == (200, "restored")
    office.met("school", "allow")
    office.met("other", "refuse")
    _, listed, _ = office.ask("/v1/appeals", token=office.ada)
    assert listed["figures"]["restored"] >= 1
    assert listed["figures"]["median_hours"] is not None


def test_the_description_names_every_path_and_refers_to_nothing_that_is_not_there(office: Office) -> None:
    reader = office.owned("somebody", ["read"])
    _, told, _ = office.ask("/openapi.json", token=reader)
    for path in ("/v1/orders", "/v1/orders/{id}/approve", "/v1/orders/{id}/snooze", "/v1/orders/{id}/undo",
                 "/v1/appeals", "/v1/appeals/{id}/decide"):  # fmt: skip
        assert path in told["paths"]

    def refers(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for value in node.values():
                yield from refers(value)
        elif isinstance(node, list):
            for value in node:
                yield from refers(value)

    for target in refers(told["paths"]):
        assert target.removeprefix("#/components/schemas/") in told["components"]["schemas"], target


def test_evidence_members_and_who_pays_come_from_where_the_settings_say(
    hunted: Path, world: Path, tmp_path: Path
) -> None:
    export(hunted, tmp_path / "state", keys.find())
    told = Settings(remedy=Remedy(case=str(hunted), accounts=str(world / "accounts.csv")))
    room = Room(tmp_path / "state", told, enforce=True)
    assert room.watch.state is not None
    campaign = next(one for one in room.watch.state.meta.campaigns if one.finding == "distillation_campaign")
    made, text = tokens.make(room.book, owner="Ada Example", scopes=["orders"], ends=NOW + timedelta(days=1), now=NOW)
    assert text
    body = msgspec.json.encode({"rung": "suspend", "campaign": campaign.id, "reason": "found"})
    order = Desk(room)._told("POST", "/v1/orders", body, made)
    assert len(order.members) == campaign.accounts == order.blast.accounts
    assert order.evidence
    assert order.blast.paying >= 0


def test_what_waits_for_somebody_is_in_the_metrics(office: Office) -> None:
    outbox.add(office.room.book, "https://example.com", shape="generic", events=["order"], accounts=False, by="Ada",
               why="", at=NOW)  # fmt: skip
    office.plan(office.ada, accounts=["a9"])
    _, told, _ = office.ask("/metrics", token=office.owned("somebody", ["read"]))
    text = told.decode()
    assert 'stillwatch_outbox_messages{step="waiting"} ' in text
    assert 'stillwatch_outbox_messages{step="waiting"} 0' not in text
    assert "stillwatch_appeals_open " in text
