"""Texts: real prompts in the place of own grammars.

The normal form: a directory whose subdirectories hold `prompts.parquet` with the columns `source`, `category`
(harvest, benign, jailbreak, template, judge, agentic, cot), `text`, `system` and `extra`. Each category takes
the place of the symbols below. A third of each category, chosen by its text, is kept for report seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import SettingsError
from stillwatch.sim._keys import key

TAKES: Final = {  # category: symbols whose alternatives its texts replace
    "harvest": ("task.ask", "public.ask"),
    "benign": ("en.ask",),
    "template": ("saas.input",),
    "agentic": ("agent.task",),
    "jailbreak": ("attack.ask",),
}
LONGEST: Final = 20_000
COLUMNS: Final = ("category", "text")


def pools(folder: Path, *, report: bool) -> dict[str, Sequence[str]]:
    """Read the texts of each symbol.

    Raises:
        SettingsError: when the directory or a file in it is not in the normal form.
    """
    if not folder.is_dir():
        raise SettingsError(f"no directory `{folder}`", where="--texts", hint="a directory of `*/prompts.parquet`")
    files = sorted([*folder.glob("prompts.parquet"), *folder.glob("*/prompts.parquet")])
    if not files:
        raise SettingsError(f"no `prompts.parquet` below `{folder}`", where="--texts", hint="see docs: practice worlds")
    found: dict[str, list[str]] = {}
    for file in files:
        for category, text in _rows(file):
            if text and (int(key("text", text)) % 3 == 0) == report:
                found.setdefault(category, []).append(text[:LONGEST])
    if not any(category in found for category in TAKES):
        raise SettingsError(
            f"no text of a known category below `{folder}`",
            where="--texts",
            hint=f"categories: {', '.join(TAKES)}",
        )
    return {symbol: found[category] for category, symbols in TAKES.items() if category in found for symbol in symbols}


def _rows(file: Path) -> list[tuple[str, str]]:
    try:
        table = pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as mistake:
        raise SettingsError(f"cannot read the texts: {mistake}", where=str(file)) from mistake
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise SettingsError(
            f"`{missing[0]}` is missing", where=str(file), hint="columns: source, category, text, system"
        )
    return list(zip(table["category"].to_pylist(), table["text"].to_pylist(), strict=True))
