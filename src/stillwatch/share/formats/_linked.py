"""Linked: which objects of a heap belong to which, looked up once; what is malformed is left out and harms no other.

A link counts only when whoever made the linked object made it too: nobody hangs something on another's bulletin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]


class Linked:
    """Objects by id, and the links between them."""

    def __init__(self, held: Mapping[str, Object]) -> None:
        self.held = held
        self._uses: dict[str, list[Object]] = {}
        self._indicates: dict[str, list[Object]] = {}
        self._attributed: dict[str, list[Object]] = {}
        self._notes: dict[str, list[Object]] = {}
        for one in held.values():
            if one.get("type") == "relationship":
                self._relate(one)
            elif one.get("type") == "note" and isinstance(one.get("object_refs"), list):
                for name in _texts(one["object_refs"]):
                    self._notes.setdefault(name, []).append(one)

    def _relate(self, one: Object) -> None:
        source, target, kind = (one.get(name) for name in ("source_ref", "target_ref", "relationship_type"))
        if not (isinstance(source, str) and isinstance(target, str)):
            return
        if kind == "uses" and target in self.held and _by(one, self.held.get(source, {})):
            self._uses.setdefault(source, []).append(self.held[target])
        if kind == "attributed-to" and target in self.held and _by(one, self.held.get(source, {})):
            self._attributed.setdefault(source, []).append(self.held[target])
        if kind == "indicates" and source in self.held and _by(one, self.held[source]):
            self._indicates.setdefault(target, []).append(self.held[source])

    def used(self, main: Object, kind: str) -> list[Object]:
        """Give what an object uses, of one type."""
        return [one for one in self._uses.get(main["id"], []) if one.get("type") == kind]

    def attributed(self, main: Object, kind: str) -> list[Object]:
        """Give whom an object is attributed to, of one type and by its own maker."""
        return [one for one in self._attributed.get(main["id"], []) if one.get("type") == kind and _by(one, main)]

    def indicators(self, main: Object) -> list[Object]:
        """Give what indicates an object."""
        return [one for one in self._indicates.get(main["id"], []) if _by(one, main)]

    def notes(self, main: Object) -> list[Object]:
        """Give the notes on an object by its own maker."""
        return [one for one in self._notes.get(main["id"], []) if _by(one, main)]


def _by(one: Object, other: Object) -> bool:
    return one.get("created_by_ref") == other.get("created_by_ref")


def _texts(values: Iterable[object]) -> Iterable[str]:
    return (one for one in values if isinstance(one, str))
