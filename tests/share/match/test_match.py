"""Matching over HTTP: the count first, names after a person on each side, and on from wherever it stopped."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.share.match.conftest import OURS, SHARED, THEIRS, There, asking

from stillwatch.errors import ShareError
from stillwatch.share.front import Front
from stillwatch.share.link import Answer, Link
from stillwatch.share.log import Log
from stillwatch.share.match import runs as all_runs
from stillwatch.share.match import work
from stillwatch.share.match.ask import Asking
from stillwatch.share.match.runs import Run, Runs


def counted(here: Runs, there: There, ours: list[str] = OURS) -> tuple[Run, Run]:
    """Run as far as the count; gives the run as it is here and there."""
    ask = asking(here, there.url)
    run = ask.go(ask.begin("b", there.url, "email", ours, "Eve"))
    return run, there.runs.all()[-1]


@pytest.mark.usefixtures("front")
def test_both_learn_the_count_and_nobody_a_name(here: Runs, there: There) -> None:
    ours, theirs = counted(here, there)
    assert (ours.step, ours.count) == (theirs.step, theirs.count) == ("counted", 8)
    for runs, run in ((here, ours), (there.runs, theirs)):
        with pytest.raises(ShareError, match="no names are told"):
            runs.names(run)


def test_names_are_told_when_a_person_on_each_side_has_released_them(front: Front, here: Runs, there: There) -> None:
    ours, theirs = counted(here, there)
    ask = asking(here, there.url)
    here.released(ours, "Ben")
    assert ask.go(here.read(ours.id)).step == "counted", "the person over there has not"
    front.matching.settle()
    assert not there.runs.message(theirs, "in", "places").exists(), "and so nothing of ours has left"
    there.runs.released(theirs, "Cy")
    assert ask.go(here.read(ours.id)).step == "named"
    front.matching.settle()
    assert here.names(ours) == sorted(SHARED)
    assert there.runs.names(theirs) == sorted(THEIRS[1:])


@pytest.mark.usefixtures("front")
def test_who_has_only_the_other_sides_release_gets_nothing(here: Runs, there: There) -> None:
    ours, theirs = counted(here, there)
    there.runs.released(theirs, "Cy")
    assert asking(here, there.url).go(ours).step == "counted"
    told = Link(there.url, "token-of-inviter-" + "z" * 32).ask("GET", f"match/v1/runs/{ours.remote}/places", None, {})
    assert told.status == 202
    assert b"`release`: no person on your side" in told.body


@pytest.mark.usefixtures("front")
def test_who_began_a_run_does_not_release_its_names(here: Runs, there: There) -> None:
    ours, theirs = counted(here, there)
    for runs, run, who in ((here, ours, "Eve"), (there.runs, theirs, "Ada")):
        with pytest.raises(ShareError, match=f"`{who}` began this run"):
            runs.released(run, who)


@pytest.mark.usefixtures("front")
def test_fewer_than_the_floor_are_told_to_nobody(here: Runs, there: There) -> None:
    ours, theirs = counted(here, there, SHARED[:4])
    assert (ours.step, ours.count, theirs.step, theirs.count) == ("below", None, "below", None)
    for runs, run in ((here, ours), (there.runs, theirs)):
        with pytest.raises(ShareError, match="nothing to release"):
            runs.released(run, "Ben")


@pytest.mark.usefixtures("front")
def test_when_a_run_is_over_the_secret_and_the_messages_are_erased(here: Runs, there: There) -> None:
    ours, theirs = counted(here, there, SHARED[:4])
    for runs, run in ((here, ours), (there.runs, theirs)):
        assert [path.name for path in (runs.folder / run.id).iterdir() if path.is_file() and path.name[0] != "."] == [
            "run.json"
        ]
        kept = (runs.folder / run.id / "run.json").read_text()
        assert "user" not in kept


@pytest.mark.usefixtures("front")
def test_the_disclosure_log_names_each_run_and_no_identifier(here: Runs, there: There) -> None:
    ours, theirs = counted(here, there)
    there.runs.released(theirs, "Cy")
    lines = Log(there.folder).lines()
    assert [line.did for line in lines] == ["matched"] * 3
    assert [line.note for line in lines] == ["9 identifiers until 2999-01-01", "begun as responder; 1,024 points",
                                             "names released"]  # fmt: skip
    assert "example.com" not in (there.folder / "disclosures.jsonl").read_text()
    assert ours.id in Log(here.folder.parent).lines()[0].what


class Falling(Link):
    """A line that goes down at one of its requests, before the peer heard it or after."""

    def __init__(self, url: str, at: int, heard: bool) -> None:
        super().__init__(url, "token-of-inviter-" + "z" * 32)
        self._left, self._heard = at, heard

    def ask(self, method: str, path: str, body: bytes | None, headers: object) -> Answer:
        self._left -= 1
        if self._left == 0 and not self._heard:
            raise ShareError("the server cannot be reached: it fell")
        found = super().ask(method, path, body, {})
        if self._left == 0:
            raise ShareError("the server cannot be reached: it fell")
        return found


def test_a_line_that_goes_down_at_any_request_costs_nothing(there: There, tmp_path: Path) -> None:
    there.peers[0] = msgspec.structs.replace(there.peers[0], match_runs_per_week=100)
    there.offer(THEIRS)
    with there.serving():
        for at in range(2, 11, 2):
            here = Runs(tmp_path / f"here-{at}")
            ask = Asking(here, Falling(there.url, at, heard=at % 4 == 0), 30, sleep=lambda seconds: None)
            run = ask.begin("b", there.url, "email", OURS)
            with pytest.raises(ShareError, match="it fell"):
                _until_it_falls(ask, run, here)
            run = asking(here, there.url).go(here.read(run.id))
            assert (run.step, run.count) == ("counted", 8), at


def _until_it_falls(ask: Asking, run: Run, here: Runs) -> None:
    for _ in range(3):
        ask.go(here.read(run.id))
        ask._put(here.read(run.id), "doubled")


def test_a_responder_that_is_killed_goes_on_where_it_was(here: Runs, there: There) -> None:
    """Each request is answered by a server that has just been started: all that counts is on disk."""
    there.offer(THEIRS)
    with there.serving():
        port = int(there.url.rsplit(":", 1)[1].strip("/"))
        run = asking(here, there.url).begin("b", there.url, "email", OURS)
    for _ in range(40):
        with there.serving(port):
            run = asking(here, there.url, wait_s=0).go(here.read(run.id))
        if run.step == "counted":
            break
    assert run.count == 8


@pytest.mark.usefixtures("front")
def test_a_large_run_is_worked_on_in_a_process_of_its_own(
    here: Runs, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "FEW", 100)
    seen: list[str] = []
    monkeypatch.setattr(work, "work", lambda runs, name: seen.append(name))
    ours, theirs = counted(here, there)
    assert (ours.step, theirs.step, seen) == ("counted", "counted", [])


@pytest.mark.usefixtures("front")
def test_a_run_that_waits_too_long_for_people_is_given_up(
    here: Runs, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = counted(here, there)
    later = all_runs.now() + timedelta(days=15)
    monkeypatch.setattr(all_runs, "now", lambda: later)
    (run,) = here.all()
    assert (run.step, run.because) == ("refused", "given up after 14 days")
    assert not (here.folder / ours.id / "state").exists()


def test_what_is_dropped_is_gone(front: Front, here: Runs, there: There) -> None:
    ours, _ = counted(here, there)
    here.drop(ours)
    assert here.all() == []
    with pytest.raises(ShareError, match="no such run"):
        here.read(ours.id)
