"""Way: find in a case how one account, exchange or entry went through the hunt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import CaseError
from stillwatch.model.case import Case
from stillwatch.model.way import (
    AccountWay,
    EntryWay,
    ExchangeWay,
    GroupWay,
    Hop,
    Stream,
    Tie,
    Value,
    Verdict,
    Way,
)
from stillwatch.store import cases

SHOWN: Final = 12


def way(directory: Path, name: str) -> Way:
    """Tell the way of what has this name: an entry, an account, or an exchange that is attributed to an entry.

    Raises:
        CaseError: when the case is missing or damaged, or holds nothing of this name.
    """
    case = cases.read(directory)
    book = Book(directory, case)
    for entry in case.campaigns:
        if entry.id == name:
            return book.entry(name)
    found: Way | None = book.account(name) or book.exchange(name)
    if found is None:
        raise CaseError(
            f"nothing in this case is called `{name}`", where=str(directory),
            hint="name an entry, an account of the traffic, or an exchange of an entry; `--traffic` finds any other "
            "exchange in your own log",
        )  # fmt: skip
    return found


class Book:
    """The tables of a case, opened as they are asked for."""

    def __init__(self, directory: Path, case: Case) -> None:
        self.directory = directory
        self.case = case

    def entry(self, name: str) -> EntryWay:
        """Tell the way of an entry."""
        entry = next(entry for entry in self.case.campaigns if entry.id == name)
        group = next((self._group(row) for row in self._rows(cases.GROUPS) if name in (row["verdicts"] or [])), None)
        because = []
        if group is not None:
            because.append(self._linked(group))
        because += [
            f"{axis} {'passed' if told.passed else 'did not pass'} with {told.bits:.1f} bits"
            + (f", {told.needs:.1f} needed" if told.needs else "")
            for axis, told in (("scale", entry.scale), ("deception", entry.deception), ("intent", entry.intent))
        ]
        return EntryWay(entry=entry, group=group, because=because)

    def account(self, name: str) -> AccountWay | None:
        """Tell the way of an account; None where the traffic had no such account."""
        row = next(self._rows(cases.MEMBERS, "account", name), None)
        if row is None:
            return None
        group = self._numbered(row["group"])
        near = None if row["group"] is not None else self._numbered(row["near"])
        settled = row["group"] if row["group"] is not None else row["near"]
        needed = next((g["member_bits"] for g in self._rows(cases.GROUPS, "number", settled)), None)
        verdicts = list(self._verdicts(name))
        streams = list(self._streams(name))
        found = AccountWay(
            account=name, exchanges=row["exchanges"], first=row["first"], last=row["last"],
            owner_size=row["owner_accounts"], owner_accounts=self._siblings(row), declared=row["declared"],
            owner_because=row["owner_because"] or "", verdicts=verdicts, streams=streams, group=group, near=near,
            ties=list(self._ties(row)), hops=list(self._hops(row)), views_tied=row["views"], bits=row["bits"],
            bits_needed=needed, proposal=self._numbered(row["proposal"]), because=[],
        )  # fmt: skip
        found.because.extend(self._because(found))
        return found

    def exchange(self, name: str) -> ExchangeWay | None:
        """Tell the way of an exchange that is attributed to an entry."""
        rows = list(self._rows(cases.EXCHANGES, "exchange", name))
        if not rows:
            return None
        entries = [self._named(row["campaign"]) for row in rows]
        return self._exchange(name, rows[0]["account"], rows[0].get("at"), entries, rows[0]["family"])

    def unattributed(self, name: str, account: str, at: Any) -> ExchangeWay:
        """Tell the way of an exchange that was found in the log, and is attributed to no entry."""
        return self._exchange(name, account, at, [], "")

    def _exchange(self, name: str, account: str, at: Any, entries: list[Verdict], family: str) -> ExchangeWay:
        found = self.account(account)
        template = self._templates().get(family, "")
        because = [f"attributed to {one.id}: family {family or 'any'} is part of it" for one in entries]
        if not entries:
            because.append("attributed to no entry")
            own = [one for one in (found.verdicts if found else []) if one.what == "distillation campaign"]
            because += [f"its account is in {one.id}, by other exchanges of it" for one in own]
        if found is None:
            because.append("its account is not in this case: erased, or outside the time that was hunted")
        return ExchangeWay(
            exchange=name, account=account, at=at, entries=entries, family=family, template=template, found=found,
            because=because,
        )  # fmt: skip

    # -- tables

    def _rows(self, table: str, column: str = "", value: Any = None) -> Iterator[dict[str, Any]]:
        """Give the rows of a table, or those where a column has a value."""
        path = self.directory / table
        if not path.exists() or (column and value is None):
            return
        try:
            kept = pq.read_table(path, filters=pc.equal(pc.field(column), value) if column else None)
        except (pa.ArrowException, OSError) as trouble:
            told = " ".join(str(trouble).split())[:160]
            raise CaseError(f"the case is damaged: {told}", where=str(path), hint="run the hunt again") from trouble
        yield from kept.to_pylist()

    def _numbered(self, number: int | None) -> GroupWay | None:
        return next((self._group(row) for row in self._rows(cases.GROUPS, "number", number)), None)

    def _group(self, row: dict[str, Any]) -> GroupWay:
        bits = {name.removeprefix("bits_"): value for name, value in row.items() if name.startswith("bits_")}
        return GroupWay(
            owners=row["owners"], by=row["by"], bits=row["bits"], passed=row["passed"], verdicts=row["verdicts"] or [],
            bits_by_view={name: round(value, 1) for name, value in bits.items() if value},
        )  # fmt: skip

    def _siblings(self, row: dict[str, Any]) -> list[str]:
        if row["owner_accounts"] <= 1:
            return []
        names = (one["account"] for one in self._rows(cases.MEMBERS, "owner", row["owner"]))
        return [name for name in names if name != row["account"]][:SHOWN]

    def _templates(self) -> dict[str, str]:
        return {family.id: family.template for entry in self.case.campaigns for family in entry.families}

    def _streams(self, account: str) -> Iterator[Stream]:
        rows = sorted(self._rows(cases.STREAMS, "account", account), key=lambda row: -row["exchanges"])
        names = [row["family"] for row in rows if row["family"]]
        told = {row["family"]: row for name in names for row in self._rows(cases.FAMILIES, "family", name)}
        for row in rows:
            family = row["family"] or ""
            known = told.get(family, {})
            yield Stream(
                family=family, exchanges=row["exchanges"], output_tokens=row["output_tokens"],
                template=known.get("template") or "", harness=bool(known.get("harness")),
                entries=[
                    entry.id
                    for entry in self.case.campaigns
                    if account in entry.accounts and family in {one.id for one in entry.families}
                ],
            )  # fmt: skip

    def _ties(self, row: dict[str, Any]) -> Iterator[Tie]:
        held: dict[str, list[Value]] = {}
        for one in self._rows(cases.TIES, "owner", row["owner"]):
            if one["group"] == row["group"]:
                held.setdefault(one["view"], []).append(
                    Value(column=one["column"], value=one["value"], inside=one["inside"], outside=one["outside"])
                )
        told = {view.name: view for view in self.case.views}
        views = [name.removeprefix("tie_") for name in row if name.startswith("tie_")]
        for view in sorted(views, key=lambda view: -(row[f"tie_{view}"] or 0.0)):
            bits, known = row[f"tie_{view}"], told.get(view)
            yield Tie(
                view=view, bits=None if bits is None else round(bits, 1), admits=known is not None and known.admits,
                tied=known is not None and bits is not None and bits >= known.ties_from, values=held.get(view, []),
            )  # fmt: skip

    def _hops(self, row: dict[str, Any]) -> Iterator[Hop]:
        if row["group"] is None:
            return
        pairs = [
            (hop, column)
            for column in ("giver", "taker")
            for hop in self._rows(cases.HANDOVERS, column, row["owner"])
            if hop["group"] == row["group"]
        ]
        for hop, column in sorted(pairs, key=lambda pair: -pair[0]["conversations"])[:SHOWN]:
            other = hop["taker" if column == "giver" else "giver"]
            name = next((one["account"] for one in self._rows(cases.MEMBERS, "owner", other)), "")
            yield Hop(account=name, conversations=hop["conversations"], given=column == "giver")

    # -- verdicts

    def _verdicts(self, account: str) -> Iterator[Verdict]:
        for entry in self.case.campaigns:
            if account in entry.accounts:
                yield self._named(entry.id)
        for cleared in self.case.cleared:
            if account in cleared.accounts:
                yield Verdict(id=cleared.id, what="cleared", because=f"{cleared.explanation}: {cleared.because}")
        for open_ in self.case.undecided:
            if account in open_.accounts:
                yield Verdict(id=open_.id, what="undecided", because=f"missing: {open_.missing}")

    def _named(self, name: str) -> Verdict:
        entry = next((entry for entry in self.case.campaigns if entry.id == name), None)
        if entry is None:
            return Verdict(id=name, what="", because="")
        because = f"{len(entry.accounts):,} accounts, {entry.exchanges:,} exchanges"
        return Verdict(id=name, what=entry.finding.replace("_", " "), because=because)

    def _linked(self, group: GroupWay) -> str:
        needed = self.case.error_control.bits_needed
        return (
            f"a group of {group.owners:,} owners, proposed by {group.by}, "
            + ("linked beyond chance" if group.passed else "not linked beyond chance")
            + f": {group.bits:.1f} bits in the other views, {needed:.1f} needed"
        )

    def _because(self, found: AccountWay) -> Iterator[str]:
        """Say which rule decided, in the order of the hunt."""
        if found.declared:
            yield f"its owner is declared ({found.owner_because}): declared owners hide nothing and are in no group"
        if found.group is not None:
            yield "it is in " + self._linked(found.group)
            yield self._membership(found)
            yield from self._outcome(found)
            return
        if found.near is not None:
            names = ", ".join(found.near.verdicts) or "of no finding"
            yield f"it is in no group; the nearest is {names}, with {found.near.owners:,} owners"
            yield self._membership(found)
            lacks = [tie.view for tie in found.ties if tie.admits and not tie.tied]
            if lacks and found.views_tied < 2:
                yield f"no tie in {', '.join(lacks)}"
            elif found.views_tied >= 2 and found.bits >= (found.bits_needed or 0.0):
                yield "by these ties it could be in; no hard evidence joins it to the others, so it was kept apart"
        elif not found.declared:
            yield "no view ties it to any group that is linked beyond chance"
        if found.proposal is not None and not found.declared:
            if found.proposal.passed:
                yield (
                    f"it lay in a group that {found.proposal.by} proposed ({found.proposal.owners:,} owners), which is "
                    "linked beyond chance; when its members were settled, this account did not hold"
                )
            else:
                yield "the strongest group that it lay in: " + self._linked(found.proposal)
        if not found.verdicts:
            yield "so it is named in no finding"

    def _membership(self, found: AccountWay) -> str:
        handover = next((tie for tie in found.ties if tie.view == "handover"), None)
        cap = next((view.cap for view in self.case.views if view.name == "handover"), None)
        if handover is not None and cap is not None and (handover.bits or 0.0) >= cap:
            return "handover alone lets it in: at least two conversations went between it and the group"
        needed = f", {found.bits_needed:.1f} needed" if found.bits_needed is not None else ""
        ties = f"{found.views_tied} view{'s' if found.views_tied != 1 else ''}"
        return f"membership needs ties in two views: it has ties in {ties}, and {found.bits:.1f} bits{needed}"

    def _outcome(self, found: AccountWay) -> Iterator[str]:
        for one in found.verdicts:
            entry = next((entry for entry in self.case.campaigns if entry.id == one.id), None)
            if entry is None:
                yield f"the group was {'cleared' if one.what == 'cleared' else 'left undecided'}: {one.because}"
            elif entry.finding == "distillation_campaign":
                families = [stream.family for stream in found.streams if entry.id in stream.entries]
                carries = f"it carries {', '.join(families[:4])}" if families else "it carries the extraction"
                yield f"{entry.id}: {carries}; scale, deception and intent passed"
            else:
                yield f"{entry.id}: {entry.deception.because[-1] if entry.deception.because else entry.finding}"
