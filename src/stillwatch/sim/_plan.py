"""Plan: which exchanges happen on a day, as columns of keys and times; their texts are written later.

A day is planned by itself, from generators seeded by (world, stream, day), so that days can be planned in any
order and on any thread. A conversation that runs past midnight keeps its later turns: they go to the later
days' folders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.sim._clock import DAY_MS, day_factor, time_of_day, timing
from stillwatch.sim._keys import Keys, below, items_of, join, key, pick, unit
from stillwatch.sim._people import People
from stillwatch.sim._scenes import Scene

OWN, POOL, LIST, FOLLOW = "own", "pool", "list", "follow"

NO_KEY: Final = np.uint64(0)
_CONV: Final = key("conversation")
_ITEM: Final = key("item")
_SCENE: Final = key("scene")
_HOP: Final = key("hop")
_SIT: Final = key("sitting")
_FRAME: Final = key("frame")
_MOVE: Final = key("moved")
_HERE: Final = key("present")
_SHARE: Final = key("presence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """What a stream's conversations ask about.

    Attributes:
        kind: `own` (never twice), `pool` (out of `size`, the first ones most often), `list` (each of a list
            once,
            divided among the accounts), `follow` (the items that stream `of` asked `lag` days before).
        salt: equal salts draw on the same items.
        skew: exponent of a pool's popularity; 0 draws evenly.
        quota: items per day of a list.
    """

    kind: str = OWN
    salt: np.uint64 = NO_KEY
    size: int = 0
    skew: float = 1.0
    quota: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    of: int = -1
    lag: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One way in which some accounts send requests, over the whole world.

    Attributes:
        scenes, weights: numbers of the scenes, and how often each is played.
        rate: conversations per day of each account (a list's quota takes its place).
        frames: the key of each account's template, or one key for all.
        users: end users behind each account (`shared_users`: behind the stream as a whole).
        hop: chance that a turn is sent by another account of the stream (load balancing).
        repertoire, favourites: templates to choose from for each conversation, and how many an account uses.
        origins, moved: accounts where a share of the conversations began, before they were carried over.
        sitting, spacing_s: conversations in one sitting, and seconds between them.
        presence: fewest share of days on which an account is there; 1 is always.
        stop: conversations are cut where the stream or the account ends.
    """

    number: int
    actor: int
    campaign: int
    salt: np.uint64
    scenes: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    accounts: npt.NDArray[np.int32]
    rate: npt.NDArray[np.float64]
    rhythm: npt.NDArray[np.int64]
    frames: Keys
    items: Items = field(default_factory=Items)
    users: int = 0
    shared_users: bool = False
    send_users: float = -1.0
    hop: float = 0.0
    repertoire: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    favourites: int = 0
    origins: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    moved: float = 0.0
    sitting: float = 4.0
    spacing_s: float = 240.0
    presence: float = 0.2
    noise: float = -1.0
    begins: int = 0
    ends: int = 1 << 60
    channel: int = -1


class Plan(NamedTuple):
    """The exchanges of a day, one row each, in the order of their time."""

    at: npt.NDArray[np.int64]  # ms since the start of the world
    account: npt.NDArray[np.int32]
    stream: npt.NDArray[np.int32]
    scene: npt.NDArray[np.int32]
    conversation: Keys
    item: Keys
    who: Keys
    frame: Keys
    aux: Keys
    turn: npt.NDArray[np.int32]
    turns: npt.NDArray[np.int32]
    attempt: npt.NDArray[np.int8]  # 0 is the one that went through
    status: npt.NDArray[np.int16]

    def take(self, rows: Any) -> Plan:
        """Keep some rows, by a mask, a slice or numbers."""
        return Plan(*(column[rows] for column in self))


class Talks(NamedTuple):
    """The conversations that begin on a day."""

    start: npt.NDArray[np.int64]
    account: npt.NDArray[np.int32]
    scene: npt.NDArray[np.int64]
    conversation: Keys
    item: Keys
    who: Keys
    frame: Keys
    aux: Keys
    turns: npt.NDArray[np.int64]


class SceneFigures(NamedTuple):
    """Numbers of the scenes that planning needs."""

    turns: npt.NDArray[np.float64]
    most: npt.NDArray[np.int64]
    pause: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    failures: npt.NDArray[np.float64]
    chat: npt.NDArray[np.bool_]


def figures(scenes: list[Scene]) -> SceneFigures:
    """Gather the numbers of the scenes."""
    return SceneFigures(
        turns=np.array([s.turns for s in scenes]),
        most=np.array([s.most for s in scenes], np.int64),
        pause=np.log(np.array([s.pause_s for s in scenes]) * 1000),
        spread=np.array([s.pause_sd for s in scenes]),
        failures=np.array([s.failures for s in scenes]),
        chat=np.array([s.cycle[1] <= 1 for s in scenes]),
    )


class Outage(NamedTuple):
    """A time in which the service fails for everybody."""

    begins: int
    ends: int
    severity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What the whole world shares."""

    seed: int
    days: int
    weekday: int  # of the first day, Monday 0
    outages: tuple[Outage, ...]


def plan_day(
    day: int, timeline: Timeline, streams: list[Stream], scenes: SceneFigures, people: People
) -> list[tuple[int, Plan]]:
    """Plan what begins on a day; return one plan for each day that it reaches."""
    plans = []
    for stream in streams:
        rng = np.random.default_rng([timeline.seed, stream.number, day])
        talks = _talks(stream, streams, day, timeline, scenes, people, rng)
        if talks is not None and len(talks.start):
            plans.append(_rows(talks, stream, timeline, scenes, people, rng))
    if not plans:
        return []
    whole = _joined(plans)
    whole = whole.take(whole.at < timeline.days * DAY_MS)
    whole = whole.take(_by_time(whole.at))
    reach = whole.at // DAY_MS
    return [(int(d), whole.take(reach == d)) for d in np.unique(reach)]


def _talks(
    stream: Stream,
    streams: list[Stream],
    day: int,
    timeline: Timeline,
    scenes: SceneFigures,
    people: People,
    rng: np.random.Generator,
) -> Talks | None:
    begin, end = day * DAY_MS, (day + 1) * DAY_MS
    if begin >= stream.ends or end <= stream.begins:
        return None
    opened, closed = people.column("created")[stream.accounts], people.column("closed")[stream.accounts]
    here = np.flatnonzero((opened < end) & (closed > begin))
    if not len(here):
        return None
    index: npt.NDArray[np.int64] | None = None
    if stream.items.kind in {LIST, FOLLOW}:
        index = _listed(stream, streams, day)
        who = _dealt(stream, here, day, len(index))
    else:
        who = np.repeat(here, _how_many(stream, here, day, timeline, rng))
    n = len(who)
    if not n:
        return None
    account = stream.accounts[who]
    start = _starts(stream, who, account, day, people, rng, n)
    inside = (start >= max(begin, stream.begins)) & (start < min(end, stream.ends))
    start = np.where(inside, start, np.clip(start, max(begin, stream.begins), min(end, stream.ends) - 1))
    number = np.arange(n, dtype=np.uint64) + np.uint64(day << 34)
    conversation = join(number if index is None else index.astype(np.uint64), stream.salt ^ _CONV)
    scene = stream.scenes[pick(conversation, _SCENE, stream.weights)]
    turns = rng.geometric(1.0 / (1.0 + scenes.turns[scene]))
    return Talks(
        start=start,
        account=account,
        scene=scene,
        conversation=conversation,
        item=_items(stream, streams, conversation, index, rng, n),
        who=_speakers(stream, account, people, rng, n),
        frame=_frames(stream, who, account, conversation),
        aux=_linked(stream, streams, index, n),
        turns=np.minimum(turns, scenes.most[scene]),
    )


def _how_many(
    stream: Stream, here: npt.NDArray[np.int64], day: int, timeline: Timeline, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw each account's conversations of the day."""
    who = stream.accounts[here].astype(np.uint64)
    noise = timing().day_log_sd if stream.noise < 0 else stream.noise
    rate = stream.rate[here] * day_factor(stream.rhythm[here], (timeline.weekday + day) % 7)
    rate = rate * np.exp(rng.normal(-noise * noise / 2, noise, len(here)))
    if stream.presence < 1:
        share = stream.presence + (1 - stream.presence) * unit(who, stream.salt ^ _SHARE)
        there = unit(join(who, np.uint64(day)), stream.salt ^ _HERE) < share
        rate = np.where(there, rate / share, 0.0)
    return rng.poisson(rate)


def _listed(stream: Stream, streams: list[Stream], day: int) -> npt.NDArray[np.int64]:
    """Number the items of a list that are asked on a day."""
    source, on = stream, day
    share = 1.0
    if stream.items.kind == FOLLOW:
        source, on = streams[stream.items.of], day - stream.items.lag
        share = float(stream.items.size) / 1000.0 if stream.items.size else 1.0
    quota = source.items.quota
    if on < 0 or on >= len(quota):
        return np.zeros(0, np.int64)
    first = int(quota[:on].sum())
    many = int(quota[on])
    return np.arange(first, first + int(many * share), dtype=np.int64)


def _dealt(stream: Stream, here: npt.NDArray[np.int64], day: int, many: int) -> npt.NDArray[np.int64]:
    """Deal a day's items to the accounts that are there: round robin, heavier accounts more often."""
    if not many:
        return np.zeros(0, np.int64)
    weight = np.maximum(stream.rate[here], 1e-9)
    edges = np.cumsum(weight / weight.sum())
    turn = (np.arange(many) + 0.5) / many
    hand = here[np.minimum(np.searchsorted(edges, turn), len(here) - 1)]
    shuffle = np.argsort(join(np.arange(many, dtype=np.uint64), stream.salt ^ np.uint64(day)))
    return hand[shuffle]


def _starts(
    stream: Stream,
    who: npt.NDArray[np.int64],
    account: npt.NDArray[np.int32],
    day: int,
    people: People,
    rng: np.random.Generator,
    n: int,
) -> npt.NDArray[np.int64]:
    """Draw when conversations begin: in sittings, at the hours of each account's rhythm and zone."""
    number = rng.integers(0, 1 << 20, n).astype(np.uint64)
    counts = np.bincount(who, minlength=len(stream.accounts))[who]
    sittings = np.maximum(1, np.ceil(counts / max(stream.sitting, 1.0))).astype(np.uint64)
    nth = below(number, _SIT, sittings)
    base = unit(join(account.astype(np.uint64), np.uint64(day)), join(nth, stream.salt ^ _SIT))
    zone = people.column("zone")[account].astype(np.float64)
    at = time_of_day(stream.rhythm[who], zone, base)
    within = counts / np.maximum(sittings, 1)
    offset = rng.random(n) * within * stream.spacing_s * 1000 + rng.exponential(stream.spacing_s * 300, n)
    return day * DAY_MS + (at + offset.astype(np.int64)) % DAY_MS


def _items(
    stream: Stream,
    streams: list[Stream],
    conversation: Keys,
    index: npt.NDArray[np.int64] | None,
    rng: np.random.Generator,
    n: int,
) -> Keys:
    items = stream.items
    if index is not None:
        salt = items.salt if items.kind == LIST else streams[items.of].items.salt
        return items_of(index.astype(np.uint64), salt)
    if items.kind == POOL:
        drawn = rng.random(n)
        if items.skew >= 1:  # density falls as 1 / rank
            rank = np.floor(np.expm1(drawn * np.log1p(items.size)))
        else:  # density falls as rank^-skew
            rank = np.floor(items.size * drawn ** (1 / (1 - items.skew)))
        return items_of(np.minimum(rank, items.size - 1).astype(np.uint64), items.salt)
    return join(conversation, _ITEM)


def _frames(stream: Stream, who: npt.NDArray[np.int64], account: npt.NDArray[np.int32], conversation: Keys) -> Keys:
    """Tell whose template each conversation uses: one for all, the account's own, or one of a repertoire."""
    if len(stream.repertoire):
        size = np.uint64(len(stream.repertoire))
        nth = below(conversation, _FRAME, np.uint64(stream.favourites or len(stream.repertoire)))
        chosen = below(join(account.astype(np.uint64), nth), stream.salt ^ _FRAME, size)
        return stream.repertoire[chosen.astype(np.int64)]
    return stream.frames[who] if len(stream.frames) > 1 else np.broadcast_to(stream.frames, (len(who),))


def _speakers(stream: Stream, account: npt.NDArray[np.int32], people: People, rng: np.random.Generator, n: int) -> Keys:
    """Tell who speaks: the account itself, or one of its end users (the first ones most often)."""
    own = people.column("who")[account]
    if not stream.users:
        return own
    user = (stream.users * rng.random(n) ** 2.2).astype(np.uint64) + np.uint64(1)
    return join(user, stream.salt) if stream.shared_users else join(user, own)


def _linked(stream: Stream, streams: list[Stream], index: npt.NDArray[np.int64] | None, n: int) -> Keys:
    """Name the conversations that these refer to."""
    if stream.items.kind != FOLLOW or index is None:
        return np.zeros(n, np.uint64)
    return join(index.astype(np.uint64), streams[stream.items.of].salt ^ _CONV)


def _rows(
    talks: Talks,
    stream: Stream,
    timeline: Timeline,
    scenes: SceneFigures,
    people: People,
    rng: np.random.Generator,
) -> Plan:
    """Lay out the turns of each conversation, with failures and the retries that follow them."""
    owner = np.repeat(np.arange(len(talks.start)), talks.turns)
    first = np.cumsum(talks.turns) - talks.turns
    turn = np.arange(len(owner)) - first[owner]
    scene = talks.scene[owner]
    gap = np.exp(rng.normal(scenes.pause[scene], scenes.spread[scene]))
    gap[first] = 0
    at = talks.start[owner] + _running(gap, first, talks.turns)
    failed = rng.random(len(owner)) < scenes.failures[scene]
    delay = np.where(failed, rng.exponential(8_000, len(owner)) + 500, 0.0)
    cut = np.zeros(len(owner), bool)
    for outage in timeline.outages:
        hit = (at >= outage.begins) & (at < outage.ends) & (rng.random(len(owner)) < outage.severity)
        failed |= hit
        delay = np.where(hit, outage.ends - at + rng.exponential(90_000, len(owner)), delay)
        cut |= hit & scenes.chat[scene] & (rng.random(len(owner)) < 0.4)  # people give up, programs try again
    before = at
    if failed.any():
        at = talks.start[owner] + _running(gap + delay, first, talks.turns)
        before = (at - delay).astype(np.int64)
    account = talks.account[owner]
    if stream.hop > 0:
        account = _hopped(stream, account, at, turn, people, talks.conversation[owner], rng)
    if len(stream.origins):
        carried = unit(talks.conversation, _MOVE) < stream.moved
        home = below(talks.conversation, _MOVE, np.uint64(len(stream.origins))).astype(np.int64)
        early = carried[owner] & (2 * turn < talks.turns[owner])
        account = np.where(early, stream.origins[home][owner], account)
    dead = (at < people.column("created")[account]) | (at >= people.column("closed")[account])
    dropped = _after_cut(cut | dead, owner, first)
    good = Plan(
        at=at,
        account=account,
        stream=np.full(len(owner), stream.number, np.int32),
        scene=scene.astype(np.int32),
        conversation=talks.conversation[owner],
        item=talks.item[owner],
        who=talks.who[owner],
        frame=talks.frame[owner],
        aux=talks.aux[owner],
        turn=turn.astype(np.int32),
        turns=talks.turns[owner].astype(np.int32),
        attempt=np.zeros(len(owner), np.int8),
        status=np.full(len(owner), 200, np.int16),
    )
    if not failed.any():
        return good.take(~dropped) if dropped.any() else good
    reached = failed & ~dead & ~_after_cut(cut | dead, owner, first, inclusive=False)
    bad = good.take(reached)
    code = np.array([429, 500, 529, 503], np.int16)[
        np.minimum(rng.integers(0, 6, int(reached.sum())), 3) if stream.sitting < 50 else 0
    ]
    bad = bad._replace(
        at=before[reached],
        attempt=np.ones(int(reached.sum()), np.int8),
        status=np.broadcast_to(code, (int(reached.sum()),)).copy(),
    )
    kept = good.take(~dropped)
    return _joined([kept, bad])


def _joined(plans: list[Plan]) -> Plan:
    columns: Any = zip(*plans, strict=True)
    return Plan(*(np.concatenate(column) for column in columns))


def _by_time(at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Order rows by time and then by their place: a plain sort of one number, faster than a stable argsort."""
    bits = max(1, len(at).bit_length())
    key_of = (at << bits) | np.arange(len(at))
    key_of.sort()
    return key_of & ((1 << bits) - 1)


def _running(
    gap: npt.NDArray[np.float64], first: npt.NDArray[np.int64], turns: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Sum the gaps inside each conversation."""
    total = np.cumsum(gap)
    head = total[first] - gap[first]
    return (total - np.repeat(head, turns)).astype(np.int64)


def _after_cut(
    cut: npt.NDArray[np.bool_],
    owner: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    *,
    inclusive: bool = True,
) -> npt.NDArray[np.bool_]:
    """Mark the turns from the one at which a person gave up."""
    if not cut.any():
        return cut
    seen = np.cumsum(cut.astype(np.int64))
    head = seen[first] - cut[first].astype(np.int64)
    within = seen - head[owner]
    return within > 0 if inclusive else within - cut.astype(np.int64) > 0


def _hopped(
    stream: Stream,
    account: npt.NDArray[np.int32],
    at: npt.NDArray[np.int64],
    turn: npt.NDArray[np.int64],
    people: People,
    conversation: Keys,
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """Let other accounts of the stream send some turns; a dead account passes its turn on."""
    account = account.copy()
    opened, closed = people.column("created"), people.column("closed")
    for tries in range(4):
        dead = (at < opened[account]) | (at >= closed[account])
        move = dead if tries else dead | ((turn > 0) & (rng.random(len(turn)) < stream.hop))
        if not move.any():
            break
        salt = _HOP + np.uint64(tries)
        nth = below(join(conversation[move], turn[move].astype(np.uint64)), salt, np.uint64(len(stream.accounts)))
        account[move] = stream.accounts[nth.astype(np.int64)]
    return account
