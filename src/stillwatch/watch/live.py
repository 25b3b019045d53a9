"""Live: decide about one request, in process, from memory.

The order in which things count: the allowlist, then grants, then orders that name the account or its campaign, then
what an approved order says of newcomers. Nothing here waits for a disk or a network; the book and the state are looked
at again between requests, and swapped whole. In shadow every decision is `allow`, and what would have been done is
counted and told.

Cost: see `bench/decide.py`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from stillwatch import rooms
from stillwatch.model.answer import Asked, Decision, Order, Rung, Would, rank
from stillwatch.model.grant import Grant
from stillwatch.settings import Watch as WatchSettings
from stillwatch.sketch import work
from stillwatch.store.key import Key
from stillwatch.store.live import State, content
from stillwatch.watch.answers import Answers
from stillwatch.watch.heard import Batch, Heard
from stillwatch.watch.keeping import Keeping
from stillwatch.watch.newcomers import Newcomers
from stillwatch.watch.shown import Shown
from stillwatch.watch.slowed import Slowed
from stillwatch.watch.standing import Standing, in_force, reference
from stillwatch.watch.texts import Texts, texts

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
        self._slowed = Slowed(settings)
        self._answers = Answers(self._work)
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
        self._numbers = {} if state is None else {one.id: n for n, one in enumerate(state.meta.campaigns)}
        self._shown = Shown(self._key, state, self._newcomers, self._work)

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
        if not self.enforce or self._closed is False or self.standing.keeps(asked.account, now):
            return Decision(because=because, shadow=not self.enforce)
        if self._closed is True:
            return Decision(action="refuse", category="undecided", because=because, shadow=False)
        order = self._ordered(asked.account, [], now)
        if order is None or RUNGS[order.rung].ACTION not in self._closed:
            return Decision(because=because, shadow=False)
        return self._acting(order, order.rung, asked, now, because)

    def _decided(self, asked: Asked) -> Decision:
        account = asked.account
        if not account:
            return ALLOWED
        now = self._clock()
        if self.standing.spares(account, now):
            return Decision(shadow=False, ttl_s=self.settings.ttl_s, because=["the account is on the allowlist"])
        if (grant := self._covering(asked, now)) is not None:
            return Decision(shadow=False, because=[f"grant `{grant.id}` covers it"])
        campaigns = self._shown.campaigns(account)
        order = self._ordered(account, campaigns, now)
        if order is not None:
            return self._acting(order, order.rung, asked, now, [order.reason])
        if campaigns or self._newcomers is None:
            return ALLOWED
        return self._newcomer(asked, now)

    def _ordered(self, account: str, campaigns: list[int], now: float) -> Order | None:
        """Find the hardest order in force on an account that is a member of these campaigns, as rows of the state."""
        ids: list[str] = []
        if self.state is not None and self.standing.campaigns:
            ids = [self.state.meta.campaigns[number].id for number in campaigns]
        return self.standing.hardest(account, ids, now, self._key)

    def covering(self, asked: Asked) -> Grant | None:
        """Find the grant that a request runs under, for metering and receipts."""
        return self._covering(asked, self._clock())

    def _covering(self, asked: Asked, now: float) -> Grant | None:
        if asked.account not in self.standing.grants:
            return None
        return self.standing.covering(asked, now, self.used, lambda: self._shown.family_names(texts(asked.body)))

    def families(self, told: Texts) -> list[int]:
        """Find the families of campaigns that a request contains, as rows of the state."""
        return self._shown.families(told)

    def _newcomer(self, asked: Asked, now: float) -> Decision:
        """Count a request of an account that no hunt found in a campaign."""
        state, newcomers = self.state, self._newcomers
        if state is None or newcomers is None or not state.meta.campaigns:
            return ALLOWED
        told = texts(asked.body)
        families, shown = self._shown.families(told), self._shown.ties(asked)
        brought = self._answers.brought(asked, told, self.heard)
        handed = [self._numbers[name] for name in brought if name in self._numbers]
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
            reference=reference(self._key, order.id, asked.account) if acts else None,
            because=because,
            shadow=False,
            order=order.id,
            retry_after_s=wait,
        )

    def _slow(self, account: str, now: float) -> int:
        wait = self._slowed.slow(account, now, self.share)
        if not wait and self.heard is not None:
            self.heard.took(account)
        return wait

    def _challenge(self, account: str, now: float) -> int:
        wait = self._slowed.challenge(account, now)
        if wait and self.heard is not None:
            self.heard.challenged(account)
        return wait

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
            self._answers.hear(batch, self.state)
        self._slowed.hear(batch, now)

    # -- answers that come back

    def remembers(self, account: str) -> bool:
        """Tell whether answers to an account are looked at: those to members, and to whoever brought one of theirs."""
        return bool(account) and (self._answers.listens(account) or bool(self._shown.campaigns(account)))

    def answered(self, account: str, text: str) -> None:
        """Look at an answer that was given to an account."""
        marks = self._answers.marks(text)
        if not marks or self.state is None:
            return
        campaigns = self._shown.campaigns(account)
        self._answers.gave(account, marks, self.state.meta.campaigns[campaigns[0]].id if campaigns else None)
        if self.heard is not None and self.remembers(account):
            self.heard.gave(campaigns[0] if campaigns else -1, account, marks)


def _transforms(order: Order, every: tuple[str, ...]) -> list[str]:
    """Name what is done; a tracer with the group that it marks for."""
    group = order.campaign or order.id
    return [f"tracer:{group}" if name == "tracer" else name for name in order.transforms or every]


def _shadowed(decision: Decision) -> Decision:
    """Enforce nothing, and tell what would have been done."""
    would = None
    if decision.action != "allow":
        would = Would(action=decision.action, transforms=decision.transforms, category=decision.category)
    return Decision(ttl_s=decision.ttl_s, because=decision.because, shadow=True, would=would, order=decision.order)
