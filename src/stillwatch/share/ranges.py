"""Ranges: the networks of a finding, in clear: /24, /48 and AS, with three accounts or more behind each.

A single address may be somebody's home and never leaves. Out of shared egress (a carrier, a campus, a VPN, a cloud)
come many strangers: it is told as such, and never to be enforced on. A range lives for 14 days.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Final

from stillwatch.model.bulletin import Range
from stillwatch.share.scrub import K_RANGE, LONGEST_RANGE

LIVES_DAYS: Final = 14
STRANGERS: Final = 3
"""Accounts outside the finding from which a range counts as shared egress."""
MOST: Final = 200
"""Ranges told of one finding: those with the most accounts."""


def ranges(seen: Iterable[tuple[str, str | None, int | None]], members: Collection[str], last: date) -> list[Range]:
    """Find the ranges that may be told.

    Args:
        seen: account, address and AS of exchanges, of members and of all others; repeats are welcome.
        members: accounts of the finding.
        last: the last day of the finding.
    """
    inside: dict[str, set[str]] = defaultdict(set)
    outside: dict[str, set[str]] = defaultdict(set)
    others: set[str] = set()
    held = frozenset(members)
    for account, address, asn in seen:
        if account not in held:
            others.add(account)
        for value in _values(address, asn):
            (inside if account in held else outside)[value].add(account)
    kept = sorted((one for one in inside if len(inside[one]) >= K_RANGE), key=lambda one: (-len(inside[one]), one))
    return [
        Range(
            value=one, accounts=len(inside[one]), frequency=float(f"{len(outside[one]) / max(len(others), 1):.2g}"),
            shared_egress=len(outside[one]) >= STRANGERS, valid_until=last + timedelta(LIVES_DAYS),
        )
        for one in kept[:MOST]
    ]  # fmt: skip


def widened(address: str) -> str | None:
    """Widen an address to its /24 or /48; `None` where it is no address, or nobody's."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if parsed.is_loopback or parsed.is_multicast or parsed.is_unspecified or parsed.is_link_local:
        return None
    return str(ipaddress.ip_network(f"{parsed}/{LONGEST_RANGE[parsed.version]}", strict=False))


def _values(address: str | None, asn: int | None) -> list[str]:
    found = [one for one in [widened(address) if address else None] if one]
    return [*found, f"AS{asn}"] if asn and 0 < asn < 1 << 32 else found
