"""Somebody who has all that leaves, and the group's key, tries all addresses, numbers and names that he can guess.

What he tries: every value of a dictionary in which the true ones are, written in the ways in which one writes it, under
each hash that is in use, bare, with the group's key and with the week's; against every token in every format, on the
TAXII wire and on the wire of matching.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from tests.share.conftest import RANGES, a_case, an_entry
from tests.share.test_families import GROUP, published

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share import scrub
from stillwatch.share.answers import sighting
from stillwatch.share.compose import compose
from stillwatch.share.exchange import Imported
from stillwatch.share.families import epoch_key
from stillwatch.share.formats import csv, misp, stix
from stillwatch.share.leads import Lead
from stillwatch.share.psi.canonical import canonical
from stillwatch.share.psi.party import Party
from stillwatch.share.taxii.rules import item

ADDRESSES = [f"203.0.113.{n}" for n in range(256)] + [f"198.51.100.{n}" for n in range(256)]
PHONES = [f"+44207946{n:04d}" for n in range(1000)]
CARDS = [f"411111|{n:04d}|2027-05|GB" for n in range(1000)]
MAILS = [f"user{n}@example.com" for n in range(1000)]
KINDS = {"phone": PHONES, "card": CARDS, "email": MAILS}
HASHES = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b")


def guesses() -> Iterator[bytes]:
    yield from (one.encode() for one in (*ADDRESSES, *an_entry().accounts))
    yield from (f"ipv4|{one}".encode() for one in ADDRESSES)
    for kind, values in KINDS.items():
        for value in values:
            yield value.encode()
            yield canonical(kind, value)
            if kind == "card":
                yield value.replace("|", "").encode()


def digests(guess: bytes) -> Iterator[bytes]:
    yield from (hashlib.new(name, guess).digest() for name in HASHES)
    yield from (hashlib.blake2b(guess, digest_size=size).digest() for size in (8, 16))
    for key in (GROUP, epoch_key(GROUP, "2026-W20")):
        yield hmac.digest(key, guess, "sha256")
        yield from (hashlib.blake2b(guess, digest_size=size, key=key).digest() for size in (8, 32))
        yield hashlib.sha256(key + guess).digest()


@functools.cache
def dictionary() -> dict[str | bytes, bytes]:
    """Give every guess by the beginnings of its digests, in hexadecimal, in both forms of base 64, and raw."""
    found: dict[str | bytes, bytes] = {}
    for guess in guesses():
        for one in digests(guess):
            based = (b64encode(one).decode()[:12], urlsafe_b64encode(one).decode()[:12])
            found |= dict.fromkeys((one.hex()[:16], *based, one[:8]), guess)
    return found


def opened(leaves: bytes) -> set[bytes]:
    """Give the guesses that a token in what leaves can be shown to stand for."""
    text = leaves.decode("utf-8", "replace")
    tokens: set[str | bytes] = {one[:16].lower() for one in re.findall(r"[0-9A-Fa-f]{16,}", text.replace("-", ""))}
    tokens |= {one[:12] for one in re.findall(r"[A-Za-z0-9+/_-]{12,}", text)}
    tokens |= {leaves[at : at + 8] for at in range(0, len(leaves), 16)}
    return {dictionary()[one] for one in tokens & dictionary().keys()}


@pytest.fixture
def told() -> Bulletin:
    entry = an_entry()
    family = published(epoch="2026-W20").family
    assert family is not None
    return compose(entry, a_case(entry), producer="Example Lab", families=[family], ranges=RANGES)


def test_nothing_guessable_leaves_as_a_hash_in_any_format(told: Bulletin) -> None:
    look = Imported(bulletin=told, digest="", peer="b", at=datetime.now(UTC), leads=[
        Lead(account=name, bits=5, by=["203.0.113.0/24"], exchanges=9) for name in an_entry().accounts
    ])  # fmt: skip
    objects = json.loads(stix.write([told]))["objects"] + sighting(look, "Other Lab", datetime.now(UTC))
    wire = b"\n".join(item(one, "*").body for one in objects)
    leaves = b"\n".join([stix.write([told]), misp.write([told]), csv.write([told]), *misp.files([told]).values(), wire])
    assert opened(leaves) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_guessable_can_be_read_from_the_wire_of_matching(kind: str) -> None:
    inviter, responder = Party("inviter", kind, KINDS[kind][:20]), Party("responder", kind, KINDS[kind][10:40])
    asked, answered = inviter.hello(), responder.hello()
    first, second = inviter.commit(answered), responder.commit(asked)
    mine, theirs = inviter.points(second), responder.points(first)
    wire = [first, second, mine, theirs, inviter.doubled(theirs), responder.doubled(mine)]
    assert opened(b"".join(wire)) == set()


@pytest.mark.parametrize("guess", [ADDRESSES[7].encode(), b"card|" + CARDS[77].encode(), MAILS[500].encode()])
def test_who_would_put_one_in_is_found_out_by_this_test(told: Bulletin, guess: bytes) -> None:
    for written in (hashlib.sha256(guess).hexdigest(), hmac.digest(GROUP, guess, "sha256").hex(),
                    b64encode(hashlib.blake2b(guess, digest_size=16).digest()).decode()):  # fmt: skip
        leaves = stix.write([told]) + json.dumps({"token": written}).encode()
        assert opened(leaves) == {guess}


@pytest.mark.parametrize("name", HASHES)
def test_and_the_code_refuses_it(told: Bulletin, name: str) -> None:
    hashed = hashlib.new(name, ADDRESSES[7].encode()).hexdigest()
    for changed in ({"note": f"see {hashed}"}, {"title": hashed},
                    {"ranges": [msgspec.structs.replace(RANGES[0], value=hashed)]}):  # fmt: skip
        with pytest.raises(ShareError):
            scrub.check(msgspec.structs.replace(told, **changed))
