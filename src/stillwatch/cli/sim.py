"""`stillwatch sim`: write a practice world with planted truth."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from stillwatch.drill.adversary import Round


@click.command("sim")
@click.argument("world", required=False)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="1000 and above: report seeds.")
@click.option("--out", type=click.Path(path_type=Path), help="The directory to write.")
@click.option("--texts", type=click.Path(path_type=Path), help="A directory of real prompts in the normal form.")
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    help="Multiplies numbers of accounts.",
)
@click.option("--set", "sets", multiple=True, metavar="ACTOR.NAME=VALUE", help="Set an actor's parameter, or `days=7`.")
@click.option("--litellm", is_flag=True, help="Write LiteLLM records (NDJSON) besides.")
@click.option("--threads", type=click.IntRange(1, 64), help="Default: one to a core, at most 8.")
@click.option("--adversary", is_flag=True, help="Play a campaign that learns from what is stopped, round after round.")
@click.option("--rounds", type=click.IntRange(min=1), default=50, show_default=True, help="Rounds of --adversary.")
@click.option("--list", "listing", is_flag=True, help="List worlds and actors, and leave.")
@click.option("--json", "as_json", is_flag=True, help="Print the truth as one JSON object.")
def command(
    world: str | None,
    seed: int,
    out: Path | None,
    texts: Path | None,
    scale: float,
    sets: tuple[str, ...],
    litellm: bool,
    threads: int | None,
    adversary: bool,
    rounds: int,
    listing: bool,
    as_json: bool,
) -> None:
    """Write a practice world: traffic, accounts, grants, and the truth that was planted in them.

    WORLD is a name (see `--list`) or a TOML file of your own. With --adversary no world is named: each round is a
    file in the directory of --out, and rounds that are there already are kept.
    """
    from stillwatch import sim

    if listing:
        click.echo(sim.catalogue())
        return
    if adversary:
        if world is not None or out is None:
            raise click.UsageError("`--adversary` needs `--out DIR` and no world: each round makes its own")
        if texts is not None or sets or litellm or scale != 1.0:
            raise click.UsageError("`--adversary` goes with `--out`, `--rounds`, `--seed` and `--json` only")
        _play(out, rounds, seed, as_json=as_json)
        return
    if world is None or out is None:
        raise click.UsageError("name a world and `--out DIR`; `stillwatch sim --list` lists the worlds")
    begin = time.perf_counter()
    truth = sim.make(
        world,
        seed=seed,
        out=out,
        texts=texts,
        scale=scale,
        sets=sets,
        litellm=litellm,
        threads=threads,
        progress=_progress,
    )
    took = time.perf_counter() - begin
    if as_json:
        click.echo(msgspec.json.encode(truth))
        return
    click.echo(
        f"{truth.exchanges:,} exchanges of {truth.accounts:,} accounts over {truth.days} days in {out}",
        err=True,
    )
    click.echo(f"{took:.1f} s, {truth.exchanges / took:,.0f} exchanges/s; checksum {truth.checksum}", err=True)
    for campaign in truth.campaigns:
        click.echo(
            f"planted  {campaign.id:<28} {campaign.finding:<22} {len(campaign.accounts):>6} accounts"
            f" {campaign.exchanges:>9,} exchanges"
        )
    for crowd in truth.crowds:
        click.echo(
            f"innocent {crowd.id:<28} {'looks like ' + crowd.paired_with if crowd.paired_with else '':<22}"
            f" {len(crowd.accounts):>6} accounts {crowd.exchanges:>9,} exchanges"
        )


def _play(out: Path, rounds: int, seed: int, *, as_json: bool) -> None:
    from stillwatch.drill import adversary as drill

    try:
        played = drill.learn(out, rounds=rounds, seed=seed, told=lambda one: click.echo(_round(one), err=True))
        held = drill.confirm(out, played)
    except KeyboardInterrupt:
        click.echo(f"\nthe rounds so far are kept in {out}; the same command goes on", err=True)
        raise
    told = drill.summary(played, held)
    if as_json:
        click.echo(msgspec.json.encode(told))
        return
    click.echo(f"naive campaign: {told['naive']:.0%} harvested before the first alert")
    if told["cost_to_evade"] is None:
        click.echo(f"in {told['rounds']} rounds half of the harvest was never made before the first alert")
        return
    click.echo(
        f"half of the harvest before the first alert: {told['cost_to_evade']:.1f} times the accounts and days"
        f" ({told['accounts']:.1f} x accounts, {told['days']:.1f} x days), on {told['cards']:.1f} times the cards,"
        f" round {told['round']}"
    )
    if held is None:
        click.echo("in fresh worlds none of those rounds held: it was luck")
    else:
        click.echo(
            f"confirmed in {len(held.worlds)} fresh worlds: {held.cost:.1f} times, {held.harvested:.0%} harvested"
        )


def _round(one: Round) -> str:
    stopped = "never stopped" if one.alert_days.count(None) == len(one.alert_days) else f"alerts on days {_days(one)}"
    seen = f", seen by {', '.join(one.views[:3])}" if one.views else ""
    return f"round {one.round}: cost {one.cost:.2f}, {one.harvested:.0%} harvested, {stopped}{seen}"


def _days(one: Round) -> str:
    return ", ".join("never" if day is None else str(day) for day in one.alert_days)


def _progress(done: int, days: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == days else ""
        click.echo(f"\rday {done} of {days}{end}", err=True, nl=False)
