"""Spoken: whether a line of words can be said to the command line, without saying it.

Playbooks name verbs; a verb, an option or a rung that does not exist is found when the playbook is read, not on the
night on which somebody goes by it.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

import click

PLACEHOLDER = re.compile(r"\{\w+\}")


def spoken(words: list[str]) -> tuple[str, str] | None:
    """Tell what is wrong with the words of a command and what next; nothing where it can be spoken."""
    from stillwatch.cli import stillwatch

    command: click.Command = stillwatch
    rest = [word for place, word in enumerate(words) if place or word != "stillwatch"]
    named = "stillwatch"
    while isinstance(command, click.Group):
        context = click.Context(command, info_name=named)
        verbs = command.list_commands(context)
        if not rest:
            return f"`{named}` alone does nothing", f"say which: {', '.join(verbs)}"
        found = command.get_command(context, rest[0])
        if found is None:
            close = difflib.get_close_matches(rest[0], verbs, n=1)
            return (
                f"`{named}` has no verb `{rest[0]}`",
                f"did you mean `{close[0]}`?" if close else f"one of: {', '.join(verbs)}",
            )
        command, named, rest = found, f"{named} {rest[0]}", rest[1:]
    return _parsed(command, named, rest)


def _parsed(command: click.Command, named: str, words: list[str]) -> tuple[str, str] | None:
    context = click.Context(command, info_name=named)
    try:
        given, left, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as trouble:
        return f"`{named}`: {trouble.format_message().rstrip('.')}", f"`{named} --help` names its options"
    if left:
        return f"`{named}` takes no `{left[0]}`", f"`{named} --help` tells what it takes"
    for parameter in command.params:
        value: Any = given.get(str(parameter.name))
        told = [one for one in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(one, str)]
        if parameter.required and not told:
            name = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(context)
            return f"`{named}` needs `{name}`", f"`{named} --help` tells what it is"
        if isinstance(parameter.type, click.Choice):
            choices = [str(choice) for choice in parameter.type.choices]
            for one in told:
                if one not in choices and not PLACEHOLDER.fullmatch(one):
                    return f"`{named}` knows no `{one}`", f"one of: {', '.join(choices)}"
    return None
