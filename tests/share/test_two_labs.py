"""The proof: two providers, each with a practice world of its own, whom the same campaigns use.

Each detects alone, they exchange, and each finds accounts that it had missed. One then revokes, and everything that its
word had caused is undone. The verbs are those that their users run. How often that goes so stands in `bench/leads.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.share.labs import Lab, settle_in

from stillwatch.share.exchange import Exchange
from stillwatch.share.files import write

WORLD = Path(__file__).parent.parent / "data" / "share" / "two_labs.toml"
COMMON = 9
FIRST = {
    "multilingual_sweep-0": 0.27,
    "banned_and_back-0": 0.27,
    "reasoning_harvest-0": 0.71,
    "student_evaluation-0": 0.71,
}
"""Share of each campaign that the first lab has: each has little of what the other has much of."""


def pointed_at(lab: Lab) -> set[str]:
    """Accounts at which a peer points by a family or a network, and not by a whole AS alone."""
    leads = [lead for one in Exchange(lab.desk).all() for lead in one.leads]
    return {lead.account for lead in leads if any(not by.startswith("AS") for by in lead.by)}


def exchange(labs: tuple[Lab, Lab], key: Path) -> dict[Lab, list[str]]:
    """Let each lab tell what it found, by two people, and take in and look for what the other told."""
    names: dict[Lab, list[str]] = {}
    for lab in labs:
        told = ("--traffic", lab.folder / "traffic.parquet", "--group-key", key)
        made = lab.say("prepare", lab.folder / "alone", *told, "--by", "Ada", "--json")["bulletins"]
        names[lab] = [record["bulletin"]["id"] for record in made]
        for name in names[lab]:
            lab.say("release", name, "--by", "Grace")
        lab.publish(lab.folder / "told")
        assert not any(account in (lab.folder / "told").read_text() for account in lab.planted)
    for lab, peer in (labs, labs[::-1]):
        outcomes = lab.say("take", peer.folder / "told", "--peer", "peer", "--json")["bulletins"]
        assert [one["became"] for one in outcomes] == ["new"] * len(names[peer])
        lab.say("look", lab.folder / "traffic.parquet", "--group-key", key, "--on", "2026-05-10")
    return names


def test_they_detect_apart_exchange_each_finds_what_it_missed_and_a_revocation_undoes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "group.key"
    write(key, bytes(range(32)))
    labs = (Lab(tmp_path / "a", "A Lab", "B Lab", capsys), Lab(tmp_path / "b", "B Lab", "A Lab", capsys))
    settle_in(
        tmp_path, labs, str(WORLD), FIRST.__getitem__, seeds=(19, 20), common=COMMON,
        campaigns=[name.removesuffix("-0") for name in FIRST],
    )  # fmt: skip
    alone = {lab: lab.found(lab.hunt("alone")) for lab in labs}
    names = exchange(labs, key)
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
    one.say("answer", answered, "--out", one.folder / "answer.json", "--opinion", "agree", "--because", "So do we.")
    assert other.say("take", one.folder / "answer.json", "--peer", "peer", "--json")["answers"] == 2
    (operation,) = other.say("joint", "--bulletin", answered, "--json")["operations"]
    opinion = {"organisation": one.organisation, "opinion": "agree", "because": "So do we."}
    assert operation["opinions"] == [opinion]
    assert operation["sides"][1]["organisation"] == one.organisation

    # it is taken back, and all that it had caused
    for name in names[other]:
        other.say("revoke", name, "--by", "Ada", "--because", "The accounts were one customer's.")
    other.publish(other.folder / "revoked")
    outcomes = one.say("take", other.folder / "revoked", "--peer", "peer", "--json")["bulletins"]
    assert {outcome["became"] for outcome in outcomes} == {"revoked"}
    assert sum(outcome["undone"] for outcome in outcomes) > 0
    assert {case for outcome in outcomes for case in outcome["cases"]} == {str(one.folder / "with")}
    assert pointed_at(one) == set()
    assert one.found(one.hunt("after", leads=True)) == alone[one]
