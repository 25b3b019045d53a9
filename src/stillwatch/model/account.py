"""Account: the customer who answers for the traffic, as a row of an optional table.

All columns but `account` may be absent or null. `billing_country` is a fact of the terms of service and
is never evidence: no view may read it.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

INSTANT: Final = pa.timestamp("ms", tz="UTC")

ACCOUNTS: Final = pa.schema(
    [
        pa.field("account", pa.string(), nullable=False),
        ("created_at", INSTANT),
        ("closed_at", INSTANT),
        ("closed_reason", pa.string()),
        ("email", pa.string()),
        ("phone", pa.string()),
        ("payment", pa.string()),
        ("payment_bin", pa.string()),
        ("device", pa.string()),
        ("referrer", pa.string()),
        ("programme", pa.string()),
        ("verification", pa.string()),
        ("plan", pa.string()),
        ("organisation", pa.string()),
        ("billing_country", pa.string()),
    ]
)

PROGRAMMES: Final = ("education", "research", "startup")
VERIFICATIONS: Final = ("none", "email", "phone", "card", "kyc")
