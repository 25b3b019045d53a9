"""A share of `bench/soak.py`: ten seconds of mixed traffic, every answer what it should be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "soak.py"


def test_ten_seconds_of_mixed_traffic_go_through_without_a_wrong_answer() -> None:
    command = [sys.executable, BENCH, "--seconds", "10", "--rate", "60"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["wrong"] == {}
    assert len(told["by_kind"]) == 12
    assert told["licensed_on_record"] == told["by_kind"]["licensed"]
