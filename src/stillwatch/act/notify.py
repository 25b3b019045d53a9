"""Notify: nothing changes for the account; the operator's people are told."""

from __future__ import annotations

from stillwatch.model.answer import Action

ACTION: Action = "allow"
TRANSFORMS: tuple[str, ...] = ()
NEEDS_PERSON = False
PROXY = "passes the request on, byte for byte; the order is counted in `/stillwatch/metrics`"
PLUGIN = "passes the request on"
NGINX = "`200`, with `x-stillwatch-order`"
