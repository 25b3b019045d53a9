"""Place: the state directory and the person, as every verb that acts takes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from stillwatch.errors import UsageError
from stillwatch.kit.plain import counted

if TYPE_CHECKING:
    from stillwatch.watch.room import Room

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT: Final = "state"


def place(function: F) -> F:
    """Add `--state`."""
    return click.option(
        "--state", "place_", type=click.Path(path_type=Path), default=DEFAULT, show_default=True,
        help="The state directory: live state and book.",
    )(function)  # fmt: skip


def by(function: F) -> F:
    """Add `--by` and `--reason`."""
    function = click.option("--reason", "why", default="", help="Why; it stands on record.")(function)
    return click.option("--by", required=True, metavar="PERSON", help="Who decides; it stands on record.")(function)


def as_json(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json_", is_flag=True, help="Print it as JSON.")(function)


def settings_option(function: F) -> F:
    """Add `--settings`."""
    return click.option(
        "--settings", "settings_file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A settings file; else ./stillwatch.toml.",
    )(function)  # fmt: skip


def ends(days: int | None, until: int | None, default_days: int) -> datetime:
    """Give the end that was asked for.

    Raises:
        UsageError: when both ways of saying it were used.
    """
    if days is not None and until is not None:
        raise UsageError("say the end once", hint="`--days N` or `--ends T`, one of the two")
    if until is not None:
        return datetime.fromtimestamp(until / 1000, UTC)
    return now() + timedelta(days=default_days if days is None else days)


def found_there(room: Room) -> str:
    """Say what a server found in its state directory."""
    standing, state = room.watch.standing, room.watch.state
    orders = {one.id for held in (*standing.accounts.values(), *standing.campaigns.values()) for one in held}
    told = f"{room.place}: {counted(len(orders), 'order')} in force"
    if state is None:
        return f"{told}; no live state, so no campaign and no newcomer is known: stillwatch state export CASE"
    return (
        f"{told}; live state of {state.meta.made:%Y-%m-%d %H:%M} UTC, {counted(len(state.meta.campaigns), 'campaign')}"
    )


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)
