"""Shown: what one request shows of the campaigns in a live state: its account's place, families and ties.

Looks the same when innocent: a shared address, a common client build, a template that was copied; so nothing is weighed
here. A state is swapped whole, and what was looked up in the one before is forgotten with it.

Cost: see `kit.contained` for a text; a system text, an account and a tie are looked up once and remembered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa

from stillwatch.kit.contained import KEPT, contained
from stillwatch.kit.fingerprint import LONGEST, Scratch
from stillwatch.kit.hashes import hash_column
from stillwatch.kit.jit import entry
from stillwatch.kit.lookup import every
from stillwatch.model.answer import Asked
from stillwatch.sketch.network import address
from stillwatch.sketch.system import SALT
from stillwatch.store.key import Key
from stillwatch.store.live import State
from stillwatch.watch.newcomers import Newcomers
from stillwatch.watch.texts import Texts

U64 = np.uint64
SYSTEM_KEPT: Final = 8192
"""Characters of a system text up to which what was found in it is kept."""
PADDING: Final = bytes(64)


class Shown:
    """Looks requests up in one live state; without a state it finds nothing."""

    def __init__(self, key: Key, state: State | None, newcomers: Newcomers | None, work: Scratch) -> None:
        self._key = key
        self._state = state
        self._newcomers = newcomers
        self._work = work
        self._rows = np.empty(KEPT, np.int32)
        self._few = np.empty(16, np.int32)
        self._tied = lru_cache(maxsize=65_536)(self._ties_of)
        self.campaigns = lru_cache(maxsize=65_536)(self._campaigns_of)
        self._framed = lru_cache(maxsize=4096)(self._system)
        if state is not None:
            nothing = np.frombuffer(PADDING, np.uint8)
            self._find = entry(contained, nothing, 0, SALT, self._work, state.frames, self._rows)
            self._every = entry(every, state.members.keys, state.members.values, U64(1), self._few)

    def _campaigns_of(self, account: str) -> list[int]:
        """Find the campaigns of which an account is a member, as rows of the state."""
        if self._state is None:
            return []
        members, hashed = self._state.members, self._key.account(account)
        found = self._every(members.keys, members.values, U64(hashed), self._few)
        if not found and self._newcomers is not None:
            self._newcomers.outsiders.met(hashed)
        return self._few[:found].tolist() if found else []

    def families(self, told: Texts) -> list[int]:
        """Find the families of campaigns that a request contains, as rows of the state."""
        found = self._contained(told.last, U64(0))
        if told.first is not told.last and told.first:
            found += [row for row in self._contained(told.first, U64(0)) if row not in found]
        if told.system:  # one text stands before many requests, so it is looked at once
            known = self._framed(told.system) if len(told.system) <= SYSTEM_KEPT else self._system(told.system)
            found += known
        return found

    def family_names(self, told: Texts) -> set[str]:
        """Find the families of campaigns that a request contains, by their ids."""
        state = self._state
        return set() if state is None else {bytes(state.family[row]).decode() for row in self.families(told)}

    def _system(self, text: str) -> tuple[int, ...]:
        return tuple(self._contained(text, SALT))

    def _contained(self, text: str, salt: np.uint64) -> list[int]:
        if self._state is None or not text:
            return []
        raw = text[:LONGEST].encode("utf-8", "replace")
        data = np.frombuffer(raw + PADDING, np.uint8)
        found = self._find(data, len(raw), salt, self._work, self._state.frames, self._rows)
        return self._rows[:found].tolist() if found else []

    def ties(self, asked: Asked) -> list[tuple[int, int]]:
        """Find the ties of campaigns that a request shows: its address and its client build."""
        found: list[tuple[int, int]] = []
        if asked.ip:
            found += self._tied("ip", asked.ip)
        if asked.ja4:
            found += self._tied("ja4", asked.ja4)
        if asked.user_agent:
            found += self._tied("user_agent", asked.user_agent)
        return found

    def _ties_of(self, column: str, value: str) -> tuple[tuple[int, int], ...]:
        if self._state is None:
            return ()
        if column == "ip":
            hashes = [("ip", address(value)[0]), ("prefix", address(value)[1])]
        else:
            hashes = [(column, int(hash_column(pa.array([value], pa.string()))[0]))]
        ties = self._state.ties
        for name, hashed in hashes:  # the exact address first: its neighbourhood says the same again
            if hashed:
                keyed = int(self._key.hash(name, hashed), 16) or 1
                found = every(ties.keys, ties.values, U64(keyed), self._few)
                if found:
                    return tuple((keyed, int(row)) for row in self._few[:found])
        name, hashed = hashes[-1] if hashes[-1][1] else hashes[0]
        return ((int(self._key.hash(name, hashed), 16) or 1, -1),) if column == "ip" and hashed else ()
