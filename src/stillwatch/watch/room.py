"""Room: a state directory as a running process sees it: the live state, the book, and a `Watch` that stays fresh.

The book and the state are looked at every `reload_s`; a new one is laid out first and swapped in whole, so that no
request waits and none sees half of it. One that is damaged is told and not taken: what was there goes on. Where that is
so from the start, orders act all the same and nothing else is known, unless `[watch] fail_closed` was chosen.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stillwatch.errors import CaseError, StillwatchError
from stillwatch.settings import Settings
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.store.book import Book, open_book
from stillwatch.store.licences import Delivered, deliver
from stillwatch.store.live import State
from stillwatch.store.tokens import Doors, tokens
from stillwatch.watch.keeping import Keeping
from stillwatch.watch.live import Watch
from stillwatch.watch.orders import expire
from stillwatch.watch.shared import Shared, address
from stillwatch.watch.standing import Standing, standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What is new: to be handed to `Room.take`."""

    state: State | None
    standing: Standing
    doors: Doors


class Room:
    """One state directory, opened."""

    def __init__(
        self, place: Path, settings: Settings, *, enforce: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self.place = place
        self.settings = settings
        self.key = keys.find(settings.store.key_file)
        self.book: Book = open_book(place)
        self._clock = clock
        self._stamp = live.stamp(place)
        self._version = (-1, -1)
        self.writer = secrets.token_hex(6)
        self._troubles: dict[str, str] = {}
        self._waiting: list[Delivered] = []
        self.doors = Doors(tokens(self.book))
        self.keeping = Keeping(place, self.key)
        self.watch = Watch(
            self.key, self._first(), standing(self.book), settings.watch, enforce=enforce, clock=clock,
            keeping=self.keeping,
        )  # fmt: skip
        self.shared: Shared | None = None
        if where := address(settings.shared):
            self.shared = Shared(
                where, settings.shared, key=self.key, book=self.book, watch=self.watch, writer=self.writer
            )
            self.watch.heard = self.shared.heard
            self.shared.once.known(self.keeping.heard)

    def _first(self) -> State | None:
        """Read the state at the start."""
        try:
            return live.read(self.place, self.key)
        except CaseError as trouble:
            if self.settings.watch.fail_closed is not False:
                raise
            self._troubles["state"] = str(trouble)
            print(f"stillwatch: orders act, and no campaign and no newcomer is known: {trouble}", file=sys.stderr)
            return None

    def look(self) -> Fresh | None:
        """Look at the book and the state again; nothing where nothing is new. Never raises for what it finds.

        May run in another thread than the one that decides; what it gives is handed to `take` there.
        """
        try:
            expire(self.book, datetime.fromtimestamp(self._clock(), UTC))
            stamp, version = live.stamp(self.place), (self.book.version, self.book.changes)
            if (stamp, version) == (self._stamp, self._version):
                return None
            state = self.watch.state if stamp == self._stamp else self._newest()
            new = state is not self.watch.state or version != self._version
            fresh = Fresh(state=state, standing=standing(self.book), doors=Doors(tokens(self.book)))
        except StillwatchError as trouble:
            self._tell("book", trouble)
            return None
        self._troubles.pop("book", None)
        self._stamp, self._version = stamp, version
        return fresh if new else None

    def _newest(self) -> State | None:
        """Read the newest state; one that is damaged is told, and what was there before goes on."""
        try:
            state = live.read(self.place, self.key)
        except StillwatchError as trouble:
            self._tell("state", trouble)
            return self.watch.state
        self._troubles.pop("state", None)
        return state

    def _tell(self, what: str, trouble: StillwatchError) -> None:
        if str(trouble) != self._troubles.get(what):
            print(f"stillwatch: what was there before goes on: {trouble}", file=sys.stderr)
        self._troubles[what] = str(trouble)

    @property
    def trouble(self) -> str:
        """Say what is wrong with the book or the state at the moment; empty where nothing is."""
        return "; ".join(self._troubles.values())

    def take(self, fresh: Fresh | None) -> bool:
        """Decide by what was found from now on; tells whether that is anything new."""
        if fresh is None:
            return False
        self.watch.renew(fresh.state, fresh.standing)
        self.doors = fresh.doors
        return True

    def deliver(self, delivered: Delivered) -> None:
        """Count an answer delivered under a grant; it goes on record with the next `settle`."""
        self._waiting.append(delivered)
        self.watch.used[delivered.grant] += 1

    def settle(self) -> None:
        """Put what was delivered under grants on record.

        Raises:
            BookError: when it could not be; it waits for the next time.
        """
        self._pack()
        while self.watch.newcomers is not None and self.watch.newcomers.changed:
            self._pack()
        self.settled(self.put())

    def put(self) -> list[Delivered]:
        """Write what waits into the book, in whatever thread; hand what it gives to `settled` where decisions are made.

        Raises:
            BookError: when it could not be; it waits for the next time.
        """
        self.keeping.write()
        waiting = self._waiting[:]
        if waiting:
            deliver(self.book, self.writer, waiting)
        return waiting

    def settled(self, written: list[Delivered]) -> None:
        """Count as the book's what it holds now, and pack what is to be written next."""
        self._pack()
        del self._waiting[: len(written)]
        for one in written:
            self.watch.used[one.grant] -= 1
            self.watch.standing.used[one.grant] = self.watch.standing.used.get(one.grant, 0) + 1

    def _pack(self) -> None:
        heard = {} if self.shared is None else self.shared.once.last(self.shared.heard)
        self.keeping.pack(self.watch.newcomers, heard)

    def close(self) -> None:
        """Close the book."""
        self.keeping.close()
        self.book.close()
