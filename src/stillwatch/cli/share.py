"""`stillwatch share`: what peers may be told of a finding, and how it gets to them."""

from __future__ import annotations

import click

from stillwatch.cli import (
    _share_actor,
    _share_answer,
    _share_authority,
    _share_bulletin,
    _share_match,
    _share_peers,
)


@click.group("share")
def command() -> None:
    """Tell peers what was found, without handing over customers.

    A bulletin is prepared by one person and released by another; every step stands in the disclosure log.
    """


command.add_command(_share_match.match)
for part in (_share_bulletin, _share_actor, _share_authority, _share_peers, _share_answer):
    for verb in part.VERBS:
        command.add_command(verb)
