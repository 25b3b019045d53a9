"""Plan: which worlds are written, and what is measured on each of them.

A **unit** is one world, written and sketched once; each of its **variants** gives one cell, one JSON file. Units are
small (at most 300,000 exchanges), independent, and may be done in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stillwatch import rooms

WORLDS = Path(__file__).parent / "worlds"
REPORT = 1000
"""First report seed."""
MOST = 300_000
"""Exchanges in a world, at most."""
FDRS = (0.1, 0.2)
MISSING = {"no payment": ("payment", "payment_bin"), "no IP": ("ip",)}
MIXES = (0.5, 0.25, 0.1, 0.05, 0.02)
ACCOUNTS = (10, 20, 50, 100, 250)
RATES = (200, 50, 20, 10, 5, 2)
PARAPHRASES = (0.0, 0.25, 0.5, 0.75, 1.0)
FEW = (1, 2, 4, 8, 16, 32)
"""Harvested exchanges of an account in 14 days, beside some 40 ordinary ones."""
REPLAY = (1, 2, 3, 5, 7, 10)
MONTH = (1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One world and what is measured on it."""

    group: str
    label: str
    world: str
    seed: int
    sets: tuple[str, ...] = ()
    variants: tuple[str, ...] = ("hunt",)
    days: tuple[int, ...] = ()
    """Days after which a replay hunts."""

    def cell(self, variant: str) -> Path:
        """Name the file of a variant."""
        return Path(self.group) / f"{_plain(self.label)}-{self.seed}" / f"{_plain(variant)}.json"


def _plain(text: str) -> str:
    return text.replace(" ", "-").replace("%", "").replace("/", "-") or "all"


def views() -> list[str]:
    return rooms.names("link")


def units(*, seeds: int = 20, first: int = REPORT, groups: Sequence[str] = ()) -> Iterator[Unit]:
    """List all units of a campaign, the thinnest whole path first: seed by seed, not group by group.

    Args:
        seeds: seeds of the main table; the other groups have fixed shares of it.
        first: the first seed.
        groups: only these.
    """
    made = {"main": _main, "quiet": _quiet, "first": _first, "month": _month, "sweeps": _sweeps}
    for step in range(max(seeds, round(2.5 * seeds))):
        for name, make in made.items():
            if not groups or name in groups:
                yield from make(step, first + step, seeds)
    if not groups or "main" in groups:
        for seed in range(first, first + seeds // 4):
            yield from _views(seed)


def thinned(some: Iterable[Unit], only: Sequence[str]) -> list[Unit]:
    """Keep some variants of each unit; all where none is named."""
    kept = [replace(one, variants=tuple(v for v in one.variants if not only or v in only)) for one in some]
    return [one for one in kept if one.variants]


def _main(step: int, seed: int, seeds: int) -> Iterator[Unit]:
    if step >= seeds:
        return
    variants = ["hunt", *(f"fdr {fdr}" for fdr in FDRS), "rivals"]
    days: tuple[int, ...] = ()
    if step < seeds // 2:
        variants += [*MISSING, "metadata only"]
    if step < round(0.4 * seeds):
        variants.append("replay")
        days = REPLAY
    for half in ("east", "west"):  # two halves, so that each campaign has its full size in a world that is small enough
        world = str(WORLDS / f"{half}.toml")
        yield Unit(group="main", label=half, world=world, seed=seed, variants=tuple(variants), days=days)


def _views(seed: int) -> Iterator[Unit]:
    variants = tuple(f"{how} {view}" for view in views() for how in ("without", "alone"))
    for half in ("east", "west"):
        yield Unit(group="main", label=half, world=str(WORLDS / f"{half}.toml"), seed=seed, variants=variants)


def _quiet(step: int, seed: int, seeds: int) -> Iterator[Unit]:
    if step < round(2.5 * seeds):
        variants = ("hunt", *(f"fdr {fdr}" for fdr in FDRS))
        yield Unit(group="quiet", label="quiet", world="quiet", seed=seed, variants=variants)


def _first(step: int, seed: int, seeds: int) -> Iterator[Unit]:
    if step < seeds:
        yield Unit(group="first", label="first", world="first", seed=seed)


def _month(step: int, seed: int, seeds: int) -> Iterator[Unit]:
    if step < seeds // 2:
        sets = (f"written={max(MONTH)}", "ordinary.accounts=5000")
        yield Unit(group="month", label="month", world="month", seed=seed, sets=sets, variants=("replay",), days=MONTH)


def _sweeps(step: int, seed: int, seeds: int) -> Iterator[Unit]:
    if step >= round(0.4 * seeds):
        return
    pool, field = str(WORLDS / "pool.toml"), str(WORLDS / "field.toml")
    for mix in MIXES:
        told = (f"hydra_reseller.mix={mix}", "hydra_reseller.per_day=20")
        variants = ("hunt", "rivals")
        yield Unit(group="mix", label=f"{100 * mix:g} %", world=pool, seed=seed, sets=told, variants=variants)
    for each in FEW:
        told = (f"harvester.per_day={each / 14}", f"harvester.mix={each / (each + 40)}", "harvester.accounts=100")
        yield Unit(group="few", label=f"{each}", world=field, seed=seed, sets=told)
    for accounts in ACCOUNTS:
        told = (f"harvester.accounts={accounts}", "harvester.per_day=10")
        yield Unit(group="accounts", label=f"{accounts}", world=field, seed=seed, sets=told)
    for rate in RATES:
        told = (f"harvester.per_day={rate}", "harvester.accounts=60")
        yield Unit(group="rate", label=f"{rate}", world=field, seed=seed, sets=told)
    for anew in PARAPHRASES:
        told = (f"harvester.paraphrase={anew}", "harvester.per_day=6", "harvester.mix=0.3")
        yield Unit(group="paraphrase", label=f"{100 * anew:g} %", world=field, seed=seed, sets=told)
