"""Answers: those to members of campaigns are looked at as they go out, and known again when a stranger brings one.

What counts of them stands in `handed`; here the text becomes fingerprints, and what the other replicas hear is told.

Looks the same when innocent: see `handed`. Cost: one sketch of each answer.
"""

from __future__ import annotations

import numpy as np

from stillwatch.kit.contained import lanes
from stillwatch.kit.fingerprint import LANES, LONGEST, Scratch
from stillwatch.model.answer import Asked
from stillwatch.store.live import State
from stillwatch.watch.handed import ALIKE, Handed
from stillwatch.watch.heard import Batch, Heard
from stillwatch.watch.shown import PADDING
from stillwatch.watch.texts import Texts


class Answers:
    """Answers that go out and come back; one of them serves one process."""

    def __init__(self, work: Scratch) -> None:
        self._handed = Handed()
        self._work = work
        self._lanes = np.empty(LANES, np.uint32)

    def listens(self, account: str) -> bool:
        """Tell whether answers to an account are listened to."""
        return self._handed.listens(account)

    def gave(self, account: str, marks: list[int], campaign: str | None) -> None:
        """Take in an answer that was given to an account, a member of a campaign or nobody's."""
        if campaign is not None:
            self._handed.gave(campaign, account, marks)
        else:
            self._handed.told(account, marks)

    def brought(self, asked: Asked, told: Texts, heard: Heard | None) -> list[str]:
        """Look at the answer that a request brings along; gives the campaigns of which a member alone was given it."""
        met = self._handed.meet(asked.account)
        if not told.answer or not self._handed:
            return []
        listened = self._handed.listens(asked.account)
        found = self._handed.brought(asked.account, self.marks(told.answer), met=met)
        if heard is not None and not listened and self._handed.listens(asked.account):
            heard.listens(asked.account)
        return found

    def hear(self, batch: Batch, state: State | None) -> None:
        """Take in what another replica heard of answers, under this very state."""
        for account in batch.listened:
            self._handed.listen(account)
        for given in batch.given:
            if given.campaign < 0:
                self._handed.told(given.account, given.lanes)
            elif state is not None:
                self._handed.gave(state.meta.campaigns[given.campaign].id, given.account, given.lanes)

    def marks(self, text: str) -> list[int]:
        """Give the fingerprints by which an answer is known again; none where it is too short to be."""
        raw = text[:LONGEST].encode("utf-8", "replace")
        if not raw:
            return []
        lanes(np.frombuffer(raw + PADDING, np.uint8), len(raw), self._work, self._lanes)
        return [lane for lane in self._lanes.tolist() if lane] if self._lanes[ALIKE - 1] else []
