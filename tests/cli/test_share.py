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
    assert not (case.parent / "desk").exists()


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
