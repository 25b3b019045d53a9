"""Network: where exchanges come from: an address for an account, a conversation and a time.

Practice addresses are never anybody's: IPv4 from 240.0.0.0/4 (reserved, routed nowhere), IPv6 from 3fff::/20
(documentation, RFC 9637), private-use AS numbers (RFC 6996). An exported indicator accuses no network.

What the rules keep of the real internet: a few carriers hold most customers, home addresses change every few
days inside a region's block, mobile carriers put hundreds of customers behind one address (Cloudflare,
October 2025: more than 200,000 such addresses), offices and campuses share one, clouds give a machine one
address but serverless code a pool that thousands share, and VPNs and relays mix strangers. Residential
proxies leave from homes of others.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.sim._keys import Keys, join2, kernel, key, mix

ACCOUNT, CONVERSATION, NOBODY, SCATTER = range(4)  # whose key chooses the address inside a block

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
FOREVER_MS: Final = 1 << 50
_FIRST_ASN: Final = 4_200_000_000
_V4: Final = 240 << 24


class Network:
    """A table of egress rules; rows are numbered and never change."""

    HOMES, REGIONS = 36, 60
    CARRIERS, CLOUDS, HOSTS, VPNS, RELAYS = 14, 8, 14, 7, 2

    def __init__(self, seed: int, people: int = 20_000) -> None:
        self._rows: list[tuple[int, int, int, int, int, int]] = []
        self._taken: set[int] = set()  # /24s given away
        self._crowd = 1 << max(0, (people // 20_000).bit_length() - 1)
        self._next = 0
        self._asn = 0
        self._rng = np.random.default_rng([seed, 0x4E45])
        self._salt = key("network", seed)
        self.homes = [self._isp() for _ in range(self.HOMES)]
        self.mobiles = [self._carrier() for _ in range(self.CARRIERS)]
        self.machines = [self._cloud(1 << 15, FOREVER_MS, ACCOUNT) for _ in range(self.CLOUDS)]
        self.serverless = [self._cloud(int(self._rng.integers(24, 96)), HOUR_MS, CONVERSATION) for _ in range(12)]
        self.hosts = [self._cloud(1 << 13, FOREVER_MS, ACCOUNT) for _ in range(self.HOSTS)]
        self.vpns = [self._vpn() for _ in range(self.VPNS)]
        self.relays = [self._cloud(768, HOUR_MS, CONVERSATION) for _ in range(self.RELAYS)]
        self.home_share = 1.0 / np.arange(1, self.HOMES + 1) ** 0.9
        self._homes_flat = np.array([r for isp in self.homes for r in isp], np.int64)

    def _asn_next(self) -> int:
        self._asn += 1
        return _FIRST_ASN + int(mix(self._salt + np.uint64(self._asn)) % np.uint64(90_000_000))

    def _block(self, size: int) -> int:
        """Take an aligned block of addresses; blocks lie scattered, so neighbours mean nothing."""
        span = 1 << max(8, (size - 1).bit_length())
        self._next += 1
        slots = (15 << 24) // span
        for attempt in range(1000):
            slot = int(mix(self._salt ^ np.uint64(self._next * 1000 + attempt + (span << 20))) % np.uint64(slots))
            taken = {(slot * span + k * 256) >> 8 for k in range(span // 256)}
            if not taken & self._taken:
                break
        self._taken |= taken
        return _V4 + slot * span

    def add(self, base: int, span: int, lease_ms: int, scope: int, asn: int, six: int = 0) -> int:
        """Add a rule: `span` addresses from `base`, another one every `lease_ms` for each key of `scope`."""
        self._rows.append((base, span, lease_ms, scope, asn, six))
        return len(self._rows) - 1

    def _isp(self) -> list[int]:
        asn = self._asn_next()
        lease = int(self._rng.choice([1, 2, 4, 7, 30, 400])) * DAY_MS
        regions = []
        for _ in range(self.REGIONS):
            span = int(self._rng.choice([1024, 2048, 4096])) * self._crowd
            six = len(self._rows) + 1 if self._rng.random() < 0.3 else 0
            regions.append(self.add(self._block(span), span, lease, ACCOUNT, asn, six))
        return regions

    def _carrier(self) -> list[int]:
        asn = self._asn_next()
        pools = self._rng.integers(3, 24, 10 * min(self._crowd, 8))
        return [self.add(self._block(int(n)), int(n), 2 * HOUR_MS, ACCOUNT, asn) for n in pools]

    def _cloud(self, span: int, lease_ms: int, scope: int) -> list[int]:
        asn = self._asn_next()
        return [self.add(self._block(span), span, lease_ms, scope, asn) for _ in range(5)]

    def _vpn(self) -> list[int]:
        asn = self._asn_next()
        return [self.add(self._block(64), int(n), 9 * HOUR_MS, ACCOUNT, asn) for n in self._rng.integers(8, 60, 9)]

    def office(self, addresses: int = 1) -> int:
        """Give an organisation one NAT of its own, with that many outside addresses."""
        return self.add(self._block(256), addresses, FOREVER_MS, CONVERSATION, self._asn_next())

    def site(self, asn_of: int, addresses: int = 1) -> int:
        """Give a small office or lab addresses inside the network of an existing rule's carrier."""
        return self.add(self._block(256), addresses, FOREVER_MS, CONVERSATION, self._rows[asn_of][4])

    def rent(self, rng: np.random.Generator, addresses: int) -> int:
        """Rent a machine at a host: a few addresses among those of its other customers."""
        row = self._rows[int(self.some(rng, self.hosts, 1)[0])]
        return self.add(row[0] + int(rng.integers(0, row[1] - addresses)), addresses, FOREVER_MS, CONVERSATION, row[4])

    def proxies(self, exits: int) -> int:
        """Rent residential proxies: `exits` homes of other people, another one for each conversation."""
        return self.add(len(self._rows) + 7919, exits, FOREVER_MS, SCATTER, 0)

    def home(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int32]:
        """Choose home lines for n accounts: popular carriers first, any region."""
        isp = rng.choice(self.HOMES, n, p=self.home_share / self.home_share.sum())
        return np.asarray(self._homes_flat[isp * self.REGIONS + rng.integers(0, self.REGIONS, n)], np.int32)

    def some(self, rng: np.random.Generator, groups: list[list[int]], n: int) -> npt.NDArray[np.int32]:
        """Choose rules for n accounts out of groups, the first groups most often."""
        share = 1.0 / np.arange(1, len(groups) + 1)
        who = rng.choice(len(groups), n, p=share / share.sum())
        inside = rng.integers(0, 1 << 30, n)
        flat = np.array([r for g in groups for r in g], np.int64)
        begin = np.cumsum([0] + [len(g) for g in groups[:-1]])
        size = np.array([len(g) for g in groups])
        return np.asarray(flat[begin[who] + inside % size[who]], np.int32)

    def table(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the rules as an array (rows x 6), and the home regions that proxies scatter over."""
        return np.array(self._rows, np.int64), self._homes_flat


_SIX: Final = np.uint64(0x3FFF) << np.uint64(48)
_SALT: Final = key("address")


@kernel
def _hex4(out: Any, pos: Any, value: Any) -> Any:
    """Write up to four hex digits without leading zeros."""
    started = False
    for shift in (12, 8, 4, 0):
        nibble = (value >> shift) & 15
        if nibble or started or shift == 0:
            out[pos] = 48 + nibble if nibble < 10 else 87 + nibble
            pos += 1
            started = True
    return pos


@kernel
def _dotted(out: Any, pos: Any, value: Any) -> Any:
    for shift in (24, 16, 8, 0):
        octet = (value >> shift) & 255
        if octet >= 100:
            out[pos] = 48 + octet // 100
            pos += 1
        if octet >= 10:
            out[pos] = 48 + octet // 10 % 10
            pos += 1
        out[pos] = 48 + octet % 10
        pos += 1
        if shift:
            out[pos] = 46
            pos += 1
    return pos


@kernel
def addresses(
    rules: Any,
    homes: Any,
    rule: Any,
    account: Any,
    conversation: Any,
    at: Any,
    out: Any,
    offsets: Any,
    asn: Any,
) -> Any:
    """Write the client address of each row and fill in its AS number; a rule below 0 leaves it empty."""
    pos = np.int64(0)
    for row in range(len(rule)):
        r = np.int64(rule[row])
        if r < 0:
            offsets[row + 1] = pos
            asn[row] = -1
            continue
        who = account[row]
        if rules[r, 3] == 3:  # a residential proxy: somebody's home, by this conversation's exit
            slot = mix(conversation[row] ^ _SALT) % np.uint64(rules[r, 1])
            who = join2(np.uint64(rules[r, 0]), slot)
            r = np.int64(homes[np.int64(who % np.uint64(len(homes)))])
        elif rules[r, 3] == 1:
            who = conversation[row]
        elif rules[r, 3] == 2:
            who = np.uint64(0)
        epoch = np.uint64((at[row] + np.int64(who & np.uint64(0xFFFFFFF))) // rules[r, 2])
        h = join2(who ^ _SALT, join2(np.uint64(r), epoch))
        asn[row] = rules[r, 4]
        if rules[r, 5] > 0 and (mix(who ^ np.uint64(rules[r, 5])) & np.uint64(1)):
            customer = join2(who, np.uint64(rules[r, 5]))
            site = (
                _SIX
                | np.uint64(rules[r, 5] & 0xFFFF) << np.uint64(28)
                | (customer & np.uint64(0xFFFFF)) << np.uint64(8)
            )
            for shift in (48, 32, 16, 0):
                pos = _hex4(out, pos, np.int64((site >> np.uint64(shift)) & np.uint64(0xFFFF)))
                out[pos] = 58
                pos += 1
            daily = join2(customer, np.uint64(at[row] // DAY_MS))
            for shift in (48, 32, 16, 0):
                pos = _hex4(out, pos, np.int64((daily >> np.uint64(shift)) & np.uint64(0xFFFF)))
                if shift:
                    out[pos] = 58
                    pos += 1
        else:
            pos = _dotted(out, pos, rules[r, 0] + np.int64(h % np.uint64(rules[r, 1])))
        offsets[row + 1] = pos
    return pos


def empty_keys(n: int) -> Keys:
    """Make n null keys."""
    return np.zeros(n, np.uint64)
