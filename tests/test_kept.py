"""Each state of the program keeps its own kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from stillwatch import kept

CALLED = "from stillwatch.kit.jit import kernel\n\n@kernel\ndef told(x):\n    return x + {more}\n"
CALLER = "from stillwatch.kit.jit import kernel\nfrom called import told\n\n@kernel\ndef tell(x):\n    return told(x)\n"


def package(place: Path) -> Path:
    (place / "room").mkdir(parents=True)
    (place / "room" / "kernels.py").write_text("one")
    return place


def test_a_source_that_changes_gives_another_place(tmp_path: Path) -> None:
    here = package(tmp_path / "p")
    one = kept.place(here)
    assert one is not None
    assert one.parent == here / "__pycache__"
    assert kept.place(here) == one
    (here / "room" / "kernels.py").write_text("another")
    other = kept.place(here)
    assert other is not None
    assert other != one
    assert one.is_dir(), "it may be in use"


def test_what_nobody_has_started_for_a_day_is_thrown_away(tmp_path: Path) -> None:
    here = package(tmp_path / "p")
    one = kept.place(here)
    assert one is not None
    os.utime(one, (time.time() - 2 * kept.UNUSED_S,) * 2)
    (here / "room" / "more.py").write_text("another")
    assert kept.place(here) is not None
    assert not one.exists()


def test_what_another_process_throws_away_meanwhile_sends_nobody_elsewhere(tmp_path: Path) -> None:
    here = package(tmp_path / "p")
    (here / "__pycache__").mkdir()
    (here / "__pycache__" / f"{kept.PREFIX}gone").symlink_to(tmp_path / "nowhere")
    found = kept.place(here, user=str(tmp_path / "cache"))
    assert found is not None
    assert found.parent == here / "__pycache__"


def test_where_the_package_cannot_be_written_the_users_cache_keeps_them(tmp_path: Path) -> None:
    here = package(tmp_path / "p")
    (here / "__pycache__").write_text("no directory")
    found = kept.place(here, user=str(tmp_path / "cache"))
    assert found is not None
    assert found.parent == tmp_path / "cache"
    (tmp_path / "file").write_text("")
    assert kept.place(here, user=str(tmp_path / "file")) is None


def test_an_operators_own_place_comes_first(tmp_path: Path) -> None:
    found = kept.place(package(tmp_path / "p"), asked=str(tmp_path / "mine"))
    assert found is not None
    assert found.parent == tmp_path / "mine"


def test_a_kernel_that_calls_a_changed_one_is_compiled_anew(tmp_path: Path) -> None:
    """As numba alone would not: what it kept of the caller has the old one in it."""
    script = (
        "import sys, pathlib\nfrom stillwatch import kept\nfrom stillwatch.kit import jit\n"
        f"jit._KEPT = kept.place(pathlib.Path({str(tmp_path)!r}))\nfrom caller import tell\nprint(tell(1))\n"
    )
    told = []
    for more in (1, 20):
        (tmp_path / "called.py").write_text(CALLED.format(more=more))
        (tmp_path / "caller.py").write_text(CALLER)
        done = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        )  # fmt: skip
        told.append(int(done.stdout))
    assert told == [2, 21]
