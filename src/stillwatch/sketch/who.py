"""Who: exchange, account, model, client and conversation, as 64-bit hashes.

The names behind the hashes stay in the log; the hunt keeps the account names alone.
"""

from __future__ import annotations

import pyarrow as pa

from stillwatch.kit.hashes import hash_column
from stillwatch.sketch import Columns, Work

NEEDS = ("exchange", "account")
OPENS = ("exchange", "account", "model", "user_agent", "ja4", "session")


def columns(batch: pa.RecordBatch, work: Work) -> Columns:  # noqa: ARG001 - every sketch has the same form
    """Hash the identifying columns that are there: uint64, 0 for null."""
    there = set(batch.schema.names)
    return {name: hash_column(batch.column(name)) for name in OPENS if name in there}
