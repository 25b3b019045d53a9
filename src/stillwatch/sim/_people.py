"""People: the accounts of a world, as columns of small numbers and keys that are turned into text at the end.

E-mail addresses use real names of public mail providers, since those are a fact of every log, with a local
part that cannot be anybody's; company and campus domains lie below `.example`. Telephone numbers use the
country code 999, which is not assigned. Cards, devices and people are keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.model.account import ACCOUNTS, PROGRAMMES, VERIFICATIONS
from stillwatch.sim._expand import texts
from stillwatch.sim._grammar import Grammar
from stillwatch.sim._keys import Keys, join, kernel, key

NEVER: Final = 1 << 60
FREE_MAIL: Final = {
    "gmail.com": 52, "outlook.com": 12, "hotmail.com": 6, "yahoo.com": 6, "icloud.com": 5, "qq.com": 6,
    "163.com": 4, "proton.me": 3, "gmx.de": 2, "web.de": 1, "mail.ru": 2, "yandex.ru": 1, "naver.com": 1,
    "126.com": 1,
}  # fmt: skip
DISPOSABLE_MAIL: Final = (
    "mailinator.com",
    "guerrillamail.com",
    "10minutemail.com",
    "yopmail.com",
    "temp-mail.org",
)
PLANS: Final = ("free", "pay_as_you_go", "pro", "team", "enterprise")
REASONS: Final = (
    "customer request",
    "non-payment",
    "migrated",
    "duplicate",
    "terms of service",
    "suspected fraud",
)
REFERRERS: Final = (
    "search",
    "docs",
    "newsletter",
    "conference",
    "partner",
    "friend",
    "video",
    "marketplace",
    "programme page",
)
CHANNELS: Final = ("api", "bedrock", "vertex", "azure")
COUNTRIES: Final = (
    "US",
    "IN",
    "GB",
    "DE",
    "JP",
    "BR",
    "FR",
    "CA",
    "KR",
    "SG",
    "ES",
    "CN",
    "RU",
    "TH",
    "EG",
    "AU",
)
_REASON_CODES: Final = ("customer_request", "non_payment", "migrated", "duplicate", "terms", "fraud")

COLUMNS: Final[dict[str, tuple[Any, Any]]] = {  # name: dtype, value where nothing is said
    "created": (np.int64, 0),
    "closed": (np.int64, NEVER),
    "reason": (np.int8, -1),
    "domain": (np.int32, -1),
    "mail_style": (np.int8, 0),
    "person": (np.uint64, 0),
    "phone": (np.uint64, 0),
    "payment": (np.uint64, 0),
    "bin": (np.int32, 0),
    "device": (np.uint64, 0),
    "referrer": (np.int16, -1),
    "programme": (np.int8, -1),
    "verification": (np.int8, 1),
    "plan": (np.int8, 1),
    "organisation": (np.int32, -1),
    "country": (np.int8, 0),
    "channel": (np.int8, 0),
    "zone": (np.float32, 0.0),
    "egress_0": (np.int32, -1),
    "egress_1": (np.int32, -1),
    "egress_2": (np.int32, -1),
    "second": (np.float32, 0.0),  # share of conversations from egress_1
    "third": (np.float32, 0.0),  # and from egress_2
    "client_0": (np.int32, 0),
    "client_1": (np.int32, -1),
    "upgrade": (np.int64, NEVER),  # when client_1 takes over
    "adopt": (np.int64, NEVER),  # when the account moves to a newly released model
    "keys": (np.int8, 1),
    "who": (np.uint64, 0),
}
BINS: Final = 420


class People:
    """The register of accounts: rows are numbered in the order of enrolment and never change."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in COLUMNS}
        self._table: dict[str, npt.NDArray[Any]] | None = None
        self.count = 0
        self.domains: list[str] = [*FREE_MAIL, *DISPOSABLE_MAIL]
        self.organisations: list[str] = []
        self.referrers: list[str] = list(REFERRERS)
        weight = 1.0 / np.arange(1, BINS + 1) ** 0.8
        self.bin_share = weight / weight.sum()

    def __len__(self) -> int:
        return self.count

    def enrol(self, n: int, **columns: Any) -> npt.NDArray[np.int32]:
        """Add n accounts; a column is an array, a scalar for all, or left out. Return their row numbers."""
        unknown = set(columns) - set(COLUMNS)
        if unknown:
            raise TypeError(f"no such column: {sorted(unknown)}")
        for name, (kind, default) in COLUMNS.items():
            value = columns.get(name, default)
            self._parts[name].append(np.broadcast_to(np.asarray(value, kind), (n,)).copy())
        if "who" not in columns:
            self._parts["who"][-1] = keys_of(self.seed, "who", self.count, n)
        if "person" not in columns:
            self._parts["person"][-1] = keys_of(self.seed, "person", self.count, n)
        first, self.count, self._table = self.count, self.count + n, None
        return np.arange(first, self.count, dtype=np.int32)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column over all accounts so far; writing to it changes the register."""
        if self._table is None:
            self._table = {n: np.concatenate(p) if p else np.zeros(0, COLUMNS[n][0]) for n, p in self._parts.items()}
            self._parts = {n: [column] for n, column in self._table.items()}
        return self._table[name]

    def domain(self, name: str) -> int:
        """Number a mail domain, adding it where it is new."""
        if name not in self.domains:
            self.domains.append(name)
        return self.domains.index(name)

    def add_domains(self, names: Sequence[str]) -> npt.NDArray[np.int32]:
        """Add domains that are known to be new; return their numbers."""
        first = len(self.domains)
        self.domains += names
        return np.arange(first, len(self.domains), dtype=np.int32)

    def organisation(self, name: str) -> int:
        """Number a declared organisation; two declarations of one name share the name and nothing else."""
        self.organisations.append(name)
        return len(self.organisations) - 1

    def referrer(self, name: str) -> int:
        """Number a referrer, adding it where it is new."""
        if name not in self.referrers:
            self.referrers.append(name)
        return self.referrers.index(name)

    def free_mail(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int32]:
        """Choose public mail providers for n accounts."""
        share = np.array(list(FREE_MAIL.values()), float)
        return rng.choice(len(share), n, p=share / share.sum()).astype(np.int32)

    def throwaway_mail(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int32]:
        """Choose disposable mail providers for n accounts."""
        return (len(FREE_MAIL) + rng.integers(0, len(DISPOSABLE_MAIL), n)).astype(np.int32)

    def bins(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int32]:
        """Choose card issuers (BINs) for n cards: a few issuers hold most cards."""
        rank = rng.choice(BINS, n, p=self.bin_share)
        return (400_000 + (rank * 7919 + 13) % 199_999).astype(np.int32)

    def names(self) -> pa.Array:
        """Name every account; the names tell nothing, and their order neither."""
        keys = join(np.arange(self.count, dtype=np.uint64), key("account", self.seed))
        return hexed("acct-", keys)

    def table(self, grammar: Grammar, start_ms: int) -> pa.Table:
        """Write the register as the accounts table (CONTRACT: accounts), in the order of its names."""
        column = self.column
        some = {
            "account": self.names(),
            "created_at": _instants(column("created") + start_ms, np.ones(self.count, bool)),
            "closed_at": _instants(column("closed") + start_ms, column("closed") < NEVER),
            "closed_reason": _words(_REASON_CODES, column("reason")),
            "email": self._emails(grammar),
            "phone": _phones(column("phone")),
            "payment": hexed("pi_", column("payment")),
            "payment_bin": _numbers(column("bin")),
            "device": hexed("dev_", column("device")),
            "referrer": _words(self.referrers, column("referrer")),
            "programme": _words(PROGRAMMES, column("programme")),
            "verification": _words(VERIFICATIONS, column("verification")),
            "plan": _words(PLANS, column("plan")),
            "organisation": _words(self.organisations, column("organisation")),
            "billing_country": _words(COUNTRIES, column("country")),
        }
        table = pa.table([some[f.name].cast(f.type) for f in ACCOUNTS], schema=ACCOUNTS)
        return table.sort_by("account")

    def _emails(self, grammar: Grammar) -> pa.Array:
        styles = [grammar.symbol(f"id.local{k}") for k in range(4)]
        symbols = np.array(styles)[self.column("mail_style")]
        offsets, data = texts(grammar, symbols, self.column("person"))
        local = _strings(offsets, data)
        names = pa.array(self.domains or [""], pa.string())
        domain = names.take(pa.array(np.maximum(self.column("domain"), 0)))
        import pyarrow.compute as pc

        joined = pc.binary_join_element_wise(local, domain, "@")
        return pc.if_else(pa.array(self.column("domain") >= 0), joined, pa.scalar(None, pa.string()))


def keys_of(*parts: int | str) -> Keys:
    """Make a run of keys: the last two parts are the first number and how many."""
    *name, first, how_many = parts
    numbers = np.arange(int(first), int(first) + int(how_many), dtype=np.uint64)
    return join(numbers, key(*name))


@kernel
def _write_hex(head: Any, keys: Any, out: Any, offsets: Any) -> None:
    pos = np.int64(0)
    for row in range(len(keys)):
        value = keys[row]
        if value != 0:
            for i in range(len(head)):
                out[pos + i] = head[i]
            pos += len(head)
            for i in range(16):
                nibble = np.uint8((value >> np.uint64(60 - 4 * i)) & np.uint64(15))
                out[pos + i] = nibble + np.uint8(48) + np.uint8(39) * np.uint8(nibble > 9)
            pos += 16
        offsets[row + 1] = pos


def hexed(prefix: str, keys: Keys) -> pa.Array:
    """Write keys as text; the key 0 is null."""
    head = np.frombuffer(prefix.encode(), np.uint8)
    out = np.empty(len(keys) * (len(head) + 16), np.uint8)
    offsets = np.zeros(len(keys) + 1, np.int32)
    _write_hex(head, np.ascontiguousarray(keys), out, offsets)
    return _strings(offsets, out, keys != 0)


def _strings(
    offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    bits = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(offsets) - 1, [bits, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    )


def _instants(ms: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.array(ms, pa.int64(), mask=~valid).cast(pa.timestamp("ms", tz="UTC"))


def _words(words: Sequence[str], codes: npt.NDArray[Any]) -> pa.Array:
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.array(list(words) or [""], pa.string()).take(indices)


def _numbers(values: npt.NDArray[np.int32]) -> pa.Array:
    return pa.array(values, mask=values == 0).cast(pa.string())


def _phones(keys: Keys) -> pa.Array:
    numbers = (join(keys, key("phone")) % np.uint64(10**9)).astype(np.int64) + 999 * 10**9
    import pyarrow.compute as pc

    text = pc.binary_join_element_wise("+", pa.array(numbers).cast(pa.string()), "")
    return pc.if_else(pa.array(keys != 0), text, pa.scalar(None, pa.string()))
