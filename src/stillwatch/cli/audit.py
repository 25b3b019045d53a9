"""Tests of a suspect model: where it learnt, what it kept and what it lost."""

from __future__ import annotations

import click

from stillwatch.cli import _leads, _lineage, _profile, _read, _twins


@click.group(name="audit")
def command() -> None:
    """Test a suspect model: its lineage (proof), its style (leads), its safety against its capability (profile)."""


command.add_command(_lineage.command)
command.add_command(_twins.command)
command.add_command(_profile.command)
command.add_command(_leads.command)
command.add_command(_read.command)
