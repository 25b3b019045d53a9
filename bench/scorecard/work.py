"""Work: one unit, from its world to its cells.

Each cell is written aside and then renamed, so that a killed run leaves whole cells or none, and the next one goes on
with those that are not there. A cell that was measured with other code is measured again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import stillwatch
from scorecard import rivals
from scorecard.plan import MISSING, MOST, Unit, views
from stillwatch import sim
from stillwatch.hunt.again import Sketched, sketched
from stillwatch.hunt.request import Request
from stillwatch.judge import exemplars
from stillwatch.sim import harvest
from stillwatch.sim import score as scoring

SCHEMA = 1
BOUNDED = scoring.BOUNDED
ROOMS = ("engine", "families", "hunt", "ingest", "judge", "kit", "link", "model", "sim", "sketch")
DAY_MS = 86_400_000


@functools.cache
def digest() -> str:
    """Name the code that is measured: what finds, and what is found."""
    source = Path(stillwatch.__file__).parent
    found = hashlib.blake2b(digest_size=6)
    for room in ROOMS:
        for path in sorted((source / room).rglob("*")):
            if path.suffix in {".py", ".toml", ".txt"}:
                found.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def fresh(path: Path, unit: Unit) -> bool:
    """Tell whether a cell is there, and was measured with this code on this world."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    asked = {"digest": digest(), "schema": SCHEMA, "sets": list(unit.sets)}
    return all(told.get(name) == value for name, value in asked.items())


def todo(unit: Unit, out: Path) -> list[str]:
    """List the variants whose cells are not there."""
    return [variant for variant in unit.variants if not fresh(out / "cells" / unit.cell(variant), unit)]


def do(unit: Unit, out: Path, said: Callable[[str], None]) -> None:
    """Measure what is missing of a unit."""
    missing = todo(unit, out)
    if not missing:
        return
    # exemplars are the same in every variant; reading them again takes time
    if not hasattr(exemplars._row, "cache_info"):
        exemplars._row = functools.lru_cache(20_000)(exemplars._row)
    exemplars._row.cache_clear()
    place = Path(tempfile.mkdtemp(prefix="scorecard-"))
    try:
        begin = time.perf_counter()
        truth, scale = _world(unit, place / "world")
        took = time.perf_counter() - begin
        said(f"{unit.group} {unit.label} {unit.seed}: {truth.exchanges:,} exchanges, {took:.0f} s")
        request = _request(place / "world", place / "case")
        head = {
            "schema": SCHEMA, "group": unit.group, "label": unit.label, "seed": unit.seed, "world": truth.world,
            "sets": list(unit.sets), "scale": scale, "exchanges": truth.exchanges, "accounts": truth.accounts,
            "days": truth.days, "checksum": truth.checksum, "digest": digest(), "version": stillwatch.__version__,
            "at": f"{datetime.now(UTC):%Y-%m-%d}",
        }  # fmt: skip
        with sketched(request) as log:
            for variant in missing:
                begin = time.perf_counter()
                told = _measure(unit, variant, log, place, truth)
                took = round(time.perf_counter() - begin, 1)
                _write(out / "cells" / unit.cell(variant), head | {"variant": variant, "seconds": took} | told)
                said(f"  {variant}: {took:.0f} s")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _world(unit: Unit, place: Path) -> tuple[sim.Truth, float]:
    """Write the world; one that grew too large is written again, smaller."""
    scale = 1.0
    while True:
        truth = sim.make(unit.world, seed=unit.seed, out=place, sets=unit.sets, scale=scale, threads=1)
        if truth.exchanges <= MOST:
            return truth, scale
        scale = round(scale * 0.93 * MOST / truth.exchanges, 3)


def _request(world: Path, case: Path, *, no_content: bool = False) -> Request:
    known = world / "known.toml"
    return Request(
        traffic=(str(world / "traffic"),), case=case, accounts=world / "accounts.csv", grants=world / "grants.toml",
        known=known if known.exists() else None, threads=1, no_content=no_content,
    )  # fmt: skip


def _measure(unit: Unit, variant: str, log: Sketched, place: Path, truth: sim.Truth) -> dict[str, Any]:
    world, into = place / "world", place / "judged"
    what, _, which = variant.partition(" ")
    if variant == "hunt":
        log.judge(into)
    elif what == "fdr":
        log.judge(into, fdr=float(which))
    elif what == "without":
        log.judge(into, without=(which,))
    elif what == "alone":
        log.judge(into, without=tuple(name for name in views() if name != which))
    elif variant in MISSING:
        with log.part(without=MISSING[variant]) as part:
            assert part is not None
            part.judge(into)
    elif variant == "metadata only":
        with sketched(_request(world, place / "closed", no_content=True)) as closed:
            closed.judge(into)
    elif variant == "replay":
        return {"replay": _replay(unit, log, place, truth)}
    elif variant == "rivals":
        return {"rivals": {name: held(flagged, truth) for name, flagged in rivals.flags(world).items()}}
    else:
        raise ValueError(f"no variant is called {variant}")
    return told(into, world, truth)


def told(case: Path, world: Path, truth: sim.Truth) -> dict[str, Any]:
    """Score a case, and say which accounts it names at all, as for the rivals."""
    result = msgspec.to_builtins(scoring.score(case, world))
    entries = scoring.read_case(case)[0].campaigns
    named = {account for entry in entries if entry.finding in BOUNDED for account in entry.accounts}
    return {"score": result, "held": held(named, truth)}


def held(flagged: set[str], truth: sim.Truth) -> dict[str, Any]:
    """Compare the accounts that somebody flagged with those that were planted in hidden operations."""
    planted = {c.id: set(c.accounts) for c in truth.campaigns if c.finding in BOUNDED}
    guilty = set().union(*planted.values()) if planted else set()
    crowds = {c.id: len(flagged.intersection(c.accounts)) for c in truth.crowds}
    return {
        "flagged": len(flagged),
        "right": len(flagged & guilty),
        "planted": len(guilty),
        "innocent": truth.accounts - len(guilty),
        "campaigns": {name: [len(flagged & accounts), len(accounts)] for name, accounts in planted.items()},
        "crowds": {name: many for name, many in crowds.items() if many},
    }


def _replay(unit: Unit, log: Sketched, place: Path, truth: sim.Truth) -> dict[str, Any]:
    """Hunt on what was there after each day, and note what each campaign had harvested at its first alert."""
    world, into = place / "world", place / "day"
    by_day = harvest.by_day(world)
    every = {c.id: sum(by_day.get(c.id, {}).values()) / max(c.written, 1e-9) for c in truth.campaigns}
    midnight = int(log.traced.traces.crowd.first.min()) // DAY_MS * DAY_MS
    alerts: dict[str, dict[str, float | int | None]] = {
        c.id: {"day": None, "share": None, "accounts": len(c.accounts), "harvest": round(every[c.id])}
        for c in truth.campaigns
        if c.finding == "distillation_campaign"
    }
    entries: dict[str, int] = {}
    for day in unit.days:
        if all(alert["day"] is not None for alert in alerts.values()):
            break
        with log.part(until=midnight + day * DAY_MS) as part:
            if part is None:
                continue
            part.judge(into)
        result = scoring.score(into, world)
        entries[str(day)] = result.entries
        for campaign in result.campaigns:
            alert = alerts.get(campaign.id)
            if alert is not None and campaign.found and alert["day"] is None:
                before = sum(many for on, many in by_day.get(campaign.id, {}).items() if on < day)
                alert |= {"day": day, "share": round(before / every[campaign.id], 4)}
    return {"days": list(unit.days), "alerts": alerts, "entries": entries}


def _write(path: Path, cell: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".aside")
    aside.write_bytes(msgspec.json.encode(cell))
    aside.replace(path)
