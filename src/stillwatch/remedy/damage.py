"""Damage: what a campaign took, from what its case keeps and, where it is at hand, from the traffic.

From the case alone: exchanges, tasks, output tokens, distinct prompts, capabilities, families. From the traffic
besides: tokens by model, reasoning that was delivered, answers that gave something away, items, scripts, tools, and
with a price list what the same would have cost. What was paid, and what was trained, no log shows; neither is guessed.

"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb
import msgspec
import pyarrow as pa

from stillwatch.errors import CaseError, UsageError
from stillwatch.ingest import Gathered
from stillwatch.model.case import Case, Entry
from stillwatch.model.damage import Damage, FamilyTaken, TrainingSet
from stillwatch.remedy import taken
from stillwatch.remedy.prices import Prices
from stillwatch.store import cases

SETS: Final = (
    ("LIMA", 1_000, "arXiv:2305.11206"),
    ("s1K", 1_000, "arXiv:2501.19393"),
    ("Alpaca", 52_000, "github.com/tatsu-lab/stanford_alpaca"),
    ("DeepSeek-R1 distillation set", 800_000, "arXiv:2501.12948"),
)
"""Published sets of pairs on which models were trained to follow instructions or to reason, by their authors' own
count.
"""


def assess(
    directory: Path, campaign: str, *, traffic: Gathered | None = None, prices: Prices | None = None,
    declared: pa.Table | None = None,
) -> Damage:  # fmt: skip
    """Say what a campaign took.

    Raises:
        UsageError: when the case has no such entry.
        CaseError: when the case is damaged, or the traffic is not that of the case.
    """
    case = cases.read(directory)
    entry = _entry(case, campaign, directory)
    told = _from_case(directory, entry)
    missing = list(told.missing)
    if traffic is None:
        missing.append("reasoning, items, scripts, tools and tokens by model: name the traffic, `--traffic`")
        if prices is not None:
            missing.append("a price needs tokens by model: name the traffic, `--traffic`")
        return msgspec.structs.replace(told, missing=missing)
    return _from_traffic(told, directory, entry, traffic, prices, declared)


def _entry(case: Case, campaign: str, directory: Path) -> Entry:
    for entry in case.campaigns:
        if entry.id == campaign:
            return entry
    ids = ", ".join(entry.id for entry in case.campaigns) or "none"
    raise UsageError(f"the case has no entry `{campaign}`", where=str(directory), hint=f"it has {ids}")


def _from_case(directory: Path, entry: Entry) -> Damage:
    table = cases.table(directory, cases.FAMILIES)
    everywhere = {}
    if len(table):
        everywhere = dict(zip(table["family"].to_pylist(), table["exchanges"].to_pylist(), strict=True))
    families = [
        FamilyTaken(
            id=one.id, exchanges=one.exchanges, accounts=one.accounts, kinds=one.kinds,
            share=min(one.exchanges / everywhere[one.id], 1.0) if everywhere.get(one.id) else 0.0,
        )
        for one in entry.families if not one.harness
    ]  # fmt: skip
    missing = []
    if entry.finding == "account_network":
        missing.append(
            "a network attributes no exchanges: all traffic of its accounts is counted, what customers asked too"
        )
    return Damage(
        case=str(directory), campaign=entry.id, finding=entry.finding, from_=entry.from_, to=entry.to,
        accounts=len(entry.accounts), exchanges=entry.exchanges, tasks=entry.tasks,
        distinct_prompts=entry.distinct_prompts, output_tokens=entry.output_tokens, targets=entry.targets,
        families=families, missing=missing,
    )  # fmt: skip


# -- from the traffic


def _from_traffic(
    told: Damage, directory: Path, entry: Entry, traffic: Gathered, prices: Prices | None, declared: pa.Table | None
) -> Damage:
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        taken.lay_out(base, directory, entry, traffic)
        ((found,),) = base.execute("SELECT count(*) FROM taken").fetchall()
        if not found:
            raise CaseError(
                "no exchange of the campaign is in this traffic",
                where=str(directory),
                hint="name the traffic that was hunted",
            )
        missing = list(told.missing)
        if found < entry.exchanges:
            missing.append(f"{entry.exchanges - found:,} of its {entry.exchanges:,} exchanges are not in this traffic")
        models = taken.by_model(base, prices)
        looked = taken.look(base)
        there = set(traffic.columns)
        sums = taken.sums(base, there)
        for column, lost in (
            ("reasoning", "how much reasoning was delivered"), ("reasoning_tokens", "reasoning tokens"),
            ("system", "answers that gave the system text away"), ("tool_calls", "tools"),
        ):  # fmt: skip
            if column not in there:
                missing.append(f"{lost}: the traffic has no column `{column}`")
        price = taken.at_list(base, models, prices, declared)
        if prices is None:
            missing.append("no price list was given: `--prices`, or `[remedy] prices`")
        elif price is not None and price.unpriced:
            missing.append(f"the price list names no price for {', '.join(price.unpriced)}")
        return msgspec.structs.replace(
            told, **sums, models=models, families=taken.items(base, told.families), price=price,
            beside=[] if entry.finding == "account_network" else _beside(sums["prompts_answered"]),
            looked_at=looked.rows, gave_away=looked.gave_away, scripts=taken.scripts(base, looked), missing=missing,
            tools=taken.tools(base) if "tool_calls" in there else None,
        )  # fmt: skip


def _beside(pairs: int) -> list[TrainingSet]:
    return [TrainingSet(name=name, pairs=size, source=source, ratio=pairs / size) for name, size, source in SETS]
