"""Client: owners whose programs are of the same rare build.

Looks the same when innocent: a popular SDK build. It weighs only agreement on rare builds, is capped low, and
proposes no group.
Cost: one hash-aggregate over the traffic. Source: as payment.
"""

from __future__ import annotations

from stillwatch.link._urn import UrnSight
from stillwatch.model.traces import Traces
from stillwatch.model.view import Sight

NEEDS = ("ja4", "user_agent")
CAP = 8.0
HARD = False
LATE = False
ADMITS = False
JOINS = False
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "the same version of a popular client library"


def look(traces: Traces) -> Sight | None:
    """Look at TLS fingerprints and user agents."""
    columns = [traces.held[name] for name in ("ja4", "user_agent") if name in traces.held]
    if not columns:
        return None
    return UrnSight(columns=columns, proposing=[], what="a client build")
