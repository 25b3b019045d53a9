"""The proof: two providers, each with a practice world of its own, whom the same campaigns use.

Each detects alone, they exchange, and each finds accounts that it had missed. One then revokes, and everything that its
word had caused is undone. The verbs are those that their users run. How often that goes so stands in `bench/leads.py`.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import stix2
from taxii2client.v21 import ApiRoot, as_pages
from tests.share.labs import TOKEN, Lab, settle_in

from stillwatch.share.exchange import Exchange
from stillwatch.share.files import write

WORLD = Path(__file__).parent.parent / "data" / "share" / "two_labs.toml"
COMMON = 40
FIRST = {
    "multilingual_sweep-0": 0.34,
    "banned_and_back-0": 0.34,
    "reasoning_harvest-0": 0.67,
    "student_evaluation-0": 0.67,
}
"""Share of each campaign that the first lab has: each has little of what the other has much of."""
BUNDLE = "bundle--00000000-0000-4000-8000-000000000000"


def pointed_at(lab: Lab) -> set[str]:
    """Accounts at which a peer points by a family or a network, and not by a whole AS alone."""
    leads = [lead for one in Exchange(lab.desk).all() for lead in one.leads]
    return {lead.account for lead in leads if any(not by.startswith("AS") for by in lead.by)}


def tell(lab: Lab, key: Path) -> list[str]:
    """Let a lab tell what it found alone, by two people; gives the bulletins."""
    told = ("--traffic", lab.folder / "traffic.parquet", "--group-key", key)
    made = lab.say("prepare", lab.folder / "alone", *told, "--by", "Ada", "--json")["bulletins"]
    names = [record["bulletin"]["id"] for record in made]
    for name in names:
        lab.say("release", name, "--by", "Grace")
    lab.say("publish")
    return names


def served(url: str) -> list[dict[str, Any]]:
    """Read what a lab serves with another client than ours."""
    server = ApiRoot(url, user="peer", password=TOKEN)
    (collection,) = [one for one in server.collections if one.title == "Bulletins"]
    return [one for page in as_pages(collection.get_objects, per_request=200) for one in page.get("objects", [])]


def test_they_detect_apart_exchange_each_finds_what_it_missed_and_a_revocation_undoes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "group.key"
    write(key, bytes(range(32)))
    labs = (Lab(tmp_path / "a", "A Lab", "B Lab", capsys), Lab(tmp_path / "b", "B Lab", "A Lab", capsys))
    settle_in(
        tmp_path, labs, str(WORLD), FIRST.__getitem__, seeds=(83, 84), common=COMMON,
        campaigns=[name.removesuffix("-0") for name in FIRST],
    )  # fmt: skip
    alone = {lab: lab.found(lab.hunt("alone")) for lab in labs}
    names = {lab: tell(lab, key) for lab in labs}
    with ExitStack() as stack:
        urls = {lab: stack.enter_context(lab.serving()) for lab in labs}
        for lab, peer in (labs, labs[::-1]):
            objects = served(urls[peer])
            assert stix2.parse({"type": "bundle", "id": BUNDLE, "objects": objects}, allow_custom=False)
            assert not any(account in str(objects) for account in peer.planted)
            assert [one["became"] for one in lab.pull(urls[peer])] == ["new"] * len(names[peer])
            lab.say("look", lab.folder / "traffic.parquet", "--group-key", key, "--on", "2026-05-10")
        _each_finds_more(labs, alone, names, urls)


def _each_finds_more(
    labs: tuple[Lab, Lab], alone: dict[Lab, set[str]], names: dict[Lab, list[str]], urls: dict[Lab, str]
) -> None:
    cases = {lab: lab.hunt("with", leads=True) for lab in labs}
    for lab in labs:  # each finds more than alone, and nobody innocent ever
        assert alone[lab]
        assert alone[lab] < lab.found(cases[lab]) <= lab.planted
        gained = lab.found(cases[lab]) - alone[lab]
        assert len(gained & pointed_at(lab)) > len(gained) / 2
        lines = [
            line for entry in cases[lab].campaigns if gained & set(entry.accounts)
            for line in entry.evidence if line.view == "peers"
        ]  # fmt: skip
        assert lines
        assert all(line.bits == 0 and not line.counted for line in lines)
    one, other = labs
    Exchange(one.desk).hunted(names[other], str(one.folder / "with"))

    # what each side sees
    for lab in labs:
        sides = [side for operation in lab.say("joint", "--json")["operations"] for side in operation["sides"]]
        assert {side["organisation"] for side in sides} == {"A Lab", "B Lab"}
    answered = next(held.bulletin.id for held in Exchange(one.desk).all() if len(held.leads) >= 5)
    agree = ("--opinion", "agree", "--because", "So do we.")
    one.say("answer", answered, "--to", urls[other], "--token-file", one.token, *agree)
    (operation,) = other.say("joint", "--bulletin", answered, "--json")["operations"]
    opinion = {"organisation": one.organisation, "opinion": "agree", "because": "So do we."}
    assert operation["opinions"] == [opinion]
    assert operation["sides"][1]["organisation"] == one.organisation

    # it is taken back, and all that it had caused
    for name in names[other]:
        other.say("revoke", name, "--by", "Ada", "--because", "The accounts were one customer's.")
    other.say("publish")
    outcomes = one.pull(urls[other])
    assert {outcome["became"] for outcome in outcomes} == {"revoked"}
    assert sum(outcome["undone"] for outcome in outcomes) > 0
    assert {case for outcome in outcomes for case in outcome["cases"]} == {str(one.folder / "with")}
    assert pointed_at(one) == set()
    assert one.found(one.hunt("after", leads=True)) == alone[one]
