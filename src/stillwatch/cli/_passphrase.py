"""Where the passphrase of the tracer keys comes from.

In this order: the file named, the variable STILLWATCH_PASSPHRASE, the user's own file
(`$XDG_CONFIG_HOME/stillwatch/tracer.pass`), the person at the terminal.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import click

from stillwatch.errors import UsageError

option = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File whose first line opens the keys [default: STILLWATCH_PASSPHRASE, then your own tracer.pass].",
)


def own_file() -> Path:
    """Give the place of the user's own passphrase file."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "stillwatch" / "tracer.pass"


def find(named: Path | None) -> str:
    """Find the passphrase of keys that exist.

    Raises:
        UsageError: when there is none to be had.
    """
    found = _quietly(named)
    if found is not None:
        return found
    if sys.stdin.isatty():
        return str(click.prompt("passphrase of the tracer keys", hide_input=True, err=True))
    raise UsageError(
        "the tracer keys are encrypted and no passphrase was given",
        hint="name the file that holds it with `--passphrase-file`, or set STILLWATCH_PASSPHRASE",
    )


def find_or_make(named: Path | None) -> str:
    """Find a passphrase for new keys, or make one and keep it in the user's own file, apart from the keys."""
    found = _quietly(named)
    if found is not None:
        return found
    place = own_file()
    made = secrets.token_urlsafe(32)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(made + "\n")
    click.echo(f"made a passphrase and kept it in {place}: back it up apart from the keys", err=True)
    return made


def _quietly(named: Path | None) -> str | None:
    if named is not None:
        return _first_line(named)
    told = os.environ.get("STILLWATCH_PASSPHRASE")
    if told:
        return told
    return _first_line(own_file()) if own_file().exists() else None


def _first_line(path: Path) -> str:
    try:
        line = path.read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except (OSError, UnicodeDecodeError) as why:
        raise UsageError(f"cannot read the passphrase file `{path}`: {why}") from why
    if not line:
        raise UsageError(f"the passphrase file `{path}` is empty")
    return line
