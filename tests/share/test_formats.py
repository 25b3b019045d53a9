"""STIX, MISP and CSV, each judged by a program that is not ours."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.share.conftest import ACTOR, DATA, FAMILY, a_case, an_entry, golden

from stillwatch.errors import ShareError
from stillwatch.model.actor import Reply
from stillwatch.model.bulletin import MARKINGS, Bulletin
from stillwatch.share import actors
from stillwatch.share.compose import compose, revoke
from stillwatch.share.formats import csv as csv_format
from stillwatch.share.formats import misp, stix
from stillwatch.share.formats._objects import EXTENSION, TLP, schema

stix2 = pytest.importorskip("stix2")


def objects(*bulletins: Bulletin) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in json.loads(stix.write(bulletins))["objects"]}


def of_type(kind: str, *bulletins: Bulletin) -> list[dict[str, Any]]:
    return [one for one in objects(*bulletins).values() if one["type"] == kind]


def network(bulletin: Bulletin) -> Bulletin:
    return msgspec.structs.replace(
        bulletin, id="0c0d6f4e-51fd-5d87-8a53-d8a3a47e4d8c", finding="account_network", note=""
    )


def errors(bundle: bytes) -> list[str]:
    validator = pytest.importorskip("stix2validator")
    found = validator.validate_string(bundle.decode(), validator.ValidationOptions(silent=True))
    return [str(one) for one in found.errors]


def test_the_validator_of_oasis_finds_no_error(bulletin: Bulletin, named: Bulletin) -> None:
    taken = revoke(named, named.modified + timedelta(1), "An error.")
    for told in ([bulletin, network(bulletin)], [taken], [golden()], [named, network(named)]):
        assert errors(stix.write(told)) == []


def test_the_strict_parser_of_stix2_takes_it_whole(named: Bulletin) -> None:
    parsed = stix2.parse(stix.write([named, network(named)]).decode(), allow_custom=False)
    assert len(parsed.objects) == len(objects(named, network(named)))


def test_the_extension_keeps_to_the_schema_in_the_package(named: Bulletin) -> None:
    answer = Reply(on=date(2026, 5, 12), stance="denies", says="We have nothing to do with it.")
    bulletin = actors.replied(named, answer)
    jsonschema = pytest.importorskip("jsonschema")
    checker = jsonschema.Draft202012Validator(schema())
    held = [one["extensions"][EXTENSION] for one in objects(bulletin, golden()).values()
            if EXTENSION in one.get("extensions", {})]  # fmt: skip
    assert {one["scope"] for one in held} == {"finding", "range", "family", "actor"}
    for one in held:
        assert list(checker.iter_errors(one)) == []
    assert list(checker.iter_errors({**held[0], "email": "jane@example.com"}))


def test_it_reads_back_what_it_wrote(bulletin: Bulletin) -> None:
    told = [bulletin, network(bulletin), revoke(golden(), golden().modified + timedelta(1), "An error.")]
    assert stix.read(stix.write(told)) == told
    answered = actors.replied(actors.claimed(bulletin, ACTOR), Reply(on=date(2026, 5, 12), stance="denies", says="No."))
    for one in (answered, network(answered), actors.withdrawn(answered, "An error."),
                revoke(answered, answered.modified + timedelta(1), "An error.")):  # fmt: skip
        assert stix.read(stix.write([one])) == [one]


def test_writing_twice_gives_the_same_bytes(bulletin: Bulletin) -> None:
    entry = an_entry()
    again = compose(entry, a_case(entry), producer=bulletin.producer, families=bulletin.families,
                    ranges=bulletin.ranges, note=bulletin.note)  # fmt: skip
    again = msgspec.structs.replace(again, references=bulletin.references)
    for write in (stix.write, misp.write, csv_format.write):
        assert write([again]) == write([bulletin])


def test_every_object_of_ours_names_its_maker_and_its_marking(bulletin: Bulletin) -> None:
    for marking in MARKINGS:
        told = msgspec.structs.replace(bulletin, marking=marking)
        own = [one for one in objects(told).values() if "object_marking_refs" in one]
        assert len(own) > 15
        assert all(TLP[marking] in one["object_marking_refs"] for one in own)
        assert len({one["created_by_ref"] for one in own}) == 1


def test_nobody_is_named_as_an_actor(bulletin: Bulletin) -> None:
    kinds = {one["type"] for one in objects(bulletin).values()}
    assert "intrusion-set" in kinds
    assert not kinds & {"threat-actor", "user-account", "email-addr"}


def test_a_new_version_keeps_ids_and_a_revoked_one_revokes_every_object(bulletin: Bulletin) -> None:
    later = msgspec.structs.replace(bulletin, note="More.", modified=bulletin.modified + timedelta(1))
    assert set(objects(later)) == set(objects(bulletin))
    taken = objects(revoke(bulletin, bulletin.modified + timedelta(2), "An error."))
    for one in objects(bulletin).values():
        if "object_marking_refs" in one and one["type"] != "note":
            assert taken[one["id"]]["revoked"] is True, one["type"]


def test_ranges_are_patterns_that_any_tool_runs(bulletin: Bulletin) -> None:
    patterns = {one["pattern"]: one for one in of_type("indicator", bulletin) if one["pattern_type"] == "stix"}
    assert set(patterns) == {
        "[ipv4-addr:value ISSUBSET '203.0.113.0/24']", "[ipv6-addr:value ISSUBSET '2001:db8:7::/48']",
        "[autonomous-system:number = 64500]",
    }  # fmt: skip
    assert all(one["valid_until"] == "2026-05-31T00:00:00.000Z" for one in patterns.values())


def test_the_case_study_of_24_000_accounts_is_written_as_it_stands_in_the_golden_file() -> None:
    assert stix.write([golden()]) == (DATA / "AML.CS0056.stix.json").read_bytes()


def test_the_golden_file_says_what_atlas_says_of_the_case_study() -> None:
    atlas = json.loads((DATA / "AML.CS0056.atlas.json").read_text())
    held = objects(golden())
    (campaign,) = of_type("campaign", golden())
    used = {one["target_ref"] for one in of_type("relationship", golden())
            if (one["source_ref"], one["relationship_type"]) == (campaign["id"], "uses")}  # fmt: skip
    for step in atlas["procedure"]:
        pattern = held[step["stix"]]
        assert step["stix"] in used
        assert pattern["external_references"][0]["external_id"] == step["technique"]
        assert step["tactic"] in {one["phase_name"] for one in pattern["kill_chain_phases"]}
    volume = campaign["extensions"][EXTENSION]["volume"]
    assert (volume["accounts"], volume["exchanges"]) == (atlas["accounts"], atlas["queries"])
    assert campaign["first_seen"].startswith(atlas["incident_date"])
    assert {atlas["id"], atlas["reference"]} <= {
        value for one in campaign["external_references"] for value in (one.get("external_id"), one.get("url"))
    }
    own = {one["name"] for one in of_type("attack-pattern", golden())
           if one.get("created_by_ref")} if golden().gaps else set()  # fmt: skip
    assert own == {"Reasoning Harvest", "Bulk Account Fraud", "Safety Stripping"}
    assert {one["name"] for one in of_type("course-of-action", golden())} >= {"AI Telemetry Logging"}


def test_a_technique_that_is_not_in_the_table_is_written_under_its_number() -> None:
    told = msgspec.structs.replace(golden(), atlas=["AML.T0999"])
    (one,) = (one for one in of_type("attack-pattern", told) if one["name"] == "AML.T0999")
    assert errors(stix.write([told])) == []
    assert "kill_chain_phases" not in one


@pytest.mark.parametrize("damage", ["confidence", "description", "object_marking_refs", "created_by_ref", "extensions"])
def test_a_damaged_object_is_refused_by_name(bulletin: Bulletin, damage: str) -> None:
    held = objects(bulletin)
    main = next(one for one in held.values() if one["type"] == "campaign")
    if damage == "extensions":
        main["extensions"][EXTENSION]["volume"] = "much"
    else:
        del main[damage]
    with pytest.raises(ShareError, match="missing or wrong") as refused:
        stix.read(json.dumps({"type": "bundle", "objects": list(held.values())}).encode())
    assert refused.value.where == main["id"]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_never_crash(data: bytes) -> None:
    with contextlib.suppress(ShareError):
        assert stix.read(data) == []


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ShareError, match="no STIX bundle"):
        stix.read(b'{"objects":' + b"[" * 200_000)


# -- MISP


def test_pymisp_reads_every_event_of_the_feed(bulletin: Bulletin, tmp_path: Path) -> None:
    pymisp = pytest.importorskip("pymisp")
    for name, data in misp.files([bulletin, golden()]).items():
        (tmp_path / name).write_bytes(data)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert set(manifest) == {bulletin.id, golden().id}
    for name, line in manifest.items():
        event = pymisp.MISPEvent()
        event.load_file(str(tmp_path / f"{name}.json"))
        assert event.uuid == name
        assert {tag.name for tag in event.tags} >= {"tlp:amber+strict"} or name == golden().id
        assert line["info"] == event.info
        assert event.manifest[name]["Orgc"]["name"] == line["Orgc"]["name"]


def test_the_hashes_are_of_ranges_and_fingerprints_alone(bulletin: Bulletin) -> None:
    lines = misp.files([bulletin])["hashes.csv"].decode().split()
    values = ["203.0.113.0/24", "2001:db8:7::/48", "64500", " ".join(bulletin.families[0].marks)]
    assert sorted(lines) == sorted(f"{hashlib.md5(one.encode()).hexdigest()},{bulletin.id}" for one in values)


def test_shared_egress_is_not_for_detection(bulletin: Bulletin) -> None:
    detects = {one["value"]: one["to_ids"] for one in misp.event(bulletin)["Attribute"]}
    assert detects["203.0.113.0/24"] is True
    assert detects["64500"] is False


def test_a_revoked_event_holds_nothing_to_look_for(bulletin: Bulletin) -> None:
    taken = misp.event(revoke(bulletin, bulletin.modified + timedelta(1), "An error."))
    assert {one["type"] for one in taken["Attribute"]} == {"campaign-name", "comment"}
    assert {"name": "stillwatch:revoked"} in taken["Tag"]


KEPT = {
    "the title": "about 24 accounts", "the sentences": "It is very likely that these accounts act as one",
    "techniques": "AML.T0024.002", "our own techniques": "Reasoning Harvest", "mitigations": "AML.M0024",
    "an address range": "203.0.113.0/24", "an IPv6 range": "2001:db8:7::/48", "an AS": "AS64500",
    "fingerprints of a family": FAMILY.marks[0], "the marking": "tlp:amber+strict",
    "the purpose": "A lead and not a verdict", "the note": "Seen by two teams.", "who is named": "Example Distillers",
    "what it answers": "We are not behind it.", "a reference": "https://example.com/report-7",
    "the producer": "Example Lab",
}  # fmt: skip
LOST = {
    "the accounts as infrastructure": "Fraudulent or resold accounts", "when a range ends": "2026-05-31",
    "shared egress": "shared_egress", "weeks": "2026-W19", "bits of the views": "an innocent handover",
    "error control": "false-discovery", "grounds for a name": "Two invoices",
}  # fmt: skip
"""What misp-stix keeps and loses; docs/reference/sharing.md says the same."""


def test_misp_stix_keeps_and_loses_what_we_have_documented(named: Bulletin) -> None:
    converter = pytest.importorskip("misp_stix_converter")
    told = actors.replied(named, Reply(on=date(2026, 5, 12), stance="denies", says="We are not behind it."))
    parser = converter.ExternalSTIX2toMISPParser()
    parser.load_stix_bundle(stix2.parse(stix.write([told]).decode(), allow_custom=False))
    parser.parse_stix_bundle()
    wrong = [one for told in parser.errors.values() for one in told]
    assert wrong
    assert all("infrastructure" in one for one in wrong), wrong
    text = parser.misp_event.to_json()
    assert {name for name, value in KEPT.items() if value not in text} == set()
    assert {name for name, value in LOST.items() if value in text} == set()
    assert all(value in stix.write([told]).decode() for value in (*KEPT.values(), *LOST.values()) if value != "AS64500"
               and not value.startswith("tlp:"))  # fmt: skip
    page = (DATA.parent.parent.parent / "docs" / "reference" / "sharing.md").read_text("utf-8")
    for name in (*KEPT, *LOST):
        assert name in page, name


# -- CSV


def test_a_spreadsheet_gets_no_formula(bulletin: Bulletin) -> None:
    told = msgspec.structs.replace(bulletin, title='=HYPERLINK("http://example.com")')
    rows = list(csv.DictReader(io.StringIO(csv_format.write([told]).decode())))
    assert [row["kind"] for row in rows] == ["distillation_campaign", "range", "range", "asn", "family", "reference"]
    assert rows[0]["value"] == "'" + told.title
    assert all(row["marking"] == "TLP:AMBER+STRICT" for row in rows)
