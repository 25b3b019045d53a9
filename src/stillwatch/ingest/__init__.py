"""Ingest: traffic in. One file per log format; any log becomes canonical exchanges.

`gather` is for a hunt: it uses canonical Parquet where it lies and converts the rest. `ingest` keeps a
dataset.
"""

from stillwatch.ingest._accounts import read_accounts
from stillwatch.ingest._addresses import Clients, networks
from stillwatch.ingest._asis import text_bytes
from stillwatch.ingest._dataset import REJECTED
from stillwatch.ingest._declared import read_grants, read_known
from stillwatch.ingest._gather import Gathered, gather, ingest
from stillwatch.ingest._intake import Progress, Taken
from stillwatch.ingest._sse import whole_answer
from stillwatch.ingest._survey import Sort, Survey, survey

__all__ = [
    "REJECTED", "Clients", "Gathered", "Progress", "Sort", "Survey", "Taken", "gather", "ingest", "networks",
    "read_accounts", "read_grants", "read_known", "survey", "text_bytes", "whole_answer",
]  # fmt: skip
