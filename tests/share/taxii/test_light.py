"""A server that runs for months holds nothing that hunts: what it opens is looked at in a fresh process."""

from __future__ import annotations

import subprocess
import sys

OPEN = """
import sys
import click
from stillwatch.cli import share
share.command.get_command(click.Context(share.command), "taxii")
print(*sys.modules)
"""
HEAVY = ("numba", "pyarrow", "duckdb", "torch", "pandas")


def test_the_server_opens_nothing_that_hunts() -> None:
    told = subprocess.run([sys.executable, "-c", OPEN], capture_output=True, text=True, check=True).stdout.split()
    assert "stillwatch.share.front" in told
    assert not set(HEAVY) & set(told)
