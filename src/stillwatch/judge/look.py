"""Look: a view with what it sees, and the numbers by which looks at groups are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stillwatch.model.view import Sight, View

TIE_BITS: Final = 2.0
"""Bits from which a link in one view counts as a tie: four times likelier inside than outside."""
STRANGERS: Final = 0.1
"""Expected share of strangers in a settled group; sets the bits that an owner's ties must reach."""
LEAST: Final = 5
"""Owners of the smallest group: the least that a finding may name."""
CORE: Final = 2
"""Owners of a proposal who must let each other in, or it is given up: what others make of it they propose themselves.
On practice worlds no group was found of which fewer than four did."""
SLACK_BITS: Final = 1e-6
"""What is added to bounds, so that no rounding makes them less than what they bound."""
WHOLE: Final = "handover"
"""The view that lets in by itself: where it gives all that it can."""
CHAIN: Final = "chain"
"""The view that proposes chains: its owners are told from the others of the chain, not from the whole log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One view with what it sees."""

    view: View
    sight: Sight
