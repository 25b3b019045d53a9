"""Progress: how far a hunt is, on stderr; a bar with an honest time left where a person looks on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn
from rich.text import Text

EACH: Final = {
    "read": 10.0, "sketch": 1.2, "duplicates": 0.02, "families": 0.6, "groups": 1.4, "weigh": 0.4, "tell": 0.4,
    "calibrate": 5.0, "replay": 5.0,
}  # fmt: skip
FIXED: Final = {"groups": 0.5, "weigh": 1.5, "tell": 0.3, "calibrate": 10.0, "replay": 1.0}
"""How the time of a hunt divides over its stages: seconds for each million exchanges and for any log, as
`bench/hunt.py` measures them on two idle cores. Only their ratios matter; reading counts where logs are converted."""
RECORD_BYTES: Final = 1800
"""Bytes of one exchange in a log that is converted."""
HUNT: Final = ("sketch", "duplicates", "families", "groups", "weigh", "tell")
CALIBRATION: Final = ("sketch", "duplicates", "families", "groups", "calibrate")
"""Stages of a journey; reading comes before, where logs are converted."""
SURE: Final = 0.03
"""Share of the work from which a time left is told."""

SAYS: Final = {
    "read": "reading logs", "sketch": "sketching exchanges", "duplicates": "looking for duplicates",
    "families": "growing families", "groups": "looking for groups", "weigh": "weighing evidence",
    "tell": "writing the case", "calibrate": "cutting links",
    "replay": "replaying requests",
}  # fmt: skip


class _Left(TextColumn):
    """The time left, rounded to what can be known."""

    def render(self, task: Task) -> Text:
        return Text(left(task.elapsed or 0.0, task.completed), style="dim")


def left(elapsed: float, done: float) -> str:
    """Say how much time is left when a share of the work took so many seconds."""
    if done < SURE:
        return "time left: not known yet"
    seconds = elapsed * (1.0 - done) / done
    for unit, many in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds >= 2 * many:
            return f"about {seconds / many:.0f} {unit} left"
    return "a moment left"


class Journey:
    """Follows a hunt through its stages, and shows it on a terminal.

    Silent on stderr but for warnings when stderr is no terminal, or when `quiet`.
    """

    def __init__(self, stages: Sequence[str] = HUNT, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._shown = self._console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description:<24}"), BarColumn(bar_width=32), TextColumn("{task.percentage:>3.0f} %"),
            _Left(""), console=self._console, transient=True, disable=not self._shown,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._stage = ""
        self._total = 0
        self._done = 0
        self._millions = 1.0
        self._furthest = 0.0
        self._stages = list(stages)

    def __enter__(self) -> Self:
        self._bar.start()
        self._begun = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def share(self) -> float:
        """Tell how much of the work is done, 0 to 1; it never goes back, although a log tells its size late."""
        if self._stage not in self._stages:
            return 0.0
        within = self._done / self._total if self._total else 0.0
        before = sum(map(self._seconds, self._stages[: self._stages.index(self._stage)]))
        done = before + self._seconds(self._stage) * min(within, 1.0)
        self._furthest = min(max(done / sum(map(self._seconds, self._stages)), self._furthest), 1.0)
        return self._furthest

    def _seconds(self, stage: str) -> float:
        """Tell what a stage takes in a log of this size."""
        return FIXED.get(stage, 0.0) + EACH[stage] * self._millions

    def stage(self, name: str, total: int) -> None:
        """Begin a stage."""
        if name == "read":
            self._stages.insert(0, "read")
            self._millions = total / RECORD_BYTES / 1e6
        elif name == "sketch" and total:
            self._millions = total / 1e6
        self._stage, self._total, self._done = name, total, 0
        if self._task is None:
            self._task = self._bar.add_task("", total=1.0)
        self._bar.update(self._task, description=SAYS.get(name, name), completed=self.share)

    def advance(self, count: int) -> None:
        """Go on within a stage."""
        self._done += count
        if self._task is not None:
            self._bar.update(self._task, completed=self.share)

    def say(self, text: str) -> None:
        """Tell what is good to know, to a person who looks on."""
        if self._shown:
            self._console.print(Text(text, style="dim"), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Tell what a person should know in any case."""
        if self._shown:
            self._console.print(Text.assemble(("warning: ", "yellow"), text), soft_wrap=True)
        else:
            click.echo(f"warning: {text}", err=True)
