"""Suspend: requests are refused, with a category, a case id and the way to appeal. A person must be named."""

from __future__ import annotations

from stillwatch.model.answer import Action

ACTION: Action = "refuse"
TRANSFORMS: tuple[str, ...] = ()
NEEDS_PERSON = True
PROXY = "answers `403` in the dialect's own shape, with category, case id and appeal address"
PLUGIN = "raises `403`, with category, case id and appeal in `provider_specific_fields`"
NGINX = "`403`, with `x-stillwatch-reference` and category"
