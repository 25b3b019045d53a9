"""Way: how an account, an exchange or an entry went through a hunt, as plain lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from stillwatch.kit.plain import counted, plain
from stillwatch.model.case import Axis, Entry, Evidence
from stillwatch.model.way import AccountWay, EntryWay, ExchangeWay, GroupWay, Tie, Way
from stillwatch.report.table import amounts, bar, name_of

TEMPLATE: Final = 70
VALUES: Final = 3
ACCOUNTS: Final = 6


def lines(way: Way) -> Iterator[str]:
    """Write a way, line by line."""
    if isinstance(way, AccountWay):
        yield from _account(way)
    elif isinstance(way, ExchangeWay):
        yield from _exchange(way)
    else:
        yield from _entry(way)


def _account(way: AccountWay) -> Iterator[str]:
    yield f"account {plain(way.account)}"
    yield f"  {counted(way.exchanges, 'exchange')} from {_when(way.first)} to {_when(way.last)}"
    yield ""
    yield "owner"
    if way.owner_size == 1:
        yield "  this account alone" + (f", declared: {plain(way.owner_because)}" if way.declared else "")
    else:
        yield f"  {way.owner_size:,} accounts: {plain(way.owner_because) or 'they openly belong together'}"
        more = way.owner_size - 1 - len(way.owner_accounts)
        yield f"  with {_names(way.owner_accounts)}{f' and {more:,} more' if more > 0 else ''}"
    yield ""
    yield "what it sends"
    for stream in way.streams:
        told = plain(stream.template, TEMPLATE) or ("an application's own text" if stream.harness else "")
        part = f"  [{', '.join(plain(one) for one in stream.entries)}]" if stream.entries else ""
        yield f"  {stream.exchanges:>7,}  {plain(stream.family) or 'no family':<14}{part}  {told}".rstrip()
    rest = way.exchanges - sum(stream.exchanges for stream in way.streams)
    if rest > 0:
        yield f"  {rest:>7,}  in other families, or in none"
    if way.group or way.near:
        yield ""
        group = way.group or way.near
        where = f"the group that it is {'in' if way.group else 'nearest to'}"
        yield f"ties to {where}" + (f" ({group.owners:,} owners)" if group else "")
        for tie in way.ties:
            yield from _tie(tie)
    if way.hops:
        yield ""
        yield "conversations handed over"
        for hop in way.hops[:ACCOUNTS]:
            yield f"  {hop.conversations:>5,} {'to' if hop.given else 'from'} {plain(hop.account)}"
    yield ""
    yield "verdict"
    for one in way.verdicts:
        yield f"  {plain(one.id)}  {one.what}: {plain(one.because)}"
    if not way.verdicts:
        yield "  not found"
    yield ""
    yield "why"
    for because in way.because:
        yield f"  - {plain(because)}"


def _tie(tie: Tie) -> Iterator[str]:
    if tie.bits is None:
        yield f"  {tie.view:<11}  saw nothing"
        return
    note = "" if not tie.tied else "tie" if tie.admits else "tie, lets nobody in"
    yield f"  {tie.view:<11}{tie.bits:>6.1f} {bar(tie.bits):<16} {note}".rstrip()
    for value in tie.values[:VALUES]:
        yield f"{'':21}{value.column} {value.value}: {value.inside:,} owners inside, {value.outside:,} outside"


def _exchange(way: ExchangeWay) -> Iterator[str]:
    yield f"exchange {plain(way.exchange)}"
    yield f"  of account {plain(way.account)}" + (f" at {_when(way.at)}" if way.at else "")
    if way.family:
        yield f"  family {plain(way.family)}  {plain(way.template, TEMPLATE)}".rstrip()
    for because in way.because:
        yield f"  - {plain(because)}"
    for one in way.entries:
        yield f"  {plain(one.id)}  {one.what}: {plain(one.because)}"
    if way.found is not None:
        yield ""
        yield from _account(way.found)


def _entry(way: EntryWay) -> Iterator[str]:
    entry = way.entry
    yield f"{plain(entry.id)}  {name_of(entry.finding)}  {entry.since_previous}"
    yield f"  {counted(len(entry.accounts), 'account')}, {_when(entry.from_)} to {_when(entry.to)}"
    yield f"  {counted(entry.exchanges, 'exchange')}, {amounts(entry)}"
    if entry.part_of:
        yield f"  part of {plain(entry.part_of)}"
    if way.group is not None:
        yield f"  {_group(way.group)}"
    for name in ("scale", "deception", "intent"):
        axis: Axis = getattr(entry, name)
        yield ""
        yield f"{name}  {axis.bits:.1f} bits, {'passed' if axis.passed else 'not passed'}"
        for because in axis.because:
            yield f"  - {plain(because)}"
        for one in entry.evidence:
            if one.axis == name:
                yield from _evidence(one)
    yield from _readings(entry)
    yield ""
    yield "families"
    for family in entry.families:
        yield f"  {plain(family.id)}  {counted(family.exchanges, 'exchange')} of {counted(family.accounts, 'account')}"
        if family.template:
            yield f"    {plain(family.template, 4 * TEMPLATE)}"


def _evidence(one: Evidence) -> Iterator[str]:
    bits = f"{one.bits:.1f}" if one.counted else f"({one.bits:.1f})"
    yield f"  {one.view:<10} {bits:>6} {bar(one.bits):<16} {plain(one.because)}".rstrip()
    yield f"{'':19}{'':18}may be innocent: {plain(one.innocent_reading)}"


def _readings(entry: Entry) -> Iterator[str]:
    if entry.explanations:
        yield ""
        yield "what else it could be"
    for one in entry.explanations:
        yield f"  {one.bits:>+7.1f}  {one.side:<7}{plain(one.name)}"


def _group(group: GroupWay) -> str:
    return f"grew from a group that {group.by} proposed: {group.owners:,} owners, {group.bits:.1f} bits in other views"


def _names(names: list[str]) -> str:
    shown = ", ".join(plain(name) for name in names[:ACCOUNTS])
    return shown + (" …" if len(names) > ACCOUNTS else "")


def _when(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"
