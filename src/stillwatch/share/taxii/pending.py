"""Pending: what was pulled and not yet taken in, kept page by page, so that a pull that broke goes on where it was.

A page is on the disk before the mark that says that it was read: after a kill a page may come twice, and none is lost.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.share.files import write
from stillwatch.share.taxii.client import Mark
from stillwatch.share.taxii.rules import deep, version
from stillwatch.share.taxii.times import wide

Object = dict[str, Any]
MOST_BYTES: Final = 1 << 30
"""Bytes of objects that one pull may bring, before they are taken in."""


class Pending:
    """What came of one collection of one peer.

    Args:
        directory: the share directory.
        name: of peer, server and collection, in one text.

    Attributes:
        refused: objects that were left out, each with its rule.
    """

    def __init__(self, directory: Path, name: str) -> None:
        hashed = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._mark = directory / "marks" / f"{hashed}.json"
        self._pages = self._mark.with_suffix(".pages.jsonl")
        self._common = self._mark.with_suffix(".objects.json")
        self.refused: list[ShareError] = []
        self._mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def mark(self) -> Mark:
        """Tell how far the collection was read; from its start where what is kept is damaged."""
        try:
            return msgspec.json.decode(self._mark.read_bytes(), type=Mark)
        except (OSError, msgspec.DecodeError):
            return Mark()

    def reached(self, mark: Mark) -> None:
        """Write down how far it got."""
        write(self._mark, msgspec.json.encode(mark))

    def add(self, page: Iterable[Object]) -> int:
        """Keep the objects of a page; returns how many there were.

        Raises:
            ShareError: when there are more bytes than one pull may bring.
        """
        lines = [msgspec.json.encode(one) for one in page if self._fits(one)]
        handle = os.open(self._pages, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "r+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            if file.read(1) not in (b"", b"\n"):
                file.write(b"\n")  # a kill has cut the line before
            if end + sum(map(len, lines)) > MOST_BYTES:
                raise ShareError(f"more than {MOST_BYTES:,} bytes in one pull", where=str(self._pages),
                                 hint="ask the peer why; delete the file to begin again")  # fmt: skip
            file.write(b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        return len(lines)

    def _fits(self, one: Object) -> bool:
        name = one.get("id")
        if isinstance(name, str) and not deep(one):
            return True
        where = name[:300] if isinstance(name, str) else "an object without an id"
        self.refused.append(ShareError("it is nested too deeply" if name else "`id`: is missing", where=where))
        return False

    def objects(self) -> dict[str, Object]:
        """Give what is pending by id, with what bulletins of before had in common; of an object its last version."""
        found: dict[str, Object] = _read(self._common)
        if self._pages.exists():
            with self._pages.open("rb") as file:
                for line in file:
                    one = _line(line)
                    held = found.get(one["id"]) if one else None
                    if one and (held is None or wide(version(held)) <= wide(version(one))):
                        found[one["id"]] = one
        return found

    def done(self, objects: Mapping[str, Object]) -> None:
        """Forget what was taken in, but for what later bulletins will refer to: that which bears no marking."""
        write(self._common, msgspec.json.encode({n: one for n, one in objects.items() if _shared(one)}))
        self._pages.unlink(missing_ok=True)


def _shared(one: Object) -> bool:
    return "object_marking_refs" not in one


def _line(raw: bytes) -> Object:
    """Read a line; nothing of one that a kill has cut: its page comes again."""
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _read(path: Path) -> dict[str, Object]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])
    except (OSError, msgspec.DecodeError):
        return {}
