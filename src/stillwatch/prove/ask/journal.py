"""The journal: every answer is on disk before anything is made of it, so that an interrupted run goes on.

A file of JSON lines. The first says what the run asks; a run with other questions may not go on in the same file.
A half-written last line, as a killed process leaves it, is cut off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from stillwatch.errors import UsageError
from stillwatch.prove.ask.endpoint import Answer


class Journal:
    """Answers on disk, in the order in which they came.

    Args:
        path: the file; begun when it does not exist.
        plan: what is asked of whom. It must be the same when a run goes on.

    Raises:
        UsageError: when the file belongs to another run or is no journal.
    """

    def __init__(self, path: Path, plan: dict[str, Any]) -> None:
        self.path = path
        self.answers: list[Answer] = []
        stamp = hashlib.sha256(msgspec.json.encode(plan, order="sorted")).hexdigest()
        if path.exists() and path.stat().st_size:
            self._resume(stamp)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.encode({"journal": 1, "stamp": stamp, "plan": plan}) + b"\n")
        self._out: IO[bytes] = path.open("ab")

    def _resume(self, stamp: str) -> None:
        raw = self.path.read_bytes()
        whole, _, torn = raw.rpartition(b"\n")
        lines = whole.split(b"\n")
        try:
            head = msgspec.json.decode(lines[0])
            known = head["stamp"] if isinstance(head, dict) else None
            self.answers = [msgspec.json.decode(line, type=Answer) for line in lines[1:]]
        except (msgspec.DecodeError, KeyError) as why:
            raise UsageError(f"`{self.path}` is no journal of answers: {why}", hint="name a new file") from why
        if known != stamp:
            raise UsageError(
                f"`{self.path}` belongs to a run that asks something else, or asks another model",
                hint="name a new file, or give the same prompts and options to go on",
            )
        if torn:
            with self.path.open("r+b") as out:
                out.truncate(len(whole) + 1)

    def done(self) -> set[str]:
        """Give the ids of questions that need not be asked again: what failed is asked once more."""
        return {a.id for a in self.answers if a.outcome in ("answered", "empty", "refused")}

    def add(self, answer: Answer) -> None:
        """Write one answer."""
        self._out.write(msgspec.json.encode(answer) + b"\n")
        self._out.flush()
        self.answers.append(answer)

    def answered(self) -> Iterator[Answer]:
        """Give the answers that have text, oldest first, each question once."""
        seen: set[str] = set()
        for answer in self.answers:
            if answer.outcome == "answered" and answer.id not in seen:
                seen.add(answer.id)
                yield answer

    def close(self) -> None:
        """Close the file."""
        self._out.close()
