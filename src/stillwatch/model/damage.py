"""Damage: what a campaign took, as far as it can be counted; every figure that cannot be is left out and said."""

from __future__ import annotations

from datetime import datetime

import msgspec


class FamilyTaken(msgspec.Struct, kw_only=True, frozen=True):
    """What was taken through one family.

    Attributes:
        share: its part of all exchanges of the family in the traffic that was hunted.
        items: distinct last user turns of it; -1 without the traffic.
        once: how many of them were asked once only.
        list_at_least: distinct items that the list behind it holds at least (Chao 1984), from how many were asked
            once and twice; 0 where nothing was asked twice, and so nothing can be said.
    """

    id: str
    exchanges: int
    accounts: int
    kinds: list[str] = []
    share: float = 0.0
    items: int = -1
    once: int = -1
    list_at_least: int = 0


class ModelTaken(msgspec.Struct, kw_only=True, frozen=True):
    """What was taken from one model.

    Attributes:
        price: at list, in the currency of the price list; nothing where it names no price for the model.
    """

    model: str
    exchanges: int
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    price: float | None = None


class Breadth(msgspec.Struct, kw_only=True, frozen=True):
    """How wide a campaign ranged, beside the traffic that it ran in.

    Attributes:
        taken: scripts or tools that it used, with exchanges.
        everywhere: how many of them the traffic has at all.
    """

    taken: dict[str, int]
    everywhere: int


class TrainingSet(msgspec.Struct, kw_only=True, frozen=True):
    """A published training set, for size alone.

    Attributes:
        ratio: answered distinct prompts of the campaign to the pairs of the set.
    """

    name: str
    pairs: int
    source: str
    ratio: float


class Price(msgspec.Struct, kw_only=True, frozen=True):
    """What the same would have cost at list.

    Attributes:
        unpriced: models that the price list does not name; their tokens are in no sum.
        unpaid: of the sum, what went to accounts whose plan nobody pays for; nothing without the accounts file.
    """

    currency: str
    sum: float
    input: float
    output: float
    reasoning: float
    unpriced: list[str] = []
    unpaid: float | None = None


class Damage(msgspec.Struct, kw_only=True, frozen=True):
    """What a campaign took.

    Attributes:
        answered: exchanges with a 2xx; -1 without the traffic.
        input_tokens, reasoning_tokens: likewise.
        with_reasoning: exchanges whose answer carried reasoning text; likewise.
        reasoning_characters: of that text.
        gave_away: of `looked_at` exchanges, how many answers gave away a third of the system text or of the hidden
            reasoning.
        prompts_answered: distinct prompts that were answered: the pairs that a training set could be made of.
        missing: what cannot be said, and what would say it.
    """

    schema: int = 1
    case: str
    campaign: str
    finding: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    accounts: int
    exchanges: int
    tasks: int
    distinct_prompts: int
    output_tokens: int
    answered: int = -1
    input_tokens: int = -1
    reasoning_tokens: int = -1
    with_reasoning: int = -1
    reasoning_characters: int = -1
    looked_at: int = 0
    gave_away: int = 0
    prompts_answered: int = -1
    targets: list[str]
    families: list[FamilyTaken]
    models: list[ModelTaken] = []
    scripts: Breadth | None = None
    tools: Breadth | None = None
    price: Price | None = None
    beside: list[TrainingSet] = []
    missing: list[str] = []
