"""A name is a claim of its own: two independent classes of evidence, a person behind it, and room for an answer."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.share.conftest import ACTOR

from stillwatch.errors import ShareError
from stillwatch.model.actor import NEVER, Actor, Ground, Reply
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import actors, inbox, scrub
from stillwatch.share.desk import Desk
from stillwatch.share.exchange import Exchange
from stillwatch.share.formats import csv, misp, stix
from stillwatch.share.peers import Peer

PAYMENT, SIGN_UP = ACTOR.grounds
DENIAL = Reply(on=date(2026, 5, 12), stance="denies", says="We have nothing to do with these accounts.")


def with_actor(bulletin: Bulletin, **change: Any) -> Bulletin:
    return msgspec.structs.replace(bulletin, actor=msgspec.structs.replace(ACTOR, **change))


@pytest.fixture
def desk(tmp_path: Path, bulletin: Bulletin) -> Desk:
    made = Desk(tmp_path / "desk")
    made.prepare(bulletin, "Ada")
    made.release(bulletin.id, "Grace", ["peer-b"])
    return made


def objects(bulletin: Bulletin, kind: str) -> list[dict[str, Any]]:
    return [one for one in stix.draw(bulletin) if one["type"] == kind]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"grounds": [PAYMENT]}, "fewer than 2 independent classes"),
        ({"grounds": [PAYMENT, msgspec.structs.replace(PAYMENT, source="bank")]}, "fewer than 2 independent classes"),
        ({"grounds": [PAYMENT, msgspec.structs.replace(SIGN_UP, source=" Card Issuer")]}, "fewer than 2 independent"),
        ({"grounds": [PAYMENT, SIGN_UP, Ground(kind="feeling", source="us", says="It fits.")]}, "no class of evidence"),
        ({"probability": 50}, "below `likely`"),
        ({"probability": 71}, "below `likely`"),
        ({"confidence": 30}, "below `moderate`"),
        ({"stands_behind": "  "}, "no person"),
        ({"asked_on": None}, "neither the day"),
        ({"name": " "}, "no name"),
        ({"grounds": [PAYMENT, msgspec.structs.replace(SIGN_UP, says="")]}, "no sentence"),
    ],
)
def test_without_them_nobody_is_named(bulletin: Bulletin, change: dict[str, Any], rule: str) -> None:
    found = scrub.refusals(with_actor(bulletin, **change))
    assert any(rule in one.rule for one in found), found
    assert all(one.hint for one in found)


@pytest.mark.parametrize("kind", NEVER)
def test_country_language_hours_and_client_are_no_evidence(bulletin: Bulletin, kind: str) -> None:
    grounds = [PAYMENT, SIGN_UP, Ground(kind=kind, source="us", says="It points there.")]
    found = scrub.refusals(with_actor(bulletin, grounds=grounds))
    assert any("never evidence" in one.rule for one in found)


def test_with_them_it_may_leave_and_is_one_likelihood_and_one_confidence_in_two_sentences(named: Bulletin) -> None:
    assert scrub.refusals(named) == []
    assert named.actor is not None
    likely, confident, *_ = actors.sentence(named.actor).split(". ")
    assert "likely" in likely
    assert "onfidence" not in likely
    assert "moderate" in confident


def test_by_default_a_finding_names_nobody_and_with_a_claim_the_set_is_attributed(
    bulletin: Bulletin, named: Bulletin
) -> None:
    assert objects(bulletin, "threat-actor") == []
    (actor,) = objects(named, "threat-actor")
    (crowd,) = objects(named, "intrusion-set")
    links = {(one["source_ref"], one["target_ref"]): one for one in objects(named, "relationship")}
    assert links[crowd["id"], actor["id"]]["relationship_type"] == "attributed-to"
    assert actor["confidence"] == 70
    assert "Ada Byron stands behind the claim" in actor["description"]


def test_what_is_named_answers_and_the_answer_travels(desk: Desk, bulletin: Bulletin, tmp_path: Path) -> None:
    desk.claim(bulletin.id, ACTOR)
    record = desk.reply(bulletin.id, DENIAL, "Ada")
    (opinion,) = objects(record.bulletin, "opinion")
    assert (opinion["opinion"], opinion["authors"]) == ("strongly-disagree", ["Example Distillers"])
    assert opinion["explanation"] == DENIAL.says
    for text in (misp.write([record.bulletin]).decode(), csv.write([record.bulletin]).decode()):
        assert DENIAL.says in text
        assert "Example Distillers" in text
    there = Exchange(tmp_path / "there")
    (outcome,) = there.take(stix.read(stix.write([record.bulletin])), "a", "Example Lab")
    assert outcome.became == "new"
    told = json.loads(stix.write([record.bulletin]))["objects"]
    assert inbox.take(tmp_path / "there", told, Peer(name="a", organisation="Example Lab")) == (
        0,
        [],
    )  # none of the lab's
    held = there.all()[0].bulletin.actor
    assert held is not None
    assert held.replies == [DENIAL]


def test_a_claim_waits_for_a_second_person_and_goes_to_whom_he_says(desk: Desk, bulletin: Bulletin) -> None:
    record = desk.claim(bulletin.id, ACTOR)
    assert (record.released, record.to) == (False, [])
    with pytest.raises(ShareError, match="second person"):
        desk.release(bulletin.id, "Ada Byron", ["peer-b"])
    assert desk.release(bulletin.id, "Grace", ["peer-c"]).to == ["peer-c"]


def test_the_finding_prepared_again_keeps_the_claim_and_its_answers(desk: Desk, bulletin: Bulletin) -> None:
    desk.claim(bulletin.id, ACTOR)
    desk.reply(bulletin.id, DENIAL, "Ada")
    again = desk.prepare(msgspec.structs.replace(bulletin, note="More."), "Ada")
    assert again.bulletin.actor is not None
    assert again.bulletin.actor.replies == [DENIAL]


def test_a_name_is_taken_back_by_one_person_from_all_who_had_it_and_the_finding_stands(
    desk: Desk, bulletin: Bulletin, tmp_path: Path
) -> None:
    desk.claim(bulletin.id, ACTOR)
    named = desk.release(bulletin.id, "Grace", ["peer-c"]).bulletin
    with pytest.raises(ShareError, match="needs a reason"):
        desk.withdraw(bulletin.id, "Ada", " ")
    record = desk.withdraw(bulletin.id, "Ada", "The invoices were another company's.")
    assert (record.released, record.to) == (True, ["peer-b", "peer-c"])
    assert not record.bulletin.revoked
    (actor,) = objects(record.bulletin, "threat-actor")
    assert actor["id"] == objects(named, "threat-actor")[0]["id"]
    assert actor["revoked"] is True
    assert "invoices are made out" not in json.dumps(stix.draw(record.bulletin))
    there = Exchange(tmp_path / "there")
    there.take([named], "a", "Example Lab")
    (outcome,) = there.take(stix.read(stix.write([record.bulletin])), "a", "Example Lab")
    assert outcome.became == "newer"
    held = there.all()[0].bulletin
    assert held.actor is not None
    assert (held.revoked, held.actor.withdrawn) == (False, True)
    with pytest.raises(ShareError, match="nobody is named"):
        desk.reply(bulletin.id, DENIAL, "Ada")


def test_another_is_not_named_over_the_first_and_nobody_for_what_was_revoked(desk: Desk, bulletin: Bulletin) -> None:
    desk.claim(bulletin.id, ACTOR)
    with pytest.raises(ShareError, match="names somebody already"):
        desk.claim(bulletin.id, msgspec.structs.replace(ACTOR, name="Others"))
    taken = desk.revoke(bulletin.id, "Ada", "An error.").bulletin
    assert taken.actor is not None
    assert taken.actor.withdrawn
    with pytest.raises(ShareError, match="nobody is named for it"):
        desk.claim(bulletin.id, ACTOR)


def test_a_peer_who_names_somebody_without_evidence_is_refused(tmp_path: Path, bulletin: Bulletin) -> None:
    wrong = with_actor(bulletin, grounds=[PAYMENT])
    (outcome,) = Exchange(tmp_path).take([wrong], "a", "Example Lab")
    assert outcome.became == "refused"
    assert "independent classes" in outcome.because


def test_what_must_not_leave_does_not_leave_in_a_claim_or_an_answer(desk: Desk, bulletin: Bulletin) -> None:
    personal = msgspec.structs.replace(PAYMENT, says="Paid by jane@example.com.")
    with pytest.raises(ShareError, match=r"`actor.grounds.0.says` holds an e-mail"):
        desk.claim(bulletin.id, msgspec.structs.replace(ACTOR, grounds=[personal, SIGN_UP]))
    desk.claim(bulletin.id, ACTOR)
    with pytest.raises(ShareError, match=r"`actor.replies.0.says` holds an e-mail"):
        desk.reply(bulletin.id, msgspec.structs.replace(DENIAL, says="Ask jane@example.com."), "Ada")


def test_a_ground_is_read_as_it_is_written() -> None:
    assert actors.parse("Finding of authority: court of X : case 7: it was held") == Ground(
        kind="finding_of_authority", source="court of X", says="case 7: it was held"
    )
    with pytest.raises(ShareError, match="no ground"):
        actors.parse("payment: two invoices")


def test_what_was_released_once_is_revoked_from_all_even_while_a_new_version_waits(
    desk: Desk, bulletin: Bulletin
) -> None:
    desk.prepare(msgspec.structs.replace(bulletin, note="More."), "Ada")
    record = desk.revoke(bulletin.id, "Ada", "An error.")
    assert (record.released, record.to) == (True, ["peer-b"])


def test_an_actor_of_json_is_read_back() -> None:
    assert msgspec.json.decode(msgspec.json.encode(ACTOR), type=Actor) == ACTOR
