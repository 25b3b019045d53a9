"""What a share directory keeps of somebody is erased: leads, offers, runs of matching."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.hunt.test_told import imported, lead

from stillwatch.cli import main
from stillwatch.share.exchange import IMPORTED, Exchange
from stillwatch.share.files import write
from stillwatch.share.forget import forget_share, is_share
from stillwatch.share.match.runs import Offer, Run, Runs, now
from stillwatch.share.psi.party import Party

MAILS = ["Ada.L+x@gmail.com", "bob@example.com"]
ADA = "adal@gmail.com"


def a_run(runs: Runs, number: int, values: list[str]) -> Run:
    party = Party("inviter", "email", values)
    run = Run(id=f"{number:016x}", role="inviter", peer="b", kind="email", started=now(), size=party.size)
    return runs.make(run, party)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A share directory with leads, an offer, a run under way and one that gave names."""
    one = imported([lead(1, "f-0123456789ab"), lead(2, "203.0.113.0/24")])
    write(tmp_path / IMPORTED / f"{one.bulletin.id}.json", msgspec.json.encode(one))
    runs = Runs(tmp_path)
    runs.offer(Offer(peer="b", kind="email", until=date(2999, 1, 1), by="Ada", values=MAILS))
    a_run(runs, 1, MAILS)
    a_run(runs, 2, ["carol@example.com"])
    ended = a_run(runs, 3, MAILS)
    runs.end(ended, "named", names=MAILS)
    return tmp_path


def everything(place: Path) -> bytes:
    paths = [path for path in place.rglob("*") if path.is_file() and path.name != "disclosures.jsonl"]
    return b"".join(path.read_bytes() for path in sorted(paths))


def test_an_account_and_its_identifiers_are_erased_everywhere(place: Path) -> None:
    assert is_share(place)
    planned = forget_share(place, ["a1"], [ADA], None, dry_run=True)
    assert b"Ada.L+x@gmail.com" in everything(place)
    assert b'"a1"' in everything(place)
    done = forget_share(place, ["a1"], [ADA], None)
    assert done == planned
    assert done.rows == {
        "leads": 1, "identifiers offered for matching": 1, "runs under way": 1, "names that matched": 1
    }  # fmt: skip
    held = everything(place)
    assert b"Ada.L" not in held
    assert b"adal@gmail.com" not in held
    assert b'"a1"' not in held
    assert b"bob@example.com" in held
    assert [one.account for one in Exchange(place).all()[0].leads] == ["a2"]
    runs = Runs(place)
    assert [run.step for run in runs.all()] == ["refused", "met", "named"]
    assert runs.party(runs.all()[1]).size == 1024
    assert not forget_share(place, ["a1"], [ADA], None).anything


def test_what_is_before_a_time_goes(place: Path) -> None:
    assert forget_share(place, [], [], datetime(2026, 1, 1, tzinfo=UTC)).rows == {}
    later = forget_share(place, [], [], now() + timedelta(1))
    assert later.rows == {"leads": 2, "runs": 3}  # the offer is open until 2999
    assert Runs(place).all() == []


def test_an_account_alone_says_that_matching_holds_identifiers(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["forget", "--account", "a1", str(place)])
    told = capsys.readouterr().out
    assert "erased: 1 of leads" in told
    assert "4 offers and runs of matching hold identifiers and no accounts" in told
    with pytest.raises(SystemExit):
        main(["forget", "--identifier", ADA, str(place), "--dry-run"])
    assert "would be erased: 1 of runs under way" in capsys.readouterr().out


def test_identifiers_are_sought_in_share_directories_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["forget", "--identifier", ADA, str(tmp_path)])
    assert "identifiers stand in share directories only" in capsys.readouterr().err
