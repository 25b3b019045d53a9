"""`stillwatch lab`: small teachers and students on made-up text, so that every claim about audits can be repeated."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import click
import msgspec

from stillwatch.errors import SettingsError

KINDS = ("curve", "keys", "exact", "twins", "open", "quality", "harden")


@click.command("lab")
@click.option("--dir", "place", type=click.Path(path_type=Path, file_okay=False), default=Path("lab"),
              show_default=True, help="Where models, texts and results are kept, to go on later.")  # fmt: skip
@click.option("--table", "size", type=click.Choice(["small", "full"]), default="small", show_default=True,
              help="Small: within half an hour on two cores (`--jobs 2`). Full: some hours.")  # fmt: skip
@click.option("--only", multiple=True, type=click.Choice(KINDS), help="Only cells of this kind.")
@click.option("--minutes", type=click.FloatRange(0), default=1e6, help="Begin no cell after so many minutes.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes, one thread each.")
@click.option("--show", is_flag=True, help="Only show what is known.")
@click.option("--over-seeds", "seeds", is_flag=True, help="Show each question once, over its seeds.")
@click.option("--json", "as_json", is_flag=True, help="Print the cells as one JSON object.")
def command(
    place: Path, size: str, only: tuple[str, ...], minutes: float, jobs: int, show: bool, seeds: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Train small teachers and students, audit them, and show the table; goes on where it was stopped.

    Exit codes: 0 the table is whole, 4 cells are open.
    """
    if importlib.util.find_spec("torch") is None:
        raise SettingsError("the lab needs torch", hint="install it: `pip install 'stillwatch[audit]'`")
    from stillwatch.prove.lab import shown, tables

    if not show:
        _run(place, size, only, seconds=minutes * 60, jobs=jobs)
    found = [(cell, tables.known(place, cell)) for cell in tables.cells(size) if not only or cell.kind in only]
    if as_json:
        rows = [{"kind": cell.kind, "settings": cell.settings, "result": result} for cell, result in found]
        click.echo(msgspec.json.encode({"schema": 1, "table": size, "cells": rows}))
    else:
        click.echo(shown.over_seeds(found) if seeds else shown.table(found))
    return 0 if all(result is not None for _, result in found) else 4


def _run(place: Path, size: str, only: tuple[str, ...], *, seconds: float, jobs: int) -> None:
    from concurrent.futures import ProcessPoolExecutor

    from stillwatch.prove.lab import tables

    if jobs == 1:
        _work(place, size, only, seconds, 0, 1)
        return
    tables.prepare(place)
    with ProcessPoolExecutor(jobs) as pool:
        for future in [pool.submit(_work, place, size, only, seconds, i, jobs) for i in range(jobs)]:
            future.result()


def _work(place: Path, size: str, only: tuple[str, ...], seconds: float, share: int, jobs: int) -> None:
    """Answer the cells of one process."""
    from stillwatch.prove.lab import tables
    from stillwatch.prove.lab.cells import Cell

    wanted = [cell for cell in tables.cells(size) if not only or cell.kind in only]
    begun = time.monotonic()

    def told(cell: Cell, done: int, total: int) -> None:
        click.echo(f"{time.monotonic() - begun:7.0f} s  {done} of {total}  {cell.name}", err=True)

    tables.run(place, tables.dealt(wanted, jobs)[share], seconds=seconds, told=told)
