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

Both commit to their points before they see the other's: nobody chooses a set after what came in. A point that is there
twice in another form (its torsion or its encoding changed) is found after it is doubled; else five forms of one guess
would reach the floor.

What it does not do: stop a peer who brings identifiers that he does not hold, nor one who blinds each of his own
identifiers with another secret and so learns before the release which of *his* matched. Quotas bound how many, and the
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


VERSION: Final = 2


class Hello(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is to be matched, and how large the padded set is."""

    kind: str
    size: int
    nonce: bytes
    version: int = VERSION


class State(msgspec.Struct, kw_only=True):
    """All that one side knows in the middle of a run; it holds the secret and the identifiers."""

    role: Role
    kind: str
    quota: int
    floor: int
    names: list[tuple[bytes, str]]
    hello: Hello
    secret: bytes
    order: list[int] = []
    points: bytes = b""
    peer: Hello | None = None
    root: bytes = b""
    peer_doubled: bytes = b""
    own_doubled: bytes = b""


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
        names = sorted({canonical(kind, value): value for value in values}.items())
        size = max(LEAST_SIZE, 1 << max(len(names) - 1, 0).bit_length())
        if size > LARGEST:
            raise ShareError(f"`size`: {len(names):,} identifiers are too many for one run", hint="split the set")
        self._hold(State(
            role=role, kind=kind, quota=quota, floor=floor, names=names, secret=secrets.token_bytes(BYTES),
            hello=Hello(kind=kind, size=size, nonce=secrets.token_bytes(BYTES)),
        ))  # fmt: skip

    def _hold(self, state: State) -> None:
        self._state, self._blinder = state, Blinder(state.secret)

    def frozen(self) -> bytes:
        """Write down where the run is, so that it can go on after a restart; it holds the secret."""
        return msgspec.msgpack.encode(self._state)

    @classmethod
    def thawed(cls, frozen: bytes) -> Party:
        """Go on where a run was."""
        party = cls.__new__(cls)
        party._hold(msgspec.msgpack.decode(frozen, type=State))
        return party

    @property
    def size(self) -> int:
        """How many points it sends: a power of two."""
        return self._state.hello.size

    @property
    def peer_size(self) -> int:
        """How many points the peer sends."""
        return self._met().size

    # -- what it says

    def hello(self) -> bytes:
        """Say what is to be matched."""
        return msgspec.msgpack.encode(self._state.hello)

    def commit(self, hello: bytes) -> bytes:
        """Take the peer's hello, blind, and commit to the points: the root of the RFC 6962 tree of their blocks.

        Raises:
            ShareError: when the peer wants another kind, or brings more than his quota.
        """
        state = self._state
        state.peer = met(hello, state.kind, state.quota)
        if state.peer.nonce == state.hello.nonce:
            raise ShareError("`nonce`: the peer sent ours back", hint="the peer does not follow the protocol")
        own = self._blinder.blind(hash_all([name for name, _ in state.names], self._session()))
        both = own + padding(state.hello.size - len(own))
        state.order = list(range(len(both)))
        random.SystemRandom().shuffle(state.order)
        state.points = b"".join([both[place] for place in state.order])
        return _root(state.points)

    def points(self, root: bytes) -> bytes:
        """Take the peer's commitment, and send the points."""
        if len(root) != BYTES:
            raise ShareError("`commit`: expected 32 bytes", hint="the peer does not follow the protocol")
        self._state.root = root
        return self._state.points

    def doubled(self, points: bytes) -> bytes:
        """Take the peer's points, blind them again, and send them back in another order.

        Raises:
            ShareError: when they are not those that he committed to, or one is twice among them, in whatever form.
        """
        if len(points) != self._met().size * BYTES:
            raise ShareError(f"`points`: expected {self._met().size:,}", hint="the peer does not follow the protocol")
        if _root(points) != self._state.root:
            raise ShareError("`points`: not those that the peer committed to", hint="end the run and ask him why")
        held = _cut(points, BYTES)
        found = [one[:SHORT] for one in self._blinder.blind(held)] if len(set(held)) == len(held) else []
        if len(set(found)) != len(held):
            raise ShareError("`points`: one is there twice", hint="the peer does not follow the protocol")
        self._state.peer_doubled = b"".join(found)
        return b"".join(sorted(found))

    def count(self, doubled: bytes) -> int | None:
        """Take our own points as the peer blinded them, and count the matches; `None` for fewer than the floor.

        A responder who gets `None` ends the run without sending `doubled`.

        Raises:
            ShareError: when the peer sent another number of points than we did.
        """
        if len(doubled) != self._state.hello.size * SHORT:
            wanted = self._state.hello.size
            raise ShareError(f"`doubled`: expected {wanted:,}", hint="the peer does not follow the protocol")
        self._state.own_doubled = doubled
        found = len(self._found())
        return found if found >= self._state.floor else None

    def places(self) -> bytes:
        """Tell the peer, after a person has released it, which of his points matched: a bit for each."""
        found = self._found()
        if len(found) < self._state.floor:
            raise ShareError(f"fewer than {self._state.floor} match: no names are told")
        told = bytearray(self._met().size // 8)
        for place in found:
            told[place >> 3] |= 1 << (place & 7)
        return bytes(told)

    def matched(self, places: bytes) -> list[str]:
        """Take the places of our own points that matched, and give what they stand for.

        Raises:
            ShareError: when the peer names other places, or another number, than the count has shown.
        """
        if len(places) != self.size // 8:
            raise ShareError("`places`: expected a bit for each point", hint="the peer does not follow the protocol")
        order, names = self._state.order, self._state.names
        own = [order[place] for place in range(self.size) if places[place >> 3] >> (place & 7) & 1]
        if len(own) != len(self._found()) or any(one >= len(names) for one in own):
            raise ShareError("`places`: not as many as the count has shown", hint="end the run and ask the peer why")
        return sorted(names[one][1] for one in own)

    def _found(self) -> list[int]:
        """Give the places of the peer's points that we hold too."""
        own = frozenset(_cut(self._state.own_doubled, SHORT))
        return [place for place, one in enumerate(_cut(self._state.peer_doubled, SHORT)) if one in own]

    def _met(self) -> Hello:
        if self._state.peer is None:
            raise ShareError("`hello`: comes first", hint="the peer does not follow the protocol")
        return self._state.peer

    def _session(self) -> bytes:
        first, second = self._state.hello.nonce, self._met().nonce
        if self._state.role == "responder":
            first, second = second, first
        return hashlib.sha256(first + second + self._state.kind.encode()).digest()


def met(hello: bytes, kind: str, quota: int) -> Hello:
    """Read a peer's hello.

    Raises:
        ShareError: when it cannot be read, wants another kind, or brings more than the quota.
    """
    try:
        peer = msgspec.msgpack.decode(hello, type=Hello)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ShareError("`hello`: cannot be read", hint="the peer speaks another protocol") from None
    if (peer.kind, peer.version) != (kind, VERSION) or len(peer.nonce) != BYTES:
        raise ShareError(f"`hello`: expected kind `{kind}` in version {VERSION}", hint="agree on the kind first")
    if peer.size & (peer.size - 1) or not LEAST_SIZE <= peer.size <= LARGEST:
        raise ShareError("`size`: is no power of two within bounds", hint="the peer does not follow the protocol")
    if peer.size > max(LEAST_SIZE, 1 << max(quota - 1, 0).bit_length()):
        raise ShareError(f"`size`: the peer brings {peer.size:,}, and may bring {quota:,}", hint="raise his quota")
    return peer


def _root(points: bytes) -> bytes:
    """Commit to points in blocks: a block of them can be shown to a third party without the others."""
    return Tree(_cut(points, LEAST_SIZE * BYTES)).root()


def _cut(joined: bytes, width: int) -> list[bytes]:
    return [joined[at : at + width] for at in range(0, len(joined), width)]


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
