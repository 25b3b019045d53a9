"""Network: owners that come from the same addresses.

Looks the same when innocent: one office, campus or carrier behind one address; a popular VPN or cloud region.
A good second view, never a first: it proposes groups, and no group stands on it alone.
Cost: one hash-aggregate over the traffic. Source: as payment; an owner's addresses count with their mean.
"""

from __future__ import annotations

from stillwatch.link._urn import UrnSight
from stillwatch.model.traces import Traces
from stillwatch.model.view import Sight

NEEDS = ("ip",)
CAP = 20.0
HARD = False
LATE = False
ADMITS = True
JOINS = True
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "one office, campus or carrier behind shared addresses, or a popular VPN"


def look(traces: Traces) -> Sight | None:
    """Look at addresses and their neighbourhoods (/24, /48)."""
    if "ip" not in traces.held:
        return None
    columns = [traces.held[name] for name in ("ip", "prefix") if name in traces.held]
    return UrnSight(columns=columns, proposing=columns, what="an address or its neighbourhood")
