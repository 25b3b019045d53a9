"""`stillwatch playbook`: what is done about a finding, step by step, and who did it."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from stillwatch import settings
from stillwatch.cli._place import as_json, by, now, place, settings_option
from stillwatch.cli._spoken import spoken
from stillwatch.errors import UsageError
from stillwatch.kit.plain import counted, plain
from stillwatch.model.answer import Order
from stillwatch.model.playbook import STAGES, Playbook, Run, Step, StepState
from stillwatch.remedy import playbooks
from stillwatch.store import cases, runs
from stillwatch.store.book import open_book
from stillwatch.watch.orders import person

own = click.option(
    "--playbooks", "folder", type=click.Path(path_type=Path),
    help="A directory of your own playbooks; else `[remedy] playbooks`. One of a shipped name takes its place.",
)  # fmt: skip


@click.group("playbook")
def command() -> None:
    """List, show and go through playbooks: identify, contain, eradicate, recover, tell."""


@command.command("list")
@own
@settings_option
@as_json
def list_(folder: Path | None, settings_file: Path | None, as_json_: bool) -> None:
    """List the playbooks, shipped and your own."""
    found = _all(folder, settings_file)
    if as_json_:
        told = [
            {"name": one.name, "version": one.version, "title": one.title, "findings": one.findings,
             "steps": len(one.steps), "digest": one.digest, "file": str(path)} for one, path in found
        ]  # fmt: skip
        click.echo(msgspec.json.encode({"schema": 1, "playbooks": told}))
        return
    for one, path in found:
        mine = "" if path.parent == playbooks.SHIPPED else f"  ({plain(str(path))})"
        click.echo(f"{one.name} v{one.version}  {counted(len(one.steps), 'step')}  {plain(one.title)}{mine}")
        click.echo(f"  for {', '.join(one.findings)}")


@command.command("show")
@click.argument("name")
@own
@settings_option
@as_json
def show(name: str, folder: Path | None, settings_file: Path | None, as_json_: bool) -> None:
    """Show every step of the playbook NAME."""
    one = _named(name, _all(folder, settings_file))
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "playbook": one}))
        return
    click.echo(f"{one.name} v{one.version}: {plain(one.title)}")
    for line in _steps(one, None, {}):
        click.echo(line)


@command.command("start")
@click.argument("name")
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("campaign")
@own
@place
@by
@settings_option
@as_json
def start(
    name: str, case: Path, campaign: str, folder: Path | None, place_: Path, by: str, why: str,
    settings_file: Path | None, as_json_: bool,
) -> None:  # fmt: skip
    """Begin the playbook NAME for the entry CAMPAIGN of CASE."""
    one = _named(name, _all(folder, settings_file))
    told = cases.read(case)
    entry = next((entry for entry in told.campaigns if entry.id == campaign), None)
    if entry is None:
        ids = ", ".join(entry.id for entry in told.campaigns) or "none"
        raise UsageError(f"the case has no entry `{campaign}`", where=str(case), hint=f"it has {ids}")
    if entry.finding not in one.findings:
        raise UsageError(
            f"`{one.name}` is for {', '.join(one.findings)}, and `{campaign}` is {entry.finding}",
            hint="`stillwatch playbook list` tells what each is for",
        )
    made = runs.start(open_book(place_), one, case=str(case), campaign=campaign, by=person(by), why=why, at=now())
    _tell(made, place_, as_json_)


@command.command("status")
@click.argument("run", required=False)
@click.option("--all", "all_", is_flag=True, help="Also those that are over.")
@place
@as_json
def status(run: str | None, all_: bool, place_: Path, as_json_: bool) -> None:
    """Tell how far RUN is, and what comes next; without RUN, how far each is."""
    book = open_book(place_)
    if run is not None:
        _tell(runs.run(book, run), place_, as_json_, record=True)
        return
    found = [one for one in runs.runs(book) if all_ or not one.over]
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "runs": found}))
        return
    for one in found:
        done = sum(one.state(step.id) in ("done", "skipped") for step in one.playbook.steps)
        following = next((step for step in one.playbook.steps if _ready(one, step)), None)
        then = f"next: {following.id}" if following is not None else "over" if one.over else "nothing is ready"
        click.echo(f"{one.id}  {one.playbook.name} v{one.playbook.version}  {plain(one.campaign)}  "
                   f"{done} of {len(one.playbook.steps)} steps; {then}")  # fmt: skip


@command.command("done")
@click.argument("run")
@click.argument("step")
@click.option("--skip", is_flag=True, help="It is not done, for the reason given.")
@click.option("--undo", is_flag=True, help="It was done and is taken back, for the reason given.")
@click.option("--order", metavar="ID", default="", help="The order that this step planned; later steps then name it.")
@place
@by
@as_json
def done(
    run: str, step: str, skip: bool, undo: bool, order: str, place_: Path, by: str, why: str, as_json_: bool
) -> None:
    """Put on record that STEP of RUN is done."""
    if skip and undo:
        raise UsageError("a step is skipped or undone, not both", hint="say one of `--skip` and `--undo`")
    if (skip or undo) and not why.strip():
        raise UsageError("skipping and undoing need a reason", hint="say why, with `--reason`")
    book = open_book(place_)
    if order:
        book.order(order)
    state = runs.mark(
        book, run, step, "skipped" if skip else "undone" if undo else "done", by=person(by), note=why, at=now(),
        order=order,
    )  # fmt: skip
    if undo and not as_json_:
        was = state.playbook.step(step)
        assert was is not None  # noqa: S101 - it was just marked
        for line in _undo(was, _values(state, place_)):
            click.echo(line)
    _tell(state, place_, as_json_)


@command.command("do")
@click.argument("run")
@click.argument("step")
@click.option("--undo", is_flag=True, help="Take it back instead, for the reason given.")
@click.option("--dry-run", is_flag=True, help="Say what would be run, and run nothing.")
@place
@by
def do(run: str, step: str, undo: bool, dry_run: bool, place_: Path, by: str, why: str) -> None:
    """Run the verb of STEP of RUN, and put on record that it is done; what only a person can do is not done."""
    book, who = open_book(place_), person(by)
    found = runs.run(book, run)
    one = found.playbook.step(step)
    if one is None:
        steps = ", ".join(each.id for each in found.playbook.steps)
        raise UsageError(f"`{found.playbook.name}` has no step `{step}`", hint=f"it has {steps}")
    line = (one.undo if one.undo_verb else "") if undo else one.verb
    if not line:
        raise UsageError(
            f"step `{step}` is a person's: {plain(one.undo if undo else one.task)}",
            hint=f"do it, then `stillwatch playbook done {run} {step}{' --undo' if undo else ''} --by {who!r}`",
        )  # fmt: skip
    words = playbooks.filled(line, {**_values(found, place_), "by": who})
    if any("{order}" in word for word in words):
        raise UsageError("no step has planned an order yet", hint=f"`playbook done {run} STEP --order ID` names it")
    if undo and not why.strip():
        raise UsageError("taking back needs a reason", hint="say why, with `--reason`")
    state: StepState = "undone" if undo else "done"
    runs.check(found, step, state)
    click.echo(f"stillwatch {shlex.join(words)}", err=True)
    if not dry_run:
        order, told = _ran(words)
        made = runs.mark(book, run, step, state, by=who, note=why, at=now(), order=order)
        click.echo(told, nl=False)  # once it is on record: nobody may be listening any more
        _tell(made, place_, as_json_=False)


def _ran(words: list[str]) -> tuple[str, str]:
    """Run a verb; gives the order that it planned, where it did, and what it said."""
    from stillwatch.cli import stillwatch

    plans = words[:2] == ["order", "plan"]
    raw = io.BytesIO()
    told = io.TextIOWrapper(raw, "utf-8", write_through=True)
    code: object = 1
    try:
        with contextlib.redirect_stdout(told):
            code = stillwatch.main(
                args=[*words, "--json"] if plans else words, prog_name="stillwatch", standalone_mode=False
            )
    finally:
        if code:
            click.echo(raw.getvalue(), nl=False)
    if isinstance(code, int) and code:
        raise UsageError(f"the verb ended with {code}, and the step is not done", hint="see what it said above")
    if not plans:
        return "", raw.getvalue().decode("utf-8", "replace")
    order = msgspec.json.decode(raw.getvalue(), type=Order)
    return order.id, f"planned {order.id}: {order.rung} on {counted(order.blast.accounts, 'account')}\n"


def folder_of(folder: Path | None, settings_file: Path | None) -> Path | None:
    """Tell where one's own playbooks lie; nothing where there are none."""
    named = settings.find(settings_file).remedy.playbooks
    return folder if folder is not None else Path(named).expanduser() if named else None


def _all(folder: Path | None, settings_file: Path | None) -> list[tuple[Playbook, Path]]:
    return playbooks.everything(folder_of(folder, settings_file), spoken)


def _named(name: str, found: list[tuple[Playbook, Path]]) -> Playbook:
    for one, _ in found:
        if one.name == name:
            return one
    raise UsageError(f"no playbook is called `{name}`", hint=f"there are {', '.join(one.name for one, _ in found)}")


def _ready(run: Run, step: Step) -> bool:
    return run.state(step.id) in ("open", "undone") and not run.waits(step)


def _values(run: Run, place_: Path) -> dict[str, str]:
    return {"case": run.case, "campaign": run.campaign, "order": run.order, "state": str(place_)}


def _tell(run: Run, place_: Path, as_json_: bool, *, record: bool = False) -> None:
    if as_json_:
        told: dict[str, object] = {"schema": 1, "run": run}
        if record:
            told["record"] = open_book(place_).record(f"run {run.id}")
        click.echo(msgspec.json.encode(told))
        return
    click.echo(f"{run.id}: {run.playbook.name} v{run.playbook.version} for {plain(run.campaign)} of {plain(run.case)}")
    for line in _steps(run.playbook, run, _values(run, place_)):
        click.echo(line)
    if record:
        for note in open_book(place_).record(f"run {run.id}"):
            click.echo(
                f"  {note.at:%Y-%m-%d %H:%M}  {note.did} by {plain(note.by)}{': ' if note.why else ''}{plain(note.why)}"
            )


SIGNS = {"open": " ", "done": "x", "skipped": "-", "undone": "<"}


def _steps(playbook: Playbook, run: Run | None, values: dict[str, str]) -> Iterator[str]:
    for stage in STAGES:
        steps = [step for step in playbook.steps if step.stage == stage]
        if steps:
            yield stage
        for step in steps:
            state = "open" if run is None else run.state(step.id)
            after = f"  (after {', '.join(step.after)})" if step.after and run is None else ""
            mark = run.marks.get(step.id) if run is not None else None
            who = f"  {mark.state} by {plain(mark.by)}, {mark.at:%Y-%m-%d %H:%M}" if mark is not None else ""
            yield f"  [{SIGNS[state]}] {step.id}: {plain(step.title)}{after}{who}"
            if run is None or _ready(run, step):
                yield f"      {_said(step.verb, values) if step.verb else plain(step.task)}"
                yield f"      before: {plain(step.before)}"
                if run is None:
                    yield from _undo(step, values)


def _undo(step: Step, values: dict[str, str]) -> Iterator[str]:
    yield f"      undo: {_said(step.undo, values) if step.undo_verb else plain(step.undo)}"


def _said(verb: str, values: dict[str, str]) -> str:
    return plain(
        shlex.join(["stillwatch", *playbooks.filled(verb, values)])
        .replace("'{by}'", "PERSON")
        .replace("'{", "{")
        .replace("}'", "}")
    )
