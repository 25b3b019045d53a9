"""`share` as its users run it: one looks, one prepares, another releases."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from tests.share.conftest import a_case, an_entry

from stillwatch.cli import main


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A case with a campaign and a customer in the open, in a directory with settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STILLWATCH_SHARE", str(tmp_path / "desk"))
    (tmp_path / "stillwatch.toml").write_text('[share]\norganisation = "Example Lab"\n')
    directory = tmp_path / "case"
    directory.mkdir()
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "peers.toml").write_text('[[peer]]\nname = "peer-b"\norganisation = "Other Lab"\n')
    written = a_case(an_entry(), an_entry(id="open-1", finding="open_extraction", accounts=["acct-1"]))
    (directory / "case.json").write_bytes(msgspec.json.encode(written))
    return directory


def leave(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(["share", *map(str, arguments)])
    return int(left.value.code or 0)


def test_preview_shows_every_field_and_lets_nothing_leave(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("preview", case) == 0
    shown = capsys.readouterr().out
    assert "volume.exchanges" in shown
    assert "because: how large it is; two significant figures" in shown
    assert "not shared: open-1: `open_extraction` is a fact about one customer's contract" in shown
    assert "Stays in the house: account ids" in shown
    assert [path.name for path in (case.parent / "desk").iterdir()] == ["peers.toml"]


def test_preview_tells_what_would_be_refused(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("preview", case, "--note", "ask jane@example.com", "--json") == 1
    (told,) = json.loads(capsys.readouterr().out)["bulletins"]
    assert [one["field"] for one in told["refusals"]] == ["note"]
    assert leave("prepare", case, "--note", "ask jane@example.com", "--by", "Ada") == 1
    assert "`note` holds an e-mail address" in capsys.readouterr().err


def test_two_people_and_a_log(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("prepare", case, "--by", "Ada", "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)["bulletins"]
    name, digest = record["bulletin"]["id"], record["digest"]
    assert leave("release", name, "--by", "Ada") == 1
    assert "a second person releases" in capsys.readouterr().err
    assert leave("release", name, "--by", "Grace", "--to", "peer-c") == 1
    assert "`peer-c` is no peer" in capsys.readouterr().err
    assert leave("release", name[:8], "--by", "Grace", "--to", "peer-b", "--seen", digest[:16]) == 0
    assert leave("revoke", name, "--by", "Ada", "--because", "It was one customer.") == 0
    capsys.readouterr()
    assert leave("log") == 0
    log = capsys.readouterr().out
    assert [word in log for word in ("Ada prepared", "Grace released", "Ada revoked", "3 lines, unbroken")] == [
        True
    ] * 4
    assert leave("list") == 0
    assert "REVOKED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "name"), [("stix", "b.json"), ("misp", "feed"), ("misp", "event.json"), ("csv", "b.csv")]
)
def test_export_writes_the_same_twice_and_says_so_in_the_log(
    case: Path, form: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = case.parent / name, case.parent / f"again-{name}"
    assert leave("export", case, "--format", form, "--out", out) == 0
    assert leave("export", case, "--format", form, "--out", again) == 0
    files = sorted(out.iterdir()) if out.is_dir() else [out]
    others = sorted(again.iterdir()) if again.is_dir() else [again]
    assert [one.read_bytes() for one in files] == [one.read_bytes() for one in others]
    text = b"".join(one.read_bytes() for one in files).decode()
    assert "acct-" not in text
    assert "tutor" not in text
    capsys.readouterr()
    leave("log", "--json")
    assert [line["did"] for line in json.loads(capsys.readouterr().out)["lines"]] == ["exported", "exported"]


def test_what_is_asked_for_by_name_and_may_not_be_told_is_an_error(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave("export", case, "--format", "stix", "--out", case.parent / "b.json", "--campaign", "open-1") == 1
    assert "contract" in capsys.readouterr().err
    assert leave("prepare", case, "--campaign", "cam-none") == 1
    assert "no entry `cam-none`" in capsys.readouterr().err
    assert not (case.parent / "b.json").exists()


def test_nothing_is_told_in_nobodys_name(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (case.parent / "stillwatch.toml").write_text("")
    assert leave("preview", case) == 2
    assert "no organisation is named" in capsys.readouterr().err


def test_a_finding_is_referred_to_an_authority_and_what_one_tells_is_taken(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave("prepare", case, "--by", "Ada", "--json")
    (record,) = json.loads(capsys.readouterr().out)["bulletins"]
    name = record["bulletin"]["id"]
    asked = ("refer", name, "--to", "agency", "--asks", "Look at it.", "--basis", "Voluntary.", "--by", "Ada")
    assert leave(*asked) == 1
    assert "`agency` is no peer" in capsys.readouterr().err
    (case.parent / "desk" / "peers.toml").write_text(
        '[[peer]]\nname = "agency"\norganisation = "Example Lab"\nkind = "authority"\n'
    )
    assert leave(*asked) == 0
    shown = capsys.readouterr().out
    assert "volume.exchanges" in shown
    assert "asks  Look at it." in shown
    referral = shown.split()[1]
    out = case.parent / "referral.zip"
    assert leave("refer-release", referral, "--by", "Ada", "--out", out) == 1
    assert "a second person releases" in capsys.readouterr().err
    assert leave("refer-release", referral, "--by", "Grace", "--out", out) == 0
    assert leave("refer-check", out) == 0
    assert "sound: Distillation campaign" in capsys.readouterr().out
    broken = case.parent / "broken.zip"
    broken.write_bytes(out.read_bytes().replace(b"about 24 accounts", b"about 99 accounts"))
    assert leave("refer-check", broken) == 1
    assert leave("take", broken, "--peer", "agency") == 1
    assert "a damaged one: Bad CRC-32 for file 'bulletin.json'" in capsys.readouterr().err
    assert leave("take", out, "--peer", "agency", "--json") == 0
    (outcome,) = json.loads(capsys.readouterr().out)["bulletins"]
    assert outcome["became"] == "new"
    leave("revoke", name, "--by", "Ada", "--because", "An error.")
    assert "it was referred to Example Lab, which no server tells" in capsys.readouterr().err


def test_an_organisation_is_named_answers_and_the_name_is_taken_back(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave("prepare", case, "--by", "Ada", "--json")
    (record,) = json.loads(capsys.readouterr().out)["bulletins"]
    name = record["bulletin"]["id"]
    claim = [
        "actor-claim", name, "--name", "Example Distillers", "--by", "Ada", "--likelihood", "likely",
        "--confidence", "moderate", "--asked", "2026-05-10", "--ground", "payment:issuer:Two invoices.",
    ]  # fmt: skip
    assert leave(*claim) == 1
    assert "`actor.grounds` holds fewer than 2 independent classes" in capsys.readouterr().err
    assert leave(*claim, "--ground", "country:us:It is there.") == 1
    assert "never evidence" in capsys.readouterr().err
    assert leave(*claim, "--ground", "registration:provider:Four sign-ups.") == 0
    assert leave("actor-reply", name, "--stance", "denies", "--says", "It is not us.", "--by", "Ada") == 0
    assert leave("show", name) == 0
    assert "what whoever is named answers: it travels with the claim" in capsys.readouterr().out
    assert leave("actor-withdraw", name, "--because", "An error.", "--by", "Ada") == 0
    leave("log", "--json")
    did = [line["did"] for line in json.loads(capsys.readouterr().out.splitlines()[-1])["lines"]]
    assert did == ["prepared", "claimed", "replied", "withdrawn"]


def test_with_named_releasers_nothing_unreleased_is_exported_but_as_a_draft(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case.parent / "stillwatch.toml").write_text('[share]\norganisation = "Example Lab"\nreleasers = ["grace"]\n')
    wanted = ("export", case, "--format", "csv", "--out", case.parent / "b.csv", "--campaign", "cam-9d7f7b2711")
    assert leave(*wanted) == 1
    assert "nobody has released it" in capsys.readouterr().err
    assert leave(*wanted, "--draft") == 0
    leave("prepare", case, "--by", "Ada", "--campaign", "cam-9d7f7b2711", "--json")
    out = capsys.readouterr().out
    (record,) = json.loads(out[out.index("{") :])["bulletins"]
    leave("release", record["bulletin"]["id"], "--by", "Grace", "--to", "peer-b")
    assert leave(*wanted) == 0
    leave("log", "--json")
    lines = json.loads(capsys.readouterr().out.splitlines()[-1])["lines"]
    assert [line["note"] for line in lines if line["did"] == "exported"] == ["csv, not released", "csv"]


def test_what_was_released_is_exported_as_it_was_and_the_rest_is_said(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case.parent / "stillwatch.toml").write_text('[share]\norganisation = "Example Lab"\nreleasers = ["grace"]\n')
    entries = [an_entry(), an_entry(id="net-1", finding="account_network")]
    (case / "case.json").write_bytes(msgspec.json.encode(a_case(*entries)))
    leave("prepare", case, "--by", "Ada", "--note", "Seen by two teams.", "--campaign", "cam-9d7f7b2711", "--json")
    out = capsys.readouterr().out
    (record,) = json.loads(out[out.index("{") :])["bulletins"]
    leave("release", record["bulletin"]["id"], "--by", "Grace")
    capsys.readouterr()
    assert leave("export", case, "--format", "stix", "--out", case.parent / "b.json") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("1 bulletin in ")
    assert "not shared: net-1: nobody has released it" in printed.err
    assert "Seen by two teams." in (case.parent / "b.json").read_text()
    wanted = ("export", case, "--format", "stix", "--out", case.parent / "b.json", "--note", "Another note.")
    assert leave(*wanted) == 1  # nobody has released that
    assert "nobody has released it in this version (cam-9d7f7b2711, bulletin " in capsys.readouterr().err
    assert leave("export", case, "--format", "stix", "--out", case.parent / "n.json", "--campaign", "net-1") == 1


def test_what_was_revoked_is_told_by_file_too_and_keeps_nothing_else_back(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = [an_entry(), an_entry(id="net-1", finding="account_network")]
    (case / "case.json").write_bytes(msgspec.json.encode(a_case(*entries)))
    leave("prepare", case, "--by", "Ada", "--campaign", "cam-9d7f7b2711", "--json")
    (record,) = json.loads(capsys.readouterr().out)["bulletins"]
    name = record["bulletin"]["id"]
    leave("release", name, "--by", "Grace")
    peer = case.parent / "peer"
    peer.mkdir()
    (peer / "peers.toml").write_text('[[peer]]\nname = "a"\norganisation = "Example Lab"\n')
    settings = peer / "stillwatch.toml"
    settings.write_text(f'[share]\norganisation = "Other Lab"\ndirectory = "{peer}"\n')
    for became in ("new", "revoked"):
        assert leave("export", case, "--format", "stix", "--out", case.parent / "b.json", "--by", "Ada") == 0
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as elsewhere:
            elsewhere.delenv("STILLWATCH_SHARE")
            assert leave("take", case.parent / "b.json", "--peer", "a", "--json", "--settings", settings) == 0
        outcomes = {one["bulletin"]: one["became"] for one in json.loads(capsys.readouterr().out)["bulletins"]}
        assert outcomes[name] == became
        leave("revoke", name, "--by", "Ada", "--because", "An error.")
    for verb in ("preview", "prepare"):
        assert leave(verb, case) == 0
        printed = capsys.readouterr()
        assert "not shared: cam-9d7f7b2711: it was revoked, and that is for good" in printed.out + printed.err
    assert leave("prepare", case, "--campaign", "cam-9d7f7b2711") == 1
