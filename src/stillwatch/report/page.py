"""Page: a case as one HTML file that opens anywhere, asks no network, and runs nothing that a log could bring.

Style and script stand inside, and a content-security policy names them by their hashes: whatever else a prompt may
smuggle in is not executed. Every text of a log is made plain, then escaped, then set apart in direction.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import jinja2

from stillwatch.kit.plain import plain
from stillwatch.model.case import GRAVITY, Case, Entry, Explanation
from stillwatch.report import _charts
from stillwatch.report.table import name_of

SLOT: Final = "{…}"
ACCOUNTS_OPEN: Final = 12
ACCOUNTS_SHOWN: Final = 1000
CLEARED_SHOWN: Final = 200
TEMPLATE_CHARACTERS: Final = 700
"""What is longer stands in the tables of the case."""

ATLAS: Final = {
    "AML.T0008.005": "Acquire Infrastructure: AI Service Proxies",
    "AML.T0021": "Establish Accounts",
    "AML.T0024.002": "Exfiltration via AI Inference API: Extract AI Model",
    "AML.T0040": "AI Model Inference API Access",
    "AML.T0065": "LLM Prompt Crafting",
}
"""Techniques of MITRE ATLAS 5.6 by their names."""

SAYS: Final = {
    "distillation_campaign": "One hand behind accounts that pretend to be strangers draws training data.",
    "account_network": "One hand behind accounts that pretend to be strangers; together they draw no training data.",
    "open_extraction": "One customer draws what looks like training data, in the open: a question of terms.",
    "grant_exceeded": "The holder of a grant went beyond it.",
}
ONE: Final[dict[str, str]] = {finding: name_of(finding) for finding in GRAVITY}
MANY: Final[dict[str, str]] = {
    "distillation_campaign": "distillation campaigns", "account_network": "account networks",
    "grant_exceeded": "grants exceeded", "open_extraction": "open extractions",
}  # fmt: skip
AXES: Final = {
    "scale": "How much, against what ordinary owners send",
    "deception": "Acting as one, and hiding it",
    "intent": "What makes traffic training data",
}


def page(case: Case) -> str:
    """Write a case as one HTML file."""
    style, script = _asset("page.css"), _asset("page.js")
    entries = sorted(case.campaigns, key=lambda entry: (-GRAVITY[entry.finding], -entry.exchanges))
    return _template().render(
        case=case, entries=entries, headline=_headline(entries), style=style, script=script,
        policy=_policy(style, script), says=SAYS, axes=AXES, atlas=ATLAS, accounts_open=ACCOUNTS_OPEN,
        accounts_shown=ACCOUNTS_SHOWN, cleared_shown=CLEARED_SHOWN,
    )  # fmt: skip


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@functools.cache
def _asset(name: str) -> str:
    return resources.files("stillwatch.report").joinpath(name).read_text("utf-8")


@functools.cache
def _template() -> jinja2.Template:
    world = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    world.filters |= {
        "plain": plain, "finding": name_of, "day": _day, "count": lambda number: f"{number:,}", "frame": _frame,
        "signed": lambda bits: f"{bits:+.1f}".replace("-", "\N{MINUS SIGN}"), "quoted": _quoted,
    }  # fmt: skip
    world.globals |= {
        "waterfall": _charts.waterfall, "timeline": _charts.timeline, "balance": _charts.balance,
        "axis_of": getattr, "evidence_of": _evidence_of, "weighed": _weighed, "inside": _inside,
    }  # fmt: skip
    return world.get_template("page.html")


def _quoted(text: str) -> str:
    """Write names that stand in backticks as a page quotes them."""
    return re.sub(r"`([^`]+)`", "\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}", text)


def _day(when: Any) -> str:
    return f"{when.day} {when:%B %Y}" if when else "unknown"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a template: fixed text, or a slot that varies."""

    text: str
    slot: bool


def _frame(template: str) -> list[Piece]:
    """Cut a template into its fixed texts and its slots."""
    pieces: list[Piece] = []
    for number, text in enumerate(plain(template, TEMPLATE_CHARACTERS).split(SLOT)):
        if number:
            pieces.append(Piece("varies", True))
        if text.strip():
            pieces.append(Piece(text.strip(), False))
    return pieces


def _headline(entries: Sequence[Entry]) -> str:
    """Count entries by their finding, the gravest first."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.finding] = counts.get(entry.finding, 0) + 1
    return ", ".join(f"{count} {(ONE if count == 1 else MANY)[finding]}" for finding, count in counts.items())


def _evidence_of(entry: Entry, axis: str) -> list[Any]:
    return [one for one in entry.evidence if one.axis == axis]


def _inside(entries: Sequence[Entry], network: Entry) -> list[str]:
    """Name the entries that run inside a network."""
    return [entry.id for entry in entries if entry.part_of == network.id]


def _weighed(entry: Entry) -> list[Explanation]:
    """Order explanations: hidden ones first, each side by its bits."""
    return sorted(entry.explanations, key=lambda one: (one.side != "hidden", -one.bits))
