"""To and from inspect_ai: probes as its dataset, a profile's answers as its log, and its logs as answers.

Reading JSON logs and writing datasets need nothing; `.eval` logs, and writing logs, need the extra `[inspect]`. Give it
an environment of its own: it and the tools that check what is shared want different releases of one library.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.errors import SettingsError, UsageError
from stillwatch.prove.profile.probes import Probe

SCORER = "stillwatch"
SUFFIXES = (".json", ".eval")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One probe with one model's answer and what it was worth, 0 to 1."""

    probe: Probe
    text: str
    score: float


def sample(probe: Probe) -> dict[str, Any]:
    """Give a probe as a row that inspect_ai's `json_dataset` reads."""
    said = [{"role": "user", "content": probe.prompt}]
    asked = [{"role": "system", "content": probe.system}, *said] if probe.system else probe.prompt
    facts = {"kind": probe.kind, "pair": probe.pair, "match": probe.match, "expects": list(probe.expects)}
    return {
        "id": probe.id, "input": asked, "target": probe.answer or "",
        "metadata": {name: value for name, value in facts.items() if value},
    }  # fmt: skip


def read(path: str) -> list[tuple[str, str]]:
    """Give the answers of a log by the ids of its samples, of the first epoch; samples without one are left out.

    Raises:
        SettingsError: when the log can only be read by inspect_ai, and it is not there.
        UsageError: when the file is named `.eval` and inspect_ai cannot read it.
    """
    if path.endswith(".eval"):
        samples = _by_the_library(path)
    elif path.endswith(".json"):
        samples = _plain(path)
    else:
        return []
    found: dict[str, str] = {}
    for one in samples:
        text = _said(one)
        if text is not None:
            found.setdefault(str(one.get("id")), text)
    return list(found.items())


def write(path: Path, model: str, rows: Sequence[Row], *, made: datetime | None = None) -> None:
    """Write a model's answers as a log that inspect_ai reads, shows (`inspect view`) and scores.

    Args:
        path: the log, `.eval` or `.json`.
        model: what to call the model.
        rows: what it answered.
        made: when; now when left out.

    Raises:
        SettingsError: when inspect_ai is not there.
        UsageError: when the name is no name of a log.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(f"`{path}` is no name of a log", hint=f"end it with {' or '.join(SUFFIXES)}")
    logs = _library()
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput
    from inspect_ai.scorer import Score

    samples = []
    for row in rows:
        asked = Sample(**sample(row.probe))
        samples.append(
            logs.EvalSample(
                id=row.probe.id,
                epoch=1,
                input=asked.input,
                target=asked.target,
                metadata=asked.metadata or {},
                output=ModelOutput.from_content(model, row.text),
                scores={SCORER: Score(value=row.score)},
            )
        )
    mean = sum(row.score for row in rows) / len(rows) if rows else 0.0
    log = logs.EvalLog(
        status="success",
        eval=logs.EvalSpec(
            created=(made or datetime.now(UTC)).isoformat(), task="stillwatch_profile", model=model,
            dataset=logs.EvalDataset(name="probes", samples=len(rows), sample_ids=[row.probe.id for row in rows]),
            config=logs.EvalConfig(),
        ),
        results=logs.EvalResults(
            total_samples=len(rows), completed_samples=len(rows),
            scores=[logs.EvalScore(name=SCORER, scorer=SCORER,
                                   metrics={"mean": logs.EvalMetric(name="mean", value=mean)})],
        ),
        samples=samples,
    )  # fmt: skip
    part = path.with_name(f"part-{path.name}")
    try:
        logs.write_eval_log(log, str(part))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _library() -> Any:
    if importlib.util.find_spec("inspect_ai") is None:
        raise SettingsError("this needs inspect_ai", hint="install it: `pip install 'stillwatch[inspect]'`")
    import inspect_ai.log

    return inspect_ai.log


def _by_the_library(path: str) -> Iterable[dict[str, Any]]:
    logs = _library()
    try:
        log = logs.read_eval_log(path)
    except Exception as why:  # whatever it meets in a file that somebody else wrote
        raise UsageError(f"`{path}` cannot be read by inspect_ai: {why}") from why
    return [one.model_dump(mode="json") for one in log.samples or ()]


def _plain(path: str) -> Iterable[dict[str, Any]]:
    try:
        log = msgspec.json.decode(Path(path).read_bytes())
    except (OSError, msgspec.DecodeError):
        return []
    samples = log.get("samples") if isinstance(log, dict) else None
    return [one for one in samples if isinstance(one, dict)] if isinstance(samples, list) else []


def _said(one: dict[str, Any]) -> str | None:
    """Give the text of a sample's answer, without its reasoning; nothing where there is none."""
    try:
        content = one["output"]["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return None
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    return "".join(str(p.get("text", "")) for p in content if isinstance(p, dict) and p.get("type") == "text")
