"""Runs: playbooks that are gone through, in the book: who said that which step was done, and when."""

from __future__ import annotations

import secrets
from datetime import datetime

import msgspec

from stillwatch.errors import BookError
from stillwatch.model.playbook import Marked, Playbook, Run, StepState
from stillwatch.store.book import Book, line


def runs(book: Book) -> list[Run]:
    """Read every run, oldest first."""
    return [msgspec.json.decode(body, type=Run) for (body,) in book.read("SELECT body FROM runs ORDER BY rowid")]


def run(book: Book, name: str) -> Run:
    """Read one run.

    Raises:
        BookError: when there is none of that id.
    """
    for (body,) in book.read("SELECT body FROM runs WHERE id = ?", name):
        return msgspec.json.decode(body, type=Run)
    raise BookError(f"no run is called `{name}`", where=str(book.path), hint="`stillwatch playbook status` names them")


def start(book: Book, playbook: Playbook, *, case: str, campaign: str, by: str, why: str, at: datetime) -> Run:
    """Begin a playbook for an entry of a case.

    Raises:
        BookError: when it is being gone through for that entry already.
    """
    made = Run(id=f"r-{secrets.token_hex(4)}", playbook=playbook, case=case, campaign=campaign, by=by, at=at)
    with book.change() as change:
        for (body,) in change.execute("SELECT body FROM runs").fetchall():
            other = msgspec.json.decode(body, type=Run)
            if (other.playbook.name, other.campaign) == (playbook.name, campaign) and not other.over:
                raise BookError(
                    f"`{playbook.name}` is under way for `{campaign}` already, as `{other.id}`",
                    hint=f"stillwatch playbook status {other.id}",
                )
        change.execute("INSERT INTO runs VALUES (?, ?)", (made.id, msgspec.json.encode(made)))
        line(change, f"run {made.id}", "started", by, why or f"{playbook.name} v{playbook.version} for {campaign}", at)
    return made


def mark(
    book: Book, name: str, step: str, state: StepState, *, by: str, note: str, at: datetime, order: str = ""
) -> Run:
    """Say how a step stands.

    Raises:
        BookError: when there is no such run or step, when what comes before it is not done, or when it stands so
            already.
    """
    with book.change() as change:
        row = change.execute("SELECT body FROM runs WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise BookError(f"no run is called `{name}`", hint="`stillwatch playbook status` names them")
        before = msgspec.json.decode(row[0], type=Run)
        check(before, step, state)
        marks = {**before.marks, step: Marked(state=state, by=by, at=at, note=note)}
        after = msgspec.structs.replace(before, marks=marks, order=order or before.order)
        change.execute("UPDATE runs SET body = ? WHERE id = ?", (msgspec.json.encode(after), name))
        line(change, f"run {name}", f"step {step} {state}", by, note, at)
    return after


def check(run: Run, name: str, state: StepState) -> None:
    """Check that a step may come to stand so.

    Raises:
        BookError: when there is no such step, when what comes before it is not done, or when it stands so already.
    """
    step = run.playbook.step(name)
    if step is None:
        steps = ", ".join(one.id for one in run.playbook.steps)
        raise BookError(f"`{run.playbook.name}` has no step `{name}`", hint=f"it has {steps}")
    stands = run.state(name)
    if stands == state:
        raise BookError(f"step `{name}` is {state} already", where=f"by {run.marks[name].by}")
    if state == "undone":
        if stands != "done":
            raise BookError(f"step `{name}` is {stands}: only one that is done can be undone")
        later = [one.id for one in run.playbook.steps if name in one.after and run.state(one.id) == "done"]
        if later:
            raise BookError(f"step `{name}` is what `{later[0]}` rests on", hint=f"undo `{later[0]}` first")
    elif waits := run.waits(step):
        raise BookError(
            f"step `{name}` comes after `{waits[0]}`, which is {run.state(waits[0])}",
            hint=f"do it first, or skip it with a reason: stillwatch playbook done {run.id} {waits[0]} --skip",
        )
