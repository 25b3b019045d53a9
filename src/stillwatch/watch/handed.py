"""Handed: answers that were given to a member of a campaign and come back as the history of somebody else.

It counts only an answer that was generated for one account alone. Answers to members are remembered; one that two
accounts were given is nobody's. An account that brings such an answer for the first time, and was met before, may
have been given the same words itself, so nothing is counted: from then on its own answers are listened to as well,
and only what was given to a member later, and neither given to it nor brought by it before, counts. An account whose
very first request brings it cannot have been given it here, and that counts at once.

Looks the same when innocent: two people who ask the same question of a model that answers it in the same words.
Memory: some 100 bytes an answer, ANSWERS at the most; 4 MiB to know whom we met.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final, NamedTuple

ANSWERS: Final = 200_000
"""Fingerprints of answers to members that are remembered."""
ALIKE: Final = 3
"""Smallest fingerprints of an answer that must come back; one may have been changed by a doubled word."""
LISTENED: Final = 20_000
"""Accounts whose own answers are listened to."""
OWN: Final = 512
"""Fingerprints kept of each of them."""
MET_BITS: Final = 25
NOBODY: Final = ""


class Given(NamedTuple):
    """To whom an answer was given: the campaign, the account, and its place in the order of all answers."""

    campaign: str
    account: str
    turn: int


class Listened:
    """An account that is listened to: since which turn, and what was given to it or brought by it."""

    __slots__ = ("own", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.own: OrderedDict[int, None] = OrderedDict()

    def add(self, lanes: list[int]) -> None:
        """Note fingerprints of an answer as its own."""
        for lane in lanes:
            self.own[lane] = None
        while len(self.own) > OWN:
            self.own.popitem(last=False)

    def knows(self, lanes: list[int]) -> bool:
        """Tell whether an answer is its own."""
        return sum(lane in self.own for lane in lanes) >= ALIKE


class Handed:
    """What was given to members, and who brings it back; one of them serves one process."""

    def __init__(self) -> None:
        self._answers: OrderedDict[int, Given] = OrderedDict()
        self._listened: OrderedDict[str, Listened] = OrderedDict()
        self._met = bytearray(1 << (MET_BITS - 3))
        self._turn = 0

    def __bool__(self) -> bool:
        return bool(self._answers)

    def listens(self, account: str) -> bool:
        """Tell whether answers to an account are listened to."""
        return account in self._listened

    def listen(self, account: str, since: int | None = None) -> Listened:
        """Listen to an account from now on."""
        held = self._listened.get(account)
        if held is None:
            held = self._listened[account] = Listened(self._turn if since is None else since)
            if len(self._listened) > LISTENED:
                self._listened.popitem(last=False)
        return held

    def gave(self, campaign: str, account: str, lanes: list[int]) -> None:
        """Remember an answer that was given to a member of a campaign."""
        self._turn += 1
        for lane in lanes:
            before = self._answers.get(lane)
            alone = before is None or before.account == account
            self._answers[lane] = Given(campaign if alone else NOBODY, account, self._turn)
            self._answers.move_to_end(lane)
        while len(self._answers) > ANSWERS:
            self._answers.popitem(last=False)

    def told(self, account: str, lanes: list[int]) -> None:
        """Note an answer that was given to somebody who is no member."""
        for lane in lanes:
            before = self._answers.get(lane)
            if before is not None and before.account != account:
                self._answers[lane] = before._replace(campaign=NOBODY)
        if (held := self._listened.get(account)) is not None:
            held.add(lanes)

    def meet(self, account: str) -> bool:
        """Meet an account; tells whether we have before. Now and then a new one is taken for one that we met."""
        place = hash(account) & ((1 << MET_BITS) - 1)
        byte, bit = place >> 3, 1 << (place & 7)
        met = bool(self._met[byte] & bit)
        self._met[byte] |= bit
        return met

    def brought(self, account: str, lanes: list[int], *, met: bool) -> list[str]:
        """Look at an answer that a request brings along; gives the campaigns of which a member alone was given it."""
        hits: Counter[tuple[str, str]] = Counter()
        turns: dict[tuple[str, str], int] = {}
        for lane in lanes:
            given = self._answers.get(lane)
            if given is not None and given.campaign != NOBODY and given.account != account:
                giver = (given.campaign, given.account)
                hits[giver] += 1
                turns[giver] = min(turns.get(giver, given.turn), given.turn)
        found = [giver for giver, count in hits.items() if count >= ALIKE]
        held = self._listened.get(account)
        if not found and held is None:
            return []
        held = held or self.listen(account, None if met else -1)
        counted = [] if held.knows(lanes) else [giver[0] for giver in found if turns[giver] > held.since]
        held.add(lanes)
        return counted
