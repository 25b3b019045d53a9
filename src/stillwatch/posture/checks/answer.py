"""Answer: whether what is done to accounts can be understood, contested and taken back."""

from __future__ import annotations

from datetime import timedelta

from stillwatch.model.answer import Order
from stillwatch.posture.facts import NO_BOOK, Facts, Told, judged, lacking, met, unseen
from stillwatch.store.tokens import SCOPES


def wire_step_up(facts: Facts, limit: float) -> Told:
    """Judge whether a challenged account has a place to go."""
    del limit
    return _address("step_up_url", facts.settings.watch.step_up_url, "where an account proves who it is")


def open_appeals(facts: Facts, limit: float) -> Told:
    """Judge whether a refused party is told where to appeal."""
    del limit
    return _address("appeal_url", facts.settings.watch.appeal_url, "where a person hears appeals")


def _address(name: str, url: str, what: str) -> Told:
    after = f'write `{name} = "https://…"`, {what}, under `[watch]`'
    if not url:
        return lacking(f"`[watch] {name}` is not set", after)
    return judged(url.startswith("https://"), f"`[watch] {name}` is {url}", after)


def two_people_suspend(facts: Facts, limit: float) -> Told:
    """Judge whether somebody suspended accounts alone."""
    if facts.house.book is None:
        return NO_BOOK
    held = [one for one in facts.house.book.orders if one.rung == "suspend" and _in_force(one, facts)]
    if not held:
        return unseen("no order to suspend is in force", "nothing: the next one will show it")
    alone = [one.id for one in held if one.approved_by and _same(one.approved_by, one.planned_by)]
    told = f"{len(alone)} of {len(held)} orders to suspend were planned and approved by one person"
    after = f"let a second person look at {', '.join(alone[:3])}: `stillwatch order undo`, then plan and approve anew"
    return judged(len(alone) <= limit, told, after)


def enforce(facts: Facts, limit: float) -> Told:
    """Judge whether orders act."""
    del limit
    if facts.house.mode:
        after = "compare what would have been done with what should, then start the servers with `--enforce`"
        return judged(
            facts.house.mode == "enforce", f"the server that was asked decides in mode {facts.house.mode}", after
        )
    if facts.house.mode == "":
        return unseen("the server that was asked has decided nothing yet", "ask again when it has seen requests")
    if facts.house.book is None:
        return NO_BOOK
    held = [one for one in facts.house.book.orders if _in_force(one, facts)]
    if not held:
        return lacking("no approved order is in force: nothing could act", "`stillwatch order plan`, and approve it")
    return unseen(f"{len(held)} orders are in force, and whether they act is the server's", "ask it: `--ask URL`")


def wire_hooks(facts: Facts, limit: float) -> Told:
    """Judge whether anybody is told of what orders do."""
    if facts.house.book is None:
        return NO_BOOK
    open_ = [one for one in facts.house.book.hooks if not one.paused]
    told = f"{len(open_)} of {len(facts.house.book.hooks)} hooks are open"
    after = "`stillwatch hook` names an address that is told; one that is paused tells nobody"
    return judged(len(open_) >= limit, told, after)


def license(facts: Facts, limit: float) -> Told:  # noqa: A001 - the practice's name
    """Judge whether licensed distillation is written down, and up to date."""
    if facts.house.book is None:
        return NO_BOOK
    today = facts.now.date()
    issued = [one.grant for one in facts.house.book.grants if one.revoked_at is None]
    held = [one for one in issued if one.runs_on(today)]
    gone = [one for one in issued if one.ends < today <= one.ends + timedelta(limit)]
    lapsed = sorted({one.holder for one in gone} - {one.holder for one in held})
    if lapsed:
        told = f"the grant of {', '.join(lapsed[:3])} ended within {limit:g} days, and no other follows"
        return lacking(told, "ask whether they go on: their traffic would be `grant_exceeded` at the next hunt")
    if held:
        return met(f"{len(held)} grants are in force")
    return unseen("no grant is written down", "issue one to whoever you license: `stillwatch grant issue`")


def scope_tokens(facts: Facts, limit: float) -> Told:
    """Judge whether a token may do everything, or for too long."""
    if facts.house.book is None:
        return NO_BOOK
    held = [one for one in facts.house.book.tokens if not one.revoked and one.ends > facts.now]
    if not held:
        return unseen("no token is in force", "nothing: the next one will show it")
    wide = [one for one in held if set(one.scopes) >= set(SCOPES) or one.ends - facts.now > timedelta(limit)]
    told = f"{len(wide)} of {len(held)} tokens in force may do everything, or end after more than {limit:g} days"
    names = ", ".join(one.id for one in wide[:3])
    return judged(not wide, told, f"make one for each need, then `stillwatch token revoke {names}`")


def _in_force(order: Order, facts: Facts) -> bool:
    return order.step == "approved" and order.ends > facts.now


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
