"""Opened: the room of a process that is not ours, where stillwatch is a guest.

Its place comes from arguments, else from variables: `STILLWATCH_STATE` names the state directory,
`STILLWATCH_SETTINGS` the settings file, and `STILLWATCH_ENFORCE=1` lets orders act; without it they are counted
(shadow).
"""

from __future__ import annotations

import os
from pathlib import Path

from stillwatch import settings as all_settings
from stillwatch.errors import UsageError
from stillwatch.watch.room import Room

STATE, SETTINGS, ENFORCE = "STILLWATCH_STATE", "STILLWATCH_SETTINGS", "STILLWATCH_ENFORCE"


def open_room(state: str | None = None, *, enforce: bool | None = None, settings: str | None = None) -> Room:
    """Open the room that arguments name, else variables.

    Raises:
        UsageError: when no state directory is named.
        SettingsError: when the settings say something that means nothing.
    """
    place = state or os.environ.get(STATE, "")
    if not place:
        raise UsageError("no state directory is named", hint=f"set `state`, or {STATE}")
    file = settings or os.environ.get(SETTINGS, "")
    acts = os.environ.get(ENFORCE, "") in ("1", "true", "yes") if enforce is None else enforce
    return Room(Path(place), all_settings.find(Path(file) if file else None), enforce=acts)
