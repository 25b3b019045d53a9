"""Disclosure log: who let what leave, when, to whom and under which marking; lines are added and never changed.

Each line names the hash of the line before it, and the hashes are the leaves of an RFC 6962 tree: whoever noted the
root of a day can tell later whether a line was changed, taken out or put in between.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from stillwatch.errors import ShareError
from stillwatch.kit.merkle import Tree, leaf_hash, verify_inclusion
from stillwatch.share.files import locked

FILE: Final = "disclosures.jsonl"
Did = Literal["previewed", "prepared", "released", "exported", "published", "served", "matched", "sighted", "revoked",
              "imported", "disputed", "claimed", "replied", "withdrawn", "referred", "joined", "parted"]  # fmt: skip


class Line(msgspec.Struct, kw_only=True, frozen=True):
    """One thing that was done.

    Attributes:
        what: id of the bulletin, or of the matching session.
        digest: SHA-256 of exactly what left; empty where nothing did.
        before: SHA-256 of the line before; 64 zeros for the first.
    """

    at: datetime
    who: str
    did: Did
    what: str
    to: list[str] = []
    marking: str = ""
    digest: str = ""
    note: str = ""
    before: str = "0" * 64


class Proof(msgspec.Struct, kw_only=True, frozen=True):
    """A line of the log with the proof that it stands there: RFC 6962, over the lines as they are written.

    Attributes:
        raw: the line exactly as it stands in the log.
        path: hashes of the way to the root.
    """

    raw: str
    index: int
    size: int
    root: str
    path: list[str]

    def holds(self) -> bool:
        """Tell whether the line leads to the root."""
        try:
            path = [bytes.fromhex(one) for one in self.path]
            root = bytes.fromhex(self.root)
        except ValueError:
            return False
        return verify_inclusion(root, leaf_hash(self.raw.encode()), index=self.index, size=self.size, proof=path)


class Log:
    """The log of one installation, a file in its share directory.

    Example:
        >>> log = Log(directory)                                     # doctest: +SKIP
        >>> log.add(Line(at=now, who="Ada", did="released", what=bulletin.id, to=["peer-b"]))   # doctest: +SKIP
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE

    def add(self, line: Line) -> Line:
        """Add a line; it is on the disk when this returns.

        Raises:
            ResourceError: when it cannot be written.
        """
        with locked(self.path.parent):
            chained = msgspec.structs.replace(line, before=self._last())
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(msgspec.json.encode(chained) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        return chained

    def lines(self) -> list[Line]:
        """Read all lines, oldest first.

        Raises:
            ShareError: when a line is damaged, or the chain is broken.
        """
        found, before = [], "0" * 64
        for number, raw in enumerate(self._raw(), 1):
            place = f"line {number} of {self.path}"
            try:
                line = msgspec.json.decode(raw, type=Line)
            except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
                raise ShareError(f"the disclosure log is damaged: {trouble}", where=place) from None
            if line.before != before:
                raise ShareError("the disclosure log was changed: the line before is not the one named", where=place)
            before = hashlib.sha256(raw).hexdigest()
            found.append(line)
        return found

    def prove(self, line: Line) -> Proof:
        """Prove that a line stands in the log as it is now.

        Raises:
            ShareError: when it does not.
        """
        raw, every = msgspec.json.encode(line), list(self._raw())
        if raw not in every:
            raise ShareError("the line is not in the disclosure log", where=str(self.path))
        tree, index = Tree(every), every.index(raw)
        path = [one.hex() for one in tree.inclusion(index)]
        return Proof(raw=raw.decode(), index=index, size=len(every), root=tree.root().hex(), path=path)

    def root(self) -> tuple[int, str]:
        """Give the number of lines and the root of their tree, to be noted elsewhere."""
        tree = Tree(list(self._raw()))
        return len(tree), tree.root().hex()

    def _last(self) -> str:
        """Hash the last line, read from the end of the file."""
        if not self.path.exists():
            return "0" * 64
        with self.path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            tail, reach = b"", 0
            while reach < end and tail.count(b"\n") < 2:
                reach = min(end, reach + 4096)
                file.seek(end - reach)
                tail = file.read(reach)
        lines = tail.split(b"\n")
        return hashlib.sha256(lines[-2]).hexdigest() if len(lines) > 1 else "0" * 64

    def _raw(self) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                for raw in file:
                    yield raw.rstrip(b"\n")
