"""Check: every file that goes live is read beforehand as it will be read then, by the same code; nothing is changed.

Beyond what each reader refuses: commands that cannot be run, orders on a campaign that nobody knows, numbers that
would stop traffic. A file that is wrong is told with its place and what next; the others are looked at all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stillwatch import ingest, settings
from stillwatch.errors import SettingsError, StillwatchError
from stillwatch.kit.plain import counted
from stillwatch.model.checked import CheckedFile
from stillwatch.remedy import playbooks, policy, prices
from stillwatch.remedy.hooks import checked as checked_address
from stillwatch.remedy.playbooks import Spoken
from stillwatch.settings import Command, Settings
from stillwatch.share import peers
from stillwatch.store import key as keys
from stillwatch.store import live
from stillwatch.store.book import FILE, open_book
from stillwatch.store.licences import grants


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be checked; what is not named is looked for where it would be read from."""

    settings: Path | None = None
    policies: tuple[Path, ...] = ()
    peers: Path | None = None
    playbooks: Path | None = None
    prices: Path | None = None
    grants: tuple[Path, ...] = ()
    known: tuple[Path, ...] = ()
    accounts: Path | None = None
    state: Path | None = None


def check(wanted: Wanted, spoken: Spoken) -> list[CheckedFile]:
    """Look at everything that was named or would be read."""
    return list(_Check(wanted, spoken).all())


class _Check:
    def __init__(self, wanted: Wanted, spoken: Spoken) -> None:
        self.wanted = wanted
        self.spoken = spoken
        self.settings = Settings()

    def all(self) -> Iterator[CheckedFile]:
        file = self.wanted.settings or Path(settings.FILE)
        if self.wanted.settings is not None or file.exists():
            yield self._one("settings", file, self._settings)
            for command in self.settings.hooks.command:
                yield from self._command(file, command)
        for each in self.wanted.policies:
            yield self._one("policy", each, self._policy)
        if self.wanted.peers is not None:
            yield self._one("peers", self.wanted.peers, self._peers)
        yield from self._others()
        if self.wanted.state is not None:
            yield from self._state(self.wanted.state)

    def _others(self) -> Iterator[CheckedFile]:
        told = self.settings.remedy
        own = self.wanted.playbooks or (Path(told.playbooks).expanduser() if told.playbooks else None)
        yield self._one("playbooks", own or playbooks.SHIPPED, self._playbooks)
        named = self.wanted.prices or (Path(told.prices).expanduser() if told.prices else None)
        if named is not None:
            yield self._one("prices", named, self._prices)
        for each in self.wanted.grants:
            yield self._one("grants", each, self._grants)
        for each in self.wanted.known:
            yield self._one("known", each, self._known)
        if self.wanted.accounts is not None:
            yield self._one("accounts", self.wanted.accounts, self._accounts)

    def _one(self, kind: str, file: Path, look: Callable[[Path], str]) -> CheckedFile:
        try:
            return CheckedFile(kind=kind, file=str(file), good=True, what=look(file))
        except StillwatchError as trouble:
            where = trouble.where or str(file)
            return CheckedFile(
                kind=kind, file=str(file), good=False, what=trouble.what, hint=trouble.hint or "",
                where=where if str(file) in where else f"{file}, {where}",
            )  # fmt: skip

    # -- each kind

    def _settings(self, file: Path) -> str:
        self.settings = settings.read(file)
        told = self.settings
        ingest.networks(told.ingest.trusted_proxies)
        for name, url in (("step_up_url", told.watch.step_up_url), ("appeal_url", told.watch.appeal_url)):
            if url:
                _address(file, name, url)
        if told.store.key_file and not Path(told.store.key_file).expanduser().parent.is_dir():
            raise SettingsError(
                "the key's directory is not there", where=f"{file}, [store] key_file", hint="make it first"
            )
        names = [one.name for one in told.hooks.command]
        for name in names:
            if names.count(name) > 1 or not name:
                raise SettingsError(
                    f"`{name}` is the name of two commands, or none",
                    where=f"{file}, [[hooks.command]]",
                    hint="give each its own",
                )
        _positive(file, told)
        return f"{counted(len(names), 'command')}; appeals at {told.watch.appeal_url or 'no address'}"

    def _command(self, file: Path, command: Command) -> Iterator[CheckedFile]:
        for what, argv in (("do", command.do), ("undo", command.undo)):
            yield self._one("commands", file, lambda path, what=what, argv=argv: _runs(path, command, what, argv))  # type: ignore[misc]

    def _policy(self, file: Path) -> str:
        told = policy.read(file)
        state = self._live()
        if state is not None:
            known = [one.id for one in state.meta.campaigns]
            for number, order in enumerate(told.order, 1):
                if order.campaign is not None and order.campaign not in known:
                    raise SettingsError(
                        f"the live state knows no campaign `{order.campaign}`", where=f"{file}, order {number}",
                        hint=f"it knows {', '.join(known) or 'none'}",
                    )  # fmt: skip
        return f"{counted(len(told.order), 'order')}, {counted(len(told.spare), 'spared account')}"

    def _live(self) -> live.State | None:
        if self.wanted.state is None or not (self.wanted.state / live.POINTER).exists():
            return None
        file = keys.place(self.settings.store.key_file)
        if not file.exists():  # one that is not there would be made, and a check makes nothing
            raise SettingsError("the key is not there", where=str(file), hint="name it with `[store] key_file`")
        return live.read(self.wanted.state, keys.find(self.settings.store.key_file))

    def _peers(self, file: Path) -> str:
        if not file.exists():
            raise SettingsError("cannot read the peers: there is no such file", where=str(file))
        return counted(len(list(peers.read(file))), "peer")

    def _playbooks(self, folder: Path) -> str:
        own = None if folder == playbooks.SHIPPED else folder
        return counted(len(playbooks.everything(own, self.spoken)), "playbook")

    def _prices(self, file: Path) -> str:
        return f"prices in {prices.read(file).currency}"

    def _grants(self, file: Path) -> str:
        told = ingest.read_grants(file)
        today = datetime.now(UTC).date()
        ended = [grant.id for grant in told if grant.ends < today]
        return counted(len(told), "grant") + (f", of which {', '.join(ended)} ended already" if ended else "")

    def _known(self, file: Path) -> str:
        told = ingest.read_known(file)
        today = datetime.now(UTC).date()
        ended = [one.name for one in told if one.expires < today]
        return counted(len(told), "entry").replace("entrys", "entries") + (
            f", of which {', '.join(ended)} expired already" if ended else ""
        )

    def _accounts(self, file: Path) -> str:
        return counted(len(ingest.read_accounts(file)), "account")

    def _state(self, place: Path) -> Iterator[CheckedFile]:
        yield self._one("state", place, self._whole_state)

    def _whole_state(self, place: Path) -> str:
        if not place.is_dir():
            raise SettingsError(
                "there is no state directory", where=str(place), hint="`stillwatch state export CASE` makes one"
            )
        state = self._live()
        campaigns = [] if state is None else [one.id for one in state.meta.campaigns]
        if not (place / FILE).exists():
            return f"no book; {counted(len(campaigns), 'campaign')} live"
        book = open_book(place)
        acting = [order for order in book.orders() if order.step == "approved"]
        lost = [
            order.id for order in acting if order.campaign and not order.accounts and order.campaign not in campaigns
        ]
        if lost:
            raise SettingsError(
                f"order `{lost[0]}` acts on a campaign that the live state does not know", where=str(place),
                hint="export the case that knows it, or undo the order: it hits nobody now",
            )  # fmt: skip
        held = {account for one in grants(book) if one.revoked_at is None for account in one.grant.accounts}
        both = sorted(held & {account for order in acting for account in order.accounts})
        note = f"; under an order and a grant, and so left alone where it covers: {', '.join(both[:3])}" if both else ""
        return f"{counted(len(acting), 'order')} acting, {counted(len(campaigns), 'campaign')} live{note}"


def _address(file: Path, name: str, url: str) -> None:
    try:
        checked_address(url)
    except StillwatchError as trouble:
        raise SettingsError(trouble.what, where=f"{file}, [watch] {name}", hint=trouble.hint) from None


def _positive(file: Path, told: Settings) -> None:
    """Refuse numbers that would stop traffic or never end."""
    for section, struct, names in (
        ("watch", told.watch, ("innocent_newcomers", "slow_per_minute", "reload_s", "max_body_mib")),
        ("proxy", told.proxy, ("connect_s", "stall_s")), ("hooks", told.hooks, ("timeout_s", "every_s")),
        ("shared", told.shared, ("every_ms", "timeout_ms")),
    ):  # fmt: skip
        for name in names:
            value = getattr(struct, name)
            if not value > 0:
                raise SettingsError(
                    f"`{name}` is {value:g}", where=f"{file}, section [{section}]", hint="a number above 0"
                )


def _runs(file: Path, command: Command, what: str, argv: tuple[str, ...]) -> str:
    """Tell whether a command could be run."""
    where = f"{file}, command `{command.name}`, `{what}`"
    if what == "undo" and not argv:
        return f"`{command.name}` has no undo: a person takes it back"
    if not argv or not argv[0].startswith("/"):
        raise SettingsError(
            "a command is a list that begins with a whole path", where=where, hint='as in ["/usr/local/bin/revoke"]'
        )
    if not os.access(argv[0], os.X_OK) or not Path(argv[0]).is_file():
        raise SettingsError(f"`{argv[0]}` cannot be run", where=where, hint="mind its path and its permissions")
    if not any("{account}" in word for word in argv[1:]):
        raise SettingsError("the command is told no account", where=where, hint="put `{account}` into it")
    if "{account}" in argv[1:]:
        return (
            f"`{command.name}` {what}: an account that begins with `-` is left out; `--account={{account}}` takes all"
        )
    return f"`{command.name}` {what}: it is there"
