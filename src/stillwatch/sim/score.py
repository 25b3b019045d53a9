"""Score: a case against planted truth, by rules that leave no room.

An **entry** of a case matches a planted campaign when at least half of the entry's accounts were planted in it. Where
several campaigns qualify (a stream inside a network), the one with the entry's own finding is taken, then the one
that overlaps most (Jaccard), then the first by id. An entry is **false** when

- it matches no campaign (`hit` names the innocent crowd that most of its accounts come from), or
- its finding is graver than the one planted, or
- it names an innocent crowd: it holds at least half of a crowd of five accounts or more.

A campaign is **found** when an entry that is not false matches it. Its accounts and exchanges are scored against the
union of those entries. A network attributes no exchanges and is scored on accounts alone. An **operation** is a
campaign with the network that it is part of; an entry **merges** operations when it holds at least half of the
accounts of a second one. Only the fields that CONTRACT fixes are read, so a rival's case can be scored as well.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from stillwatch.errors import CaseError, SettingsError
from stillwatch.kit.intervals import clopper_pearson
from stillwatch.model.case import GRAVITY
from stillwatch.sim._truth import Campaign, Crowd, Truth
from stillwatch.sim._verdicts import Counts, Falsehood, Kind, Rate, Score, Scored, kinds, table

__all__ = ["Kind", "Rate", "Score", "Scored", "kinds", "read_case", "read_truth", "score", "table"]

CROWD: Final = 5
BOUNDED: Final = ("distillation_campaign", "account_network")


class Entry(msgspec.Struct, kw_only=True):
    """What is read of an entry of `case.json`."""

    id: str
    finding: str
    accounts: list[str]
    part_of: str | None = None


class Case(msgspec.Struct, kw_only=True):
    """What is read of `case.json`."""

    campaigns: list[Entry] = []


def score(case: Path, truth: Path) -> Score:
    """Score a case directory (or its `case.json`) against a world directory (or its `truth.json`).

    Raises:
        CaseError: when the case cannot be read.
        SettingsError: when the truth cannot be read.
    """
    told, attributed = read_case(case)
    planted, exchanges = read_truth(truth)
    matched, false = _match(told.campaigns, planted)
    counts = _exchange_counts(attributed, exchanges, matched, planted)
    campaigns = [_scored(c, matched.get(c.id, []), counts.get(c.id)) for c in planted.campaigns]
    found = sum(c.found for c in campaigns)
    bounded = [e for e in told.campaigns if e.finding in BOUNDED]
    wrong = sum(f.finding in BOUNDED for f in false)
    merged, split, per_operation = _operations(told.campaigns, planted, matched)
    return Score(
        world=planted.world,
        seed=planted.seed,
        campaigns=campaigns,
        false_campaigns=false,
        entries=len(told.campaigns),
        entries_bounded=len(bounded),
        fdr=wrong / len(bounded) if bounded else 0.0,
        recall=found / len(campaigns) if campaigns else 1.0,
        recall_interval=clopper_pearson(found, len(campaigns)),
        kinds=kinds(campaigns),
        crowds_hit=_hits(false),
        entries_per_operation=per_operation,
        split=split,
        merged=merged,
    )


def read_case(place: Path) -> tuple[Case, Path | None]:
    """Read a case, and where its attributed exchanges are."""
    file = place / "case.json" if place.is_dir() else place
    try:
        told = msgspec.json.decode(file.read_bytes(), type=Case)
    except OSError as mistake:
        raise CaseError(f"no case: {mistake.strerror}", where=str(file), hint="name a case directory") from None
    except msgspec.MsgspecError as mistake:
        raise CaseError(
            f"not a case: {mistake}",
            where=str(file),
            hint="an object with `campaigns`, each with id, finding, accounts",
        ) from None
    for entry in told.campaigns:
        if entry.finding not in GRAVITY:
            raise CaseError(f"no finding is called `{entry.finding}`", where=f"{file}, entry `{entry.id}`")
    attributed = file.with_name("exchanges.parquet")
    return told, attributed if attributed.is_file() else None


def read_truth(place: Path) -> tuple[Truth, Path | None]:
    """Read planted truth, and where it names each exchange."""
    file = place / "truth.json" if place.is_dir() else place
    try:
        truth = msgspec.json.decode(file.read_bytes(), type=Truth)
    except OSError as mistake:
        hint = "name a directory that `stillwatch sim` wrote"
        raise SettingsError(f"no truth: {mistake.strerror}", where=str(file), hint=hint) from None
    except msgspec.MsgspecError as mistake:
        raise SettingsError(f"not a truth file: {mistake}", where=str(file)) from None
    exchanges = file.with_name("truth.parquet")
    return truth, exchanges if exchanges.is_file() else None


def _match(entries: list[Entry], truth: Truth) -> tuple[dict[str, list[Entry]], list[Falsehood]]:
    """Match entries to campaigns, and tell which are false and why."""
    planted = {c.id: set(c.accounts) for c in truth.campaigns}
    matched: dict[str, list[Entry]] = defaultdict(list)
    false = []
    for entry in entries:
        accounts = set(entry.accounts)
        campaign = _campaign_of(entry, accounts, truth.campaigns, planted)
        crowd = _crowd_named(accounts, truth.crowds)
        if campaign is None:
            false.append(_falsehood(entry, _crowd_hit(accounts, truth), "matches no campaign"))
        elif _gravity(entry.finding) > _gravity(campaign.finding):
            why = f"graver than planted: `{campaign.finding}`"
            false.append(_falsehood(entry, campaign.id, why))
        elif crowd is not None:
            false.append(_falsehood(entry, crowd, "names an innocent crowd"))
        else:
            matched[campaign.id].append(entry)
    return matched, false


def _falsehood(entry: Entry, hit: str | None, why: str) -> Falsehood:
    return Falsehood(id=entry.id, hit=hit, finding=entry.finding, why=why, accounts=len(set(entry.accounts)))


def _gravity(finding: str) -> int:
    return next((grave for name, grave in GRAVITY.items() if name == finding), 0)


def _campaign_of(
    entry: Entry, accounts: set[str], campaigns: list[Campaign], planted: dict[str, set[str]]
) -> Campaign | None:
    options = []
    for campaign in campaigns:
        common = len(accounts & planted[campaign.id])
        if accounts and 2 * common >= len(accounts):
            overlap = common / len(accounts | planted[campaign.id])
            options.append((campaign.finding != entry.finding, -overlap, campaign.id, campaign))
    return min(options, key=lambda option: option[:3])[3] if options else None


def _crowd_named(accounts: set[str], crowds: list[Crowd]) -> str | None:
    """Name the crowd of which an entry holds at least half."""
    for crowd in crowds:
        many = len(crowd.accounts)
        if many >= CROWD and 2 * len(accounts.intersection(crowd.accounts)) >= many:
            return crowd.id
    return None


def _crowd_hit(accounts: set[str], truth: Truth) -> str | None:
    """Name the crowd, or else the campaign, that most of an entry's accounts come from."""
    shares = [(-len(accounts.intersection(c.accounts)), len(c.accounts), c.id) for c in truth.crowds]
    shares += [(-len(accounts.intersection(c.accounts)), len(c.accounts), c.id) for c in truth.campaigns]
    best = min(shares, default=(0, 0, None))
    return best[2] if best[0] < 0 else None


def _exchange_counts(
    attributed: Path | None, exchanges: Path | None, matched: dict[str, list[Entry]], truth: Truth
) -> dict[str, Counts]:
    """Count the exchanges attributed to each campaign's entries, and how many were planted in it."""
    if attributed is None or exchanges is None:
        return {}
    pairs = [(entry.id, campaign) for campaign, entries in matched.items() for entry in entries]
    with duckdb.connect() as base:
        base.execute("create table pair(entry varchar, planted varchar)")
        if pairs:
            base.executemany("insert into pair values (?, ?)", pairs)
        try:
            rows = base.execute(
                """
                select planted, count(*), count(*) filter (where t.campaign = planted)
                from (
                    select distinct p.planted, e.exchange
                    from read_parquet(?) e join pair p on e.campaign = p.entry
                ) n
                left join read_parquet(?) t using (exchange)
                group by planted
                """,
                [str(attributed), str(exchanges)],
            ).fetchall()
        except duckdb.Error as mistake:
            raise CaseError(f"cannot read the exchanges: {mistake}", where=str(attributed)) from None
    named = {planted: (int(many), int(right)) for planted, many, right in rows}
    return {
        c.id: Counts(right=named.get(c.id, (0, 0))[1], named=named.get(c.id, (0, 0))[0], planted=c.exchanges)
        for c in truth.campaigns
        if c.finding != "account_network"
    }


def _scored(campaign: Campaign, entries: list[Entry], exchanges: Counts | None) -> Scored:
    named = set().union(*(entry.accounts for entry in entries)) if entries else set()
    planted = set(campaign.accounts)
    accounts = Counts(right=len(named & planted), named=len(named), planted=len(planted))
    findings = sorted({entry.finding for entry in entries}, key=_gravity)
    return Scored(
        id=campaign.id,
        kind=campaign.kind,
        planted=campaign.finding,
        found=bool(entries),
        finding=findings[-1] if findings else None,
        as_planted=campaign.finding in findings,
        entries=[entry.id for entry in entries],
        accounts=accounts.rate(),
        exchanges=exchanges.rate() if exchanges else Rate(precision=None, recall=None),
        account_counts=accounts,
        exchange_counts=exchanges,
    )


def _hits(false: list[Falsehood]) -> dict[str, list[str]]:
    """Tell which entries hit which crowd."""
    hits: dict[str, list[str]] = defaultdict(list)
    for entry in false:
        hits[entry.hit or "nobody planted"].append(entry.id)
    return dict(sorted(hits.items()))


def _operations(
    entries: list[Entry], truth: Truth, matched: dict[str, list[Entry]]
) -> tuple[list[str], list[str], float]:
    """Tell which entries merge operations, which campaigns are split, and entries to a found campaign."""
    root = {c.id: c.part_of or c.id for c in truth.campaigns}
    whole: dict[str, set[str]] = defaultdict(set)
    for campaign in truth.campaigns:
        whole[root[campaign.id]] |= set(campaign.accounts)
    merged = []
    for entry in entries:
        accounts = set(entry.accounts)
        held = [name for name, members in whole.items() if 2 * len(accounts & members) >= len(members)]
        if len(held) > 1:
            merged.append(f"{entry.id}: {', '.join(sorted(held))}")
    split = sorted(campaign for campaign, some in matched.items() if len(some) > 1)
    found = len(matched)
    return merged, split, sum(len(some) for some in matched.values()) / found if found else 0.0
