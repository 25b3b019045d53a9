"""`stillwatch share`: what peers may be told of a finding, and how it gets to them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import click

PARTS = (
    "_share_bulletin", "_share_release", "_share_export", "_share_actor", "_share_authority", "_share_peers",
    "_share_answer",
)  # fmt: skip
ALONE = {"taxii": "_share_serve", "match": "_share_match"}
"""Verbs in modules of their own, opened alone: a server that runs for months holds nothing that hunts."""


class Verbs(click.Group):
    """The verbs of `share`, opened when they are spoken."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._open()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ALONE:
            verb: click.Command = getattr(_part(ALONE[cmd_name]), cmd_name)
            return verb
        self._open()
        return super().get_command(ctx, cmd_name)

    def _open(self) -> None:
        alone = [getattr(_part(part), name) for name, part in ALONE.items()]
        for verb in [*alone, *(verb for part in PARTS for verb in _part(part).VERBS)]:
            self.add_command(verb)


@click.group("share", cls=Verbs)
def command() -> None:
    """Tell peers what was found, without handing over customers.

    A bulletin is prepared by one person and released by another; every step stands in the disclosure log.
    """


def _part(name: str) -> ModuleType:
    return import_module(f"stillwatch.cli.{name}")
