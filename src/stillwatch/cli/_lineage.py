"""`stillwatch audit lineage`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from stillwatch.cli import _passphrase, _suspect
from stillwatch.cli._told import telling
from stillwatch.errors import UsageError
from stillwatch.prove.ask import worth
from stillwatch.prove.ask.endpoint import Answer, Endpoint
from stillwatch.prove.ask.journal import Journal
from stillwatch.prove.ask.survey import Pace, run, summarise
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.lineage import readings
from stillwatch.prove.lineage.audit import Audit, Levels, References
from stillwatch.prove.lineage.prompts import ORDINARY, questions
from stillwatch.prove.lineage.report import EXIT, KeyReport, Report
from stillwatch.prove.lineage.texts import read_prompts, read_texts

_file = click.Path(path_type=str, exists=True, dir_okay=False, allow_dash=True)


@click.command(name="lineage")
@click.option("--texts", type=_file, help="The suspect's texts: JSON lines, Parquet or plain text.")
@click.option("--keys", required=True, type=click.Path(path_type=Path, file_okay=False), help="Directory of the keys.")
@click.option("--own", type=_file, help="Our own unmarked answers, best to the same prompts.")
@click.option("--reference", "others", multiple=True, type=_file, help="Texts of another model that is not ours.")
@click.option("--reading", type=_file, help="Probabilities of reference models, from `audit read`; with --texts.")
@click.option("--prompts", type=_file, help="What to ask [default: forty ordinary prompts].")
@click.option("--budget", type=click.IntRange(1), default=300_000, show_default=True, help="Tokens of text to ask for.")
@click.option("--answer-tokens", type=click.IntRange(1), default=400, show_default=True, help="Most tokens per answer.")
@click.option("--looks", type=click.IntRange(1, 30), default=8, show_default=True, help="Looks at the growing text.")
@click.option("--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=1e-3, show_default=True,
              help="Chance of accusing an innocent suspect.")  # fmt: skip
@click.option("--fdr", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True,
              help="Expected share of wrongly named campaigns.")  # fmt: skip
@click.option("--released", type=click.DateTime(["%Y-%m-%d"]), help="When the suspect was released.")
@click.option("--price", type=click.FloatRange(0), help="Price of a million output tokens, for the estimate.")
@_suspect.options
@click.option("--dry-run", is_flag=True, help="Only say what it would ask and cost.")
@_passphrase.option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    texts: str | None, keys: Path, own: str | None, others: tuple[str, ...],
    reading: str | None, prompts: str | None, budget: int, answer_tokens: int, looks: int, alpha: float, fdr: float,
    released: datetime | None, price: float | None, dry_run: bool, passphrase_file: Path | None, as_json: bool,
    **asking: Any,
) -> int:  # fmt: skip
    """Test whether a model was trained on our marked answers, and through which campaign.

    Exit codes: 0 no trace, 10 trained on marked answers, 4 undetermined, 5 void, 1 to 3 errors.
    """
    suspect = _suspect.endpoint(**asking)
    if (texts is None) == (suspect is None):
        raise UsageError("name the suspect", hint="`--texts FILE`, or `--endpoint URL --model NAME`")
    if reading is not None and texts is None:
        raise UsageError("`--reading` goes with `--texts`: it was made for one file of texts")
    asked = [row["prompt"] for row in read_prompts(prompts)] if prompts else list(ORDINARY)
    if suspect:
        _estimate(budget, answer_tokens, len(asked), price)
    if dry_run:
        return 0
    ring = rings.open_ring(keys, _passphrase.find(passphrase_file))
    references = References(
        own=read_texts(own) if own else (),
        others=[read_texts(path) for path in others],
        reading=readings.load(reading, texts) if reading and texts else None,
        names=[Path(p).name for p in ((reading,) if reading else ((own,) if own else ()) + others) if p],
    )
    levels = Levels(alpha=alpha, fdr=fdr, looks=1 if texts else looks)
    audit = Audit(ring, references, levels, released=released.replace(tzinfo=UTC) if released else None)
    if texts is not None:
        audit.look(read_texts(texts))
        report = audit.report(suspect=texts)
    elif suspect is not None:
        place = _suspect.journal(suspect, **asking)
        plan = {"url": suspect.address(), "model": suspect.model, "prompts": asked, "answer_tokens": answer_tokens}
        report = _ask(audit, suspect, Journal(place, plan), asked, budget, levels.looks, answer_tokens,
                      _suspect.pace(**asking))  # fmt: skip
    return _tell(report, as_json)


def _estimate(budget: int, answer_tokens: int, prompts: int, price: float | None) -> None:
    answers = -(-budget // answer_tokens)
    cost = f", about {budget / 1e6 * price:,.2f} at {price:g} per million" if price is not None else ""
    click.echo(
        f"up to {budget:,} tokens in {answers:,} answers or more to {prompts} prompts{cost}; "
        "it stops as soon as it is decided", err=True,
    )  # fmt: skip


def _ask(
    audit: Audit, suspect: Endpoint, journal: Journal, asked: list[str], budget: int, looks: int, answer_tokens: int,
    pace: Pace,
) -> Report:  # fmt: skip
    """Ask until it is decided, the budget is spent, or the suspect is down; look at fixed amounts of text."""
    marks = [budget // 2 ** (looks - 1 - i) for i in range(looks)]
    texts = [answer.text for answer in journal.answered()]
    tokens = sum(audit.count(text) for text in texts)
    taken, decided = 0, False

    def look_if_due() -> bool:
        nonlocal taken, decided
        due = sum(tokens >= mark for mark in marks)
        if due > taken and not decided:
            taken = due
            decided = audit.look(texts)
        return decided or tokens >= budget

    with telling("tokens heard", budget) as told:

        def heard(answer: Answer) -> bool:
            nonlocal tokens
            if answer.outcome == "answered":
                texts.append(answer.text)
                tokens += audit.count(answer.text)
            told(min(tokens, budget))
            return look_if_due() or worth.hopeless(texts, len(journal.answers))

        enough = look_if_due() if texts else False
        if enough:
            survey = summarise(journal)
        else:
            samples = -(-budget * 20 // max(1, answer_tokens * len(asked))) + 20
            survey = run(suspect, questions(asked, samples, max_tokens=answer_tokens), journal, pace, heard)
    journal.close()
    if not decided and taken < looks and texts:
        audit.look(texts)
    return audit.report(suspect=suspect.url, model=suspect.model, survey=survey)


def _tell(report: Report, as_json: bool) -> int:
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        _print(report)
    return EXIT[report.verdict]


def _print(report: Report) -> None:
    click.echo(f"verdict  {report.verdict.replace('_', ' ')}")
    for sentence in report.because:
        click.echo(f"         {sentence}")
    seen = report.text
    click.echo(f"text     {seen.tokens:,} tokens, {seen.answers:,} answers, {seen.pairs:,} different pairs")
    shown: list[KeyReport] = [k for k in (report.house, *report.campaigns[:10]) if k]
    for key in shown:
        found = "FOUND" if key.attributed else ("void" if key.void else "-")
        low, high = key.lift_interval
        click.echo(
            f"{key.kind:8} {key.key:20} {found:6} {key.bits:8.1f} bits  p 1e{key.log10_p:.1f}  "
            f"lift {100 * key.lift:+.1f} % ({100 * low:+.1f} to {100 * high:+.1f})"
            f"{'  ' + key.direction if key.attributed else ''}"
        )
    for sentence in report.limits:
        click.echo(f"note     {sentence}")


def as_plain(report: Report) -> Any:
    """Give the report as plain objects, for other pages."""
    return msgspec.to_builtins(report)
