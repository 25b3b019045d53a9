"""A share of `bench/returns.py`: a campaign that comes back, live, as it is and beside innocents who copied it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "returns.py"


def test_accounts_that_come_back_are_recognised_live_and_innocents_are_not() -> None:
    done = subprocess.run(
        [sys.executable, BENCH, "--seeds", "5", "--ordinary", "300"], check=False, capture_output=True, text=True,
        timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[0])["live"]
    asis = told[0]
    assert asis["strangers"] > 150
    assert asis["recognised"] > asis["returned"] / 2
    assert asis["early"] > asis["returned"] / 2
    for one in told:
        assert one["strangers_taken"] == 0, one
        if one["crowd"] in ("a fashion", "a class", "customers of a product") or not one["comes_back"]:
            assert one["copied"] > 15
            assert one["copied_taken"] == 0, one
