"""Batches of exchanges, written as rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from stillwatch import sketch
from stillwatch.model.exchange import EXCHANGES

Row = dict[str, Any]
Make = Callable[..., pa.RecordBatch]


def batch(*rows: Row) -> pa.RecordBatch:
    """Make a batch with exactly the columns that any row has, besides the required ones."""
    names = [name for name in EXCHANGES.names if any(name in row for row in rows)]
    full = [
        {"exchange": f"x{n}", "at": datetime(2026, 5, 4, tzinfo=UTC), "account": "a", **row}
        for n, row in enumerate(rows)
    ]
    wanted = pa.schema([EXCHANGES.field(name) for name in dict.fromkeys(["exchange", "at", "account", *names])])
    return pa.RecordBatch.from_pylist(full, wanted)


@pytest.fixture
def make() -> Make:
    return batch


@pytest.fixture(scope="session")
def work() -> sketch.Work:
    return sketch.work()
