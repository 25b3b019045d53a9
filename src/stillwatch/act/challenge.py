"""Challenge: the account must prove who it is before it goes on.

Where the operator has no step-up hook (`[watch] step_up_url` is empty), a challenge is a `403` with the case id and the
way to appeal, once an hour; the other requests of that hour pass. It is never a silent refusal.
"""

from __future__ import annotations

from stillwatch.model.answer import Action

ACTION: Action = "challenge"
TRANSFORMS: tuple[str, ...] = ()
NEEDS_PERSON = True
PROXY = "answers `403` with the step-up address; without one, `403` with the case id once an hour, and passes the rest"
PLUGIN = "raises `403` in the same way"
NGINX = (
    "`401`, with `x-stillwatch-step-up` where there is one: the configuration shown answers `403`; "
    "once an hour without a step-up address"
)
