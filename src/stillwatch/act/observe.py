"""Observe: nothing changes; what would match is counted."""

from __future__ import annotations

from stillwatch.model.answer import Action

ACTION: Action = "allow"
TRANSFORMS: tuple[str, ...] = ()
NEEDS_PERSON = False
PROXY = "passes the request on, byte for byte"
PLUGIN = "passes the request on"
NGINX = "`200`"
