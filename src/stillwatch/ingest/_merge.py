"""Merge: one exchange from several records of it.

A gateway logs one call more than once: LiteLLM writes a failure and then the success of a fallback under one
call id, OpenTelemetry writes a span and an event of which either may lack the content, and logs are shipped
twice. The best record leads (answered, with content, read last with another mapping), the others fill what
it lacks, and the exchange began with the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Exchange = dict[str, Any]


def merge(records: Iterable[tuple[int, Exchange]]) -> Exchange:
    """Merge the records of one exchange.

    Args:
        records: each with a precedence; a higher one is right whatever the others hold.
    """
    ranked = sorted(records, key=lambda one: _rank(*one), reverse=True)
    highest = ranked[0][0]
    merged = dict(ranked[0][1])
    for precedence, record in ranked[1:]:
        if precedence < highest:
            continue
        merged["at"] = min(merged["at"], record["at"])
        for column, value in record.items():
            if merged.get(column) is None:
                merged[column] = value
    return merged


def _rank(precedence: int, record: Exchange) -> tuple[int, bool, bool, bool]:
    status = record.get("status")
    answered = status is None or 200 <= status < 300
    return precedence, answered, bool(record.get("messages")), record.get("response") is not None
