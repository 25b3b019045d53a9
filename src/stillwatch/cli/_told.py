"""Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Told(Protocol):
    """Takes how far it is."""

    def __call__(self, done: int, note: str = "") -> None: ...


@contextmanager
def telling(what: str, total: int) -> Iterator[Told]:
    """Show progress towards `total`."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done, note="": bar.update(task, completed=done, description=f"{what} {note}".strip())
        return
    last = [time.monotonic()]

    def line(done: int, note: str = "") -> None:
        if time.monotonic() - last[0] >= 10.0:
            last[0] = time.monotonic()
            click.echo(f"{what}: {done:,} of {total:,} {note}".rstrip(), err=True)

    yield line
