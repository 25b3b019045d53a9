"""What the verbs of `share` have in common: the desk, the settings and who speaks."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from stillwatch import settings
from stillwatch.errors import SettingsError, ShareError
from stillwatch.kit.plain import plain
from stillwatch.settings import Share
from stillwatch.share import peers
from stillwatch.share.desk import Desk
from stillwatch.share.peers import Peer

VARIABLE: Final = "STILLWATCH_SHARE"

settings_option = click.option("--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE",
                               help="Settings other than `stillwatch.toml` here.")  # fmt: skip
by_option = click.option("--by", "who", default="", metavar="NAME", help="Who does it; your login name when left out.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def found(file: Path | None) -> Share:
    """Read the section `[share]`.

    Raises:
        SettingsError: when the organisation has no name.
    """
    section = settings.find(file).share
    if not section.organisation.strip():
        raise SettingsError(
            "no organisation is named: whose word would a bulletin be?",
            hint='write `organisation = "…"` under `[share]` in stillwatch.toml',
        )
    return section


def directory(section: Share) -> Path:
    """Tell where bulletins, peers and the log lie."""
    if named := section.directory or os.environ.get(VARIABLE, ""):
        return Path(named).expanduser()
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "stillwatch" / "share"


def store_place(section: Share) -> Path | str:
    """Tell where the objects lie that peers pull and push."""
    return section.store or directory(section) / "taxii.sqlite"


def desk(section: Share) -> Desk:
    """Open the desk."""
    return Desk(directory(section), section.preparers, section.releasers)


def speaker(who: str) -> str:
    """Tell who speaks: the name given, else the login name."""
    if who.strip():
        return who.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def known(section: Share, name: str) -> Peer:
    """Find a peer.

    Raises:
        ShareError: when there is none of that name.
    """
    place = directory(section) / peers.FILE
    held = {one.name: one for one in peers.read(place)}
    if name not in held:
        hint = f"it has {', '.join(held)}" if held else "write down who he is first"
        raise ShareError(f"`{plain(name, 80)}` is no peer", where=str(place), hint=hint)
    return held[name]
