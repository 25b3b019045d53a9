"""Catalogue: the measures that the field recommends, as data with a version; what each is for, and how it is checked.

The same file is the program's and the page's, so that neither says what the other does not.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib import resources
from typing import Final

import msgspec

AREAS: Final = {
    "see": "What is not in the log cannot be found",
    "know": "Who signs up",
    "limit": "What everybody gets",
    "hunt": "Look for what no single request shows",
    "answer": "Act so that it can be taken back",
    "keep": "What must not be lost, and what must not be kept",
    "share": "No provider sees the whole",
    "prove": "Who did it, and which model grew from it",
}
"""Areas of practice, in the order in which a provider builds them up."""


class Practice(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """One measure.

    Attributes:
        id: the same for ever; a practice that is given up leaves its id unused.
        what: the measure, in the imperative.
        why: what goes wrong without it.
        mitigation: MITRE ATLAS mitigations that it carries out; empty where ATLAS has none.
        source: who recommends it, or that nobody has published it.
        secondhand: whether the source was read through what others report of it.
        here: what in stillwatch does it.
        check: what the check looks at.
        limit: the figure that the check holds to; its unit stands in `check`.
        attest: whether only a person can tell, under `[posture.attested]`.
    """

    id: str
    area: str
    what: str
    why: str
    mitigation: list[str]
    source: str
    secondhand: bool = False
    here: str
    check: str
    limit: float
    attest: bool = False


class Catalogue(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """All practices of one version, in the order of the file."""

    version: str
    dated: date
    practice: list[Practice]


@cache
def catalogue() -> Catalogue:
    """Read the catalogue that ships in the package."""
    text = resources.files("stillwatch.posture").joinpath("practices.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Catalogue)
