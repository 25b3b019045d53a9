"""Request: what a hunt is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stillwatch.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a hunt is asked for; the command line's options under their own names."""

    traffic: tuple[str, ...]
    case: Path
    format: str | None = None
    map: Path | None = None
    accounts: Path | None = None
    grants: Path | None = None
    known: Path | None = None
    since: int | None = None
    until: int | None = None
    previous: Path | None = None
    fdr: float = 0.05
    no_content: bool = False
    memory: int = 6 << 30
    threads: int = 2
    resume: bool = False
    settings: Settings = field(default_factory=Settings)
