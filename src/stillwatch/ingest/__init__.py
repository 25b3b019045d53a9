"""Ingest: traffic in. One file per log format; any log becomes canonical exchanges.

`gather` is for a hunt: it uses canonical Parquet where it lies and converts the rest. `ingest` keeps a
dataset.
"""

from stillwatch.ingest._accounts import read_accounts
from stillwatch.ingest._declared import read_grants, read_known
from stillwatch.ingest._gather import Gathered, gather, ingest
from stillwatch.ingest._intake import Progress, Taken

__all__ = ["Gathered", "Progress", "Taken", "gather", "ingest", "read_accounts", "read_grants", "read_known"]
