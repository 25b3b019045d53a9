"""Work: the steps of the responder, each made when all that it needs has come, and once, whoever asks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stillwatch.errors import ShareError
from stillwatch.share.files import locked, write
from stillwatch.share.match.runs import Run, Runs
from stillwatch.share.psi.curve import BYTES, FEW
from stillwatch.share.psi.party import SHORT

PART: Final = 1 << 20
"""Bytes of one part of a message."""


def limit(run: Run, name: str) -> int:
    """Tell how many bytes a message of the peer may have."""
    return {
        "commit": BYTES, "points": run.peer_size * BYTES, "doubled": run.size * SHORT, "released": 1,
        "places": run.size // 8,
    }[name]  # fmt: skip


def come(runs: Runs, run: Run, name: str) -> bool:
    """Tell whether a message of the peer is here as a whole."""
    path = runs.message(run, "in", name)
    return path.exists() and path.stat().st_size == limit(run, name)


def whole(runs: Runs, run: Run) -> bool:
    """Tell whether there is something to do."""
    return any(ready(runs, run) for ready, _ in _STEPS)


def work_apart(runs: Runs, run: Run) -> None:
    """Do what can be done: a large run in a process of its own, so that the server stays small and answers others."""
    if max(run.size, run.peer_size) <= FEW:
        work(runs, run.id)
        return
    command = [sys.executable, "-m", __name__, str(runs.folder.parent), run.id]
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - what it leaves undone is done later


def work(runs: Runs, name: str) -> None:
    """Do what can be done; a message that breaks a rule ends the run."""
    with locked(runs.folder / name / "work"):
        while (run := runs.read(name)).ended is None:
            step = next((make for ready, make in _STEPS if ready(runs, run)), None)
            if step is None:
                return
            try:
                step(runs, run)
            except ShareError as wrong:
                runs.end(run, "refused", wrong.what)


def _out(runs: Runs, run: Run, name: str) -> Path:
    return runs.message(run, "out", name)


def _may_commit(runs: Runs, run: Run) -> bool:
    return come(runs, run, "commit") and not _out(runs, run, "points").exists()


def _commit(runs: Runs, run: Run) -> None:
    party = runs.party(run)
    root = party.commit(runs.message(run, "in", "hello").read_bytes())
    points = party.points(runs.message(run, "in", "commit").read_bytes())
    runs.keep(run, party)
    write(_out(runs, run, "commit"), root)
    write(_out(runs, run, "points"), points)


def _may_double(runs: Runs, run: Run) -> bool:
    return (
        come(runs, run, "points")
        and _out(runs, run, "points").exists()
        and not _out(runs, run, "doubled").exists()
        and run.step == "met"
    )


def _double(runs: Runs, run: Run) -> None:
    party = runs.party(run)
    doubled = party.doubled(runs.message(run, "in", "points").read_bytes())
    runs.keep(run, party)
    write(_out(runs, run, "doubled"), doubled)


def _may_count(runs: Runs, run: Run) -> bool:
    return come(runs, run, "doubled") and _out(runs, run, "doubled").exists() and run.step == "met"


def _count(runs: Runs, run: Run) -> None:
    party = runs.party(run)
    count = party.count(runs.message(run, "in", "doubled").read_bytes())
    if count is None:
        runs.end(run, "below")
        return
    runs.keep(run, party)
    with locked(runs.folder / run.id):
        latest = runs.read(run.id)
        latest.step, latest.count = "counted", count
        runs.save(latest)


def _both(run: Run) -> bool:
    return run.step == "counted" and bool(run.released_by) and run.peer_released


def _may_place(runs: Runs, run: Run) -> bool:
    return _both(run) and not _out(runs, run, "places").exists()


def _place(runs: Runs, run: Run) -> None:
    write(_out(runs, run, "places"), runs.party(run).places())


def _may_name(runs: Runs, run: Run) -> bool:
    return _both(run) and come(runs, run, "places")


def _name(runs: Runs, run: Run) -> None:
    found = runs.party(run).matched(runs.message(run, "in", "places").read_bytes())
    runs.end(run, "named", names=found)


_STEPS: Final[tuple[tuple[Callable[[Runs, Run], bool], Callable[[Runs, Run], None]], ...]] = (
    (_may_commit, _commit), (_may_double, _double), (_may_count, _count), (_may_place, _place), (_may_name, _name),
)  # fmt: skip

if __name__ == "__main__":
    work(Runs(Path(sys.argv[1])), sys.argv[2])
