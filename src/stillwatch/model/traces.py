"""Traces: what the views look at. Sparse tables over owners, made once from the traffic and the accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.kit.held import Held
from stillwatch.model.crowd import Crowd


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Streams: one family inside one account, the smallest unit judged; ordered by (account, family)."""

    account: npt.NDArray[np.int32]
    family: npt.NDArray[np.int32]
    exchanges: npt.NDArray[np.int64]
    output_tokens: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handovers:
    """Turns that were generated for one owner and came back as history from another."""

    giver: npt.NDArray[np.int32]
    taker: npt.NDArray[np.int32]
    conversation: npt.NDArray[np.uint64]
    at: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    """Answered exchanges of each owner."""
    returns: npt.NDArray[np.int64]
    """Exchanges with a history of each owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Families:
    """The families of a log: number 0 is none."""

    names: list[str]
    """Stable ids, by number; the first is empty."""
    kind: npt.NDArray[np.uint8]
    """0 none, 1 of user turns, 2 of system texts."""
    marks: npt.NDArray[np.int64]
    """Fingerprints in the frame."""
    harness: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closely:
    """What is looked at closely: for owners in groups that have passed, and a sample of the others."""

    owners: npt.NDArray[np.int32]
    """The owners looked at, ascending."""
    sample: npt.NDArray[np.int32]
    """Those of them that are the yardstick: owners in no group."""
    hours: Held
    """Hours in which each owner was active; keys are hours since 1970, plus one."""
    models: npt.NDArray[np.uint64]
    """Models, in the order in which they first appeared in the log."""
    released: npt.NDArray[np.int64]
    """When each first appeared, ms."""
    adopted: npt.NDArray[np.int64]
    """First use of each model by each owner, ms, shape (all owners, models); 0 for never."""
    item_owner: npt.NDArray[np.int32]
    """Distinct (owner, frame, item), best in order of the owners: who asked ..."""
    item: npt.NDArray[np.uint64]
    """... which item, as a hash of frame and last user turn."""
    item_family: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What the views look at."""

    crowd: Crowd
    held: dict[str, Held]
    """Tables of owners by values: `ip`, `prefix`, `ja4`, `user_agent`, `family`, `payment`, `device`, …"""
    handovers: Handovers | None = None
    streams: Streams | None = None
    families: Families | None = None
    closely: Closely | None = None
