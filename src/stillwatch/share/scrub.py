"""Scrub: nothing personal, no secret and nothing commercial leaves; what looks like it is refused, not blanked.

A refusal names the object, the field and the rule, so that a person mends the cause. Every text of a bulletin is
looked at, and every key of every structure; ranges and fingerprints, which are made to look like identifiers, are
held to rules of their own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from stillwatch.errors import ShareError
from stillwatch.kit.plain import plain
from stillwatch.model.bulletin import PURPOSE, Bulletin, Reference
from stillwatch.share import actors

EPOCH_SCHEME: Final = "hmac-epoch-winnow-v1"
"""The one scheme under which fingerprints leave."""
K_RANGE: Final = 3
"""Accounts that must stand behind a network range."""
LONGEST_RANGE: Final = {4: 24, 6: 48}
"""The longest prefix that leaves: a single address is somebody's home."""
LEAST_MARKS: Final = 8
"""Fingerprints below which a family is not published: fewer match by chance."""
LONGEST_NOTE: Final = 2000


class Refusal(NamedTuple):
    """What must not leave, and by which rule; the value itself is not repeated."""

    field: str
    rule: str
    hint: str


_MAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.[^\s@<>\"'.]{2,}")
_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]|/\d)")
_V6 = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_PHONE = re.compile(r"(?<![\w-])\+\d[\d ().-]{6,18}\d(?!\w)|(?<![\w-])\(?0\d{2,4}\)?[ /-]\d[\d -]{4,12}\d(?![\w-])")
_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_SECRET = re.compile(r"\b(?:sk|pk|key|api|acct|org|user|cus|tok)[-_][A-Za-z0-9_-]{8,}|\bBearer\s+\S{8,}|-----BEGIN ")
_HASH = re.compile(r"(?<![0-9A-Za-z-])[0-9A-Fa-f]{16,}(?![0-9A-Za-z-])")
_BASE64 = re.compile(r"(?<![\w/+])(?=[\w/+]*\d)(?=[\w/+]*[A-Z])(?=[\w/+]*[a-z])[A-Za-z0-9+/_]{32,}={0,2}(?![\w/+])")
_COMMERCE = re.compile(
    r"\b(?:pric(?:e|es|ing)|discount\w*|per[- ]seat|revenue|margin|market share|roadmap|launch date|release date|"
    r"customer list|contract value|quote[sd]?|boycott\w*|refuse to (?:sell|serve))\b|[$€£¥]\s?\d",
    re.IGNORECASE,
)


def _card(text: str) -> bool:
    """Tell whether a payment-card number stands in it (Luhn, ISO/IEC 7812-1)."""
    for found in _DIGITS.finditer(text):
        digits = [int(letter) for letter in found[0] if letter.isdigit()][::-1]
        doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
        if (sum(digits[::2]) + doubled) % 10 == 0:
            return True
    return False


def _address(text: str) -> bool:
    for found in (*_V4.finditer(text), *_V6.finditer(text)):
        try:
            ipaddress.ip_address(found[0])
        except ValueError:
            continue
        return True
    return False


RULES: Final[tuple[tuple[str, Callable[[str], object], str], ...]] = (
    ("an e-mail address", _MAIL.search, "exact identifiers are matched by `stillwatch share psi` only"),
    ("a payment-card number", _card, "exact identifiers are matched by `stillwatch share psi` only"),
    ("a single network address", _address, "ranges of /24 and /48 have a field of their own"),
    ("a telephone number", _PHONE.search, "exact identifiers are matched by `stillwatch share psi` only"),
    ("an account id, a key or a secret", _SECRET.search, "leave it out: it means nothing to a peer"),
    ("a hash or token", lambda text: _HASH.search(text) or _BASE64.search(text),
     "nothing guessable leaves as a hash; say it in words, or match it by private set intersection"),
    ("commercial terms", _COMMERCE.search, "technical facts only: prices, plans and customers are never shared"),
)  # fmt: skip
"""Name of the rule, what it looks for, and what to do instead."""

_MADE: Final = re.compile(
    r"^(id|families\.\d+\.(id|marks\.\d+|epoch|scheme)|ranges\.\d+\.value|references\.\d+\.(sha256|url)|actor\.claimed|created|modified)$"
)
"""Fields with a form of their own, which `_formed` checks."""


def refusals(bulletin: Bulletin, known: Collection[str] = ()) -> list[Refusal]:
    """Find everything that must not leave; an empty list says that all may.

    Args:
        known: ids of accounts, keys and people of the house: none of them may stand anywhere.
    """
    held = {one for one in known if len(one) >= 4}
    found = list(_formed(bulletin))
    for field, text in texts(msgspec.to_builtins(bulletin)):
        if not _MADE.match(field) and text != PURPOSE:
            found += [Refusal(field, rule, hint) for rule, looks, hint in RULES if looks(text)]
            words = {text, *re.findall(r"[^\s,;:()\"'`]+", text)}
            if words & held:
                found.append(Refusal(field, "an id of the house", "leave it out: it means nothing to a peer"))
        if text != plain(text) and field != "note":
            found.append(Refusal(field, "control or invisible characters", "write it in plain letters"))
    if bulletin.actor is not None:
        found += [Refusal(*fault) for fault in actors.faults(bulletin.actor)]
    if len(bulletin.note) > LONGEST_NOTE:
        found.append(Refusal("note", f"more than {LONGEST_NOTE:,} characters", "shorten it"))
    return found


def check(bulletin: Bulletin, known: Collection[str] = ()) -> None:
    """Let a bulletin pass, or refuse it.

    Raises:
        ShareError: naming the first field and rule, and how many more there are.
    """
    found = refusals(bulletin, known)
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise ShareError(
            f"`{found[0].field}` holds {found[0].rule}{more}", where=f"bulletin {bulletin.id}", hint=found[0].hint
        )


def texts(thing: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Give every text in a structure with its path, such as `ranges.0.value`; keys of maps are texts as well."""
    if isinstance(thing, str):
        yield path, thing
    elif isinstance(thing, dict):
        for name, value in thing.items():
            if not re.fullmatch(r"[A-Za-z_-]{1,40}", name):
                yield f"{path}.(key)".strip("."), name
            yield from texts(value, f"{path}.{name}".strip("."))
    elif isinstance(thing, list):
        for number, value in enumerate(thing):
            yield from texts(value, f"{path}.{number}")


def _formed(bulletin: Bulletin) -> Iterator[Refusal]:
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bulletin.id):
        yield Refusal("id", "something other than a UUID", "ids are made by `compose`")
    for number, one in enumerate(bulletin.ranges):
        rule = _range(one.value)
        if rule:
            yield Refusal(f"ranges.{number}.value", rule, "share /24, /48 or the AS")
        if one.accounts < K_RANGE:
            yield Refusal(f"ranges.{number}.accounts", f"fewer than {K_RANGE} accounts", "leave this range out")
    for number, reference in enumerate(bulletin.references):
        yield from _referred(f"references.{number}", reference)
    for number, family in enumerate(bulletin.families):
        place = f"families.{number}"
        if family.scheme != EPOCH_SCHEME:
            yield Refusal(f"{place}.scheme", f"a scheme other than `{EPOCH_SCHEME}`", "fingerprint it again")
        if not re.fullmatch(r"\d{4}-W\d{2}", family.epoch):
            yield Refusal(f"{place}.epoch", "something other than an ISO week", "fingerprint it again")
        if len(family.marks) < LEAST_MARKS or not all(re.fullmatch(r"[0-9a-f]{16}", one) for one in family.marks):
            yield Refusal(f"{place}.marks", f"not {LEAST_MARKS} fingerprints or more", "leave this family out")
        if family.control <= 0:
            yield Refusal(f"{place}.control", "no clean control set", "name one with `--control`")
        if not re.fullmatch(r"f-[0-9a-f]{12}", family.id):
            yield Refusal(f"{place}.id", "something other than a family's public id", "fingerprint it again")


def _referred(place: str, one: Reference) -> Iterator[Refusal]:
    if not one.source.strip():
        yield Refusal(f"{place}.source", "no name", "say whose it is")
    if one.url and not re.fullmatch(r"https://[A-Za-z0-9.-]+\.[a-z]{2,}(/[A-Za-z0-9._~/-]*)?", one.url):
        yield Refusal(f"{place}.url", "something other than a plain https address", "no port, query, fragment or user")
    if one.sha256 and not re.fullmatch(r"[0-9a-f]{64}", one.sha256):
        yield Refusal(f"{place}.sha256", "something other than a SHA-256", "64 hexadecimal digits")
    if not (one.url or one.external_id or one.sha256):
        yield Refusal(place, "neither an address, nor an id, nor a hash", "leave it out")


def _range(value: str) -> str:
    if re.fullmatch(r"AS\d{1,10}", value):
        return ""
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        return "no network range"
    if network.prefixlen > LONGEST_RANGE[network.version]:
        return "a range that is too narrow"
    nobody = network.is_loopback or network.is_multicast or network.is_link_local or network.is_unspecified
    return "a range that nobody is in" if nobody else ""
