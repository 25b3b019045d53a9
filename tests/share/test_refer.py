"""A finding goes to an authority through two people, as an archive that anybody can check."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.share.conftest import ACTOR

from stillwatch.errors import ShareError
from stillwatch.model.actor import Reply
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import refer, referred
from stillwatch.share.desk import Desk
from stillwatch.share.peers import Peer

AGENCY = Peer(name="agency", organisation="Example Cyber Agency", kind="authority")
ASKS = {"asks": "Assess the network and tell us what you know of it.", "basis": "Voluntary, under section 7 of an act."}


@pytest.fixture
def desk(tmp_path: Path, bulletin: Bulletin) -> Desk:
    made = Desk(tmp_path / "desk")
    made.prepare(bulletin, "Ada")
    return made


def prepared(desk: Desk, bulletin: Bulletin, **change: Any) -> refer.Referral:
    return refer.prepare(desk, bulletin.id, AGENCY, who="Ada", **{**ASKS, **change})


def files(data: bytes) -> dict[str, bytes]:
    return referred.unpacked(data)


def packed(held: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_two_people_a_line_of_the_log_and_the_same_archive_again(desk: Desk, bulletin: Bulletin) -> None:
    made = prepared(desk, bulletin)
    with pytest.raises(ShareError, match="second person"):
        refer.release(desk, made.id, " ada")
    with pytest.raises(ShareError, match="changed since"):
        refer.release(desk, made.id, "Grace", seen="0" * 16)
    released, data = refer.release(desk, made.id[:8], "Grace", seen=made.digest[:16])
    assert refer.release(desk, made.id, "Grace")[1] == data
    line = desk.log.lines()[-1]
    assert (line.did, line.who, line.to, line.what) == ("referred", "Grace", ["agency"], bulletin.id)
    assert released.proof is not None
    told = referred.check(data)
    assert (told.sound, told.faults, told.bulletin) == (True, [], bulletin)
    assert (told.size, told.root) == desk.log.root()


def test_the_archive_is_checked_by_tools_that_everybody_has(desk: Desk, bulletin: Bulletin, tmp_path: Path) -> None:
    _, data = refer.release(desk, prepared(desk, bulletin).id, "Grace")
    for name, content in files(data).items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "report.html: OK" in done.stdout


def test_the_report_says_the_three_claims_apart_and_escapes_what_it_is_given(desk: Desk, bulletin: Bulletin) -> None:
    denial = Reply(on=date(2026, 5, 12), stance="denies", says="<b>We</b> have nothing to do with it.")
    plain = files(refer.release(desk, prepared(desk, bulletin).id, "Grace")[1])["report.html"].decode()
    assert "No claim is made: the accounts are a set without a name." in plain
    desk.claim(bulletin.id, ACTOR)
    desk.reply(bulletin.id, denial, "Ada")
    text = files(refer.release(desk, prepared(desk, bulletin).id, "Grace")[1])["report.html"].decode()
    assert "It is likely that Example Distillers is behind it" in text
    assert "&lt;b&gt;We&lt;/b&gt; have nothing to do with it." in text
    assert "Two invoices are made out to it." in text
    assert "an innocent handover" in text
    for inside in ("acct-", "src=", "<script", 'http-equiv="refresh'):
        assert inside not in text


@pytest.mark.parametrize(
    ("change", "rule"),
    [({"asks": " "}, "`asks` is empty"), ({"basis": ""}, "`basis` is empty"),
     ({"asks": "Ask jane@example.com."}, "`asks` holds an e-mail"), ({"basis": "worth $3 million"}, "commercial")],
)  # fmt: skip
def test_what_is_asked_is_looked_through_as_well(
    desk: Desk, bulletin: Bulletin, change: dict[str, str], rule: str
) -> None:
    with pytest.raises(ShareError, match=rule):
        prepared(desk, bulletin, **change)
    assert refer.everything(desk) == []


def test_only_an_authority_that_may_see_it_gets_it_and_nothing_revoked_goes(desk: Desk, bulletin: Bulletin) -> None:
    for peer, rule in (
        (msgspec.structs.replace(AGENCY, kind="provider"), "is no authority"),
        (msgspec.structs.replace(AGENCY, organisation=""), "no `organisation`"),
        (msgspec.structs.replace(AGENCY, clearance="green"), "may not see TLP:AMBER"),
    ):
        with pytest.raises(ShareError, match=rule):
            refer.prepare(desk, bulletin.id, peer, who="Ada", **ASKS)
    made = prepared(desk, bulletin)
    desk.revoke(bulletin.id, "Ada", "An error.")
    with pytest.raises(ShareError, match="bulletin has changed"):
        refer.release(desk, made.id, "Grace")
    with pytest.raises(ShareError, match="revoked"):
        prepared(desk, bulletin)


def test_a_referral_changed_on_the_disk_is_noticed(desk: Desk, bulletin: Bulletin) -> None:
    made = prepared(desk, bulletin)
    path = desk.directory / refer.REFERRALS / f"{made.id}.json"
    path.write_bytes(path.read_bytes().replace(b"Assess", b"Arrest"))
    with pytest.raises(ShareError, match="changed on the disk"):
        refer.release(desk, made.id, "Grace")


@pytest.mark.parametrize("name", sorted(referred.NAMES))
def test_any_file_that_was_touched_or_taken_out_is_noticed(desk: Desk, bulletin: Bulletin, name: str) -> None:
    held = files(refer.release(desk, prepared(desk, bulletin).id, "Grace")[1])
    changed = held[name].replace(b"6", b"7", 1) if b"6" in held[name] else held[name] + b"7"
    assert changed != held[name]
    touched = referred.check(packed(held | {name: changed}))
    assert not touched.sound
    gone = referred.check(packed({other: data for other, data in held.items() if other != name}))
    assert gone.faults == [f"`{name}` is missing"]
    more = referred.check(packed(held | {"evil.sh": b"#!"}))
    assert more.faults == ["`evil.sh` does not belong in it"]


def test_a_forged_bulletin_with_matching_hashes_is_not_in_the_log(desk: Desk, bulletin: Bulletin) -> None:
    held = files(refer.release(desk, prepared(desk, bulletin).id, "Grace")[1])
    forged = dict(held)
    forged["counts.csv"] = held["counts.csv"].replace(b"24", b"99")
    hashed = sorted(referred.NAMES - {"SHA256SUMS", "disclosure.json"})
    sums = "".join(f"{hashlib.sha256(forged[one]).hexdigest()}  {one}\n" for one in hashed)
    told = referred.check(packed(forged | {"SHA256SUMS": sums.encode()}))
    assert told.faults == ["the line of the disclosure log is about something else"]
    proof = json.loads(held["disclosure.json"])
    proof["raw"] = proof["raw"].replace("Grace", "Mallory")
    told = referred.check(packed(held | {"disclosure.json": json.dumps(proof).encode()}))
    assert "does not lead to its root" in told.faults[0]


def test_what_is_no_archive_is_refused_by_name() -> None:
    for data in (b"", b"PK\x03\x04 no archive", b"hello" * 100):
        with pytest.raises(ShareError, match="no referral"):
            referred.check(data)
    with pytest.raises(ShareError, match="too large"):
        referred.check(packed({f"{n}": b"" for n in range(200)}))
