"""Traffic: a log beside a case or a state, as verbs that read one besides take it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from stillwatch import ingest
from stillwatch.ingest import Gathered
from stillwatch.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def read_as(function: F) -> F:
    """Add `--format` and `--map`."""
    function = click.option("--map", "map_", type=FILE, help="A TOML file: which field fills which column.")(function)
    return click.option("--format", "format_", metavar="FORMAT", help="The log's format; recognised when left out.")(
        function
    )


@contextmanager
def opened(
    traffic: Sequence[str], format_: str | None, map_: Path | None, settings: Settings
) -> Iterator[Gathered | None]:
    """Make a log readable for as long as it is needed; nothing where none was named."""
    if not traffic:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as folder:
        yield ingest.gather(traffic, into=Path(folder), format=format_, map_file=map_, settings=settings.ingest)
