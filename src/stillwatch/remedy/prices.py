"""Prices: the operator's own list, from a TOML file; none is shipped, since an invented price is worse than none.

currency = "USD"

[[price]]
model = "demo-large"      # as in the log; a `*` at the end stands for any ending
input = 3.0               # per million tokens
output = 15.0             # reasoning tokens are billed inside these, unless the next line says otherwise
reasoning = 0.0
"""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.errors import SettingsError


class ModelPrice(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Prices of a model, for a million tokens each."""

    model: str
    input: float
    output: float
    reasoning: float = 0.0


class _File(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    currency: str
    price: list[ModelPrice]


class Prices:
    """A price list; the longest name that fits a model counts."""

    def __init__(self, currency: str, prices: list[ModelPrice]) -> None:
        self.currency = currency
        self._prices = sorted(prices, key=lambda one: (one.model.endswith("*"), -len(one.model)))

    def of(self, model: str) -> ModelPrice | None:
        """Find the price of a model."""
        for one in self._prices:
            if one.model == model or (one.model.endswith("*") and model.startswith(one.model[:-1])):
                return one
        return None


def read(path: Path) -> Prices:
    """Read a price list.

    Raises:
        SettingsError: naming the file, the place and what next.
    """
    try:
        text = path.read_text("utf-8")
        content: dict[str, Any] = tomllib.loads(text)
    except OSError as trouble:
        raise SettingsError(f"cannot read the prices: {trouble.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise SettingsError("the prices are not UTF-8", where=str(path)) from None
    except tomllib.TOMLDecodeError as trouble:
        raise SettingsError(f"the prices are not TOML: {trouble}", where=str(path)) from None
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*price\s*\]\]", line)]
    try:
        told = msgspec.convert(content, _File)
    except msgspec.ValidationError as trouble:
        raise _wrong(str(trouble), path, lines) from None
    for place, one in enumerate(told.price):
        where = f"{path}, line {lines[place] if place < len(lines) else 1}, price of `{one.model}`"
        if any(not math.isfinite(value) or value < 0 for value in (one.input, one.output, one.reasoning)):
            raise SettingsError("a price is a number from 0 on", where=where, hint="per million tokens")
        if sum(other.model == one.model for other in told.price) > 1:
            raise SettingsError("a model has two prices", where=where, hint="keep one of them")
    return Prices(told.currency, told.price)


def _wrong(trouble: str, path: Path, lines: list[int]) -> SettingsError:
    what, _, place = trouble.partition(" - at `$")
    number = re.search(r"price\[(\d+)\]", place)
    line = f", line {lines[int(number[1])]}" if number is not None and int(number[1]) < len(lines) else ""
    field = place.strip("`.").rpartition(".")[2]
    told = f"`{field}`: " if number is not None and field and "]" not in field else ""
    hint = "a price list holds `currency` and `[[price]]` tables with `model`, `input` and `output`"
    return SettingsError(f"{told}{what[:1].lower()}{what[1:]}", where=f"{path}{line}", hint=hint)
