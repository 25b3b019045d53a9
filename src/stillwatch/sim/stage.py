"""Stage: what an actor is given to plant its truth with.

An actor enrols accounts, gives them streams of conversations, and declares what they are: a campaign with the
finding that a hunt should make, or a crowd that is innocent and why it looks guilty.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.sim._clients import Clients
from stillwatch.sim._clock import DAY_MS
from stillwatch.sim._expand import texts
from stillwatch.sim._grammar import Grammar
from stillwatch.sim._keys import Keys, join, key
from stillwatch.sim._network import Network
from stillwatch.sim._people import People
from stillwatch.sim._plan import FOLLOW, LIST, Items, Outage, Stream
from stillwatch.sim._scenes import Scene
from stillwatch.sim._truth import Campaign, Crowd

Accounts = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.float64]

ZONES: Final = {  # hours from UTC, by language; several where a language is spoken in several
    "en": (-8.0, -5.0, -5.0, 0.0, 5.5, 10.0), "zh": (8.0,), "ja": (9.0,), "ko": (9.0,), "ar": (2.0, 3.0, 4.0),
    "hi": (5.5,), "th": (7.0,), "ru": (3.0, 5.0), "es": (-6.0, -5.0, -3.0, 1.0), "de": (1.0,),
    "fr": (1.0, 0.0), "pt": (-3.0, 0.0),
}  # fmt: skip
LANDS: Final = {
    "en": (0, 2, 1, 7, 15), "zh": (11, 9), "ja": (4,), "ko": (8,), "ar": (14,), "hi": (1,), "th": (13,),
    "ru": (12,), "es": (10,), "de": (3,), "fr": (6,), "pt": (5,),
}  # fmt: skip


@dataclass(kw_only=True)
class World:
    """What all actors of a world share while it is being planned."""

    name: str
    seed: int
    report: bool
    days: int
    start_ms: int
    size: int  # accounts, about
    grammar: Grammar
    network: Network
    clients: Clients
    people: People
    release_ms: int | None = None
    outages: tuple[Outage, ...] = ()
    scenes: list[Scene] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    actors: list[str] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    campaign_accounts: list[Accounts] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    crowd_accounts: list[Accounts] = field(default_factory=list)
    pools: dict[str, Accounts] = field(default_factory=dict)  # accounts that other actors' customers come from
    seeds: Mapping[str, int] = field(default_factory=dict)  # of actors who have one of their own
    common: dict[str, Any] = field(default_factory=dict)  # what several actors share, such as a build
    grants: list[dict[str, Any]] = field(default_factory=list)
    known: list[dict[str, Any]] = field(default_factory=list)


class Stage:
    """One actor's place in a world."""

    def __init__(self, world: World, actor: str, copy: int, told: dict[str, Any]) -> None:
        self.world = world
        self.actor = actor
        self.copy = copy
        self.p = told
        seed = world.seeds.get(actor, world.seed)
        self.salt = key("actor", seed, actor, copy)
        self.rng = np.random.default_rng([seed, int(key("rng", actor, copy)) & 0x7FFFFFFF])
        if actor not in world.actors:
            world.actors.append(actor)
        self._streams = 0

    # ---- facts of the world

    @property
    def days(self) -> int:
        """Length of the world in days."""
        return self.world.days

    @property
    def people(self) -> People:
        """The register of accounts."""
        return self.world.people

    @property
    def network(self) -> Network:
        """The network."""
        return self.world.network

    @property
    def clients(self) -> Clients:
        """The client builds."""
        return self.world.clients

    def key(self, *parts: str | int) -> np.uint64:
        """Name a key of this actor's own."""
        return key(int(self.salt), *parts)

    def keys(self, name: str, n: int) -> Keys:
        """Make n keys of this actor's own."""
        return join(np.arange(1, n + 1, dtype=np.uint64), self.key("keys", name))

    def frame_of(self, kind: str) -> np.uint64:
        """Name the template that a kind of campaign uses in this world, for the look-alike that shares it."""
        return key("frame", self.world.seeds.get(kind, self.world.seed), kind, self.copy)

    def world_frames(self, kind: str, n: int) -> Keys:
        """Name a repertoire whose first template is the one that a kind of campaign uses in this world."""
        return np.concatenate([[self.frame_of(kind)], self.keys(f"frames {kind}", n - 1)]).astype(np.uint64)

    def common(self, name: str, make: Callable[[], Any]) -> Any:
        """Share a thing with other actors: the first who asks for it makes it."""
        if name not in self.world.common:
            self.world.common[name] = make()
        return self.world.common[name]

    def chance(self, share: float) -> bool:
        """Throw a coin."""
        return bool(self.rng.random() < share)

    def text(self, symbol: str, of: np.uint64) -> str:
        """Write one text now, such as a company's name."""
        return self.words(symbol, np.array([of], np.uint64))[0]

    def words(self, symbol: str, of: Keys) -> list[str]:
        """Write one text for each key now."""
        grammar = self.world.grammar
        offsets, data = texts(grammar, np.full(len(of), grammar.symbol(symbol)), of)
        whole = data.tobytes()
        return [whole[a:b].decode() for a, b in itertools.pairwise(offsets)]

    # ---- people

    def enrol(self, n: int, sort: str = "developer", **said: Any) -> Accounts:
        """Enrol n accounts of a sort; what is said overrides the sort's habits."""
        from stillwatch.sim._sorts import habits

        columns = habits(self, n, sort, said) | said
        return self.people.enrol(n, **columns)

    def cards(self, n: int, each: tuple[int, int], holes: float = 0.0) -> tuple[Keys, npt.NDArray[np.int32]]:
        """Deal shared payment cards: each card to `each` accounts; a share of accounts has a card of its own.

        Returns the card of each account and its issuer (BIN).
        """
        hand = self.dealt(n, each)
        own = self.rng.random(n) < holes
        card = np.where(own, self.keys("own card", n), join(hand, self.key("card")))
        issuers = self.people.bins(self.rng, int(hand.max(initial=0)) + 1)
        return card, np.where(own, self.people.bins(self.rng, n), issuers[hand.astype(np.int64)])

    def dealt(self, n: int, each: tuple[int, int]) -> Keys:
        """Deal n accounts to holders in mixed order, each holder getting between `each[0]` and `each[1]`."""
        sizes: list[int] = []
        while sum(sizes) < n:
            sizes.append(int(self.rng.integers(each[0], each[1] + 1)))
        hand = np.repeat(np.arange(len(sizes)), sizes)[:n]
        return self.rng.permutation(hand).astype(np.uint64)

    def volumes(self, n: int, mean: float, log_sd: float, most: float = 40.0) -> Numbers:
        """Draw rates whose mean is `mean`: log-normal, cut at `most` times the mean."""
        drawn = np.exp(self.rng.normal(-log_sd * log_sd / 2, log_sd, n))
        drawn = np.minimum(drawn, most)
        return np.asarray(drawn * (mean * n / max(float(drawn.sum()), 1e-9)), float)

    def languages(self, who: Keys) -> list[str]:
        """Tell the language in which each person chats."""
        return self.words_who("chat.language", who)

    def words_who(self, symbol: str, who: Keys) -> list[str]:
        """Write one text bound to each person."""
        return self.words(symbol, who)

    # ---- what they do

    def scene(self, scene: Scene) -> int:
        """Number a scene."""
        if scene not in self.world.scenes:
            self.world.scenes.append(scene)
        return self.world.scenes.index(scene)

    def stream(
        self,
        accounts: Accounts,
        scenes: Scene | Sequence[tuple[Scene, float]],
        rate: float | Numbers,
        *,
        rhythm: int | npt.NDArray[np.int64] = 0,
        frames: np.uint64 | Keys | None = None,
        campaign: int = -1,
        **more: Any,
    ) -> int:
        """Give accounts a stream of conversations; returns its number."""
        some = [(scenes, 1.0)] if isinstance(scenes, Scene) else list(scenes)
        n = len(accounts)
        self._streams += 1
        if frames is None:
            frames = join(self.people.column("who")[accounts], self.key("frame", self._streams))
        number = len(self.world.streams)
        self.world.streams.append(
            Stream(
                number=number,
                actor=self.world.actors.index(self.actor),
                campaign=campaign,
                salt=self.key("stream", self._streams),
                scenes=np.array([self.scene(s) for s, _ in some], np.int64),
                weights=np.array([w for _, w in some], float),
                accounts=np.asarray(accounts, np.int32),
                rate=np.broadcast_to(np.asarray(rate, float), (n,)).copy(),
                rhythm=np.broadcast_to(np.asarray(rhythm, np.int64), (n,)).copy(),
                frames=np.atleast_1d(np.asarray(frames, np.uint64)),
                **more,
            )
        )
        return number

    def listed(self, per_day: Sequence[float] | Numbers, *, salt: np.uint64 | None = None) -> Items:
        """Draw up a list of items, each asked once: so many on each day."""
        quota = np.round(np.asarray(per_day, float)).astype(np.int64)
        return Items(kind=LIST, salt=self.key("items") if salt is None else salt, quota=quota)

    def following(self, stream: int, lag: int = 1, share: float = 1.0) -> Items:
        """Ask again, `lag` days later, about the items that another stream asked."""
        return Items(kind=FOLLOW, of=stream, lag=lag, size=max(1, round(share * 1000)))

    # ---- what is true of them

    def campaign(
        self,
        accounts: Accounts,
        *,
        finding: str,
        tactics: Sequence[str],
        kind: str | None = None,
        part_of: int | None = None,
    ) -> int:
        """Declare a campaign; returns its number, which its streams carry."""
        kind = kind or self.actor
        number = len(self.world.campaigns)
        self.world.campaigns.append(
            Campaign(
                id=f"{kind}-{self.copy}",
                kind=kind,
                actor=self.actor,
                finding=finding,
                accounts=[],
                tactics=list(tactics),
                part_of=None if part_of is None else self.world.campaigns[part_of].id,
                parameters=dict(self.p),
            )
        )
        self.world.campaign_accounts.append(np.asarray(accounts, np.int32))
        return number

    def crowd(
        self,
        accounts: Accounts,
        *,
        looks_guilty: str,
        innocent: str,
        paired_with: str = "",
        kind: str | None = None,
        suffix: str = "",
    ) -> None:
        """Declare an innocent crowd."""
        kind = kind or self.actor
        self.world.crowds.append(
            Crowd(
                id=f"{kind}-{self.copy}{suffix}",
                kind=kind,
                actor=self.actor,
                accounts=[],
                looks_guilty=looks_guilty,
                innocent=innocent,
                paired_with=paired_with,
                parameters=dict(self.p),
            )
        )
        self.world.crowd_accounts.append(np.asarray(accounts, np.int32))

    def grant(self, accounts: Accounts, **said: Any) -> None:
        """Write a permission to distil."""
        self.world.grants.append({"accounts": np.asarray(accounts, np.int32), **said})

    def declare(self, accounts: Accounts, *, owner: str, reason: str) -> None:
        """Let an operator declare that accounts are one owner's."""
        self.world.known.append({"accounts": np.asarray(accounts, np.int32), "owner": owner, "reason": reason})

    # ---- times

    def day(self, number: float) -> int:
        """Turn a day of the world into milliseconds."""
        return int(number * DAY_MS)

    def organic(self, n: int) -> npt.NDArray[np.int64]:
        """Draw sign-up times: growth over two years, launch weeks, and some during the world."""
        rng = self.rng
        before = -(rng.random(n) ** 1.5) * 700
        launches = np.array([-430.0, -260.0, -150.0, -61.0, -17.0])
        burst = rng.random(n) < 0.18
        before[burst] = rng.choice(launches, int(burst.sum())) + rng.exponential(2.5, int(burst.sum()))
        new = rng.random(n) < 0.0016 * self.days
        before[new] = rng.uniform(0, self.days, int(new.sum()))
        return (np.minimum(before, self.days - 0.5) * DAY_MS).astype(np.int64)
