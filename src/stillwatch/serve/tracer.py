"""Tracer: how an upstream is asked to mark an answer, and how nobody else asks for it.

Marking is done where tokens are drawn (`prove.engines`), not here. The gateway only names the group whose key marks, in
a field of the request that the engine reads: `[proxy] tracer_field`, as in `vllm_xargs.stillwatch_group` for vLLM. Only
an account under an order with the transform `tracer` gets it; a client that sets the field itself has it taken out.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

Body = dict[str, Any]
PREFIX: Final = "tracer:"
"""The transform as a decision tells it: with the group after it."""


class Tracer(Protocol):
    """Asks for marks; whoever has another way than a field of the request fills this in."""

    def mark(self, body: Body, group: str) -> Body:
        """Give the request that asks for answers marked for a group; the one given stays as it is."""
        ...

    def marked(self, body: Body) -> bool:
        """Tell whether a request asks for marks by itself."""
        ...

    def without(self, body: Body) -> Body:
        """Give the request without that."""
        ...


class FieldTracer:
    """Names the group in a field; a path with dots leads into objects, which are made where they are missing."""

    def __init__(self, path: str) -> None:
        self._path = path.split(".")

    def mark(self, body: Body, group: str) -> Body:
        """Set the field."""
        out = at = dict(body)
        for step in self._path[:-1]:
            inner = at.get(step)
            at[step] = dict(inner) if isinstance(inner, dict) else {}
            at = at[step]
        at[self._path[-1]] = group
        return out

    def marked(self, body: Body) -> bool:
        """Tell whether the field is there."""
        at: Any = body
        for step in self._path:
            if not isinstance(at, dict) or step not in at:
                return False
            at = at[step]
        return True

    def without(self, body: Body) -> Body:
        """Take the field out, and nothing else."""
        if not self.marked(body):
            return body
        out = self.mark(body, "")
        at = out
        for step in self._path[:-1]:
            at = at[step]
        del at[self._path[-1]]
        return out


def group_of(transforms: list[str]) -> str:
    """Tell the group that answers are marked for; empty for none."""
    return next((name.removeprefix(PREFIX) for name in transforms if name.startswith(PREFIX)), "")
