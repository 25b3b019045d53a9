"""Canonical: the one way in which two providers write the same identifier, before it is blinded.

A payment fingerprint of one processor does not match that of another: cards are written as bank number, last four
digits, expiry and country, which is guessable and therefore only ever blinded under a fresh secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from stillwatch.errors import ShareError

_DOTLESS: Final = frozenset({"gmail.com", "googlemail.com"})
"""Providers for which dots in the local part mean nothing."""
_TAGGED: Final = _DOTLESS | {"outlook.com", "hotmail.com", "live.com", "icloud.com", "me.com", "fastmail.com",
                             "proton.me", "protonmail.com", "yandex.ru", "zoho.com"}  # fmt: skip
"""Providers that deliver `name+tag` to `name`."""


def email(text: str) -> str:
    """Write an address in lower case, without tags and dots where its provider ignores them."""
    local, at, domain = unicodedata.normalize("NFKC", text).strip().casefold().rpartition("@")
    if not (at and local and re.fullmatch(r"[^\s@]+\.[^\s@.]+", domain)):
        raise ShareError("this is no e-mail address", hint="one address to a line, `name@example.com`")
    if domain in _TAGGED:
        local = local.partition("+")[0]
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def phone(text: str) -> str:
    """Write a number in the form of E.164: a plus sign and up to fifteen digits."""
    digits = re.sub(r"[\s().\-/]", "", unicodedata.normalize("NFKC", text))
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    if not re.fullmatch(r"\+[1-9]\d{6,14}", digits):
        raise ShareError("this is no telephone number with its country code", hint="write it as +442079460958")
    return digits


def card(text: str) -> str:
    """Write a card as `BIN|last four|YYYY-MM|country`; a whole card number is refused."""
    parts = [part.strip().upper() for part in text.split("|")]
    fits = len(parts) == 4 and re.fullmatch(r"\d{6}(\d{2})?", parts[0]) and re.fullmatch(r"\d{4}", parts[1])
    if not (fits and re.fullmatch(r"\d{4}-\d{2}", parts[2]) and re.fullmatch(r"[A-Z]{2}", parts[3])):
        raise ShareError("this is no card in the form that is matched", hint="BIN|last four|YYYY-MM|country code")
    return "|".join([parts[0][:6], *parts[1:]])


def device(text: str) -> str:
    """Write a device id, or another value of the kind that both took from the same maker, without white space."""
    value = "".join(unicodedata.normalize("NFKC", text).split()).casefold()
    if not 6 <= len(value) <= 256:
        raise ShareError("this is no device id: expected 6 to 256 characters")
    return value


KINDS: Final[dict[str, Callable[[str], str]]] = {"email": email, "phone": phone, "card": card, "device": device}
"""Kinds of identifiers that may be matched, and nothing else is."""


def canonical(kind: str, text: str) -> bytes:
    """Write one identifier as both sides blind it; the kind takes part, so that kinds never match each other.

    Raises:
        ShareError: when the kind is none, or the text none of that kind; the text is not repeated.
    """
    if kind not in KINDS:
        raise ShareError(f"`{kind}` is no kind of identifier", hint=f"known: {', '.join(KINDS)}")
    return f"{kind}|{KINDS[kind](text)}".encode()
