"""A survey: many questions to one endpoint, at a steady rate, until someone has heard enough.

The order of questions is fixed beforehand and never depends on what was heard; only whether to go on does. Tests
that look at the answers as they come rely on it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

import aiohttp
import msgspec

from stillwatch.prove.ask.endpoint import Answer, Endpoint, Question, ask
from stillwatch.prove.ask.journal import Journal


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast to ask, and when to give up.

    Attributes:
        at_once: questions under way at one time.
        per_minute: questions begun per minute; 0 for no limit.
        give_up_after: failures in a row after which the endpoint is taken to be down.
    """

    at_once: int = 8
    per_minute: float = 0.0
    give_up_after: int = 20


class Summary(msgspec.Struct, kw_only=True, frozen=True):
    """How a survey went.

    Attributes:
        outcomes: how many questions ended how.
        models: the names that the endpoint gave itself, most frequent first.
        stopped: why it ended before all was asked; empty when nothing is amiss.
    """

    outcomes: dict[str, int]
    models: list[str]
    stopped: str = ""


class _Turn:
    """Lets questions begin no faster than a steady rate."""

    def __init__(self, per_minute: float) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def take(self) -> None:
        now = asyncio.get_running_loop().time()
        wait = self._next - now
        self._next = max(self._next, now) + self._interval
        if wait > 0:
            await asyncio.sleep(wait)


async def answers(
    endpoint: Endpoint, questions: Iterable[Question], journal: Journal, pace: Pace
) -> AsyncIterator[Answer]:
    """Ask what the journal does not hold yet; gives each new answer, written down already.

    Stops by itself after `give_up_after` failures in a row.
    """
    done = journal.done()
    waiting = iter([question for question in questions if question.id not in done])
    heard: asyncio.Queue[Answer | None] = asyncio.Queue()
    turn = _Turn(pace.per_minute)

    async with aiohttp.ClientSession() as session:

        async def work() -> None:
            for question in waiting:
                await turn.take()
                answer = await ask(session, endpoint, question)
                journal.add(answer)
                heard.put_nowait(answer)

        async def work_all() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(pace.at_once):
                        group.create_task(work())
            finally:
                heard.put_nowait(None)

        crew = asyncio.create_task(work_all())
        failures = 0
        try:
            while failures < pace.give_up_after and (answer := await heard.get()) is not None:
                failures = 0 if answer.outcome in ("answered", "empty") else failures + 1
                yield answer
        finally:
            crew.cancel()
            await asyncio.wait([crew])
        if not crew.cancelled() and (mistake := crew.exception()) is not None:
            raise mistake


def summarise(journal: Journal, *, stopped: str = "") -> Summary:
    """Say how the survey went, over all its sittings."""
    last = {answer.id: answer for answer in journal.answers}
    named = Counter(a.model for a in last.values() if a.model)
    return Summary(
        outcomes=dict(sorted(Counter(a.outcome for a in last.values()).items())),
        models=[name for name, _ in named.most_common(20)],
        stopped=stopped,
    )


def run(
    endpoint: Endpoint,
    questions: Iterable[Question],
    journal: Journal,
    pace: Pace,
    heard: Callable[[Answer], bool],
) -> Summary:
    """Ask until `heard` has heard enough, the questions are over, or the endpoint is down.

    Args:
        endpoint: whom to ask.
        questions: what, in an order that does not depend on the answers.
        journal: where answers are kept.
        pace: how fast.
        heard: told each new answer; returns whether that is enough.
    """

    async def listen() -> str:
        last: list[Answer] = []
        stream = answers(endpoint, questions, journal, pace)
        try:
            async for answer in stream:
                last = [*last[-pace.give_up_after + 1 :], answer]
                if heard(answer):
                    return ""
        finally:
            await stream.aclose()  # type: ignore[attr-defined]  # an async generator
        failed = [a for a in last if a.outcome not in ("answered", "empty")]
        if len(failed) >= pace.give_up_after:
            return f"the endpoint failed {pace.give_up_after} times in a row: {failed[-1].outcome}, {failed[-1].detail}"
        return ""

    return summarise(journal, stopped=asyncio.run(listen()))
