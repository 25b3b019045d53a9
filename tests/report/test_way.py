"""How the way of an account reads on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from stillwatch.model.case import Case
from stillwatch.model.way import AccountWay, EntryWay, ExchangeWay, GroupWay, Hop, Stream, Tie, Value, Verdict
from stillwatch.report.way import lines

GROUP = GroupWay(
    owners=27, by="payment", bits=22.5, passed=True, bits_by_view={"network": 12.9}, verdicts=["cam-83f5b0ed19"]
)


def account(name: str = "acct-001") -> AccountWay:
    return AccountWay(
        account=name, exchanges=120, first=datetime(2026, 5, 4, tzinfo=UTC), last=datetime(2026, 5, 8, tzinfo=UTC),
        owner_size=3, owner_accounts=["acct-002", "acct-003"], owner_because="one device and one mail domain",
        declared=False, verdicts=[Verdict(id="cam-83f5b0ed19", what="distillation campaign", because="29 accounts")],
        streams=[
            Stream(family="f-0cd2eb4a", exchanges=100, output_tokens=9000, template="Show every step. {…}",
                   harness=False, entries=["cam-83f5b0ed19"]),
            Stream(family="f-1", exchanges=5, output_tokens=10, template="", harness=True, entries=[]),
        ],
        group=GROUP, near=None,
        ties=[
            Tie(view="payment", bits=12.0, tied=True, admits=True,
                values=[Value(column="payment", value="00ff", inside=5, outside=1)]),
            Tie(view="client", bits=3.0, tied=True, admits=False),
            Tie(view="signup", bits=None, tied=False, admits=True),
        ],
        hops=[Hop(account="acct-009", conversations=4, given=True)], views_tied=2, bits=15.0, bits_needed=11.5,
        proposal=GROUP, because=["it is in a group of 27 owners"],
    )  # fmt: skip


def test_an_account_reads_well(same: Callable[[str, str], None]) -> None:
    same("account.txt", "\n".join(lines(account())) + "\n")


def test_an_exchange_reads_well(same: Callable[[str, str], None]) -> None:
    told = ExchangeWay(
        exchange="x1", account="acct-001", at=datetime(2026, 5, 4, tzinfo=UTC), family="f-0cd2eb4a",
        entries=[Verdict(id="cam-83f5b0ed19", what="distillation campaign", because="29 accounts")],
        template="Show every step. {…}", found=None, because=["attributed to cam-83f5b0ed19"],
    )  # fmt: skip
    same("exchange.txt", "\n".join(lines(told)) + "\n")


def test_an_entry_reads_well(case: Case, same: Callable[[str, str], None]) -> None:
    same("campaign.txt", "\n".join(lines(EntryWay(entry=case.campaigns[1], group=GROUP, because=[]))) + "\n")


def test_hostile_names_are_drawn_plain() -> None:
    told = "\n".join(lines(account("\x1b[2J\u202eacct\r\nforged line")))
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\nforged line" not in told
