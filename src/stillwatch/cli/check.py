"""`stillwatch check`: look at what goes live before it does."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from stillwatch.cli._place import DEFAULT, as_json
from stillwatch.cli._spoken import spoken
from stillwatch.errors import SettingsError
from stillwatch.kit.plain import plain
from stillwatch.remedy.check import Wanted, check

PATH = click.Path(path_type=Path)


@click.command("check")
@click.option(
    "--settings", "settings_file", type=PATH, help="A settings file; else ./stillwatch.toml, where it is there."
)
@click.option("--policy", "policies", type=PATH, multiple=True, help="A policy file; may be given again.")
@click.option("--peers", type=PATH, help="A peers file.")
@click.option(
    "--playbooks", type=PATH, help="Your own playbooks; else those of `[remedy] playbooks`, else the shipped ones."
)
@click.option("--prices", type=PATH, help="A price list; else `[remedy] prices`.")
@click.option("--grants", type=PATH, multiple=True, help="A grants file; may be given again.")
@click.option("--known", type=PATH, multiple=True, help="A known file; may be given again.")
@click.option("--accounts", type=PATH, help="The accounts file.")
@click.option("--state", type=PATH, help=f"A state directory; else ./{DEFAULT}, where it is there.")
@as_json
def command(
    settings_file: Path | None, policies: tuple[Path, ...], peers: Path | None, playbooks: Path | None,
    prices: Path | None, grants: tuple[Path, ...], known: tuple[Path, ...], accounts: Path | None, state: Path | None,
    as_json_: bool,
) -> None:  # fmt: skip
    """Read every file that goes live as it will be read then, and change nothing. Ends with 2 when one is wrong."""
    place = state or (Path(DEFAULT) if Path(DEFAULT).is_dir() else None)
    found = check(
        Wanted(
            settings=settings_file, policies=policies, peers=peers, playbooks=playbooks, prices=prices, grants=grants,
            known=known, accounts=accounts, state=place,
        ),
        spoken,
    )  # fmt: skip
    wrong = [one for one in found if not one.good]
    if as_json_:
        click.echo(msgspec.json.encode({"schema": 1, "good": not wrong, "files": found}))
    else:
        for one in found:
            sign = "good" if one.good else "WRONG"
            click.echo(f"{sign:5}  {one.kind:9}  {plain(one.file)}: {plain(one.what)}")
            if not one.good:
                click.echo(f"       at {plain(one.where)}")
            if one.hint:
                click.echo(f"       hint: {plain(one.hint)}")
    if wrong:
        raise SettingsError(
            f"{len(wrong)} of {len(found)} must not go live", hint="mend what is said above, and check again"
        )
