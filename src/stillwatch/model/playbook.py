"""Playbook: what is done about a finding, step by step, and how far somebody has come with it.

A step is either one verb of stillwatch or the task of a person; it says what must be so beforehand and how it is
undone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

Stage = Literal["identify", "contain", "eradicate", "recover", "tell"]
STAGES: Final[tuple[Stage, ...]] = ("identify", "contain", "eradicate", "recover", "tell")
"""The stages, in the order in which they are gone through."""
StepState = Literal["open", "done", "skipped", "undone"]


class Step(msgspec.Struct, kw_only=True, frozen=True):
    """One step.

    Attributes:
        verb: what stillwatch does, as words of its command line; `{case}`, `{campaign}`, `{order}`, `{state}` and
            `{by}` stand for what the run is about.
        task: or what a person does.
        before: what must be so before it is begun.
        after: steps that must be done, or skipped with a reason, first.
        undo: how it is taken back: a verb, or a sentence.
        undo_verb: whether `undo` is a verb.
    """

    id: str
    stage: Stage
    title: str
    verb: str = ""
    task: str = ""
    before: str
    after: list[str] = []
    undo: str
    undo_verb: bool = False


class Playbook(msgspec.Struct, kw_only=True, frozen=True):
    """A playbook.

    Attributes:
        findings: what it is for.
        digest: SHA-256 of the file, so that a run tells by what it went.
    """

    name: str
    version: int
    title: str
    findings: list[str]
    steps: list[Step]
    digest: str = ""

    def step(self, name: str) -> Step | None:
        """Find a step."""
        return next((step for step in self.steps if step.id == name), None)


class Marked(msgspec.Struct, kw_only=True, frozen=True):
    """How a step stands, who said so, and when."""

    state: StepState
    by: str
    at: datetime
    note: str = ""


class Run(msgspec.Struct, kw_only=True, frozen=True):
    """A playbook as it is gone through for one entry of a case; it keeps the playbook that it began with."""

    id: str
    playbook: Playbook
    case: str
    campaign: str
    order: str = ""
    by: str
    at: datetime
    marks: dict[str, Marked] = {}

    def state(self, step: str) -> StepState:
        """Tell how a step stands."""
        mark = self.marks.get(step)
        return mark.state if mark is not None else "open"

    def waits(self, step: Step) -> list[str]:
        """Name what has to be done, or skipped, before a step."""
        return [name for name in step.after if self.state(name) not in ("done", "skipped")]

    @property
    def over(self) -> bool:
        """Tell whether nothing is left to do."""
        return all(self.state(step.id) in ("done", "skipped") for step in self.playbook.steps)
