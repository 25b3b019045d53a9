"""Payment: owners that pay with one purse.

Looks the same when innocent: a family card, an agency that pays for its clients, a prepaid reseller.
Cost: one pass over the accounts. Source: Fellegi and Sunter 1969 in its term-frequency form, as an e-value.
"""

from __future__ import annotations

from stillwatch.link._urn import UrnSight
from stillwatch.model.traces import Traces
from stillwatch.model.view import Sight

NEEDS = ("payment",)
CAP = 24.0
HARD = True
LATE = False
ADMITS = True
JOINS = True
WITHIN = ""
ASIDE: tuple[str, ...] = ()
INNOCENT = "a family card, an agency that pays for its clients, or a reseller of prepaid credit"


def look(traces: Traces) -> Sight | None:
    """Look at payment instruments; the issuer (BIN) helps to weigh, never to propose."""
    if "payment" not in traces.held:
        return None
    columns = [traces.held[name] for name in ("payment", "payment_bin") if name in traces.held]
    return UrnSight(columns=columns, proposing=columns[:1], what="a payment instrument")
