"""Keeping: newcomers' counts to disk and back, beside the traffic and never in its way.

What changed is packed where decisions are made, a bounded number of accounts a turn, and written in another thread.
What an earlier process left is unpacked when its account is seen again. With replicas, what was heard of them is kept
in the same transaction, so that a batch that comes again after a restart does not count twice.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import msgspec

from stillwatch.errors import BookError
from stillwatch.store.counted import Counted, Kept
from stillwatch.store.key import Key
from stillwatch.watch.newcomers import Against, Newcomer, Newcomers

TURN: Final = 2000
"""Accounts packed in one turn: a few milliseconds."""
HEARD: Final = msgspec.msgpack.Decoder(dict[str, int])


class Keeping:
    """Keeps the counts of one process."""

    def __init__(self, place: Path, key: Key) -> None:
        self._key = key
        self._store = Counted(place)
        self._left, heard = self._store.read()
        self.heard: dict[str, int] = HEARD.decode(heard) if heard else {}
        self._packed: dict[str, bytes] = {}
        self._gone: frozenset[str] = frozenset()
        self._forgot = self._store.gone()
        self._tells: bytes = heard or msgspec.msgpack.encode({})

    def attach(self, newcomers: Newcomers) -> None:
        """Let newcomers find what an earlier process counted of them."""
        newcomers.waiting = self._take

    def _take(self, account: str) -> Newcomer | None:
        body = self._left.pop(self._name(account), None) if self._left else None
        if body is None:
            return None
        try:
            return unpacked(msgspec.msgpack.decode(body, type=Kept))
        except msgspec.DecodeError:
            return None

    def _name(self, account: str) -> str:
        return f"{self._key.account(account):016x}"

    def pack(self, newcomers: Newcomers | None, heard: dict[str, int]) -> None:
        """Pack what changed, where decisions are made."""
        if newcomers is None:
            return
        if self._gone:
            newcomers.drop(lambda account: self._name(account) in self._gone)
            self._left = {name: body for name, body in self._left.items() if name not in self._gone}
            self._gone = frozenset()
        for _ in range(min(TURN, len(newcomers.changed))):
            account = newcomers.changed.pop()
            held = newcomers.held(account)
            if held is not None:
                self._packed[self._name(account)] = msgspec.msgpack.encode(packed(held))
        if not newcomers.changed:
            self._tells = msgspec.msgpack.encode(heard)

    def write(self) -> None:
        """Write what was packed, in whatever thread; what cannot be written waits for the next turn."""
        packed, self._packed = self._packed, {}
        try:
            gone = self._store.write(packed, self._tells) if packed else self._store.gone()
            self._gone, self._forgot = gone - self._forgot, gone
        except BookError as trouble:
            self._packed = {**packed, **self._packed}
            print(f"stillwatch: {trouble}", file=sys.stderr)

    def close(self) -> None:
        """Close the file."""
        self._store.close()


def packed(held: Newcomer) -> Kept:
    """Pack what is counted of an account."""
    against = {
        name: (one.requests, one.hits, one.handed, one.rate, one.spread, one.network, one.client, one.looked, one.tied)
        for name, one in held.against.items()
    }
    return Kept(against, sorted(held.seen), held.campaign, held.since, sorted(held.places))


def unpacked(kept: Kept) -> Newcomer:
    """Unpack it."""
    held = Newcomer()
    held.seen, held.campaign, held.since = set(kept.seen), kept.campaign, kept.since
    held.places = set(kept.places)
    for name, (requests, hits, handed, rate, spread, network, client, looked, tied) in kept.against.items():
        one = held.against[name] = Against()
        one.requests, one.hits, one.handed, one.rate, one.spread = requests, hits, handed, rate, spread
        one.network, one.client, one.looked, one.tied = network, client, looked, tied
    return held
