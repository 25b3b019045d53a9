"""Verdicts: what a score says, by campaign, by kind and in all, and how it is shown."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from stillwatch.kit.intervals import clopper_pearson


class Rate(msgspec.Struct, kw_only=True):
    """Precision and recall; null where there is nothing to divide by."""

    precision: float | None
    recall: float | None


class Counts(msgspec.Struct, kw_only=True):
    """Numbers behind a rate: named and right, named at all, planted."""

    right: int
    named: int
    planted: int

    def rate(self) -> Rate:
        """Divide."""
        return Rate(
            precision=self.right / self.named if self.named else None,
            recall=self.right / self.planted if self.planted else None,
        )


class Scored(msgspec.Struct, kw_only=True):
    """A planted campaign and what was made of it."""

    id: str
    kind: str
    planted: str
    found: bool
    finding: str | None
    as_planted: bool
    entries: list[str]
    accounts: Rate
    exchanges: Rate
    account_counts: Counts
    exchange_counts: Counts | None


class Falsehood(msgspec.Struct, kw_only=True):
    """A false entry, why it is false, and which crowd or campaign it hit."""

    id: str
    hit: str | None
    finding: str
    why: str
    accounts: int


class Kind(msgspec.Struct, kw_only=True):
    """A kind of campaign over one or many cases."""

    kind: str
    planted: int
    found: int
    interval: tuple[float, float]
    accounts: Rate
    exchanges: Rate
    account_recall_interval: tuple[float, float]
    account_precision_interval: tuple[float, float]


class Score(msgspec.Struct, kw_only=True):
    """A case against its truth."""

    schema: int = 1
    world: str
    seed: int
    campaigns: list[Scored]
    false_campaigns: list[Falsehood]
    entries: int
    entries_bounded: int
    fdr: float
    recall: float
    recall_interval: tuple[float, float]
    kinds: list[Kind]
    crowds_hit: dict[str, list[str]]
    entries_per_operation: float
    split: list[str]
    merged: list[str]


def kinds(campaigns: list[Scored]) -> list[Kind]:
    """Pool campaigns by kind, over one case or many; copies of a bulk campaign count as one kind."""
    groups: dict[str, list[Scored]] = defaultdict(list)
    for campaign in campaigns:
        groups[campaign.kind].append(campaign)
    out = []
    for kind, members in sorted(groups.items()):
        accounts = _pool([m.account_counts for m in members])
        exchanges = _pool([m.exchange_counts for m in members if m.exchange_counts is not None])
        found = sum(m.found for m in members)
        out.append(
            Kind(
                kind=kind,
                planted=len(members),
                found=found,
                interval=clopper_pearson(found, len(members)),
                accounts=accounts.rate(),
                exchanges=exchanges.rate(),
                account_recall_interval=clopper_pearson(accounts.right, accounts.planted),
                account_precision_interval=clopper_pearson(accounts.right, accounts.named),
            )
        )
    return out


def _pool(counts: list[Counts]) -> Counts:
    return Counts(
        right=sum(c.right for c in counts), named=sum(c.named for c in counts), planted=sum(c.planted for c in counts)
    )


def table(result: Score) -> str:
    """Show a score as lines of text; a world without a campaign has neither recall nor kinds."""
    false = [
        f"false: {false.id} ({false.finding}, {false.accounts} accounts) hit {false.hit}: {false.why}"
        for false in result.false_campaigns
    ]
    if not result.campaigns:
        return "\n".join(
            [
                *false,
                f"no campaign was planted; {result.entries or 'no'} entries"
                + ", all of them false" * bool(result.entries),
            ]
        )
    lines = [f"{'campaign':<28} {'found as':<22} {'accounts p / r':<16} {'exchanges p / r':<16} entries"]
    lines += [
        f"{campaign.id:<28} {campaign.finding or 'missed':<22} {_pair(campaign.accounts):<16}"
        f" {_pair(campaign.exchanges):<16} {len(campaign.entries)}"
        for campaign in result.campaigns
    ]
    lines.append("")
    lines.append(f"{'kind':<28} {'found':<10} {'95 % interval':<18} {'accounts p / r':<16} exchanges p / r")
    for kind in result.kinds:
        low, high = kind.interval
        share = f"{kind.found}/{kind.planted}"
        lines.append(
            f"{kind.kind:<28} {share:<10} {f'{low:.2f} to {high:.2f}':<18} {_pair(kind.accounts):<16}"
            f" {_pair(kind.exchanges)}"
        )
    lines.append("")
    lines += false
    lines += [f"merged: {merged}" for merged in result.merged]
    low, high = result.recall_interval
    lines.append(f"recall {result.recall:.3f} ({low:.2f} to {high:.2f}), FDR {result.fdr:.3f}")
    lines.append(f"{result.entries} entries, {result.entries_per_operation:.2f} to a found campaign")
    return "\n".join(lines)


def _pair(rate: Rate) -> str:
    def show(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    return f"{show(rate.precision)} / {show(rate.recall)}"
