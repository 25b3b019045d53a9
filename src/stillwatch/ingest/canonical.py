"""Canonical: exchanges in our own columns, as JSON Lines, CSV or Parquet.

Tables of one's own are read as this format too, with a `--map` that names their fields.
"""

from __future__ import annotations

from typing import Final

from stillwatch.ingest._format import Format, Plain
from stillwatch.ingest._mapping import columns
from stillwatch.model.exchange import EXCHANGES, REQUIRED


def recognise(record: Plain) -> bool:
    """Two of the three required columns are enough: what the third is called is then asked for by name."""
    return sum(column in record for column in REQUIRED) >= len(REQUIRED) - 1


FORMAT: Final = Format(
    columns=columns(**{name: name for name in EXCHANGES.names}, opens_text=False, verbatim=True),
    recognise=recognise,
    accounts=(
        "account_id",
        "organisation",
        "organization",
        "org_id",
        "team_id",
        "tenant",
        "customer",
        "user_id",
        "user",
        "key",
    ),
)
