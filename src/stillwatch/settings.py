"""Settings: `stillwatch.toml`, parsed once at the door.

Each room has its own section under its own name, as in `[ingest] trusted_proxies = ["10.0.0.0/8"]`. What is
not known is refused with the nearest thing that is.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from stillwatch.errors import SettingsError
from stillwatch.model.answer import Rung

FILE: Final = "stillwatch.toml"


class Ingest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[ingest]`: how logs are read.

    Attributes:
        trusted_proxies: addresses and ranges of your own proxies; only what they wrote into X-Forwarded-For
            is believed.
        placeholders: ids that gateways write where they know nobody; they are no account.
        max_record_mib: a record above this size is rejected without being held.
    """

    trusted_proxies: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ("default_user_id", "litellm_proxy_master_key")
    max_record_mib: int = 64


class Store(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[store]`: what a case keeps.

    Attributes:
        key_file: file of the key under which identifiers are hashed; empty for the one that `STILLWATCH_KEY` names,
            else `~/.config/stillwatch/key`. It is made where it is missing.
        exemplars: prompts kept of each family of an entry, in a file that only its owner can read; 0 keeps none.
        exemplar_characters: of each of them, so many characters.
        streams: families kept of an account that is in no group.
    """

    key_file: str = ""
    exemplars: int = 5
    exemplar_characters: int = 2000
    streams: int = 4


class Watch(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[watch]`: how live decisions are made.

    Attributes:
        innocent_newcomers: strangers expected to be taken for newcomers of a campaign by what their own requests show,
            among as many new accounts as the hunt saw; it sets the bits that are needed.
        slow_per_minute: requests a minute that a slowed account may send.
        ttl_s: how long a gateway may keep a decision that comes from an order.
        step_up_url: where a challenged account proves who it is; empty where there is no such place.
        appeal_url: where a refused party appeals; told in every refusal.
        n_most: choices of one answer that a hardened account gets.
        reload_s: how often orders, grants and the live state are looked at anew.
        fail_closed: `false`: what cannot be decided passes. `true`: it is refused. A list of actions, as in
            `["refuse", "harden"]`: it passes, save for an account under an order whose action is listed, to which that
            is done all the same; with `"slow"` in it, replicas that lost their Redis share out the rate of a slowed
            account instead of allowing it each.
        max_body_mib: a request or a batch of logs above this size is refused with 413.
    """

    innocent_newcomers: float = 0.03
    slow_per_minute: float = 6.0
    ttl_s: int = 30
    step_up_url: str = ""
    appeal_url: str = ""
    n_most: int = 1
    reload_s: float = 1.0
    fail_closed: bool | tuple[Literal["slow", "challenge", "harden", "refuse"], ...] = False
    max_body_mib: int = 32


class Proxy(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[proxy]`: how requests are passed on.

    Attributes:
        account_header: header in which your own gateway names the account; believed from `[ingest] trusted_proxies`
            alone. Without it an account is the SHA-256 of its API key.
        connect_s: how long a connection to the upstream may take.
        stall_s: how long the upstream may say nothing.
        oversized: `"refuse"`: a request above `[watch] max_body_mib` gets 413. `"pass"`: it passes unread, decided
            without its body.
        malformed: `"pass"`: what is no JSON passes, and the upstream says what it thinks. `"refuse"`: it gets 400.
        hidden: files with texts that hardened answers may not repeat, besides the request's own system text.
        thinks_first: set it where the model's chat template opens the thought (`<think>` stands in the prompt), and
            nothing between upstream and proxy takes the thought out of the text.
        tracer_field: field of a request in which the upstream is told the group whose tracer marks the answer, as in
            `vllm_xargs.stillwatch_group`; empty where it draws no marks.
    """

    account_header: str = ""
    connect_s: float = 10.0
    stall_s: float = 600.0
    oversized: Literal["refuse", "pass"] = "refuse"
    malformed: Literal["pass", "refuse"] = "pass"
    hidden: tuple[str, ...] = ()
    thinks_first: bool = False
    tracer_field: str = ""


class Shared(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[shared]`: what replicas share.

    Attributes:
        redis: address of a Redis, as in `redis://HOST:6379/0` or `rediss://…`; empty for what `STILLWATCH_REDIS` says,
            else for none. A password is better put into that variable than into this file.
        every_ms: how often what is new is pushed and fetched.
        timeout_ms: how long Redis may take to answer before it counts as lost; no request waits for it.
    """

    redis: str = ""
    every_ms: int = 100
    timeout_ms: int = 500


class Share(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[share]`: what leaves, and who lets it.

    Attributes:
        organisation: the name under which bulletins are told; none leaves without it.
        directory: where bulletins, peers and the disclosure log lie; empty for the one that `STILLWATCH_SHARE` names,
            else `~/.local/share/stillwatch/share`.
        store: where the objects that peers pull and push lie: a file or `postgresql://USER@HOST/NAME`; empty for
            `taxii.sqlite` in that directory.
        marking: Traffic Light Protocol 2.0: `clear`, `green`, `amber`, `amber+strict` or `red`.
        preparers: who may prepare a bulletin; empty for anybody.
        releasers: who may release one; empty for anybody who did not prepare it.
    """

    organisation: str = ""
    directory: str = ""
    store: str = ""
    marking: Literal["clear", "green", "amber", "amber+strict", "red"] = "amber+strict"
    preparers: tuple[str, ...] = ()
    releasers: tuple[str, ...] = ()


class Remedy(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[remedy]`: what is done after a finding.

    Attributes:
        playbooks: directory of your own playbooks; one of a shipped name takes its place.
        prices: your price list, for `damage`; without one there are tokens alone.
        case: the case from which orders that are planned over HTTP take evidence and members.
        accounts: the accounts file, which tells such orders who pays.
    """

    playbooks: str = ""
    prices: str = ""
    case: str = ""
    accounts: str = ""


class Command(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A command adapter, `[[hooks.command]]`: your own revocation of keys.

    Attributes:
        name: as it stands on record.
        rungs: orders that it is run for.
        do: the command, as a list of words; no shell. `{account}`, `{order}` and `{campaign}` are put in.
        undo: what takes it back.
        timeout_s: how long it may take.
    """

    name: str
    rungs: tuple[Rung, ...] = ("suspend",)
    do: tuple[str, ...]
    undo: tuple[str, ...] = ()
    timeout_s: float = 30.0


class Hooks(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[hooks]`: who is told, and what is run, when orders act.

    Attributes:
        timeout_s: how long a receiver may take to answer.
        every_s: how often the outbox and the commands are looked at.
        command: command adapters, `[[hooks.command]]` with `name`, `rungs`, `do`, `undo` and `timeout_s`.
    """

    timeout_s: float = 15.0
    every_s: float = 1.0
    command: tuple[Command, ...] = ()


class Attested(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a person says of a practice that no program can see.

    Attributes:
        by: who says so.
        on: on which day it was so.
    """

    by: str
    on: date


class Posture(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[posture]`: what `stillwatch posture` cannot see by itself.

    Attributes:
        channels: the channels through which the model is served, as they stand in the log: `api`, `bedrock`, ….
        retention_days: how long logs are kept; 0 where no limit is set.
        attested: practices that only a person can tell, each with `by` and `on`, as in
            `back-up-keys = { by = "Grace", on = 2026-05-01 }`.
    """

    channels: tuple[str, ...] = ()
    retention_days: int = 0
    attested: dict[str, Attested] = {}


class Settings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """All settings; each section has a default that works."""

    ingest: Ingest = Ingest()
    store: Store = Store()
    watch: Watch = Watch()
    proxy: Proxy = Proxy()
    shared: Shared = Shared()
    share: Share = Share()
    remedy: Remedy = Remedy()
    hooks: Hooks = Hooks()
    posture: Posture = Posture()


def find(file: Path | None = None) -> Settings:
    """Read the settings file named, else `stillwatch.toml` of the working directory, else the defaults.

    Raises:
        SettingsError: when the file named is missing, or says something that means nothing.
    """
    if file is None:
        file = Path(FILE)
        if not file.exists():
            return Settings()
    return read(file)


def read(file: Path) -> Settings:
    """Read a settings file.

    Raises:
        SettingsError: naming the file, the setting and what next.
    """
    try:
        text = file.read_text("utf-8")
        content = tomllib.loads(text)
    except OSError as mistake:
        raise SettingsError(f"cannot read the settings: {mistake.strerror}", where=str(file)) from None
    except UnicodeDecodeError:
        raise SettingsError("the settings are not UTF-8", where=str(file)) from None
    except tomllib.TOMLDecodeError as mistake:
        raise SettingsError(f"the settings are not TOML: {mistake}", where=str(file)) from None
    try:
        return msgspec.convert(content, Settings)
    except msgspec.ValidationError as mistake:
        raise _explained(str(mistake), file, text) from None


def _line(text: str, setting: str, section: str) -> str:
    """Tell on which line a setting stands: the first of its name below the head of its section."""
    heads = re.compile(rf"\s*\[+\s*{re.escape(section)}\s*\]+") if section else re.compile("")
    below = not section
    for number, line in enumerate(text.splitlines(), 1):
        below = below or heads.match(line) is not None
        if below and re.match(rf"\s*\[*\s*{re.escape(setting)}\s*[\]=.]", line):
            return f", line {number}"
    return ""


def _explained(mistake: str, file: Path, text: str = "") -> SettingsError:
    """Turn a complaint about a structure into one about a setting."""
    what, _, path = mistake.partition(" - at `$")
    section = path.removesuffix("`").strip(".")
    table = re.sub(r"\[.*", "", section)
    where = f", section [{section}]" if section else ""
    unknown = re.search(r"unknown field `(.+?)`", what)
    if unknown is None:
        above, _, setting = section.rpartition(".")
        line = _line(text, setting, re.sub(r"\[.*", "", above))
        return SettingsError(f"`{setting}`: {what[0].lower()}{what[1:]}", where=f"{file}{line}")
    near = difflib.get_close_matches(unknown[1], _names(section), n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(_names(section)))}"
    line = _line(text, unknown[1], table)
    return SettingsError(f"no such setting: `{unknown[1]}`", where=f"{file}{line}{where}", hint=hint)


def _names(section: str) -> list[str]:
    """Name what a section may hold."""
    struct: Any = Settings
    for name in filter(None, section.split(".")):
        struct = next((field.type for field in msgspec.structs.fields(struct) if field.encode_name == name), Settings)
    return [field.encode_name for field in msgspec.structs.fields(struct)]
