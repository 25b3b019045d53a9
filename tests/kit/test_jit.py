"""Kernels work where their machine code cannot be kept."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
from stillwatch.kit.jit import kernel

@kernel
def add(left, right):
    return left + right

print(add(40, 2))
"""


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else() -> None:
    surroundings = {**os.environ, "NUMBA_CACHE_DIR": "/dev/null/nowhere"}
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=surroundings, capture_output=True, text=True, check=True, timeout=120
    )
    assert told.stdout.strip() == "42"
    assert not told.stderr
