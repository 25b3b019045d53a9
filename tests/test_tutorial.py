"""The tutorial's own commands, run as they stand, on a world and a case that are there already."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCKS = re.findall(r"^```\n(.*?)^```", TUTORIAL.read_text("utf-8"), re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]


def lines(*verbs: str) -> list[str]:
    return [line for line in LINES if line.startswith(tuple(f"stillwatch {verb} " for verb in verbs))]


@pytest.mark.parametrize("line", lines("explain", "score"))
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_command_of_the_tutorial_runs_as_it_stands(line: str, world: Path, hunted: Path, tmp_path: Path) -> None:
    (tmp_path / "world").symlink_to(world)
    (tmp_path / "case").symlink_to(hunted)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


def test_the_tutorial_makes_hunts_explains_and_scores() -> None:
    assert all(lines(verb) for verb in ("sim", "hunt", "explain", "score"))
