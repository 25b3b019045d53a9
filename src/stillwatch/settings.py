"""Settings: `stillwatch.toml`, parsed once at the door.

Each room has its own section under its own name, as in `[ingest] trusted_proxies = ["10.0.0.0/8"]`. What is
not known is refused with the nearest thing that is.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from stillwatch.errors import SettingsError

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


class Share(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Section `[share]`: what leaves, and who lets it.

    Attributes:
        organisation: the name under which bulletins are told; none leaves without it.
        directory: where bulletins, peers and the disclosure log lie; empty for the one that `STILLWATCH_SHARE` names,
            else `~/.local/share/stillwatch/share`.
        marking: Traffic Light Protocol 2.0: `clear`, `green`, `amber`, `amber+strict` or `red`.
        preparers: who may prepare a bulletin; empty for anybody.
        releasers: who may release one; empty for anybody who did not prepare it.
    """

    organisation: str = ""
    directory: str = ""
    marking: Literal["clear", "green", "amber", "amber+strict", "red"] = "amber+strict"
    preparers: tuple[str, ...] = ()
    releasers: tuple[str, ...] = ()


class Settings(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """All settings; each section has a default that works."""

    ingest: Ingest = Ingest()
    store: Store = Store()
    share: Share = Share()


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
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as mistake:
        raise SettingsError(f"cannot read the settings: {mistake.strerror}", where=str(file)) from None
    except UnicodeDecodeError:
        raise SettingsError("the settings are not UTF-8", where=str(file)) from None
    except tomllib.TOMLDecodeError as mistake:
        raise SettingsError(f"the settings are not TOML: {mistake}", where=str(file)) from None
    try:
        return msgspec.convert(content, Settings)
    except msgspec.ValidationError as mistake:
        raise _explained(str(mistake), file) from None


def _explained(mistake: str, file: Path) -> SettingsError:
    """Turn a complaint about a structure into one about a setting."""
    what, _, path = mistake.partition(" - at `$")
    section = path.removesuffix("`").strip(".")
    where = f"{file}, section [{section}]" if section else str(file)
    unknown = re.search(r"unknown field `(.+?)`", what)
    if unknown is None:
        setting = section.rpartition(".")[2]
        return SettingsError(f"`{setting}`: {what[0].lower()}{what[1:]}", where=str(file))
    near = difflib.get_close_matches(unknown[1], _names(section), n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(_names(section)))}"
    return SettingsError(f"no such setting: `{unknown[1]}`", where=where, hint=hint)


def _names(section: str) -> list[str]:
    """Name what a section may hold."""
    struct: Any = Settings
    for name in filter(None, section.split(".")):
        struct = next((field.type for field in msgspec.structs.fields(struct) if field.encode_name == name), Settings)
    return [field.encode_name for field in msgspec.structs.fields(struct)]
