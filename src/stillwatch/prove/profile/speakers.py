"""Who answers probes: a model behind an endpoint, or a file of answers that were collected elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from stillwatch.errors import UsageError
from stillwatch.prove.ask.endpoint import Endpoint, Question
from stillwatch.prove.ask.journal import Journal
from stillwatch.prove.ask.survey import Pace, Summary, run, summarise
from stillwatch.prove.lineage.texts import rows
from stillwatch.prove.profile import inspect_logs

LEAST_ASKED = 8
"""Questions of one round that must all fail until an endpoint is taken to be down."""


class Speaker(Protocol):
    """Answers questions; what it does not answer is missing from the result."""

    name: str
    stopped: str

    def say(self, questions: Sequence[Question]) -> dict[str, str]:
        """Answer some questions, by their ids; an empty answer is an answer."""

    def summary(self) -> Summary | None:
        """Say how asking went, if somebody was asked."""

    def close(self) -> None:
        """Be done."""


class Asked:
    """A model behind an endpoint; every answer is kept in a journal, and asked for once.

    Args:
        endpoint: where it answers.
        place: the journal.
        plan: what the run asks, so that a journal of another run is not taken for this one's.
        pace: how fast to ask.
    """

    def __init__(self, endpoint: Endpoint, place: Path, plan: dict[str, Any], pace: Pace) -> None:
        self.name = f"{endpoint.model} at {endpoint.url}"
        self.stopped = ""
        self._endpoint, self._pace = endpoint, pace
        self._journal = Journal(place, {"url": endpoint.address(), "model": endpoint.model, **plan})

    def say(self, questions: Sequence[Question]) -> dict[str, str]:
        """Ask what the journal does not hold yet."""
        done = self._journal.done()
        if any(question.id not in done for question in questions) and not self.stopped:
            self.stopped = run(self._endpoint, questions, self._journal, self._pace, lambda _: False).stopped
        wanted = {question.id for question in questions}
        told = {
            answer.id: answer.text
            for answer in self._journal.answers
            if answer.id in wanted and answer.outcome in ("answered", "empty")
        }
        if not told and len(questions) >= LEAST_ASKED and not self.stopped:
            last = self._journal.answers[-1]
            self.stopped = f"`{self.name}` answered none of {len(questions)} questions: {last.outcome}, {last.detail}"
        return told

    def summary(self) -> Summary | None:
        """Say how asking went."""
        return summarise(self._journal, stopped=self.stopped)

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()


class Kept:
    """Answers from a file: JSON lines with `id` and `text`, or a log of `inspect_ai` (`.json`, `.eval`).

    Raises:
        UsageError: when the file holds no answer to any probe.
    """

    def __init__(self, path: str) -> None:
        self.name, self.stopped = path, ""
        self._answers = dict(inspect_logs.read(path) or _lines(path))
        if not self._answers:
            raise UsageError(f"no answers in `{path}`", hint="JSON lines with `id` and `text`, or an inspect_ai log")

    def say(self, questions: Sequence[Question]) -> dict[str, str]:
        """Look the questions up."""
        return {q.id: self._answers[q.id] for q in questions if q.id in self._answers}

    def summary(self) -> Summary | None:
        """Nobody was asked."""
        return None

    def close(self) -> None:
        """Nothing is open."""


def _lines(path: str) -> list[tuple[str, str]]:
    found = []
    for row in rows(path):
        text = next((row[name] for name in ("text", "response", "answer") if isinstance(row.get(name), str)), None)
        if text is not None and "id" in row:
            found.append((str(row["id"]), text))
    return found
