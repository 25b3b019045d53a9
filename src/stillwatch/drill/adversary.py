"""Adversary: a closed loop in which a campaign learns from what was stopped, and the price of evading is measured.

A round plays the tactics chosen in a few small practice worlds: one harvest among ordinary customers and look-alikes.
The operator hunts day by day. At the first alert that names accounts of the campaign a world is over: what was
harvested by then is what evasion bought. The adversary sees what a real one sees (which of its accounts were stopped,
when, as what) and nothing of the detector; it has as many rounds as it likes, which a real one has not.

Each round stands in a file of its own, written aside and then renamed: a loop that was interrupted goes on.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any, Final

import msgspec
import pyarrow.csv as csv

from stillwatch import __version__, sim
from stillwatch.drill.tactics import GOAL, NAIVE, Budget, Seen, Tactics, choose, cost
from stillwatch.errors import CaseError, ResourceError, UsageError
from stillwatch.hunt.again import Sketched, sketched
from stillwatch.hunt.request import Request
from stillwatch.model.case import Case, Entry
from stillwatch.sim import harvest

DAY_MS: Final = 86_400_000
GOAL_EACH: Final = 10.0
"""Harvested exchanges of an account and day in the naive campaign; with its accounts and days, the goal."""
CONFIRMED: Final = "confirmed.json"
TRIED: Final = 6
"""Rounds that are played again until one holds."""
HUNTS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 40)
"""Days after which the operator hunts; later on less often, which is kind to the adversary by a fifth at most."""
WORLDS: Final = 2
"""Worlds in a round."""
ALERTS: Final = ("distillation_campaign", "account_network")
WORLD: Final = """about = "one round of an adversary"
days = {days}
outages = 0.5

[[cast]]
actor = "ordinary"
accounts = 500
per_day = 1.6

[[cast]]
actor = "tutoring"
accounts = 10
per_day = 10

[[cast]]
actor = "prompt_library"
accounts = 60
per_day = 1.5

[[cast]]
actor = "enterprise_nat"
accounts = 20
per_day = 2

[[cast]]
actor = "harvester"
accounts = {accounts}
per_day = {per_day:.4f}
mix = {mix:.4f}
paraphrase = {paraphrase:.4f}
clean = {clean:.4f}
each = {each}
homes = {homes:.4f}
jitter = {jitter:.4f}
cells = {cells}
"""


class Outcome(msgspec.Struct, kw_only=True, frozen=True):
    """How it went in one world.

    Attributes:
        views: views that tied the accounts named in the first alert, strongest first.
        silent: views that looked and saw nothing of them.
        cards: payment instruments that its accounts paid with.
    """

    seed: int
    harvested: float
    alert_day: int | None
    stopped: float
    finding: str | None
    views: list[str]
    silent: list[str]
    exchanges: int
    cards: int = 0


class Round(Seen, kw_only=True, frozen=True):
    """A round as it is kept: what the adversary saw, and for us what gave it away in each world."""

    seed: int
    stillwatch: str
    worlds: list[Outcome]

    @property
    def cards(self) -> float:
        """Payment instruments that it took, the mean over the worlds."""
        return mean(one.cards for one in self.worlds)

    @property
    def views(self) -> list[str]:
        """Views that gave it away, the most frequent first."""
        return [view for view, _ in Counter(view for one in self.worlds for view in one.views).most_common()]


def learn(
    out: Path, *, rounds: int, seed: int, budget: Budget | None = None, told: Callable[[Round], None] | None = None
) -> list[Round]:
    """Play until so many rounds are there; those that already are in `out` are kept.

    Raises:
        UsageError: when `out` holds something else.
        CaseError: when a round that was kept cannot be read.
        ResourceError: when the disk is full.
    """
    budget = budget or Budget()
    _check(out)
    done = read(out)
    for number in range(len(done), rounds):
        one = play(number, choose(done, budget, seed), seed)
        _write(out, one)
        done.append(one)
        if told is not None:
            told(one)
    return done


def read(out: Path) -> list[Round]:
    """Read the rounds that were kept, in order, up to the first gap.

    Raises:
        CaseError: when one cannot be read.
    """
    found: list[Round] = []
    while (file := _file(out, len(found))).exists():
        try:
            found.append(msgspec.json.decode(file.read_bytes(), type=Round))
        except msgspec.MsgspecError as mistake:
            hint = "delete it, and the rounds after it, and go on"
            raise CaseError(f"cannot read a round: {mistake}", where=str(file), hint=hint) from None
    return found


def play(number: int, tactics: Tactics, seed: int, worlds: int = WORLDS) -> Round:
    """Play one round, in so many worlds that luck evens out somewhat."""
    outcomes = [outcome(tactics, _seed(seed, number, copy)) for copy in range(worlds)]
    return Round(
        round=number, tactics=tactics, cost=round(cost(tactics), 3), seed=seed, stillwatch=__version__,
        harvested=round(mean(one.harvested for one in outcomes), 4),
        alert_days=[one.alert_day for one in outcomes],
        stopped=round(mean(one.stopped for one in outcomes), 4),
        categories=sorted({one.finding for one in outcomes if one.finding}), worlds=outcomes,
    )  # fmt: skip


def _seed(seed: int, number: int, copy: int) -> int:
    """Draw a report seed of its own for every world."""
    return 1000 + int.from_bytes(hashlib.blake2b(f"{seed}/{number}/{copy}".encode(), digest_size=3).digest())


def outcome(tactics: Tactics, seed: int) -> Outcome:
    """Play tactics in one world, with a hunt at the end of day upon day."""
    goal = GOAL_EACH * NAIVE.accounts * NAIVE.days
    place = Path(tempfile.mkdtemp(prefix="stillwatch-round-"))
    try:
        world, script = place / "world", place / "round.toml"
        each = goal / tactics.accounts / tactics.days
        script.write_text(WORLD.format(per_day=each, **msgspec.structs.asdict(tactics)), "utf-8")
        planted = sim.make(str(script), seed=seed, out=world).campaigns[0]
        accounts = set(planted.accounts)
        request = Request(traffic=(str(world / "traffic"),), case=place / "case", accounts=world / "accounts.csv")
        with sketched(request) as log:
            day, entry, case = _first_alert(log, accounts, tactics.days, place / "day")
        made = harvest.by_day(world).get(planted.id, {})
        before = sum(many for on, many in made.items() if day is None or on < day)
        views = [one.view for one in entry.evidence if one.bits >= 1 and one.axis == "deception"] if entry else []
        return Outcome(
            seed=seed, harvested=round(before / max(sum(made.values()), 1), 4), alert_day=day,
            stopped=round(len(accounts.intersection(entry.accounts)) / len(accounts), 4) if entry else 0.0,
            finding=entry.finding if entry else None, views=list(dict.fromkeys(views)),
            silent=[view.name for view in case.views if view.name not in views] if case else [],
            exchanges=planted.exchanges, cards=_cards(world / "accounts.csv", accounts),
        )  # fmt: skip
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _cards(file: Path, accounts: set[str]) -> int:
    table = csv.read_csv(file, convert_options=csv.ConvertOptions(include_columns=["account", "payment"]))
    paid = zip(table["account"].to_pylist(), table["payment"].to_pylist(), strict=True)
    return len({payment for account, payment in paid if account in accounts and payment})


def _first_alert(
    log: Sketched, planted: set[str], days: int, into: Path
) -> tuple[int | None, Entry | None, Case | None]:
    """Hunt after day upon day until one hunt names the campaign."""
    midnight = int(log.traced.traces.crowd.first.min()) // DAY_MS * DAY_MS
    case: Case | None = None
    for day in [*(day for day in HUNTS if day < days), days]:
        with log.part(until=midnight + day * DAY_MS) as part:
            case = part.judge(into) if part else None
        entry = _named(case, planted) if case else None
        if entry is not None:
            return day, entry, case
    return None, None, case


def _named(case: Case, planted: set[str]) -> Entry | None:
    """Find the gravest entry of which at least half of the accounts are the campaign's."""
    hits = [
        entry
        for entry in case.campaigns
        if entry.finding in ALERTS and 2 * len(planted.intersection(entry.accounts)) >= len(entry.accounts)
    ]
    return max(hits, key=lambda entry: (entry.finding == ALERTS[0], len(entry.accounts)), default=None)


def confirm(out: Path, rounds: list[Round], worlds: int = 6) -> Round | None:
    """Play the cheapest tactics that made half of the harvest again, in fresh worlds.

    The best of many rounds was lucky, too; until as many worlds that it had no part in agree, it is a claim. The
    candidates are tried from the cheapest on, and the first that holds is kept, in `confirmed.json`.

    Raises:
        ResourceError: when the disk is full.
    """
    half = sorted((one for one in rounds if one.harvested >= GOAL), key=lambda one: one.cost)
    for one in half[:TRIED]:
        again = play(100_000 + one.round, one.tactics, one.seed, worlds)
        if again.harvested >= GOAL:
            _put(out / CONFIRMED, again)
            return again
    return None


def frontier(rounds: list[Round]) -> Iterator[tuple[float, float]]:
    """Give the most that was harvested at each cost or less, the cheapest first."""
    best = -1.0
    for one in sorted(rounds, key=lambda one: (one.cost, -one.harvested)):
        if one.harvested > best:
            best = one.harvested
            yield one.cost, best


def summary(rounds: list[Round], held: Round | None = None) -> dict[str, Any]:
    """Say what evasion cost: the cheapest round in which half of the harvest was made before the first alert.

    Args:
        held: the round that held in fresh worlds.
    """
    half = [one for one in rounds if one.harvested >= GOAL]
    cheapest = min(half, key=lambda one: one.cost, default=None)
    return {
        "rounds": len(rounds),
        "naive": rounds[0].harvested if rounds else None,
        "cost_to_evade": cheapest.cost if cheapest else None,
        "accounts": cheapest.tactics.accounts / NAIVE.accounts if cheapest else None,
        "days": cheapest.tactics.days / NAIVE.days if cheapest else None,
        "cards": round(cheapest.cards / max(rounds[0].cards, 1), 2) if cheapest else None,
        "round": cheapest.round if cheapest else None,
        "harvested": cheapest.harvested if cheapest else None,
        "tactics": msgspec.structs.asdict(cheapest.tactics) if cheapest else None,
        "confirmed": held.cost if held else None,
        "confirmed_harvest": held.harvested if held else None,
        "curve": [list(point) for point in frontier(rounds)],
    }


def _file(out: Path, number: int) -> Path:
    return out / f"round-{number:04d}.json"


def _check(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"`{out}` is a file", hint="name a directory with `--out`")
    own = ("round-", CONFIRMED)
    others = [path for path in out.iterdir() if not path.name.startswith(own)] if out.is_dir() else []
    if others:
        raise UsageError(f"`{out}` holds something that is no round: {others[0].name}", hint="name a new directory")


def _write(out: Path, one: Round) -> None:
    _put(_file(out, one.round), one)


def _put(file: Path, one: Round) -> None:
    aside = file.with_suffix(".aside")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(one), indent=1))
        aside.replace(file)
    except OSError as mistake:
        where = str(file.parent)
        raise ResourceError(f"cannot write a round: {mistake.strerror}", where=where, hint="free some room") from None
