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

SHARES = {"reasoning_harvest-0": 0.68, "hydra_reseller-0": 0.35, "hydra_network-0": 0.5}


def pointed_at(lab: Lab) -> set[str]:
    """Accounts at which a peer points by a family or a network, and not by a whole AS alone."""
    leads = [lead for one in Exchange(lab.desk).all() for lead in one.leads]
    return {lead.account for lead in leads if any(not by.startswith("AS") for by in lead.by)}


def test_each_detects_alone_they_exchange_find_what_was_missed_and_a_revocation_undoes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, key = tmp_path / "world", tmp_path / "group.key"
    sim.make("demo", seed=3, out=world, scale=0.6, sets=["days=7"])
    write(key, bytes(range(32)))
    one, other = Lab(tmp_path / "a", "A Lab", "B Lab", capsys), Lab(tmp_path / "b", "B Lab", "A Lab", capsys)
    divide(world, one, other, SHARES, seed=1)

    # each alone
    alone = {lab: lab.found(lab.hunt("alone")) for lab in (one, other)}
    for lab in (one, other):
        assert alone[lab]
        assert alone[lab] <= lab.planted
    assert one.planted - alone[one], "nothing was missed: the test shows nothing"

    # they exchange, by two people each
    names: dict[Lab, list[str]] = {}
    for lab in (one, other):
        told = ("--traffic", lab.folder / "traffic.parquet", "--group-key", key)
        made = lab.say("prepare", lab.folder / "alone", *told, "--by", "Ada", "--json")["bulletins"]
        names[lab] = [record["bulletin"]["id"] for record in made]
        for name in names[lab]:
            lab.say("release", name, "--by", "Grace")
        lab.say("export", lab.folder / "alone", "--format", "stix", *told, "--by", "Ada", "--out", lab.folder / "told")
        text = (lab.folder / "told").read_text()
        assert not any(account in text for account in lab.planted)
    for lab, peer in ((one, other), (other, one)):
        outcomes = lab.say("take", peer.folder / "told", "--peer", "peer", "--json")["bulletins"]
        assert [one["became"] for one in outcomes] == ["new"] * len(names[peer])
        lab.say("look", lab.folder / "traffic.parquet", "--group-key", key, "--on", "2026-05-10")
        assert pointed_at(lab) <= lab.planted
    assert pointed_at(one) - alone[one]

    # with what the other told, and by one's own evidence alone
    case = one.hunt("with", leads=True)
    together = one.found(case)
    assert alone[one] < together <= one.planted
    told_of = [line for entry in case.campaigns for line in entry.evidence if line.view == "peers"]
    assert told_of
    assert all(line.bits == 0 and not line.counted for line in told_of)
    assert any("have two ties of this log's own" in line.because for line in told_of)
    Exchange(one.desk).hunted(names[other], str(one.folder / "with"))

    # what each side sees
    for lab in (one, other):
        sides = [side for operation in lab.say("joint", "--json")["operations"] for side in operation["sides"]]
        assert {side["organisation"] for side in sides} == {"A Lab", "B Lab"}
    answered = names[other][-1]
    one.say("answer", answered, "--out", one.folder / "answer.json", "--opinion", "agree", "--because", "So do we.")
    assert other.say("take", one.folder / "answer.json", "--peer", "peer", "--json")["answers"] == 2
    (operation,) = other.say("joint", "--bulletin", answered, "--json")["operations"]
    assert operation["opinions"] == [{"organisation": "A Lab", "opinion": "agree", "because": "So do we."}]

    # it is taken back, and all that it had caused
    for name in names[other]:
        other.say("revoke", name, "--by", "Ada", "--because", "The accounts were one customer's.")
    bundle = other.folder / "revoked"
    other.export_desk(bundle)
    outcomes = one.say("take", bundle, "--peer", "peer", "--json")["bulletins"]
    assert {outcome["became"] for outcome in outcomes} == {"revoked"}
    assert sum(outcome["undone"] for outcome in outcomes) > 0
    assert {case for outcome in outcomes for case in outcome["cases"]} == {str(one.folder / "with")}
    assert pointed_at(one) == set()
    assert one.found(one.hunt("after", leads=True)) == alone[one]
