"""Taken: the traffic of a campaign, laid out in DuckDB, and what can be counted of it.

Cost: one scan of the traffic, and a look at LOOKED answers. Source for `list_at_least`: Chao 1984.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.ingest import Gathered
from stillwatch.judge.exemplars import leak
from stillwatch.kit.scripts import SCRIPT_SHIFT, SCRIPTS, fold_table
from stillwatch.model.answer import FREE
from stillwatch.model.case import Entry
from stillwatch.model.damage import Breadth, FamilyTaken, ModelTaken, Price
from stillwatch.remedy.prices import Prices
from stillwatch.store import cases

LOOKED: Final = 50_000
"""Answers that are read word by word, of the campaign and of the rest each; those whose id has the smallest hash."""
COLUMNS: Final = (
    "exchange", "at", "account", "model", "system", "messages", "response", "tool_calls", "reasoning", "input_tokens",
    "output_tokens", "reasoning_tokens", "status",
)  # fmt: skip


def lay_out(base: Any, directory: Path, entry: Entry, traffic: Gathered) -> None:
    """Lay out the traffic as `log`, and what of it belongs to the campaign as `taken`, each exchange once."""
    base.execute(f"CREATE VIEW log AS {traffic.select(COLUMNS)}")
    if entry.finding == "account_network":
        base.register("members", pa.table({"account": pa.array(entry.accounts, pa.string())}))
        base.execute(
            "CREATE TEMP TABLE named AS SELECT DISTINCT exchange, NULL::VARCHAR AS family "
            "FROM log SEMI JOIN members USING (account)"
        )
    else:
        attributed = cases.table(directory, cases.EXCHANGES)
        base.register("attributed", attributed)
        base.execute(
            "CREATE TEMP TABLE named AS SELECT exchange, any_value(family)::VARCHAR AS family FROM attributed "
            "WHERE campaign = ? GROUP BY exchange", [entry.id],
        )  # fmt: skip
    base.execute(
        """
        CREATE TEMP TABLE taken AS
        SELECT l.* EXCLUDE (messages, system, response, reasoning, tool_calls), n.family,
               list_filter(l.messages, lambda m: m.role IN ('user', 'human'))[-1].content AS asked,
               length(coalesce(l.reasoning, '')) AS reasoned,
               l.status IS NULL OR l.status BETWEEN 200 AND 299 AS answered,
               list_transform(coalesce(l.tool_calls, []), lambda c: c.name) AS called
        FROM log l JOIN named n USING (exchange)
        QUALIFY row_number() OVER (PARTITION BY exchange ORDER BY l."at") = 1
        """
    )


def sums(base: Any, there: set[str]) -> dict[str, Any]:
    """Sum up; -1 for what the traffic has no column of."""
    (row,) = base.execute(
        """
        SELECT count(*) FILTER (answered), coalesce(sum(input_tokens), 0), coalesce(sum(reasoning_tokens), 0),
               count(*) FILTER (reasoned > 0), coalesce(sum(reasoned), 0),
               count(DISTINCT lower(trim(asked))) FILTER (answered)
        FROM taken
        """
    ).fetchall()
    names = (
        "answered",
        "input_tokens",
        "reasoning_tokens",
        "with_reasoning",
        "reasoning_characters",
        "prompts_answered",
    )
    needs = {"input_tokens": "input_tokens", "reasoning_tokens": "reasoning_tokens", "with_reasoning": "reasoning",
             "reasoning_characters": "reasoning"}  # fmt: skip
    return {
        name: int(value) if needs.get(name, "exchange") in there else -1 for name, value in zip(names, row, strict=True)
    }


def by_model(base: Any, prices: Prices | None) -> list[ModelTaken]:
    rows = base.execute(
        """
        SELECT coalesce(model, ''), count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
               coalesce(sum(reasoning_tokens), 0)
        FROM taken GROUP BY 1 ORDER BY 4 DESC, 1
        """
    ).fetchall()
    found = []
    for model, count, put, got, thought in rows:
        one = prices.of(model) if prices is not None else None
        price = None if one is None else (put * one.input + got * one.output + thought * one.reasoning) / 1e6
        found.append(
            ModelTaken(
                model=model, exchanges=count, input_tokens=int(put), output_tokens=int(got),
                reasoning_tokens=int(thought), price=price,
            )
        )  # fmt: skip
    return found


def at_list(base: Any, models: list[ModelTaken], prices: Prices | None, declared: pa.Table | None) -> Price | None:
    if prices is None:
        return None
    parts = [0.0, 0.0, 0.0]
    unpriced = []
    for model in models:
        one = prices.of(model.model)
        if one is None:
            unpriced.append(model.model or "requests that name no model")
            continue
        for place, (tokens, each) in enumerate(
            (
                (model.input_tokens, one.input),
                (model.output_tokens, one.output),
                (model.reasoning_tokens, one.reasoning),
            )
        ):
            parts[place] += tokens * each / 1e6
    return Price(
        currency=prices.currency, sum=sum(parts), input=parts[0], output=parts[1], reasoning=parts[2],
        unpriced=unpriced, unpaid=_unpaid(base, prices, declared),
    )  # fmt: skip


def _unpaid(base: Any, prices: Prices, declared: pa.Table | None) -> float | None:
    """Sum up what went to accounts on a plan that nobody pays for."""
    if declared is None or "plan" not in declared.column_names:
        return None
    free = [
        account for account, plan in zip(declared["account"].to_pylist(), declared["plan"].to_pylist(), strict=True)
        if plan is not None and plan.lower() in FREE
    ]  # fmt: skip
    base.register("free", pa.table({"account": pa.array(free, pa.string())}))
    total = 0.0
    for model, put, got, thought in base.execute(
        "SELECT coalesce(model, ''), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), "
        "coalesce(sum(reasoning_tokens), 0) FROM taken SEMI JOIN free USING (account) GROUP BY 1"
    ).fetchall():
        one = prices.of(model)
        if one is not None:
            total += (put * one.input + got * one.output + thought * one.reasoning) / 1e6
    return total


def items(base: Any, families: list[FamilyTaken]) -> list[FamilyTaken]:
    """Count distinct items by family, and how large the list behind them is at least."""
    rows = base.execute(
        """
        WITH times AS (SELECT family, lower(trim(asked)) AS item, count(*) AS n FROM taken WHERE answered GROUP BY ALL)
        SELECT family, count(*), count(*) FILTER (n = 1), count(*) FILTER (n = 2) FROM times GROUP BY family
        """
    ).fetchall()
    counts = {family: (items, once, twice) for family, items, once, twice in rows}
    found = []
    for one in families:
        if one.id not in counts:  # a network's exchanges are not attributed to families
            found.append(one)
            continue
        items, once, twice = counts[one.id]
        least = items + once * once // (2 * twice) if twice else 0
        found.append(msgspec.structs.replace(one, items=items, once=once, list_at_least=least))
    return found


def tools(base: Any) -> Breadth:
    taken = base.execute(
        "SELECT tool, count(*) FROM (SELECT unnest(called) AS tool FROM taken) "
        "WHERE tool IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    ((all_,),) = base.execute(
        "SELECT count(DISTINCT tool) FROM "
        "(SELECT unnest(list_transform(tool_calls, lambda c: c.name)) AS tool FROM log)"
    ).fetchall()
    return Breadth(taken=dict(taken), everywhere=int(all_))


class Looked:
    """What reading answers one by one told."""

    def __init__(self) -> None:
        self.rows = self.gave_away = 0
        self.scripts: Counter[str] = Counter()


def look(base: Any) -> Looked:
    """Read the system text, the reasoning and the answer of a bounded number of the campaign's exchanges."""
    found = Looked()
    reader = base.execute(
        "SELECT l.system, l.reasoning, l.response, t.asked FROM log l "
        "JOIN (SELECT exchange, asked FROM taken ORDER BY md5(exchange) LIMIT ?) t USING (exchange)",
        [LOOKED],
    )
    while rows := reader.fetchmany(2048):
        for system, reasoning, response, asked in rows:
            found.rows += 1
            found.gave_away += leak(system or "", reasoning or "", response or "") > 0
            if (name := script(asked or "")) is not None:
                found.scripts[name] += 1
    return found


def scripts(base: Any, looked: Looked) -> Breadth:
    everywhere = set(looked.scripts)
    reader = base.execute(
        "SELECT list_filter(messages, lambda m: m.role IN ('user', 'human'))[-1].content FROM log "
        "ORDER BY md5(exchange) LIMIT ?",
        [LOOKED],
    )
    while rows := reader.fetchmany(2048):
        everywhere |= {name for (asked,) in rows if (name := script(asked or "")) is not None}
    return Breadth(taken=dict(looked.scripts.most_common()), everywhere=len(everywhere))


def script(text: str) -> str | None:
    """Name the script that most letters of a text are of; nothing where it has none.

    >>> script("What is this?"), script("これは何ですか"), script("1 + 1")
    ('latin', 'kana', None)
    """
    points = np.frombuffer(text[:4000].encode("utf-32-le", "replace"), np.uint32)
    points = points[points < 0x10000]
    seen = fold_table()[points] >> SCRIPT_SHIFT
    counts = np.bincount(seen, minlength=len(SCRIPTS))
    counts[0] = 0
    return SCRIPTS[int(counts.argmax())] if counts.any() else None
