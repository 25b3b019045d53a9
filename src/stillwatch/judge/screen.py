"""Screen: which proposals are worth settling; thousands of them fall apart at once, and are told so in one pass.

A proposal is passed over where, by bounds that no view passes, fewer than CORE of its owners could stay: `settle` would
give it up at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from stillwatch.judge.look import CORE, SLACK_BITS, STRANGERS, TIE_BITS, WHOLE, Look
from stillwatch.kit import screen
from stillwatch.kit.groups import Groups
from stillwatch.kit.held import Held, hold
from stillwatch.model.view import Framed


class Screen:
    """Knows what every view could give at the most."""

    def __init__(self, looks: Mapping[str, Look], declared: npt.NDArray[np.bool_]) -> None:
        owners = len(declared)
        self._declared = declared
        self._into = np.zeros(0, np.int64)
        tables: list[Held] = []
        first, caps, admits = [0], [], []
        spare, ties, whole = np.zeros(owners), np.zeros(owners, np.int64), np.zeros(owners, bool)
        woken: list[tuple[npt.NDArray[np.bool_], float, bool]] = []
        framed: Framed | None = None
        for name, look in looks.items():
            most = look.sight.most()
            if most.framed is not None:
                framed = most.framed
            elif most.columns:
                tables += most.columns
                first.append(len(tables))
                caps.append(look.view.CAP)
                admits.append(look.view.ADMITS)
            elif most.woken is not None:
                woken.append((most.woken, look.view.CAP, look.view.ADMITS))
            else:
                each = np.minimum(most.each, look.view.CAP)
                spare += np.maximum(each, 0.0) + SLACK_BITS
                ties += (each >= TIE_BITS - SLACK_BITS) & look.view.ADMITS
                if name == WHOLE:
                    whole |= each >= look.view.CAP - SLACK_BITS
        self._tables = screen.columns(tables)
        self._held = tables  # the kernel knows them by their addresses
        self._frames = _frames(framed, owners)
        self._rule = screen.Rule(
            first=np.array(first, np.int64), caps=np.array(caps, np.float64), admits=np.array(admits, np.bool_),
            spare=spare, spare_ties=ties, whole=whole,
            woken=np.array([mask for mask, _, _ in woken], np.bool_).reshape(len(woken), owners),
            woken_bits=np.array([cap for _, cap, _ in woken], np.float64),
            woken_ties=np.array([admits for _, _, admits in woken], np.bool_),
            tie=TIE_BITS, strangers=STRANGERS, slack=SLACK_BITS, core=CORE,
        )  # fmt: skip

    def next_open(
        self, groups: Groups, order: npt.NDArray[np.int64], start: int, home: npt.NDArray[np.int64], homes: int
    ) -> tuple[int, list[tuple[int, int]]]:
        """Find the next proposal that lies by less than half in settled groups, and of which enough could stay.

        Those before it that lie in settled groups are seeds of these: they come as (group, proposal).
        """
        if len(self._into) < len(order):
            self._into = np.full(len(order), -1, np.int64)
        at = screen.pass_over(
            groups.offsets, groups.members, order, start, home, self._declared, np.zeros(homes, np.int64), self._into,
            self._tables, self._frames, self._rule,
        )  # fmt: skip
        passed = start + np.flatnonzero(self._into[start:at] >= 0)
        lying = list(zip(self._into[passed].tolist(), order[passed].tolist(), strict=True))
        self._into[passed] = -1
        return at, lying


def _frames(framed: Framed | None, owners: int) -> screen.Frames:
    held = framed.table if framed is not None else _nothing(owners)
    return screen.Frames(
        offsets=held.offsets, values=held.values, weights=held.weights, bears=held.bears, mass=held.mass,
        bearers=float(held.bearers), single=framed.single if framed else 0.0, most=framed.cap if framed else 0.0,
    )  # fmt: skip


def _nothing(owners: int) -> Held:
    """Make a table in which nobody holds anything."""
    nobody = np.zeros(0, np.int32)
    return hold(nobody, nobody.astype(np.uint64), nobody.astype(np.float64), owners)
