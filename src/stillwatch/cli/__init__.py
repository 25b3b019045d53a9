"""The command line: one file per verb, each with a `command`.

Data goes to stdout, everything else to stderr. A mistake of the user ends in two lines (what and where, and
what next); a traceback is for our own mistakes.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from stillwatch import __version__, rooms
from stillwatch.errors import StillwatchError


class Verbs(click.Group):
    """The verbs of `stillwatch`, each opened only when it is spoken."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return rooms.names("cli")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in rooms.names("cli"):
            return None
        command: click.Command = rooms.member("cli", cmd_name).command
        return command


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="stillwatch")
def stillwatch() -> None:
    """Find, answer and prove adversarial distillation of a model that you serve."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    try:
        code: Any = stillwatch.main(args=argv, prog_name="stillwatch", standalone_mode=False)
    except StillwatchError as mistake:
        click.echo(f"stillwatch: {mistake}", err=True)
        sys.exit(mistake.exit_code)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stillwatch: interrupted", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
