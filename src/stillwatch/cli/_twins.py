"""`stillwatch audit twins`."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from stillwatch.cli import _passphrase, _suspect
from stillwatch.cli._told import telling
from stillwatch.errors import UsageError
from stillwatch.prove.ask import worth
from stillwatch.prove.ask.endpoint import Answer, Endpoint, Question
from stillwatch.prove.ask.journal import Journal
from stillwatch.prove.ask.survey import Pace, Summary, run
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.lineage.texts import rows
from stillwatch.prove.twins import audit as audits
from stillwatch.prove.twins import habits
from stillwatch.prove.twins.store import Twin, Twins
from stillwatch.prove.twins.test import TwinReport
from stillwatch.store import cases

_file = click.Path(path_type=str, exists=True, dir_okay=False, allow_dash=True)
_path = click.Path(path_type=Path, exists=True, dir_okay=False)
Scores = dict[str, list[float]]
Replies = dict[str, list[str]]
TOKENS_PER_WORD = 1.4


@click.command(name="twins")
@click.option("--store", required=True, type=_path, help="The store of twins.")
@click.option("--keys", required=True, type=click.Path(path_type=Path, file_okay=False), help="Directory of the keys.")
@click.option("--index", "indexes", multiple=True, type=_path, help="An index of the store that was committed to.")
@click.option("--scores", type=_file, help="JSON lines: the request's `id`, and `scores`, one per sample.")
@click.option("--replies", type=_file, help="JSON lines: the request's `id`, and `text`, the suspect's reply.")
@click.option("--each", type=click.IntRange(1, 100), default=4, show_default=True, help="Replies asked per request.")
@click.option("--price", type=click.FloatRange(0), help="Price of a million output tokens, for the estimate.")
@click.option("--dry-run", is_flag=True, help="Only say what it would ask and cost.")
@click.option("--case", "case", type=click.Path(path_type=Path), help="A case: its campaigns are tested one by one.")
@click.option("--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=1e-3, show_default=True,
              help="Chance of accusing an innocent suspect.")  # fmt: skip
@click.option("--fdr", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True,
              help="Expected share of wrongly named campaigns.")  # fmt: skip
@click.option("--released", type=click.DateTime(["%Y-%m-%d"]), help="When the suspect was released.")
@_suspect.options
@_passphrase.option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    store: Path, keys: Path, indexes: tuple[Path, ...], scores: str | None, replies: str | None, each: int,
    price: float | None, dry_run: bool, case: Path | None, alpha: float, fdr: float, released: datetime | None,
    passphrase_file: Path | None, as_json: bool, **asked: Any,
) -> int:  # fmt: skip
    """Test whether a model prefers the samples that were served to those that were kept secret.

    The suspect is asked the same prompts (`--endpoint`), or its replies or its log-probabilities come as a file.

    Exit codes: 0 no trace, 10 trained on served answers, 4 undetermined, 5 void, 1 to 3 errors.
    """
    suspect = _suspect.endpoint(**asked)
    if (scores is not None) + (replies is not None) + (suspect is not None) != 1:
        raise UsageError("name the suspect", hint="`--scores FILE`, `--replies FILE`, or `--endpoint URL --model NAME`")
    ring = rings.open_ring(keys, _passphrase.find(passphrase_file))
    kept = Twins(store, ring)
    found = audits.committed(kept, ring, indexes, released=released.replace(tzinfo=UTC) if released else None)
    told, said, survey = None, None, None
    if scores is not None:
        told = _scores(scores, found.twins)
    elif replies is not None:
        said = _replies(replies)
    elif suspect is not None:
        _estimate(found.twins, each, price)
        if dry_run:
            return 0
        said, survey = _ask(suspect, found.twins, each, _suspect.pace(**asked), _suspect.journal(suspect, **asked))
    report = audits.audit(
        found, told if told is not None else _by_text(found.twins, said or {}), _campaigns(kept, case),
        suspect=scores or replies or asked["url"], alpha=alpha, fdr=fdr, replies=said, survey=survey,
    )  # fmt: skip
    kept.close()
    _tell(report, as_json)
    return audits.EXIT[report.verdict]


def _campaigns(kept: Twins, case: Path | None) -> dict[str, str]:
    """Give the campaign of each account of a case, by the store's hash of the account; the first that names it."""
    found: dict[str, str] = {}
    for entry in cases.read(case).campaigns if case else ():
        for hashed in kept.hashed_accounts(entry.accounts).values():
            found.setdefault(hashed, entry.id)
    return found


def _scores(path: str, twins: list[Twin]) -> Scores:
    sizes = {twin.id: len(twin.samples) for twin in twins}
    found: Scores = {}
    for row in rows(path):
        name, values = row.get("id"), row.get("scores")
        if not isinstance(name, str) or name not in sizes:
            continue
        try:
            numbers = [float(value) for value in values or ()]
        except (TypeError, ValueError) as why:
            raise UsageError(f"the scores of `{name}` are no numbers: {why}", where=path) from why
        if len(numbers) != sizes[name]:
            raise UsageError(f"`{name}` has {len(numbers)} scores and {sizes[name]} samples", where=path)
        found[name] = numbers
    return found


def _replies(path: str) -> Replies:
    found = defaultdict(list)
    for row in rows(path):
        if isinstance(row.get("id"), str) and isinstance(row.get("text"), str):
            found[row["id"]].append(row["text"])
    return found


def _estimate(twins: list[Twin], each: int, price: float | None) -> None:
    """Say what will be asked: that it is the customers' own prompts, and what answers as long as ours would cost."""
    asked = each * len(twins)
    lengths = [len(text.split()) for twin in twins for text in twin.samples]
    words = asked * sum(lengths) // max(1, len(lengths))
    cost = f", about {TOKENS_PER_WORD * words / 1e6 * price:,.2f} at {price:g} per million" if price is not None else ""
    click.echo(
        f"{asked:,} questions, the prompts of {len(twins):,} requests of your customers; "
        f"some {words:,} words of answers if they are as long as yours{cost}", err=True,
    )  # fmt: skip


def _by_text(twins: list[Twin], replies: Replies) -> Scores:
    return habits.scores({twin.id: twin.samples for twin in twins}, replies)


def _ask(suspect: Endpoint, twins: list[Twin], each: int, pace: Pace, place: Path) -> tuple[Replies, Summary]:
    """Ask every prompt some times, round by round."""
    questions = [Question.plain(f"{twin.id}#{n}", twin.prompt, temperature=1.0) for n in range(each) for twin in twins]
    plan = {"url": suspect.address(), "model": suspect.model, "twins": [twin.leaf for twin in twins], "each": each}
    journal = Journal(place, plan)
    with telling("questions", len(questions)) as told:
        texts = [answer.text for answer in journal.answered()]

        def heard(answer: Answer) -> bool:
            if answer.outcome == "answered":
                texts.append(answer.text)
            told(len(journal.answers))
            return worth.hopeless(texts, len(journal.answers))

        survey = run(suspect, questions, journal, pace, heard)
    replies: Replies = defaultdict(list)
    for answer in journal.answered():
        replies[answer.id.rpartition("#")[0]].append(answer.text)
    journal.close()
    return replies, survey


def _tell(report: audits.TwinsReport, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    click.echo(f"verdict  {report.verdict.replace('_', ' ')}")
    for sentence in report.because:
        click.echo(f"         {sentence}")
    shown: list[TwinReport] = [report.everything, *report.campaigns[:10]]
    for one in shown:
        click.echo(
            f"{one.name:20} {'FOUND' if one.attributed else '-':6} {one.requests:,} requests, {one.used:,} tell apart  "
            f"p 1e{one.log10_p:.1f}  ln e {one.ln_e:.1f}  served is best in {100 * one.served_best:.1f} %"
        )
    for sentence in report.limits:
        click.echo(f"note     {sentence}")
