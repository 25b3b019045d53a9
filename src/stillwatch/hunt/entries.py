"""Entries: what was decided, counted and named, as the case shows it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch.families.template import SLOT, template
from stillwatch.hunt import tell
from stillwatch.hunt.decide import ATLAS, Decided, Draft, Examined, entry_id
from stillwatch.hunt.linked import Linked
from stillwatch.hunt.previous import Found, Named, name_entries
from stillwatch.hunt.read import Log
from stillwatch.judge import axes, readings
from stillwatch.model.case import Axis, Cleared, Entry, Evidence, Explanation, FamilySummary, Undecided
from stillwatch.store import cases

FAMILIES_SHOWN: Final = 12
TEXTS: Final = 40
"""Texts at most from which a template is made: more of them say the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The entries of a case, with the drafts that they were made of."""

    entries: list[Entry]
    drafts: Sequence[Draft]
    attributed: Sequence[tuple[str, npt.NDArray[np.uint32]]]
    """Of each entry that attributes exchanges, its id and their rows, ascending."""
    cleared: list[Cleared]
    undecided: list[Undecided]


def entries(
    log: Log, linked: Linked, decided: Decided, texts: dict[int, list[str]], needs: float, fresh: Path
) -> Entries:
    """Count and name what was decided, and write the exchanges that it names.

    Args:
        texts: exemplars of the families that were read, by the number of the family.
        needs: bits that a group needed to be linked beyond chance.
        fresh: where the files of the case are written.
    """
    crowd, families = linked.traces.crowd, linked.families
    counted = tell.count(log.scratch, decided.drafts, len(crowd.accounts))
    named = name_entries([_found(draft, linked) for draft in decided.drafts], log.declared.previous)
    attributed = [
        (one.id, total.rows)
        for one, draft, total in zip(named, decided.drafts, counted, strict=True)
        if draft.finding != "account_network"
    ]
    others = _others(linked)
    with ThreadPoolExecutor(1) as pool:  # to write is to wait for a codec, which holds up nobody
        written = pool.submit(
            tell.write_exchanges, fresh / cases.EXCHANGES, log.scratch, log.tasks, attributed, families.names
        )
        shown = [
            _entry(one, named, draft, total, linked, texts, others, needs)
            for one, draft, total in zip(named, decided.drafts, counted, strict=True)
        ]
        written.result()
    return Entries(
        entries=shown,
        drafts=decided.drafts,
        attributed=attributed,
        cleared=[_cleared(one, linked) for one in decided.cleared],
        undecided=[_undecided(one, linked) for one in decided.undecided],
    )


def _found(draft: Draft, linked: Linked) -> Found:
    accounts = [linked.traces.crowd.accounts[int(a)] for a in draft.accounts]
    own = [family for family in draft.shown if not linked.families.harness[family]]
    return Found(
        name=entry_id(draft.finding, accounts), finding=draft.finding, accounts=frozenset(accounts),
        families=frozenset(linked.families.names[family] for family in own), grant=draft.grant,
    )  # fmt: skip


def _others(linked: Linked) -> npt.NDArray[np.int64]:
    """Count what every owner outside the settled groups sends: the yardstick of scale."""
    crowd = linked.traces.crowd
    inside = np.zeros(crowd.owners, bool)
    for group in linked.joined.settled:
        inside[group.members] = True
    every = np.bincount(crowd.owner, weights=crowd.exchanges, minlength=crowd.owners).astype(np.int64)
    return every[~inside]


def _entry(
    one: Named, named: Sequence[Named], draft: Draft, total: tell.Counted, linked: Linked,
    texts: dict[int, list[str]], others: npt.NDArray[np.int64], needs: float,
) -> Entry:  # fmt: skip
    return Entry(
        id=one.id,
        since_previous=one.since,
        grown_by=one.grown_by,
        merged=one.merged,
        split_from=one.split_from,
        finding=draft.finding,
        part_of=named[draft.part_of].id if draft.part_of is not None else None,
        accounts=[linked.traces.crowd.accounts[int(a)] for a in draft.accounts],
        exchanges=total.exchanges,
        tasks=total.tasks,
        output_tokens=total.output_tokens,
        distinct_prompts=total.distinct_prompts,
        from_=tell.instant(total.first),
        to=tell.instant(total.last),
        scale=_needing(
            axes.scale(total.exchanges, total.tasks, total.output_tokens, total.distinct_prompts, others),
            axes.SCALE_BITS,
        ),
        deception=_needing(draft.deception, needs),
        intent=_needing(draft.intent, axes.INTENT_BITS),
        evidence=[_counted(one, linked) for one in draft.evidence],
        explanations=[_sided(told) for told in draft.explanations],
        families=_families(draft, linked, texts),
        targets=draft.targets,
        atlas=ATLAS[draft.finding],
        grant=draft.grant,
        beyond_grant=draft.beyond,
        days=total.days,
    )


def _needing(axis: Axis, bits: float) -> Axis:
    return msgspec.structs.replace(axis, needs=bits)


def _counted(one: Evidence, linked: Linked) -> Evidence:
    """Mark evidence that is told and not counted: of the view that proposed, and of views that look late."""
    look = linked.joined.looks.get(one.view)
    late = look is not None and look.view.LATE
    return msgspec.structs.replace(one, counted=one.counted and not late and "not counted" not in one.because)


_SIDES: Final = {reading.name: reading.side for reading in readings.READINGS}


def _sided(told: Explanation) -> Explanation:
    return msgspec.structs.replace(told, side=told.side or _SIDES.get(told.name, ""))


def _families(draft: Draft, linked: Linked, texts: dict[int, list[str]]) -> list[FamilySummary]:
    streams, families = linked.streams, linked.families
    inside = np.zeros(len(linked.traces.crowd.accounts), bool)
    inside[draft.accounts] = True
    mine = inside[streams.account]
    shown = []
    for family in draft.shown[:FAMILIES_SHOWN]:
        here = mine & (streams.family == family)
        shown.append(
            FamilySummary(
                id=families.names[family],
                template=frame(texts.get(family, [])),
                exchanges=int(streams.exchanges[here].sum()),
                accounts=int(here.sum()),
                kinds=draft.kinds.get(family, []),
                harness=bool(families.harness[family]),
            )
        )
    return shown


def frame(texts: Sequence[str]) -> str:
    """Write what several texts have in common; one text alone is a prompt, and no prompt is shown."""
    some = texts[:: -(-len(texts) // TEXTS)] if texts else texts
    common = template(some) if len(set(some)) > 1 else ""
    return common if any(letter.isalnum() for letter in common.replace(SLOT, "")) else ""


def _cleared(one: Examined, linked: Linked) -> Cleared:
    accounts, exchanges = _who(one, linked)
    return Cleared(
        id=_group_id("clear", accounts), accounts=accounts, exchanges=exchanges, because=one.because,
        explanation=one.explanation,
    )  # fmt: skip


def _undecided(one: Examined, linked: Linked) -> Undecided:
    accounts, exchanges = _who(one, linked)
    return Undecided(id=_group_id("undecided", accounts), accounts=accounts, exchanges=exchanges, missing=one.missing)


def _who(one: Examined, linked: Linked) -> tuple[list[str], int]:
    crowd = linked.traces.crowd
    return [crowd.accounts[int(a)] for a in one.accounts], int(crowd.exchanges[one.accounts].sum())


def _group_id(sort: str, accounts: Sequence[str]) -> str:
    return f"{sort}-{hashlib.blake2b(chr(10).join(sorted(accounts)).encode(), digest_size=5).hexdigest()}"
