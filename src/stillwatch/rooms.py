"""Rooms: a member is one file, found by its name.

To add a log format, a view, an actor or a verb, add one file to its room. The file's name is the
member's name on the command line, in the docs and in `tests/data/<room>/<name>/`.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def names(room: str) -> list[str]:
    """List the members of a room, in the order of their names; `_private` files are furniture.

    Args:
        room: the room's package name below `stillwatch`, such as `ingest`.
    """
    package = importlib.import_module(f"stillwatch.{room}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def member(room: str, name: str) -> ModuleType:
    """Open one member.

    Raises:
        KeyError: when the room has no such member.
    """
    if name not in names(room):
        raise KeyError(f"no member `{name}` in `{room}`: it has {', '.join(names(room))}")
    return importlib.import_module(f"stillwatch.{room}.{name}")


def members(room: str) -> dict[str, ModuleType]:
    """Open every member of a room, keyed and ordered by name."""
    return {name: member(room, name) for name in names(room)}
