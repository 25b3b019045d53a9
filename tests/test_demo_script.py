"""The demo script: it sets up without extras and works where it is told to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
NAMES = 'echo "$@" >> "$STILLWATCH_TOLD"\n'


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_demo_goes_where_it_is_told_and_asks_for_no_extra(tmp_path: Path) -> None:
    """In a ready environment nothing is installed: a name that `.setup` took for an extra would be."""
    binaries, told, case = tmp_path / "venv" / "bin", tmp_path / "told", tmp_path / "out" / "case"
    binaries.mkdir(parents=True)
    case.mkdir(parents=True)
    for name, does in (("python", "exit 7\n"), ("stillwatch", NAMES)):
        (binaries / name).write_text(f"#!/bin/sh\n{does}")
        (binaries / name).chmod(0o755)
    (binaries / "activate").write_text(f'PATH="{binaries}:$PATH"\n')
    sums = [subprocess.check_output(["cksum"], stdin=(HERE / name).open()).decode().strip()
            for name in ("pyproject.toml", "constraints.txt")]  # fmt: skip
    (tmp_path / "venv" / ".stillwatch").write_text(f" {sums[0]} {sums[1]}")
    python = shutil.which("python3") or "python3"
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": python, "STILLWATCH_TOLD": str(told)}
    environment["STILLWATCH_VENV"] = str(tmp_path / "venv")
    done = subprocess.run(["bash", HERE / "demo", tmp_path / "out"], check=False, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert f"--out {tmp_path}/out/world" in told.read_text()
    assert f"file://{case}/report.html" in done.stdout.decode()
