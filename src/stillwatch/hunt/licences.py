"""Licences: what grant holders used of their grants.

The cap is counted over answered exchanges (2xx, or unknown status) of the traffic hunted plus what earlier hunts
counted. Use of another model or family, or outside the dates, exceeds the grant as passing the cap does; a handful
of such exchanges (STRAY) is not called anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.engine.scratch import Scratch
from stillwatch.hunt.grow import Grown
from stillwatch.kit.arrow import texts
from stillwatch.kit.fingerprint import FRAME, MOST, scratch, sketch, telling
from stillwatch.kit.hashes import hash_column
from stillwatch.model.grant import Grant

STRAY: Final = 20
STRAY_SHARE: Final = 0.01
"""Exchanges outside the terms of a grant that are overlooked: so many, or this share of its use."""
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one grant was used for."""

    grant: Grant
    accounts: npt.NDArray[np.int64]
    within: int
    """Answered exchanges inside its terms, in this traffic."""
    carried: int
    """Answered exchanges inside its terms, in earlier hunts."""
    outside: int
    """Answered exchanges outside its terms: another model, another family, before or after its dates."""
    hours: dict[int, int]
    """Those `within`, by the hour, as hours since 1970 UTC; the next hunt takes them over."""

    @property
    def beyond(self) -> int:
        """Count the exchanges beyond the grant."""
        over = max(self.within + self.carried - self.grant.exchanges, 0) if self.grant.exchanges else 0
        stray = max(STRAY, STRAY_SHARE * (self.within + self.outside))
        return min(over, self.within) + (self.outside if self.outside > stray else 0)


def used(
    scratch_: Scratch, names: Sequence[str], grown: Grown, family_names: Sequence[str],
    grants: Sequence[Grant], carried: Mapping[str, int],
) -> list[Use]:  # fmt: skip
    """Count the use of every grant whose holder is in the traffic, in one pass over the scratch."""
    if not grants:
        return []
    number = {name: i for i, name in enumerate(names)}
    held = [np.array(sorted(number[a] for a in grant.accounts if a in number), np.int64) for grant in grants]
    families = [_families(grant, grown, family_names) for grant in grants]
    models = [hash_column(pa.array(sorted(grant.models), pa.string())) for grant in grants]
    within, outside = np.zeros(len(grants), np.int64), np.zeros(len(grants), np.int64)
    hours: list[dict[int, int]] = [{} for _ in grants]
    columns = ["who", "at", "primary", *(name for name in ("status", "model") if name in scratch_)]
    for _, piece in scratch_.pieces(*columns):
        account = piece["who"]
        status = piece.get("status", np.zeros(len(account), np.uint16))
        answered = (status == 0) | ((status >= 200) & (status < 300))
        for i, grant in enumerate(grants):
            mine = answered & np.isin(account, held[i])
            if not mine.any():
                continue
            start = _ms(grant.starts.toordinal())
            fits = (piece["at"] >= start) & (piece["at"] < _ms(grant.ends.toordinal()) + DAY_MS)
            if grant.models and "model" in piece:
                fits &= np.isin(piece["model"], models[i])
            named = families[i]
            if named is not None:  # other families exceed it, use without any family does not
                fits &= np.isin(piece["primary"], named) | (piece["primary"] == 0)
            within[i] += int((mine & fits).sum())
            for hour, times in zip(*np.unique(piece["at"][mine & fits] // HOUR_MS, return_counts=True), strict=True):
                hours[i][int(hour)] = hours[i].get(int(hour), 0) + int(times)
            outside[i] += int((mine & ~fits).sum())
    return [
        Use(
            grant=grant, accounts=held[i], within=int(within[i]), carried=carried.get(grant.id, 0),
            outside=int(outside[i]), hours=hours[i],
        )
        for i, grant in enumerate(grants) if len(held[i])
    ]  # fmt: skip


def _ms(ordinal: int) -> int:
    day = datetime.combine(datetime.fromordinal(ordinal).date(), time(), UTC)
    return int(day.timestamp() * 1000)


def _families(grant: Grant, grown: Grown, names: Sequence[str]) -> npt.NDArray[np.int32] | None:
    """Find the families that a grant names, by id or by the text of their template; None when it covers any use."""
    if grant.covers_any_use:
        return None
    found = {i for i, name in enumerate(names) if name and name in grant.families}
    if grant.templates:
        opened = texts(pa.array(list(grant.templates), pa.string()))
        work = scratch()
        for i in range(len(grant.templates)):
            kept = sketch(opened.data, opened.offsets[i], opened.offsets[i + 1], work, FRAME, np.uint64(0))[4]
            marks = work.marks[: min(kept, MOST)].astype(np.uint32)
            for family, every in enumerate(grown.marks):
                frame = telling(every)
                if len(frame) and np.isin(frame, marks).mean() >= 0.5:
                    found.add(family)
    return np.array(sorted(found), np.int32)
