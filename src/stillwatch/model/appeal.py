"""Appeal: what a party that was met with an order asks of the operator, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

AppealStep = Literal["open", "refused", "restored"]


class Appeal(msgspec.Struct, kw_only=True, frozen=True):
    """One appeal.

    Attributes:
        reference: what the party quoted; it stands in every refusal.
        account: whom the reference names, to nobody but us.
        text: the party's own words; hostile until shown otherwise.
        whole: whether the whole order was undone for it, or the account alone was spared.
    """

    id: str
    reference: str
    order: str
    account: str
    text: str
    contact: str = ""
    opened_by: str
    opened_at: datetime
    step: AppealStep = "open"
    decided_by: str = ""
    decided_at: datetime | None = None
    why: str = ""
    whole: bool = False


class AppealFigures(msgspec.Struct, kw_only=True, frozen=True):
    """How appeals stand.

    Attributes:
        median_hours: from opening to decision, of those decided.
        oldest_open_hours: how long the oldest has been waiting.
        restored_share: of those decided.
    """

    open: int
    decided: int
    restored: int
    restored_share: float | None
    median_hours: float | None
    oldest_open_hours: float | None
