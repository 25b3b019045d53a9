"""CSV: for everybody who has neither STIX nor MISP; one row for a finding, and one for each thing to look for.

A cell that a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from stillwatch.model.bulletin import WORDS, Bulletin
from stillwatch.share.actors import sentence

SUFFIX: Final = ".csv"
COLUMNS: Final = (
    "bulletin", "producer", "marking", "revoked", "modified", "kind", "value", "accounts", "exchanges", "first_seen",
    "last_seen", "valid_until", "likelihood", "atlas", "because",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def write(bulletins: Iterable[Bulletin]) -> bytes:
    """Write a table with a header, UTF-8, lines ended by CRLF (RFC 4180)."""
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for bulletin in bulletins:
        for row in _rows(bulletin):
            table.writerow([disarmed(str(row.get(name, ""))) for name in COLUMNS])
    return out.getvalue().encode()


def disarmed(cell: str) -> str:
    """Keep a cell from being taken for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _rows(bulletin: Bulletin) -> Iterator[dict[str, object]]:
    head: dict[str, object] = {
        "bulletin": bulletin.id, "producer": bulletin.producer, "marking": f"TLP:{bulletin.marking.upper()}",
        "revoked": "yes" if bulletin.revoked else "no", "modified": f"{bulletin.modified:%Y-%m-%dT%H:%M:%SZ}",
        "first_seen": bulletin.first_seen, "last_seen": bulletin.last_seen, "likelihood": WORDS[bulletin.probability],
    }  # fmt: skip
    yield head | {
        "kind": bulletin.finding, "value": bulletin.title, "accounts": bulletin.volume.accounts,
        "exchanges": bulletin.volume.exchanges, "atlas": " ".join(bulletin.atlas),
        "because": bulletin.revoked_because or bulletin.description,
    }  # fmt: skip
    if bulletin.actor is not None:
        gone = bulletin.actor.withdrawn or bulletin.revoked
        yield head | {
            "kind": "actor", "value": bulletin.actor.name, "revoked": "yes" if gone else "no",
            "likelihood": WORDS[bulletin.actor.probability], "because": sentence(bulletin.actor),
        }  # fmt: skip
        for reply in bulletin.actor.replies:
            yield head | {"kind": "reply", "value": bulletin.actor.name, "first_seen": reply.on, "last_seen": reply.on,
                          "because": f"{reply.stance}: {reply.says}"}  # fmt: skip
    for one in bulletin.ranges:
        egress = "shared egress: never act on it alone" if one.shared_egress else ""
        yield head | {
            "kind": "asn" if one.value.startswith("AS") else "range", "value": one.value, "accounts": one.accounts,
            "valid_until": one.valid_until, "because": egress,
        }  # fmt: skip
    for family in bulletin.families:
        end = datetime.strptime(f"{family.epoch}-1", "%G-W%V-%u").replace(tzinfo=UTC) + timedelta(7)
        yield head | {
            "kind": "family", "value": " ".join(family.marks), "accounts": family.accounts,
            "exchanges": family.exchanges, "valid_until": end.date(),
            "because": f"{family.id} {family.scheme} {family.epoch}: contains at least {family.threshold:.0%} of these",
        }  # fmt: skip
    for reference in bulletin.references:
        yield head | {"kind": "reference", "value": reference.url or reference.external_id or reference.sha256,
                      "because": f"{reference.source} {reference.external_id}".strip()}  # fmt: skip
