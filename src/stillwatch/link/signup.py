"""Sign-up: owners whose accounts were opened from one device, with one telephone, or in one burst.

A common referral speaks for innocence (a marketplace, a course) and is weighed there.

Looks the same when innocent: a family or lab computer, a course or hackathon that opens accounts together.
Cost: one pass over the accounts. Source: as payment.
"""

from __future__ import annotations

from typing import Final

from stillwatch.link._urn import UrnSight
from stillwatch.model.traces import Traces
from stillwatch.model.view import Sight

NEEDS = ("device", "phone", "created_at")
CAP = 20.0
HARD = True
LATE = False
ADMITS = True
JOINS = True
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "a family or laboratory computer, or a course that opened its accounts together"


COLUMNS: Final = ("device", "phone", "created_hour", "created_day")
PROPOSING: Final = ("device", "phone")


def look(traces: Traces) -> Sight | None:
    """Look at devices, telephones, and hours and days of creation; only devices and telephones propose."""
    columns = [traces.held[name] for name in COLUMNS if name in traces.held]
    if not columns:
        return None
    proposing = [traces.held[name] for name in PROPOSING if name in traces.held]
    days = [traces.held["created_day"]] if "created_day" in traces.held else []
    return UrnSight(columns=columns, proposing=proposing, what="a sign-up device, telephone, hour or day", distant=days)
