"""Slow: requests beyond a modest rate are turned away with 429 and `retry-after`; nothing else changes."""

from __future__ import annotations

from stillwatch.model.answer import Action

ACTION: Action = "slow"
TRANSFORMS: tuple[str, ...] = ()
NEEDS_PERSON = True
PROXY = (
    "answers `429` with `retry-after` above the rate set (`[watch] slow_per_minute`); below it passes the request on"
)
PLUGIN = "raises `429` with `retry-after` above the rate"
NGINX = (
    "`200` below the rate; above it `403` with `x-stillwatch-action: slow` and `retry-after`, "
    "which the configuration shown turns into `429`"
)
