"""How a bulletin is shown on the command line: every field that would leave, and how far it is on the desk."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from stillwatch.kit.plain import plain
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import preview as previews
from stillwatch.share.desk import Record, digest


def show_fields(bulletin: Bulletin) -> None:
    """Print every field that would leave, and why."""
    fields = previews.leaving(bulletin)
    width = max(len(one.field) for one in fields)
    click.echo(f"bulletin {bulletin.id}  TLP:{bulletin.marking.upper()}  digest {digest(bulletin)[:16]}")
    for one in fields:
        click.echo(f"  {one.field:{width}}  {one.value}\n  {'':{width}}    because: {one.why}")


def tell(records: Sequence[Record], as_json: bool) -> None:
    """Print records of the desk."""
    if as_json:
        click.echo(msgspec.json.encode({"schema": 1, "bulletins": records}))
        return
    for record in records:
        click.echo(state_of(record))


def state_of(record: Record) -> str:
    """Tell in two lines what a record of the desk is, and how far."""
    bulletin = record.bulletin
    state = f"prepared by {record.prepared_by}, waits for a second person"
    if record.released:
        state = f"released by {record.released_by} to {', '.join(record.to)}"
    if bulletin.revoked:
        state = f"REVOKED: {bulletin.revoked_because}"
    head = f"{bulletin.id}  TLP:{bulletin.marking.upper()}  digest {record.digest[:16]}"
    return f"{head}  {plain(bulletin.title)}\n  {plain(state)}"
