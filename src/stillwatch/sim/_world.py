"""World: a cast of actors with their parameters, read from a small TOML file, and planted.

about = "..."
start = 2026-05-04
days = 14
release = { tier = "large", day = 9 }      # optional
outages = 2
written = 6                                # optional: only the first days of what was planned
lean = false                               # leave out the columns of the full schema that are mostly null
internet = 7                               # optional: the seed of networks and programs, where it is not the world's

[[cast]]
actor = "tutoring"
copies = 1
seed = 7                                   # optional: the seed of this actor, where it is not the world's
accounts = 40                              # any parameter of the actor; the others are drawn from the seed

Two worlds of different seeds with one internet, in which one campaign has a seed of its own, are two providers whom
the same hand uses: its templates, tasks, cards, devices and rented hosts are the same in both. Whoever has a seed of
his own is planted first, so that he meets the same internet in both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np

from stillwatch import rooms
from stillwatch.errors import SettingsError, UsageError
from stillwatch.sim import _grammar
from stillwatch.sim._clients import Clients
from stillwatch.sim._clock import DAY_MS
from stillwatch.sim._keys import key
from stillwatch.sim._network import Network
from stillwatch.sim._parameters import REPORT_SEED, settle
from stillwatch.sim._people import People
from stillwatch.sim._plan import Outage
from stillwatch.sim.stage import Stage, World

ACTORS: Final = "sim.actors"


class ReleaseTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that is released while the world runs."""

    tier: Literal["large", "mini", "reason"] = "large"
    day: Annotated[float, msgspec.Meta(ge=0)]


class WorldFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The fields of a world file."""

    about: str = ""
    start: date = date(2026, 5, 4)
    days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 14
    release: ReleaseTold | None = None
    outages: Annotated[float, msgspec.Meta(ge=0)] | None = None
    written: Annotated[int, msgspec.Meta(ge=1)] | None = None
    lean: bool = False
    internet: Annotated[int, msgspec.Meta(ge=0)] | None = None
    scale: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    cast: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One actor's part in a world."""

    actor: str
    copy: int
    told: Mapping[str, Any]
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A world as written."""

    name: str
    about: str
    start: date
    days: int
    release: ReleaseTold | None
    outages: float
    written: int  # days that are written, from the first; the others are only planned
    lean: bool
    internet: int | None
    scale: float
    cast: tuple[Part, ...]


def worlds() -> list[str]:
    """List the worlds that ship with stillwatch."""
    folder = resources.files("stillwatch.sim") / "worlds"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def read(world: str, sets: Sequence[str] = ()) -> Script:
    """Read a world by its name, or from a TOML file of one's own.

    Args:
        world: a name, or the path of a `.toml` file.
        sets: settings `actor.parameter=value` or `days=value` that override the file.

    Raises:
        UsageError: when there is no such world, actor or parameter.
        SettingsError: when the file cannot be read as TOML.
    """
    if world.endswith(".toml"):
        path = Path(world)
        if not path.is_file():
            raise UsageError(f"no world file `{world}`", hint=f"a path to a TOML file, or one of {', '.join(worlds())}")
        name = path.stem
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as mistake:
            raise SettingsError(f"cannot read the world: {mistake}", where=world) from None
    elif world in worlds():
        name = world
        text = (resources.files("stillwatch.sim") / "worlds" / f"{world}.toml").read_text(encoding="utf-8")
    else:
        raise UsageError(f"no world `{world}`", hint=f"one of {', '.join(worlds())}, or a TOML file of your own")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as mistake:
        raise SettingsError(f"cannot read the world: {mistake}", where=world) from mistake
    return _script(name, found, sets, world)


def _script(name: str, found: dict[str, Any], sets: Sequence[str], where: str) -> Script:
    overrides = _overrides(sets)
    found |= overrides.pop("", {})
    try:
        told = msgspec.convert(found, WorldFile)
    except msgspec.ValidationError as mistake:
        fields = ", ".join(field.name for field in msgspec.structs.fields(WorldFile))
        raise SettingsError(f"not a world: {mistake}", where=where, hint=f"a world has {fields}") from None
    cast = []
    for part in told.cast:
        settings = dict(part)
        actor, copies = settings.pop("actor", ""), settings.pop("copies", 1)
        _known_actor(str(actor), where)
        settings |= overrides.get(actor, {})
        copies = settings.pop("copies", copies)
        if not isinstance(copies, int) or isinstance(copies, bool) or not 0 <= copies <= 1000:
            raise SettingsError(f"`{actor}.copies` must be a number up to 1000, not `{copies}`", where=where)
        seed = _seed(actor, settings.pop("seed", None), where)
        cast += [Part(actor=actor, copy=copy, told=settings, seed=seed) for copy in range(copies)]
    for actor in set(overrides) - {str(part.get("actor")) for part in told.cast}:
        _known_actor(actor, "--set")
        raise UsageError(f"actor `{actor}` has no part in world `{name}`", hint="add it to a world file of your own")
    if not cast:
        raise SettingsError("a world needs a cast", where=where, hint='add `[[cast]]` with `actor = "ordinary"`')
    return Script(
        name=name,
        about=told.about,
        start=told.start,
        days=told.days,
        release=told.release,
        outages=told.days / 10 if told.outages is None else told.outages,
        written=min(told.days, told.written or told.days),
        lean=told.lean,
        internet=told.internet,
        scale=told.scale,
        cast=tuple(cast),
    )


def _seed(actor: str, value: Any, where: str) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise SettingsError(f"`{actor}.seed` must be a number from 0, not `{value}`", where=where)
    return value


def _overrides(sets: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Read `actor.parameter=value` settings; those of the world itself stand under the empty name."""
    out: dict[str, dict[str, Any]] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        actor, dot, parameter = name.strip().rpartition(".")
        if not equals or not parameter:
            raise UsageError(f"cannot read the setting `{text}`", hint="write `actor.parameter=value` or `days=7`")
        try:
            parsed = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            parsed = value
        out.setdefault(actor if dot else "", {})[parameter] = parsed
    return out


def _known_actor(actor: str, where: str) -> None:
    if actor not in rooms.names(ACTORS):
        raise UsageError(f"no actor `{actor}`", where=where, hint=f"one of {', '.join(rooms.names(ACTORS))}")


def plant(script: Script, *, seed: int, scale: float, pools: Mapping[str, Sequence[str]] | None = None) -> World:
    """Settle every parameter, and let every actor plant its truth."""
    report = seed >= REPORT_SEED
    internet = seed if script.internet is None else script.internet
    cast = sorted(script.cast, key=lambda part: part.seed is None)
    settled = [_settled(part, seed=seed, report=report, scale=scale * script.scale) for part in cast]
    people = round(sum(p.get("accounts", 0) for p in settled))
    start_ms = int(datetime(script.start.year, script.start.month, script.start.day, tzinfo=UTC).timestamp() * 1000)
    world = World(
        name=script.name,
        seed=seed,
        report=report,
        days=script.days,
        start_ms=start_ms,
        size=people,
        grammar=_grammar.load(report=report, pools=pools),
        network=Network(internet, people),
        clients=Clients(internet),
        people=People(seed),
        seeds={part.actor: part.seed for part in cast if part.seed is not None},
        release_ms=None if script.release is None else int(script.release.day * DAY_MS),
        outages=_outages(script, seed),
    )
    for part, told in zip(cast, settled, strict=True):
        rooms.member(ACTORS, part.actor).plant(Stage(world, part.actor, part.copy, told))
    return world


def _settled(part: Part, *, seed: int, report: bool, scale: float) -> dict[str, Any]:
    seed = seed if part.seed is None else part.seed
    rng = np.random.default_rng([seed, int(key("parameters", part.actor, part.copy)) & 0x7FFFFFFF])
    known = rooms.member(ACTORS, part.actor).PARAMETERS
    return settle(part.actor, known, part.told, rng, report=report, scale=scale)


def _outages(script: Script, seed: int) -> tuple[Outage, ...]:
    """Draw the hours in which the service fails for everybody."""
    rng = np.random.default_rng([seed, 0x0A7A6E])
    out = []
    for _ in range(int(rng.poisson(script.outages)) if script.outages else 0):
        begins = int(rng.uniform(0.05, script.days * 0.98) * DAY_MS)
        minutes = min(240.0, float(np.exp(rng.normal(np.log(28), 0.8))))
        out.append(Outage(begins, begins + int(minutes * 60_000), float(rng.uniform(0.3, 0.97))))
    return tuple(sorted(out))
