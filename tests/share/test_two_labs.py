"""The proof: two providers share campaigns; each detects alone, they exchange, and find accounts that were missed.

One then revokes, and everything that its word had caused is undone. The verbs are those that their users run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.share.labs import Lab, divide

from stillwatch import sim
from stillwatch.share.exchange import Exchange
from stillwatch.share.files import write

DEALS = [
    ({"reasoning_harvest-0": 0.68, "hydra_reseller-0": 0.35, "hydra_network-0": 0.5}, 1),
    ({"reasoning_harvest-0": 0.5, "hydra_reseller-0": 0.5, "hydra_network-0": 0.5}, 7),
    ({"reasoning_harvest-0": 0.68, "hydra_reseller-0": 0.35, "hydra_network-0": 0.8}, 1),
]
"""Ways to deal one world out to two labs: what a hunt misses alone differs, and with it what a peer can add."""


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


def test_they_detect_apart_exchange_find_what_was_missed_and_a_revocation_undoes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, key = tmp_path / "world", tmp_path / "group.key"
    sim.make("demo", seed=3, out=world, scale=0.6, sets=["days=7"])
    write(key, bytes(range(32)))
    for number, (shares, seed) in enumerate(DEALS):
        place = tmp_path / str(number)
        labs = (Lab(place / "a", "A Lab", "B Lab", capsys), Lab(place / "b", "B Lab", "A Lab", capsys))
        divide(world, *labs, shares, seed)
        alone = {lab: lab.found(lab.hunt("alone")) for lab in labs}
        names = exchange(labs, key)
        cases = {lab: lab.hunt("with", leads=True) for lab in labs}
        for lab in labs:  # whoever is found is found by the lab's own log, and nobody innocent ever
            assert alone[lab]
            assert alone[lab] <= lab.found(cases[lab]) <= lab.planted
        gained = [lab for lab in labs if lab.found(cases[lab]) > alone[lab]]
        if gained:
            break
    else:
        pytest.fail("in no deal did a peer's word help to find an account that was missed")

    one = gained[0]
    other = labs[1 - labs.index(one)]
    assert (one.found(cases[one]) - alone[one]) <= pointed_at(one)
    lines = [line for entry in cases[one].campaigns for line in entry.evidence if line.view == "peers"]
    assert lines
    assert all(line.bits == 0 and not line.counted for line in lines)
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
