"""Actors on the command line: name an organisation, write down its answer, take the name back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

import click

from stillwatch.cli._share_desk import by_option, desk, found, json_option, now, settings_option, speaker
from stillwatch.cli._share_shown import tell
from stillwatch.model.actor import CLASSES, Actor, Reply, Stance
from stillwatch.model.bulletin import WORDS
from stillwatch.share.actors import parse

LIKELIHOODS: Final = {word.replace(" ", "-"): percent for percent, word in WORDS.items()}
CONFIDENCES: Final = {"low": 30, "moderate": 60, "high": 85}
_bulletin = click.argument("bulletin", metavar="BULLETIN")
_day = click.DateTime(formats=["%Y-%m-%d"])


@click.command("actor-claim")
@_bulletin
@click.option("--name", required=True, metavar="ORGANISATION", help="Who is said to be behind it; never a person.")
@click.option("--ground", "grounds", multiple=True, required=True, metavar="CLASS:SOURCE:SENTENCE",
              help=f"Evidence; at least two classes, each from a source of its own: {', '.join(CLASSES)}.")  # fmt: skip
@click.option("--likelihood", required=True, type=click.Choice(list(LIKELIHOODS)), help="ICD 203; `likely` at least.")
@click.option(
    "--confidence", required=True, type=click.Choice(list(CONFIDENCES)), help="In the basis; `moderate` at least."
)
@click.option("--asked", type=_day, metavar="DAY", help="When the organisation was asked for its view.")
@click.option("--not-asked-because", default="", metavar="TEXT", help="Or why it was not.")
@by_option
@settings_option
@json_option
def claim(
    bulletin: str, name: str, grounds: tuple[str, ...], likelihood: str, confidence: str, asked: datetime | None,
    not_asked_because: str, who: str, settings_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Name who is behind a BULLETIN on the desk: a claim of its own, which a second person releases.

    Needs two independent classes of evidence, a likelihood, a confidence, a person who stands behind it (`--by`), and
    whether the organisation was heard. Refused otherwise, naming the rule.
    """
    actor = Actor(
        name=name.strip(), probability=LIKELIHOODS[likelihood], confidence=CONFIDENCES[confidence],
        grounds=[parse(one) for one in grounds], stands_behind=speaker(who), claimed=_today(),
        asked_on=asked.date() if asked else None, not_asked_because=not_asked_because.strip(),
    )  # fmt: skip
    tell([desk(found(settings_file)).claim(bulletin, actor)], as_json)


@click.command("actor-reply")
@_bulletin
@click.option("--stance", required=True, type=click.Choice(get_args(Stance)), help="What it amounts to.")
@click.option("--says", required=True, metavar="TEXT", help="The answer, in its own words.")
@click.option("--on", "day", type=_day, metavar="DAY", help="When it came; today when left out.")
@by_option
@settings_option
@json_option
def reply(
    bulletin: str, stance: Stance, says: str, day: datetime | None, who: str, settings_file: Path | None, as_json: bool
) -> None:
    """Write down what whoever is named in BULLETIN answers; it travels with the claim from the next release on."""
    told = Reply(on=(day or now()).date(), stance=stance, says=says.strip())
    tell([desk(found(settings_file)).reply(bulletin, told, speaker(who))], as_json)


@click.command("actor-withdraw")
@_bulletin
@click.option("--because", default="", metavar="TEXT", help="Why; the receivers read it.")
@by_option
@settings_option
@json_option
def withdraw(bulletin: str, because: str, who: str, settings_file: Path | None, as_json: bool) -> None:
    """Take the name in BULLETIN back, from everybody who had it; the finding stands. One person is enough."""
    tell([desk(found(settings_file)).withdraw(bulletin, speaker(who), because)], as_json)


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


VERBS = (claim, reply, withdraw)
