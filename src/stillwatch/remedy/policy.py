"""Policy: orders, allowlist and settings of live decisions, to be tried on an old day before they act on a new one.

    [watch]                     # as in stillwatch.toml; what is not named stays as it is there
    slow_per_minute = 3

    [[order]]
    rung = "harden"
    campaign = "cam-…"          # or accounts = ["…"]
    newcomers = "harden"

    [[spare]]
    account = "acct-7"

Grants are those of the book, whatever the policy: they beat everything.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from stillwatch import rooms
from stillwatch.errors import SettingsError, UsageError
from stillwatch.model.answer import NEWCOMERS_MOST, Order, Rung, Spared, rank
from stillwatch.settings import Watch
from stillwatch.store.book import Book
from stillwatch.store.licences import grants
from stillwatch.watch.standing import Standing, laid_out

BOOK: Final = "book"
NONE: Final = "none"
BEGIN: Final = datetime(1970, 1, 2, tzinfo=UTC)
END: Final = datetime(2970, 1, 1, tzinfo=UTC)


class PolicyOrder(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An order of a policy; it has neither an end nor a delay there."""

    rung: Rung
    accounts: list[str] = []
    campaign: str | None = None
    newcomers: Rung = "observe"
    transforms: list[str] = []


class PolicySpare(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """An account on the allowlist of a policy."""

    account: str


class PolicyFile(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A policy file."""

    watch: dict[str, Any] = {}
    order: list[PolicyOrder] = []
    spare: list[PolicySpare] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy, ready to decide by."""

    name: str
    orders: list[Order]
    spared: list[Spared]
    settings: Watch

    def standing(self, book: Book) -> Standing:
        """Lay it out; grants come from the book, and nothing of them is used yet on that day."""
        return laid_out(self.orders, self.spared, grants(book), {})


def policy(name: str, book: Book, settings: Watch, now: datetime) -> Policy:
    """Find a policy: `book`, `none`, orders by id (with the book's), or a file.

    Raises:
        UsageError: when it is none of these.
        SettingsError: when the file is wrong, naming the line.
        BookError: when there is no such order.
    """
    spared = [one for one in book.spared() if one.ends > now]
    standing = [one for one in book.orders() if one.step == "approved" and one.ends > now]
    if name == NONE:
        return Policy(name=name, orders=[], spared=spared, settings=settings)
    if name == BOOK:
        return Policy(name=name, orders=[_always(one) for one in standing], spared=spared, settings=settings)
    if re.fullmatch(r"o-[0-9a-f]+(,o-[0-9a-f]+)*", name):
        asked = [book.order(each) for each in name.split(",")]
        others = [one for one in standing if one.id not in {each.id for each in asked}]
        return Policy(name=name, orders=[_always(one) for one in (*others, *asked)], spared=spared, settings=settings)
    path = Path(name)
    if not path.is_file():
        raise UsageError(
            f"`{name}` is no policy", hint="a TOML file, `book`, `none`, or the id of an order such as o-1f3c9a02"
        )
    told = read(path)
    return Policy(
        name=name, orders=[_order(number, one) for number, one in enumerate(told.order, 1)],
        spared=[Spared(account=one.account, reason="policy", by="policy", ends=END) for one in told.spare],
        settings=msgspec.convert({**msgspec.to_builtins(settings), **told.watch}, Watch),
    )  # fmt: skip


def _always(order: Order) -> Order:
    """Let an order act from the first instant to the last: its delay is over, and it does not rest."""
    return msgspec.structs.replace(order, step="approved", approved_at=BEGIN, ends=END, delay_s=0, snoozed_until=None)


def _order(number: int, told: PolicyOrder) -> Order:
    return Order(
        id=f"policy-{number}", rung=told.rung, accounts=told.accounts, campaign=told.campaign, newcomers=told.newcomers,
        transforms=told.transforms, reason="policy", planned_by="policy", planned_at=BEGIN, approved_by="policy",
        approved_at=BEGIN, ends=END, step="approved",
    )  # fmt: skip


def read(path: Path) -> PolicyFile:
    """Read a policy file.

    Raises:
        SettingsError: naming the file, the line, the rule and what next.
    """
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text)
    except OSError as trouble:
        raise SettingsError(f"cannot read the policy: {trouble.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise SettingsError("the policy is not UTF-8", where=str(path)) from None
    except tomllib.TOMLDecodeError as trouble:
        raise SettingsError(f"the policy is not TOML: {trouble}", where=str(path)) from None
    lines = _lines(text)
    try:
        told = msgspec.convert(content, PolicyFile)
    except msgspec.ValidationError as trouble:
        raise _wrong(str(trouble), path, lines) from None
    try:
        msgspec.convert(told.watch, Watch)
    except msgspec.ValidationError as trouble:
        raise _wrong(str(trouble), path, lines, "watch") from None
    for number, one in enumerate(told.order):
        _check(one, f"{path}, line {lines.get(('order', number), 1)}, order {number + 1}")
    return told


def _lines(text: str) -> dict[tuple[str, int], int]:
    """Tell on which line each table begins."""
    found: dict[tuple[str, int], int] = {}
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if (begin := re.match(r"\s*\[\[?\s*(\w+)\s*\]\]?", line)) is not None:
            found[begin[1], counts.get(begin[1], 0)] = number
            counts[begin[1]] = counts.get(begin[1], 0) + 1
    return found


def _wrong(trouble: str, path: Path, lines: dict[tuple[str, int], int], section: str = "") -> SettingsError:
    what, _, place = trouble.partition(" - at `$")
    found = re.search(r"\.?(\w+)\[(\d+)\]", place)
    table = (found[1], int(found[2])) if found is not None else (section, 0)
    line = f", line {lines[table]}" if table in lines else ""
    unknown = re.search(r"unknown field `(.+?)`", what)
    kinds: dict[str, Any] = {"order": PolicyOrder, "spare": PolicySpare, "watch": Watch}
    known = [field.encode_name for field in msgspec.structs.fields(kinds.get(table[0], PolicyFile))]
    if unknown is not None:
        close = difflib.get_close_matches(unknown[1], known, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known)}"
        return SettingsError(f"`{unknown[1]}` means nothing here", where=f"{path}{line}", hint=hint)
    field = place.strip("`.").rpartition(".")[2]
    told = f"`{field}`: " if field and "]" not in field else ""
    return SettingsError(
        f"{told}{what[:1].lower()}{what[1:]}", where=f"{path}{line}", hint=f"known here: {', '.join(known)}"
    )


def _check(one: PolicyOrder, where: str) -> None:
    if not one.accounts and one.campaign is None:
        raise SettingsError("an order needs somebody", where=where, hint='name `accounts = ["…"]` or `campaign = "…"`')
    if rank(one.newcomers) > rank(NEWCOMERS_MOST):
        raise SettingsError(
            f"newcomers may not be met with `{one.newcomers}`",
            where=where,
            hint=f"nothing harder than `{NEWCOMERS_MOST}`",
        )
    if one.newcomers != "observe" and one.campaign is None:
        raise SettingsError("newcomers join a campaign", where=where, hint='name it: `campaign = "…"`')
    harden = rooms.member("act", "harden")
    known = (*harden.TRANSFORMS, *harden.OFFERS)
    for name in one.transforms:
        if one.rung != "harden" or name not in known:
            raise SettingsError(
                f"`{name}` is nothing that `{one.rung}` does", where=where, hint=f"`harden` does {', '.join(known)}"
            )
