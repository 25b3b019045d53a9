"""How a suspect behind an endpoint is named and asked, the same for every audit that asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stillwatch.errors import UsageError
from stillwatch.prove.ask.endpoint import Endpoint
from stillwatch.prove.ask.survey import Pace

_OPTIONS = (
    click.option("--endpoint", "url", help="The suspect's OpenAI-compatible address."),
    click.option("--model", help="The model to ask for."),
    click.option(
        "--journal", type=click.Path(path_type=Path, dir_okay=False), help="Where answers are kept, to go on later."
    ),
    click.option("--at-once", type=click.IntRange(1, 256), default=8, show_default=True, help="Questions under way."),
    click.option("--per-minute", type=click.FloatRange(0), default=0.0, help="Questions per minute; 0: no limit."),
    click.option("--timeout", type=click.FloatRange(0, min_open=True), default=120.0, show_default=True,
                 help="Seconds to wait for an answer."),
    click.option("--key-variable", default="STILLWATCH_SUSPECT_KEY", show_default=True,
                 help="The environment variable that holds the suspect's API key."),
)  # fmt: skip


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a suspect behind an endpoint."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def endpoint(*, url: str | None, model: str | None, timeout: float, key_variable: str, **_: Any) -> Endpoint | None:
    """Give the endpoint that the options name, if they do.

    Raises:
        UsageError: when the address or the model is missing or makes no sense.
    """
    if url is None:
        return None
    if model is None:
        raise UsageError("the endpoint needs a model to ask for", hint="`--model NAME`")
    found = Endpoint(url=url, model=model, key_variable=key_variable, timeout_s=timeout)
    found.address()
    return found


def pace(*, at_once: int, per_minute: float, **_: Any) -> Pace:
    """Give the pace that the options name."""
    return Pace(at_once=at_once, per_minute=per_minute)


def journal(suspect: Endpoint, *, journal: Path | None, prefix: str = "audit", **_: Any) -> Path:
    """Give the place of the journal: the one named, or one named after the model."""
    return journal or Path(f"{prefix}-{''.join(c if c.isalnum() else '-' for c in suspect.model)[:60]}.jsonl")
