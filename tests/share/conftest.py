"""A finding as a hunt writes it, and the bulletin that may be told of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.model.actor import Actor, Ground
from stillwatch.model.bulletin import Bulletin, Range, Reference, SharedFamily
from stillwatch.model.case import Axis, Case, Entry, ErrorControl, Evidence, Explanation, FamilySummary, Traffic
from stillwatch.share import actors
from stillwatch.share.compose import compose

BEGIN = datetime(2026, 5, 4, 0, 29, 44, tzinfo=UTC)
END = datetime(2026, 5, 17, 22, 39, 27, tzinfo=UTC)
DATA = Path(__file__).parent.parent / "data" / "share"


def an_entry(**given: Any) -> Entry:
    """One campaign of 1,561 exchanges by 24 accounts."""
    fields: dict[str, Any] = {
        "id": "cam-9d7f7b2711", "finding": "distillation_campaign",
        "accounts": [f"acct-{number:016x}" for number in range(24)], "exchanges": 1561, "tasks": 1254,
        "output_tokens": 134_554, "distinct_prompts": 1353, "from_": BEGIN, "to": END,
        "scale": Axis(bits=8.9, because=["1,561 exchanges"], passed=True),
        "deception": Axis(bits=116.0, because=["86 % of 22 owners pay with one instrument"], passed=True),
        "intent": Axis(bits=4.1, because=["never follows up"], passed=True),
        "evidence": [
            Evidence(view=view, axis="deception", bits=bits, because="…", innocent_reading=f"an innocent {view}")
            for view, bits in (("handover", 24.0), ("payment", 20.4), ("network", 8.0), ("client", 0.2))
        ],
        "explanations": [
            Explanation(name="one purse behind strangers", bits=33.0, because=[], side="hidden"),
            Explanation(name="households", bits=-33.0, because=[], side="honest"),
            Explanation(name="an agency with clients", bits=-20.0, because=[], side="honest"),
        ],
        "families": [FamilySummary(id="f-199a7a1f", template="As a patient tutor {…}", exchanges=1500, accounts=22)],
        "targets": ["reasoning", "censorship_safe_rewriting"], "atlas": ["AML.T0040", "AML.T0024.002"],
        "days": {"2026-05-04": 700, "2026-05-10": 161, "2026-05-11": 700},
    }  # fmt: skip
    return Entry(**{**fields, **given})


def a_case(*entries: Entry) -> Case:
    """A case that holds these entries."""
    return Case(
        stillwatch="0.1.0", campaigns=list(entries), cleared=[], undecided=[],
        traffic=Traffic(exchanges=9000, accounts=500, from_=BEGIN, to=END, rejected=0, columns_missing=[]),
        error_control=ErrorControl(fdr=0.05, method="e-BH", groups_examined=40),
    )  # fmt: skip


FAMILY = SharedFamily(
    id="f-0123456789ab", epoch="2026-W20", scheme="hmac-epoch-winnow-v1", marks=[f"{n:016x}" for n in range(9, 21)],
    threshold=0.5, accounts=22, exchanges=1500, control=400, kinds=["turn"],
)  # fmt: skip
RANGES = [
    Range(value="203.0.113.0/24", accounts=9, frequency=0.001, shared_egress=False, valid_until=date(2026, 5, 31)),
    Range(value="2001:db8:7::/48", accounts=4, frequency=0.0, shared_egress=False, valid_until=date(2026, 5, 31)),
    Range(value="AS64500", accounts=11, frequency=0.04, shared_egress=True, valid_until=date(2026, 5, 31)),
]


REFERENCE = Reference(
    source="Example Lab", external_id="report 7", url="https://example.com/report-7", sha256="ab" * 32
)
ACTOR = Actor(
    name="Example Distillers", probability=70, confidence=60, stands_behind="Ada Byron", claimed=BEGIN,
    grounds=[
        Ground(kind="payment", source="card issuer", says="Two invoices are made out to it."),
        Ground(kind="registration", source="identity provider", says="Four sign-ups were verified as its employees."),
    ],
    asked_on=date(2026, 5, 10),
)  # fmt: skip


@pytest.fixture
def named(bulletin: Bulletin) -> Bulletin:
    """The same bulletin, with a claim about who is behind it."""
    return actors.claimed(bulletin, ACTOR)


@pytest.fixture
def bulletin() -> Bulletin:
    """A bulletin with everything that one may hold."""
    entry = an_entry()
    told = compose(
        entry, a_case(entry), producer="Example Lab", families=[FAMILY], ranges=RANGES, note="Seen by two teams."
    )
    return msgspec.structs.replace(told, references=[REFERENCE])


def golden() -> Bulletin:
    """The public case study AML.CS0056 of MITRE ATLAS, as its numbers would be told."""
    return msgspec.json.decode((DATA / "AML.CS0056.bulletin.json").read_bytes(), type=Bulletin)
