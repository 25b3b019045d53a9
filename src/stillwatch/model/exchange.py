"""Exchange: one API request with its answer, as a row of an Arrow table.

The canonical form that every log format is read into, and that the hunt reads. Only `exchange`, `at` and
`account` are required; a view that needs an absent column says so once.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

MESSAGE: Final = pa.struct([("role", pa.string()), ("content", pa.string())])
TOOL_CALL: Final = pa.struct([("name", pa.string()), ("arguments", pa.string())])
AT: Final = pa.timestamp("ms", tz="UTC")

EXCHANGES: Final = pa.schema(
    [
        pa.field("exchange", pa.string(), nullable=False),
        pa.field("at", AT, nullable=False),
        pa.field("account", pa.string(), nullable=False),
        ("key", pa.string()),
        ("channel", pa.string()),
        ("model", pa.string()),
        ("operation", pa.string()),
        ("system", pa.string()),
        ("messages", pa.list_(MESSAGE)),
        ("previous", pa.string()),
        ("tools", pa.list_(pa.string())),
        ("tools_hash", pa.string()),
        ("response", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("tool_calls", pa.list_(TOOL_CALL)),
        ("reasoning", pa.string()),
        ("temperature", pa.float64()),
        ("top_p", pa.float64()),
        ("n", pa.int32()),
        ("max_tokens", pa.int32()),
        ("top_logprobs", pa.int32()),
        ("reasoning_effort", pa.string()),
        ("stream", pa.bool_()),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("reasoning_tokens", pa.int32()),
        ("status", pa.int32()),
        ("finish_reason", pa.string()),
        ("ip", pa.string()),
        ("asn", pa.int64()),
        ("user_agent", pa.string()),
        ("ja4", pa.string()),
        ("end_user", pa.string()),
        ("session", pa.string()),
    ]
)
"""The canonical columns, in their order (CONTRACT: traffic)."""

REQUIRED: Final = ("exchange", "at", "account")

CONTENT: Final = ("system", "messages", "response", "choices", "tool_calls", "reasoning")
"""The columns that hold text; `--no-content` never opens them."""
