"""Traffic: what a log shows of how a service is run; counts alone, in a few scans by DuckDB.

Cost: three scans over some twenty columns, of which those that hold text are looked at for being there only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa

from stillwatch.ingest import Gathered

COLUMNS: Final = (
    "exchange", "at", "account", "key", "channel", "operation", "messages", "response", "choices", "tool_calls",
    "reasoning", "n", "top_logprobs", "output_tokens", "reasoning_tokens", "status", "ip", "ja4",
)  # fmt: skip
PROVEN: Final = ("phone", "card", "kyc")
"""Verifications that cost an impostor more than an e-mail address."""
_PRIVATE: Final = r"^(10\.|127\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|169\.254\.|::1$|f[cd][0-9a-f]{2}:|fe80:)"
_WORKING: Final = r"^(sk|pk|rk)-[A-Za-z0-9_-]{16,}$|^AIza[A-Za-z0-9_-]{30,}$|^Bearer "
_NOT_CHAT: Final = ("embeddings", "embedding", "moderation", "images", "audio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What a log shows; all are counts of exchanges unless said otherwise.

    Attributes:
        columns: canonical columns that hold anything.
        chat: exchanges of chat operations; `prompted`: those of them that hold a last turn.
        answered: exchanges with a status of 2xx, or without one; `told`: those of them that hold an answer.
        commonest_address: of the one address that has the most.
        largest_account: of the one account that has the most.
        unnamed: lines that were rejected because nobody answers for them.
        in_clear: whose `key` looks like a working key.
        logprobs: answered with log-probabilities, of accounts without a grant; `logprobs_accounts` counts those.
        most_choices: the largest `n` answered, of accounts without a grant.
        reasoned: with reasoning text and its tokens; bytes of UTF-8 and tokens of those.
        refused: with status 429.
        busiest: the most that one account sent in a minute.
        proven: of accounts whose verification costs more than an e-mail address.
    """

    exchanges: int
    accounts: int
    first: datetime
    last: datetime
    columns: frozenset[str]
    chat: int
    prompted: int
    answered: int
    told: int
    usage: int
    addressed: int
    private: int
    commonest_address: int
    fingerprinted: int
    largest_account: int
    unnamed: int
    in_clear: int
    channels: frozenset[str]
    logprobs: int
    logprobs_accounts: int
    most_choices: int
    reasoned: int
    reasoning_bytes: int
    reasoning_tokens: int
    refused: int
    busiest: int
    proven: int


def measure(log: Gathered, licensed: Iterable[str] = (), verified: pa.Table | None = None) -> Traffic:
    """Measure a log.

    Args:
        licensed: accounts with a grant, which may have what others may not.
        verified: accounts with their `verification`.
    """
    with duckdb.connect() as base:
        base.execute("SET enable_progress_bar = false")
        base.execute(f"CREATE VIEW log AS {log.select(COLUMNS)}")
        base.register("licensed", pa.table({"account": pa.array(sorted(licensed), pa.string())}))
        base.register("proven", _proven(verified))
        counts = _row(base, _COUNTS.format(not_chat=_NOT_CHAT, private=_PRIVATE, working=_WORKING))
        first, last = counts.pop("first_at"), counts.pop("last_at")
        return Traffic(
            columns=frozenset(log.columns), first=first.replace(tzinfo=UTC), last=last.replace(tzinfo=UTC),
            unnamed=_unnamed(log), channels=frozenset(_names(base, "SELECT DISTINCT channel FROM log")),
            commonest_address=_most(base, "SELECT count(*) FROM log WHERE ip IS NOT NULL GROUP BY ip"),
            largest_account=_most(base, "SELECT count(*) FROM log GROUP BY account"),
            busiest=_most(base, "SELECT count(*) FROM log GROUP BY account, date_trunc('minute', \"at\")"), **counts,
        )  # fmt: skip


_COUNTS: Final = """
WITH seen AS (
  SELECT *, coalesce(status BETWEEN 200 AND 299, true) AS good,
    coalesce(operation, 'chat') NOT IN {not_chat} AS talk,
    account IN (SELECT account FROM licensed) AS may
  FROM log
)
SELECT count(*) AS exchanges, count(DISTINCT account) AS accounts, min("at") AS first_at, max("at") AS last_at,
  count(*) FILTER (talk) AS chat,
  count(*) FILTER (talk AND coalesce(messages[-1].content, '') <> '') AS prompted,
  count(*) FILTER (talk AND good) AS answered,
  count(*) FILTER (talk AND good AND (coalesce(response, '') <> '' OR coalesce(len(choices), 0) > 0
    OR coalesce(len(tool_calls), 0) > 0)) AS told,
  count(*) FILTER (status IS NOT NULL AND (NOT good OR output_tokens IS NOT NULL)) AS usage,
  count(ip) AS addressed, count(*) FILTER (regexp_matches(lower(ip), '{private}')) AS private,
  count(ja4) AS fingerprinted, count(*) FILTER (regexp_matches(key, '{working}')) AS in_clear,
  count(*) FILTER (good AND top_logprobs IS NOT NULL AND NOT may) AS logprobs,
  count(DISTINCT account) FILTER (good AND top_logprobs IS NOT NULL AND NOT may) AS logprobs_accounts,
  coalesce(max(n) FILTER (good AND NOT may), 0)::BIGINT AS most_choices,
  count(*) FILTER (length(reasoning) > 0 AND reasoning_tokens > 0) AS reasoned,
  coalesce(sum(strlen(reasoning)) FILTER (reasoning_tokens > 0), 0)::BIGINT AS reasoning_bytes,
  coalesce(sum(reasoning_tokens) FILTER (length(reasoning) > 0), 0)::BIGINT AS reasoning_tokens,
  count(*) FILTER (status = 429) AS refused,
  count(*) FILTER (account IN (SELECT account FROM proven)) AS proven
FROM seen
"""


def _row(base: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    found = base.execute(query)
    names = [column[0] for column in found.description or []]
    values = found.fetchone()
    assert values is not None  # noqa: S101 - an aggregate has one row
    return dict(zip(names, values, strict=True))


def _most(base: duckdb.DuckDBPyConnection, query: str) -> int:
    found = base.execute(f"SELECT coalesce(max(count), 0) FROM ({query}) AS grouped(count)").fetchone()  # noqa: S608
    assert found is not None  # noqa: S101 - an aggregate has one row
    return int(found[0])


def _names(base: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [name for (name,) in base.execute(query).fetchall() if name]


def _proven(verified: pa.Table | None) -> pa.Table:
    names: list[str] = []
    if verified is not None and "verification" in verified.column_names:
        rows = zip(verified["account"].to_pylist(), verified["verification"].to_pylist(), strict=True)
        names = [account for account, how in rows if how in PROVEN]
    return pa.table({"account": pa.array(names, pa.string())})


def _unnamed(log: Gathered) -> int:
    """Count the lines that were rejected because no account was in them."""
    if not log.rejected:
        return 0
    with log.rejected_file.open("rb") as lines:
        told = [msgspec.json.decode(line) for line in lines]
    return sum(int(one.get("lines", 1)) for one in told if "account" in str(one.get("reason", "")))
