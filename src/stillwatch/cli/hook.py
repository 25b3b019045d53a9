"""`stillwatch hook`: who is told when something is put on record, and what is run when an order acts."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import click
import msgspec

from stillwatch import settings
from stillwatch.cli._place import as_json, by, now, place, settings_option
from stillwatch.errors import BookError, UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.model.hook import EVENTS, SHAPES, Hook, Shape
from stillwatch.remedy import commands as acts
from stillwatch.remedy import hooks as telling
from stillwatch.store import key as keys
from stillwatch.store import outbox
from stillwatch.store.book import line, open_book
from stillwatch.watch.orders import person


@click.group("hook")
def command() -> None:
    """Signed webhooks with an outbox that loses nothing, and your own key revocation."""


@command.command("add")
@click.argument("url")
@click.option("--shape", type=click.Choice(SHAPES), default="generic", show_default=True, help="Of what is sent.")
@click.option("--event", "events", multiple=True, metavar="E",
              help="Only these: `order`, `order.approved`, `appeal`, …; may be given again.")  # fmt: skip
@click.option("--accounts", is_flag=True, help="Name accounts to it; else only counts are told.")
@place
@by
@as_json
def add(
    url: str, shape: Shape, events: tuple[str, ...], accounts: bool, place_: Path, by: str, why: str, as_json_: bool
) -> None:
    """Add a hook at URL and print its secret, this once."""
    kinds = sorted({*EVENTS.values()})
    for one in events:
        if one.partition(".")[0] not in kinds:
            raise UsageError(
                f"there is no event `{one}`", hint=f"kinds are {', '.join(kinds)}; `KIND.WHAT` is one of it"
            )
    if accounts and shape == "slack":
        raise UsageError("a chat is told no accounts", hint="leave out `--accounts`, or use the generic shape")
    made = outbox.add(
        open_book(place_), telling.checked(url), shape=shape, events=list(events), accounts=accounts, by=person(by),
        why=why, at=now(),
    )  # fmt: skip
    _secret(made, as_json_)


def _secret(made: Hook, as_json_: bool) -> None:
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "id": made.id, "secret": made.secret}))
        return
    click.echo(made.secret)
    click.echo(f"hook {made.id}: {plain(made.url)}; the secret is not shown again", err=True)


@command.command("list")
@place
@as_json
def list_(place_: Path, as_json_: bool) -> None:
    """List hooks, with how much each has not been told yet."""
    book = open_book(place_)
    waiting = outbox.outbox(book)
    told = [
        {"id": one.id, "url": one.url, "shape": one.shape, "events": one.events, "accounts": one.accounts,
         "paused": one.paused, "waiting": sum(m.hook == one.id and m.step == "waiting" for m in waiting),
         "stuck": sum(m.hook == one.id and m.step == "stuck" for m in waiting)}
        for one in outbox.hooks(book)
    ]  # fmt: skip
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "hooks": told}))
        return
    for each in told:
        of = ", ".join(each["events"]) or "everything"  # type: ignore[arg-type]
        state = "paused" if each["paused"] else f"{each['waiting']} waiting, {each['stuck']} stuck"
        click.echo(f"{each['id']}  {each['shape']}  {of}  {state}  {plain(str(each['url']))}")


@command.command("outbox")
@place
@as_json
def outbox_(place_: Path, as_json_: bool) -> None:
    """List what is not delivered yet, and why."""
    found = outbox.outbox(open_book(place_))
    if as_json_:
        told = [{name: value for name, value in msgspec.structs.asdict(one).items() if name != "body"} for one in found]
        click.echo(msgspec.json.encode({"schema": 1, "messages": told}))
        return
    for one in found:
        due = "" if one.step == "stuck" else f", next try in {max(one.due - time.time(), 0):.0f} s"
        click.echo(f"{one.id}  {one.hook}  {one.step}  tried {one.tries} x{due}  {plain(one.told)}")
    if not found:
        click.echo("everything is delivered")


@command.command("remove")
@click.argument("hook")
@place
@by
def remove(hook: str, place_: Path, by: str, why: str) -> None:
    """Remove HOOK, with what it was not told yet."""
    lost = outbox.remove(open_book(place_), hook, by=person(by), why=why, at=now())
    click.echo(f"{plain(hook)}: removed; {counted(lost, 'message')} not told")


@command.command("pause")
@click.argument("hook")
@click.option("--end", "end_", is_flag=True, help="Let it be told again instead.")
@place
@by
def pause(hook: str, end_: bool, place_: Path, by: str, why: str) -> None:
    """Send HOOK nothing for now; what happens meanwhile waits."""
    outbox.change_hook(open_book(place_), hook, "resumed" if end_ else "paused", by=person(by), why=why, at=now())
    click.echo(f"{plain(hook)}: {'is told again' if end_ else 'paused'}")


@command.command("rotate")
@click.argument("hook")
@place
@by
@as_json
def rotate(hook: str, place_: Path, by: str, why: str, as_json_: bool) -> None:
    """Give HOOK a new secret and print it, this once; for a day both sign."""
    _secret(outbox.change_hook(open_book(place_), hook, "rotated", by=person(by), why=why, at=now()), as_json_)


@command.command("test")
@click.argument("hook")
@place
@by
def test(hook: str, place_: Path, by: str, why: str) -> None:
    """Put a test for HOOK on record, and send what is due."""
    book = open_book(place_)
    outbox.hook(book, hook)
    with book.change() as change:
        line(change, f"hook {hook}", "tested", person(by), why, now())
    _deliver(book.path, once=True, timeout_s=15.0)


@command.command("deliver")
@click.option("--once", is_flag=True, help="Send what is due, and end.")
@place
@settings_option
def deliver(once: bool, place_: Path, settings_file: Path | None) -> None:
    """Send what is due, until interrupted; `stillwatch serve` does it too."""
    told = settings.find(settings_file).hooks
    _deliver(place_, once=once, timeout_s=told.timeout_s, every_s=told.every_s)


def _deliver(where: Path, *, once: bool, timeout_s: float, every_s: float = 1.0) -> None:
    book = open_book(where)
    tried = asyncio.run(telling.deliver(book, timeout_s=timeout_s, every_s=every_s, once=once))
    left = outbox.outbox(book)
    click.echo(f"{counted(tried, 'message')} tried, {len(left)} not delivered yet")
    if left and once:
        raise BookError("something is not delivered yet", hint="`stillwatch hook outbox` tells why; nothing is lost")


@command.command("retry")
@click.argument("message", required=False)
@place
def retry(message: str | None, place_: Path) -> None:
    """Let MESSAGE, or all that is not delivered, go out at the next occasion; commands that are stuck too."""
    book = open_book(place_)
    count = outbox.retry(book, time.time(), message)
    if message is not None and not count:
        raise BookError(f"no message is called `{message}`, or it was delivered", hint="`stillwatch hook outbox`")
    stuck = acts.retry(book, time.time()) if message is None else 0
    click.echo(f"{counted(count, 'message')} and {counted(stuck, 'command')} will be tried again")


@command.command("commands")
@click.option("--enforce", is_flag=True, help="Run them; else only say what would be run.")
@place
@settings_option
@as_json
def commands(enforce: bool, place_: Path, settings_file: Path | None, as_json_: bool) -> None:
    """Say which commands orders call for at this moment; with --enforce run them."""
    told = settings.find(settings_file)
    if not told.hooks.command:
        raise UsageError(
            "no command is set", hint="add `[[hooks.command]]` to stillwatch.toml; see docs/reference/remedy.md"
        )
    book, key = open_book(place_), keys.find(told.store.key_file)
    adapters = told.hooks.command
    done = acts.work(book, adapters, key) if enforce else acts.due(book, adapters, key, time.time())
    if as_json_:
        click.echo(
            msgspec.json.encode({"schema": 1, "enforced": enforce, "commands": done, "accounts": acts.kept(book)})
        )
    else:
        for one in done:
            came = (
                "would run"
                if not enforce
                else "done"
                if one.status == 0
                else f"failed: {plain(one.said) or one.status}"
            )
            since = f" (since {one.because})" if one.because else ""
            click.echo(f"{one.adapter} {one.deed} {plain(one.account)} for {one.order}{since}: {came}")
        if not done:
            click.echo("nothing is to be done or undone")
        for name in acts.nameless(book, adapters):
            click.echo(f"{name} names nobody: plan it with `--case`, so that its members are known by name")
    if any(one.status != 0 for one in done) and enforce:
        raise BookError("a command failed", hint="it is tried again, the longer the more often")
