"""Live: decide about one request, in process, from memory.

The order in which things count: the allowlist, then grants, then orders that name the account or its campaign, then
what an approved order says of newcomers. Nothing here waits for a disk or a network; the book and the state are looked
at again between requests, and swapped whole. In shadow every decision is `allow`, and what would have been done is
counted and told.

Cost: see `bench/decide.py`.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from stillwatch import rooms
from stillwatch.kit.contained import KEPT, contained, lanes
from stillwatch.kit.fingerprint import LANES, LONGEST
from stillwatch.kit.hashes import hash_column
from stillwatch.kit.jit import entry
from stillwatch.kit.lookup import every
from stillwatch.model.answer import Asked, Decision, Order, Rung, Would, rank
from stillwatch.model.grant import Grant
from stillwatch.settings import Watch as WatchSettings
from stillwatch.sketch import work
from stillwatch.sketch.network import address
from stillwatch.sketch.system import SALT
from stillwatch.store.key import Key
from stillwatch.store.live import State, content
from stillwatch.watch.handed import ALIKE, Handed
from stillwatch.watch.heard import Batch, Heard
from stillwatch.watch.keeping import Keeping
from stillwatch.watch.newcomers import Newcomers
from stillwatch.watch.standing import Standing, in_force, reference, today
from stillwatch.watch.texts import Texts, texts

U64 = np.uint64
SLOWED: Final = 200_000
"""Accounts whose slowed and challenged requests are counted."""
SYSTEM_KEPT: Final = 8192
"""Characters of a system text up to which what was found in it is kept."""
PADDING: Final = bytes(64)
RUNGS: Final = rooms.members("act")
ALLOWED: Final = Decision(shadow=False)


class Watch:
    """Decides; one of them serves one process."""

    def __init__(
        self, key: Key, state: State | None, standing: Standing, settings: WatchSettings, *, enforce: bool = False,
        clock: Callable[[], float] = time.time, keeping: Keeping | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.enforce = enforce
        self.counts: Counter[tuple[str, str]] = Counter()
        self.used: Counter[str] = Counter()
        self.heard: Heard | None = None
        self.keeping = keeping
        self.share = 1.0
        self._closed = settings.fail_closed
        self._key = key
        self._clock = clock
        self._work = work().text
        self._rows = np.empty(KEPT, np.int32)
        self._few = np.empty(16, np.int32)
        self._lanes = np.empty(LANES, np.uint32)
        self._slowed: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._challenged: OrderedDict[str, float] = OrderedDict()
        self._answers = Handed()
        self._newcomers: Newcomers | None = None
        self.standing = standing
        self.state = state
        self._take(state)

    def _take(self, state: State | None) -> None:
        self.state = state
        self.content = "" if state is None else content(state)
        innocent = self.settings.innocent_newcomers
        if state is not None and self._newcomers is not None:
            self._newcomers.follow(state, innocent)
        elif state is not None:
            self._newcomers = Newcomers(state, innocent, hashed=self._key.account)
            if self.keeping is not None:
                self.keeping.attach(self._newcomers)
        self._tied = lru_cache(maxsize=65_536)(self._ties_of)
        self._campaigns = lru_cache(maxsize=65_536)(self._campaigns_of)
        self._framed = lru_cache(maxsize=4096)(self._system)
        self._numbers = {} if state is None else {one.id: n for n, one in enumerate(state.meta.campaigns)}
        if state is not None:
            nothing = np.frombuffer(PADDING, np.uint8)
            self._find = entry(contained, nothing, 0, SALT, self._work, state.frames, self._rows)
            self._every = entry(every, state.members.keys, state.members.values, U64(1), self._few)

    def renew(self, state: State | None, standing: Standing) -> None:
        """Take a new state and a new standing; what was counted of newcomers goes on."""
        if state is not self.state:
            self._take(state)
        self.standing = standing

    # -- deciding

    def decide(self, asked: Asked) -> Decision:
        """Decide about one request."""
        decision = self._decided(asked)
        self.counts[decision.order or "", decision.action] += 1
        if self.enforce or (decision.action == "allow" and not decision.transforms):
            return decision if self.enforce else _shadowed(decision)
        return _shadowed(decision)

    def undecided(self, asked: Asked) -> Decision:
        """Decide where deciding failed: all passes, but for what `[watch] fail_closed` names."""
        because = ["stillwatch could not decide"]
        now = self._clock()
        if not self.enforce or self._closed is False or self._kept(asked.account, now):
            return Decision(because=because, shadow=not self.enforce)
        if self._closed is True:
            return Decision(action="refuse", category="undecided", because=because, shadow=False)
        order = self._ordered(asked.account, [], now)
        if order is None or RUNGS[order.rung].ACTION not in self._closed:
            return Decision(because=because, shadow=False)
        return self._acting(order, order.rung, asked, now, because)

    def _kept(self, account: str, now: float) -> bool:
        """Tell whether the allowlist, or any grant of the day, keeps an account; nothing more is looked at."""
        day = today(now).date()
        return self.standing.spared.get(account, 0.0) > now or any(
            grant.runs_on(day) for grant in self.standing.grants.get(account, ())
        )

    def _decided(self, asked: Asked) -> Decision:
        account = asked.account
        if not account:
            return ALLOWED
        now = self._clock()
        standing = self.standing
        if standing.spared.get(account, 0.0) > now:
            return Decision(shadow=False, ttl_s=self.settings.ttl_s, because=["the account is on the allowlist"])
        held = standing.grants.get(account)
        if held is not None and (grant := self._covering(held, asked, now)) is not None:
            return Decision(shadow=False, because=[f"grant `{grant.id}` covers it"])
        campaigns = self._campaigns(account)
        order = self._ordered(account, campaigns, now)
        if order is not None:
            return self._acting(order, order.rung, asked, now, [order.reason])
        if campaigns or self._newcomers is None:
            return ALLOWED
        return self._newcomer(asked, now)

    def _campaigns_of(self, account: str) -> list[int]:
        if self.state is None:
            return []
        members, hashed = self.state.members, self._key.account(account)
        found = self._every(members.keys, members.values, U64(hashed), self._few)
        if not found and self._newcomers is not None:
            self._newcomers.outsiders.met(hashed)
        return self._few[:found].tolist() if found else []

    def _ordered(self, account: str, campaigns: list[int], now: float) -> Order | None:
        """Find the hardest order in force on an account."""
        standing = self.standing
        found: Order | None = None
        for order in standing.accounts.get(account, ()):
            if in_force(order, account, now, self._key):
                found = order
                break
        if self.state is not None and standing.campaigns:
            for number in campaigns:
                for order in standing.campaigns.get(self.state.meta.campaigns[number].id, ()):
                    harder = found is None or rank(order.rung) > rank(found.rung)
                    if harder and in_force(order, account, now, self._key):
                        found = order
        return found

    def _covering(self, held: list[Grant], asked: Asked, now: float) -> Grant | None:
        """Find a grant of the account that covers the request."""
        day = today(now).date()
        carried: set[str] | None = None
        for grant in held:
            spent = self.standing.used.get(grant.id, 0) + self.used[grant.id]
            if not grant.runs_on(day) or (grant.exchanges and spent >= grant.exchanges):
                continue
            if grant.models and asked.model not in grant.models:
                continue
            if grant.families:
                if carried is None:
                    carried = self._family_names(texts(asked.body))
                if carried and not carried & grant.families:
                    continue
            return grant
        return None

    def covering(self, asked: Asked) -> Grant | None:
        """Find the grant that a request runs under, for metering and receipts."""
        held = self.standing.grants.get(asked.account)
        return None if held is None else self._covering(held, asked, self._clock())

    def _family_names(self, told: Texts) -> set[str]:
        return set() if self.state is None else {bytes(self.state.family[row]).decode() for row in self.families(told)}

    def _newcomer(self, asked: Asked, now: float) -> Decision:
        """Count a request of an account that no hunt found in a campaign."""
        state, newcomers = self.state, self._newcomers
        if state is None or newcomers is None or not state.meta.campaigns:
            return ALLOWED
        told = texts(asked.body)
        families, shown, handed = self.families(told), self._shown(asked), self._handed(asked, told)
        number, bits = newcomers.see(asked.account, families, shown, handed, now)
        if self.heard is not None and asked.account in newcomers:
            self.heard.saw(asked.account, families, shown, handed)
        if number < 0:
            return ALLOWED
        campaign = state.meta.campaigns[number].id
        ceilings = self.standing.joined.get(campaign, ())
        order = next((one for one in ceilings if in_force(one, asked.account, now, self._key)), None)
        self.counts[f"newcomer of {campaign}", "recognised"] += 1
        told_bits = ", ".join(f"{view} {amount:.0f}" for view, amount in bits._asdict().items())
        because = [f"recognised as of campaign `{campaign}`: {told_bits} bits; needed {newcomers.needed:.0f}"]
        if order is None:
            return Decision(shadow=False, because=because)
        rung: Rung = order.newcomers if rank(order.newcomers) <= rank("harden") else "harden"
        return self._acting(order, rung, asked, now, because)

    # -- what a rung does

    def _acting(self, order: Order, rung: Rung, asked: Asked, now: float, because: list[str]) -> Decision:
        member: Any = RUNGS[rung]
        action, wait = member.ACTION, 0
        if action == "slow":
            wait = self._slow(asked.account, now)
        elif action == "challenge" and not self.settings.step_up_url:
            wait = self._challenge(asked.account, now)
        acts = action != "allow" and (wait > 0 or action in ("harden", "refuse") or bool(self.settings.step_up_url))
        return Decision(
            action=action if acts else "allow",
            transforms=_transforms(order, member.TRANSFORMS) if action == "harden" else [],
            ttl_s=self.settings.ttl_s if action in ("refuse", "harden") else 0,
            category=order.category if acts else None,
            reference=self.reference(order, asked.account) if acts else None,
            because=because,
            shadow=False,
            order=order.id,
            retry_after_s=wait,
        )

    def reference(self, order: Order, account: str) -> str:
        """Make what a refused party quotes: it names the order, and the account to nobody but us."""
        return reference(self._key, order.id, account)

    def _slow(self, account: str, now: float) -> int:
        """Take from the account's bucket; returns how long to wait in seconds, 0 where it may pass."""
        shared = self.share if "slow" in _listed(self._closed) else 1.0
        per_s = self.settings.slow_per_minute / 60.0 * shared
        room = max(self.settings.slow_per_minute / 2.0, 1.0)
        level, at = self._slowed.pop(account, (room, now))
        level = min(room, level + max(now - at, 0.0) * per_s)
        passes = level >= 1.0
        if passes and self.heard is not None:
            self.heard.took(account)
        self._slowed[account] = (level - 1.0 if passes else level, now)
        if len(self._slowed) > SLOWED:
            self._slowed.popitem(last=False)
        return 0 if passes else max(int((1.0 - level) / per_s) + 1, 1)

    def _challenge(self, account: str, now: float) -> int:
        """Challenge one request an hour, where nothing can be stepped up to."""
        if now - self._challenged.get(account, -3600.0) < 3600.0:
            return 0
        if self.heard is not None:
            self.heard.challenged(account)
        self._has_been_challenged(account, now)
        return 1

    def _has_been_challenged(self, account: str, now: float) -> None:
        self._challenged[account] = now
        self._challenged.move_to_end(account)
        if len(self._challenged) > SLOWED:
            self._challenged.popitem(last=False)

    @property
    def newcomers(self) -> Newcomers | None:
        """What is counted of newcomers; nothing without a state."""
        return self._newcomers

    # -- what other replicas heard

    def hear(self, batch: Batch) -> None:
        """Count what another replica heard as if it had been heard here."""
        now = self._clock()
        if batch.state == self.content and self._newcomers is not None:
            for seen in batch.seen:
                self._newcomers.see(seen.account, seen.families, seen.shown, seen.handed, now)
            self._hear_answers(batch)
        for account, requests in batch.taken.items():
            level, at = self._slowed.pop(account, (max(self.settings.slow_per_minute / 2.0, 1.0), now))
            self._slowed[account] = (max(level - requests, -self.settings.slow_per_minute), at)
        for account in batch.challenged:
            self._has_been_challenged(account, now)

    def _hear_answers(self, batch: Batch) -> None:
        for account in batch.listened:
            self._answers.listen(account)
        for given in batch.given:
            if given.campaign < 0:
                self._answers.told(given.account, given.lanes)
            elif self.state is not None:
                self._answers.gave(self.state.meta.campaigns[given.campaign].id, given.account, given.lanes)

    # -- what a request shows

    def families(self, told: Texts) -> list[int]:
        """Find the families of campaigns that a request contains, as rows of the state."""
        found = self._contained(told.last, U64(0))
        if told.first is not told.last and told.first:
            found += [row for row in self._contained(told.first, U64(0)) if row not in found]
        if told.system:  # one text stands before many requests, so it is looked at once
            known = self._framed(told.system) if len(told.system) <= SYSTEM_KEPT else self._system(told.system)
            found += known
        return found

    def _system(self, text: str) -> tuple[int, ...]:
        return tuple(self._contained(text, SALT))

    def _contained(self, text: str, salt: np.uint64) -> list[int]:
        if self.state is None or not text:
            return []
        raw = text[:LONGEST].encode("utf-8", "replace")
        data = np.frombuffer(raw + PADDING, np.uint8)
        found = self._find(data, len(raw), salt, self._work, self.state.frames, self._rows)
        return self._rows[:found].tolist() if found else []

    def _shown(self, asked: Asked) -> list[tuple[int, int]]:
        """Find the ties of campaigns that a request shows: its address and its client build."""
        found: list[tuple[int, int]] = []
        if asked.ip:
            found += self._tied("ip", asked.ip)
        if asked.ja4:
            found += self._tied("ja4", asked.ja4)
        if asked.user_agent:
            found += self._tied("user_agent", asked.user_agent)
        return found

    def _ties_of(self, column: str, value: str) -> tuple[tuple[int, int], ...]:
        if self.state is None:
            return ()
        if column == "ip":
            hashes = [("ip", address(value)[0]), ("prefix", address(value)[1])]
        else:
            hashes = [(column, int(hash_column(pa.array([value], pa.string()))[0]))]
        ties = self.state.ties
        for name, hashed in hashes:  # the exact address first: its neighbourhood says the same again
            if hashed:
                keyed = int(self._key.hash(name, hashed), 16) or 1
                found = every(ties.keys, ties.values, U64(keyed), self._few)
                if found:
                    return tuple((keyed, int(row)) for row in self._few[:found])
        name, hashed = hashes[-1] if hashes[-1][1] else hashes[0]
        return ((int(self._key.hash(name, hashed), 16) or 1, -1),) if column == "ip" and hashed else ()

    # -- answers that come back

    def remembers(self, account: str) -> bool:
        """Tell whether answers to an account are looked at: those to members, and to whoever brought one of theirs."""
        return bool(account) and (self._answers.listens(account) or bool(self._campaigns(account)))

    def answered(self, account: str, text: str) -> None:
        """Look at an answer that was given to an account."""
        marks = self._lane_marks(text)
        if not marks or self.state is None:
            return
        campaigns = self._campaigns(account)
        if campaigns:
            self._answers.gave(self.state.meta.campaigns[campaigns[0]].id, account, marks)
        else:
            self._answers.told(account, marks)
        if self.heard is not None and self.remembers(account):
            self.heard.gave(campaigns[0] if campaigns else -1, account, marks)

    def _handed(self, asked: Asked, told: Texts) -> list[int]:
        met = self._answers.meet(asked.account)
        if not told.answer or not self._answers:
            return []
        listened = self._answers.listens(asked.account)
        found = self._answers.brought(asked.account, self._lane_marks(told.answer), met=met)
        if self.heard is not None and not listened and self._answers.listens(asked.account):
            self.heard.listens(asked.account)
        return [self._numbers[name] for name in found if name in self._numbers]

    def _lane_marks(self, text: str) -> list[int]:
        raw = text[:LONGEST].encode("utf-8", "replace")
        if not raw:
            return []
        lanes(np.frombuffer(raw + PADDING, np.uint8), len(raw), self._work, self._lanes)
        return [lane for lane in self._lanes.tolist() if lane] if self._lanes[ALIKE - 1] else []


def _transforms(order: Order, every: tuple[str, ...]) -> list[str]:
    """Name what is done; a tracer with the group that it marks for."""
    group = order.campaign or order.id
    return [f"tracer:{group}" if name == "tracer" else name for name in order.transforms or every]


def _listed(closed: bool | tuple[str, ...]) -> tuple[str, ...]:
    return closed if isinstance(closed, tuple) else ()


def _shadowed(decision: Decision) -> Decision:
    """Enforce nothing, and tell what would have been done."""
    would = None
    if decision.action != "allow":
        would = Would(action=decision.action, transforms=decision.transforms, category=decision.category)
    return Decision(ttl_s=decision.ttl_s, because=decision.because, shadow=True, would=would, order=decision.order)
