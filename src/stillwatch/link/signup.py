"""Sign-up: owners whose accounts were opened from one device, or in one burst.

A common referral speaks for innocence (a marketplace, a course) and is weighed there.

Looks the same when innocent: a family or lab computer, a course or hackathon that opens accounts together.
Cost: one pass over the accounts. Source: as payment.
"""

from __future__ import annotations

from stillwatch.link._urn import UrnSight
from stillwatch.model.traces import Traces
from stillwatch.model.view import Sight

NEEDS = ("device", "created_at")
CAP = 20.0
HARD = True
LATE = False
ADMITS = True
JOINS = True
INNOCENT = "a family or laboratory computer, or a course that opened its accounts together"


def look(traces: Traces) -> Sight | None:
    """Look at devices and hours of creation; only devices propose."""
    columns = [traces.held[name] for name in ("device", "created_hour") if name in traces.held]
    if not columns:
        return None
    devices = [traces.held["device"]] if "device" in traces.held else []
    return UrnSight(columns=columns, proposing=devices, what="a sign-up device or hour")
