"""A whole hunt keeps to `--memory`, and finds the same: a process of its own, over a log large enough to tell.

The table in which fingerprints are counted would need four times what it may take here. Were it not filled part by
part, nearly all of them would pass for heavy: this very hunt takes 0.76 GB then (one of 600,000 exchanges 2.4 GB).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stillwatch import sim

FOUND = range(11, 15)
"""Exit codes of a hunt that found something."""
BESIDE = 600 << 20
"""Bytes for the program, its libraries, the batches in work and the accounts of the log, beside the limit."""
HUNT = """
import sys
from stillwatch.cli import main
code = 0
try:
    main(sys.argv[1:])
except SystemExit as end:
    code = end.code or 0
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
print(peak, file=sys.stderr)
raise SystemExit(code)
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """320,000 exchanges of 6,500 accounts."""
    world = tmp_path_factory.mktemp("memory") / "world"
    sim.make("bench", seed=1, out=world, scale=0.02)
    return world


def hunt(log: Path, case: Path, memory: str) -> tuple[int, list[dict[str, Any]]]:
    """Hunt in a process of its own: the peak of its memory, and what it found."""
    told = subprocess.run(
        [sys.executable, "-c", HUNT, "hunt", str(log / "traffic"), "--accounts", str(log / "accounts.csv"), "--case",
         str(case), "--threads", "2", "--memory", memory],
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert told.returncode in FOUND, told.stderr
    return int(told.stderr.split()[-1]), json.loads((case / "case.json").read_bytes())["campaigns"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_hunt_keeps_to_its_memory_and_finds_the_same(log: Path, tmp_path: Path) -> None:
    little = 10 << 20
    _, all_there_is = hunt(log, tmp_path / "plenty", "4GB")  # it also compiles the kernels, which takes 0.3 GB
    peak, found = hunt(log, tmp_path / "little", "10MB")
    assert peak < little + BESIDE, f"the hunt took {peak / 1e6:.0f} MB"
    assert found == all_there_is
    assert found
