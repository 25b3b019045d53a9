"""Party: one side of a private set intersection, message by message.

    inviter                              responder
      hello  (kind, size, nonce)   ->
                                   <-    hello  (kind, size, nonce)
      commit (root of its points)  ->
                                   <-    commit (root of its points)
      points (shuffled, padded)    ->
                                   <-    points (shuffled, padded)
      doubled (responder's points) ->          the responder counts, and stops below the floor
                                   <-    doubled (inviter's points)
      -- a person on each side releases the names --
      places (responder's points)  <->  places (inviter's points)

Each learns how many identifiers both hold, and after the release which of its own they are; never another one of the
peer's. The sizes are told as powers of two. The doubled points come back in another order, so that the count alone
tells no names. The inviter doubles first: whoever asks about one person, hidden among padding, learns only that fewer
than the floor matched. He can bring a floor of known members along and ask about one more in each run: the quota
bounds that to a few names a week.

Both commit to their points before they see the other's: nobody chooses a set after what came in.
What it does not do: stop a peer who brings identifiers that he does not hold. Quotas bound how many, and the
log names each run.
"""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from stillwatch.errors import ShareError
from stillwatch.kit.merkle import Tree
from stillwatch.share.psi.canonical import canonical
from stillwatch.share.psi.curve import BYTES, Blinder, hash_all, padding

SHORT: Final = 16
"""Bytes of a doubled point that are sent: two of a million differ by chance in all but 2^-88 of runs."""
LEAST_SIZE: Final = 1 << 10
"""Padding goes up to this at least."""
LARGEST: Final = 1 << 20
FLOOR: Final = 5
"""Matches below which neither number nor names are told."""

Role = Literal["inviter", "responder"]


class Hello(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is to be matched, and how large the padded set is."""

    kind: str
    size: int
    nonce: bytes
    version: int = 1


class Party:
    """One side of one run; every method is called once, in the order of the protocol.

    Args:
        kind: of identifier: `email`, `phone`, `card` or `device`.
        values: the identifiers as they are held; written in canonical form here. What is none of the kind is refused.
        quota: identifiers that the peer may bring.
    """

    def __init__(
        self, role: Role, kind: str, values: Sequence[str], *, quota: int = LARGEST, floor: int = FLOOR
    ) -> None:
        self.role, self.kind, self.quota, self.floor = role, kind, quota, floor
        self.names = sorted({canonical(kind, value): value for value in values}.items())
        size = max(LEAST_SIZE, 1 << max(len(self.names) - 1, 0).bit_length())
        if size > LARGEST:
            raise ShareError(f"`size`: {len(self.names):,} identifiers are too many for one run", hint="split the set")
        self._hello = Hello(kind=kind, size=size, nonce=secrets.token_bytes(BYTES))
        self._blinder = Blinder()
        self._order: list[int] = []
        self._points: list[bytes] = []
        self._peer: Hello | None = None
        self._root = b""
        self._peer_points: list[bytes] = []
        self._peer_doubled: list[bytes] = []
        self._own_doubled: frozenset[bytes] = frozenset()

    # -- what it says

    def hello(self) -> bytes:
        """Say what is to be matched."""
        return msgspec.msgpack.encode(self._hello)

    def commit(self, hello: bytes) -> bytes:
        """Take the peer's hello, blind, and commit to the points: the root of their RFC 6962 tree.

        Raises:
            ShareError: when the peer wants another kind, or brings more than his quota.
        """
        try:
            peer = msgspec.msgpack.decode(hello, type=Hello)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ShareError("`hello`: cannot be read", hint="the peer speaks another protocol") from None
        if (peer.kind, peer.version) != (self.kind, 1) or len(peer.nonce) != BYTES:
            raise ShareError(f"`hello`: expected kind `{self.kind}` in version 1", hint="agree on the kind first")
        if peer.size & (peer.size - 1) or not LEAST_SIZE <= peer.size <= LARGEST:
            raise ShareError("`size`: is no power of two within bounds", hint="the peer does not follow the protocol")
        if peer.size > max(LEAST_SIZE, 1 << max(self.quota - 1, 0).bit_length()):
            raise ShareError(
                f"`size`: the peer brings {peer.size:,}, and may bring {self.quota:,}", hint="raise his quota"
            )
        if peer.nonce == self._hello.nonce:
            raise ShareError("`nonce`: the peer sent ours back", hint="the peer does not follow the protocol")
        self._peer = peer
        own = self._blinder.blind(hash_all([name for name, _ in self.names], self._session()))
        both = own + padding(self._hello.size - len(own))
        self._order = list(range(len(both)))
        random.SystemRandom().shuffle(self._order)
        self._points = [both[place] for place in self._order]
        return Tree(self._points).root()

    def points(self, root: bytes) -> bytes:
        """Take the peer's commitment, and send the points."""
        if len(root) != BYTES:
            raise ShareError("`commit`: expected 32 bytes", hint="the peer does not follow the protocol")
        self._root = root
        return b"".join(self._points)

    def doubled(self, points: bytes) -> bytes:
        """Take the peer's points, blind them again, and send them back in another order.

        Raises:
            ShareError: when they are not those that he committed to, or one is twice among them.
        """
        if len(points) != self._met().size * BYTES:
            raise ShareError(f"`points`: expected {self._met().size:,}", hint="the peer does not follow the protocol")
        held = [points[at : at + BYTES] for at in range(0, len(points), BYTES)]
        if Tree(held).root() != self._root:
            raise ShareError("`points`: not those that the peer committed to", hint="end the run and ask him why")
        if len(set(held)) != len(held):
            raise ShareError("`points`: one is there twice", hint="the peer does not follow the protocol")
        self._peer_points = held
        self._peer_doubled = [one[:SHORT] for one in self._blinder.blind(held)]
        return b"".join(sorted(self._peer_doubled))

    def count(self, doubled: bytes) -> int | None:
        """Take our own points as the peer blinded them, and count the matches; `None` for fewer than the floor.

        A responder who gets `None` ends the run without sending `doubled`.

        Raises:
            ShareError: when the peer sent another number of points than we did.
        """
        if len(doubled) != self._hello.size * SHORT:
            raise ShareError(f"`doubled`: expected {self._hello.size:,}", hint="the peer does not follow the protocol")
        self._own_doubled = frozenset(doubled[at : at + SHORT] for at in range(0, len(doubled), SHORT))
        found = sum(one in self._own_doubled for one in self._peer_doubled)
        return found if found >= self.floor else None

    def places(self) -> bytes:
        """Tell the peer, after a person has released it, which of his points matched."""
        found = [place for place, one in enumerate(self._peer_doubled) if one in self._own_doubled]
        if len(found) < self.floor:
            raise ShareError(f"fewer than {self.floor} match: no names are told")
        return msgspec.msgpack.encode(found)

    def matched(self, places: bytes) -> list[str]:
        """Take the places of our own points that matched, and give what they stand for.

        Raises:
            ShareError: when the peer names other places, or another number, than the count has shown.
        """
        try:
            named = msgspec.msgpack.decode(places, type=set[int])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ShareError("`places`: cannot be read") from None
        expected = sum(one in self._own_doubled for one in self._peer_doubled)
        own = [self._order[place] for place in named if 0 <= place < len(self._order)]
        if len(named) != expected or len(own) != expected or any(one >= len(self.names) for one in own):
            raise ShareError("`places`: not as many as the count has shown", hint="end the run and ask the peer why")
        return sorted(self.names[one][1] for one in own)

    def _met(self) -> Hello:
        if self._peer is None:
            raise ShareError("`hello`: comes first", hint="the peer does not follow the protocol")
        return self._peer

    def _session(self) -> bytes:
        first, second = self._hello.nonce, self._met().nonce
        if self.role == "responder":
            first, second = second, first
        return hashlib.sha256(first + second + self.kind.encode()).digest()


class Told(msgspec.Struct, kw_only=True, frozen=True):
    """How a run between two parties ended, and what it cost in bytes."""

    count: int | None
    sent: int
    inviter: list[str] = []
    responder: list[str] = []


def run(inviter: Party, responder: Party, *, release: bool = False) -> Told:
    """Play both sides of a run, for tests, for the bench, and for two sets in one house."""
    sent = 0

    def over(message: bytes) -> bytes:
        nonlocal sent
        sent += len(message)
        return message

    asked, answered = over(inviter.hello()), over(responder.hello())
    first, second = over(inviter.commit(answered)), over(responder.commit(asked))
    mine, theirs = over(inviter.points(second)), over(responder.points(first))
    back, again = inviter.doubled(theirs), responder.doubled(mine)
    count = responder.count(over(back))
    if count is None:
        return Told(count=None, sent=sent)
    count = inviter.count(over(again))
    if not release or count is None:
        return Told(count=count, sent=sent)
    named, others = over(responder.places()), over(inviter.places())
    return Told(count=count, sent=sent, inviter=inviter.matched(named), responder=responder.matched(others))
