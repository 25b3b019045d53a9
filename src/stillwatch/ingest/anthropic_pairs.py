"""Anthropic pairs: raw requests and answers of the Messages API.

One object per line, as a recording proxy writes them: `ts`, `request` (`method`, `path`, `headers`, `body`),
`response` (`status`, `headers`, `body`, or `sse` for the raw text of a stream) and `client_ip`. Bodies may be
text that holds JSON. Streamed answers are put together. The key is named by its SHA-256. Where no organisation is
named, the key is the account.
"""

from __future__ import annotations

from typing import Final

from stillwatch.ingest import _pairs
from stillwatch.ingest._format import Format, Plain
from stillwatch.ingest._mapping import columns


def recognise(record: Plain) -> bool:
    return _pairs.recognise(record, anthropic=True)


FORMAT: Final = Format(
    columns=columns(
        _pairs.ROWS,
        opens_text=True,
        digest=True,
        constants={"channel": "api"},
        account="account | response.headers.anthropic-organization-id | key",
    ),
    recognise=recognise,
    unwrap=_pairs.unwrap,
    accounts=_pairs.ACCOUNTS,
)
