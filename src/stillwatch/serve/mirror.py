"""Mirror: decisions in the registry of `prometheus_client`, where a process that is not ours tells its own metrics.

LiteLLM's `/metrics` shows that registry, of all its worker processes together where `PROMETHEUS_MULTIPROC_DIR` is set.
What was counted since the last turn is added now and then, so that no request pays for it; without `prometheus_client`
nothing happens. The names are those of `/metrics` of our own servers.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

from stillwatch.watch.room import Room


class Told(NamedTuple):
    """What is told, by its metrics."""

    decisions: Any
    made: Any


@lru_cache(maxsize=1)
def registered() -> Told | None:
    """Register the metrics, once for each process; nothing where there is no `prometheus_client`."""
    try:
        import prometheus_client as prometheus
    except ImportError:
        return None
    return Told(
        prometheus.Counter(
            "stillwatch_decisions", "Decisions, by order and action; in shadow what would have been done.",
            ["order", "action", "mode"],
        ),
        prometheus.Gauge(
            "stillwatch_state_made_seconds", "When the live state was made, epoch seconds; 0 for none.",
            multiprocess_mode="max",
        ),
    )  # fmt: skip


class Mirror:
    """Adds to the registry what a room has counted since the last turn."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._before: Counter[tuple[str, str]] = Counter()
        self._told = registered()

    def turn(self) -> None:
        """Take a turn."""
        if self._told is None:
            return
        watch = self._room.watch
        mode = "enforce" if watch.enforce else "shadow"
        now = Counter(watch.counts)
        for (order, action), more in (now - self._before).items():
            self._told.decisions.labels(order, action, mode).inc(more)
        self._before = now
        self._told.made.set(0 if watch.state is None else watch.state.meta.made.timestamp())
