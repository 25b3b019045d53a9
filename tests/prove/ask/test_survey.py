from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.prove.ask.scripted import Handler, serving

from stillwatch.errors import UsageError
from stillwatch.prove.ask.endpoint import Answer, Endpoint, Question
from stillwatch.prove.ask.journal import Journal
from stillwatch.prove.ask.survey import Pace, run

QUESTIONS = [Question.plain(f"q{i}", f"question {i}") for i in range(30)]


def echo(handler: Handler, asked: dict[str, Any]) -> None:
    handler.say("you asked: " + asked["messages"][-1]["content"], asked=asked)


def endpoint(url: str) -> Endpoint:
    return Endpoint(url=url, model="demo", backoff_s=0.001, retries=0, timeout_s=20.0)


def test_every_question_is_answered_once_and_kept(tmp_path: Path) -> None:
    with serving(echo) as server:
        journal = Journal(tmp_path / "a.jsonl", {"run": 1})
        summary = run(endpoint(server.url), QUESTIONS, journal, Pace(at_once=4), lambda _: False)
        journal.close()
        assert len(server.asked) == 30
    assert (summary.outcomes, summary.models, summary.stopped) == ({"answered": 30}, ["demo"], "")
    again = Journal(tmp_path / "a.jsonl", {"run": 1})
    assert {a.id for a in again.answered()} == {q.id for q in QUESTIONS}


def test_a_run_stops_when_enough_was_heard_and_goes_on_where_it_was(tmp_path: Path) -> None:
    heard: list[str] = []

    def enough(answer: Answer) -> bool:
        heard.append(answer.id)
        return len(heard) >= 10

    with serving(echo) as server:
        journal = Journal(tmp_path / "a.jsonl", {"run": 1})
        run(endpoint(server.url), QUESTIONS, journal, Pace(at_once=3), enough)
        journal.close()
        first = len(server.asked)
        assert 10 <= first <= 20
        journal = Journal(tmp_path / "a.jsonl", {"run": 1})
        kept = len(journal.answers)
        assert kept >= 10
        run(endpoint(server.url), QUESTIONS, journal, Pace(at_once=3), lambda _: False)
        assert len(journal.done()) == 30
        again = len(server.asked) - first
        assert 30 - kept <= again <= 30 - kept + 3  # what was under way when it stopped may arrive late
        journal.close()


def test_an_endpoint_that_is_down_is_given_up_and_nothing_is_lost(tmp_path: Path) -> None:
    def reply(handler: Handler, asked: dict[str, Any]) -> None:
        if len(handler.server.asked) > 6:
            handler.send(500, b"down")
        else:
            echo(handler, asked)

    with serving(reply) as server:
        journal = Journal(tmp_path / "a.jsonl", {"run": 1})
        summary = run(endpoint(server.url), QUESTIONS, journal, Pace(at_once=2, give_up_after=5), lambda _: False)
        journal.close()
    assert "failed 5 times in a row: failed, HTTP 500" in summary.stopped
    assert summary.outcomes["answered"] == 6
    assert len(list(Journal(tmp_path / "a.jsonl", {"run": 1}).answered())) == 6


def test_failed_questions_are_asked_again_next_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl", {})
    journal.add(Answer(id="q0", outcome="stalled"))
    journal.add(Answer(id="q1", outcome="refused"))
    journal.close()
    assert Journal(tmp_path / "a.jsonl", {}).done() == {"q1"}


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    journal = Journal(path, {})
    journal.add(Answer(id="q0", outcome="answered", text="whole"))
    journal.close()
    with path.open("ab") as out:
        out.write(b'{"id":"q1","outc')
    journal = Journal(path, {})
    journal.add(Answer(id="q2", outcome="answered", text="next"))
    journal.close()
    assert [a.id for a in Journal(path, {}).answered()] == ["q0", "q2"]


def test_a_journal_of_another_run_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    Journal(path, {"model": "a"}).close()
    with pytest.raises(UsageError, match="asks something else"):
        Journal(path, {"model": "b"})


@given(st.binary(min_size=1, max_size=60))
def test_arbitrary_bytes_are_no_journal(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("j") / "a.jsonl"
    path.write_bytes(raw)
    with pytest.raises(UsageError, match=r"no journal|asks something else"):
        Journal(path, {})
    assert path.read_bytes() == raw


def test_questions_begin_no_faster_than_the_pace_allows(tmp_path: Path) -> None:
    """At 1,200 a minute ten questions cannot begin in less than 9 x 50 ms."""
    import time

    begun: list[float] = []

    def reply(handler: Handler, asked: dict[str, Any]) -> None:
        begun.append(time.monotonic())
        echo(handler, asked)

    with serving(reply) as server:
        journal = Journal(tmp_path / "a.jsonl", {})
        run(endpoint(server.url), QUESTIONS[:10], journal, Pace(at_once=5, per_minute=1200), lambda _: False)
        journal.close()
    assert max(begun) - min(begun) > 0.4
