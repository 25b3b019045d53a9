"""Addresses: who the client was, when proxies stand between.

A proxy appends the address that it saw to `X-Forwarded-For`. So the header is believed only as far as it was
written by trusted proxies: walked from the right, the first address that is not a trusted proxy is the
client. Everything left of it can be invented by the client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from stillwatch.errors import SettingsError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_KEPT: Final = 65_536


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read trusted proxies, as addresses or CIDR ranges.

    Raises:
        SettingsError: for text that is neither.
    """
    read = []
    for text in texts:
        try:
            read.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            hint = "write addresses or ranges, such as `10.0.0.0/8` or `2001:db8::7`"
            raise SettingsError(f"`{text}` is no address range", where="trusted_proxies", hint=hint) from None
    return tuple(read)


def parse(text: str) -> Address | None:
    """Read one address, with or without port or brackets; IPv4 inside IPv6 is IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class Clients:
    """Finds the client's address; each distinct pair of peer and header once."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)
        self._known: dict[tuple[str, str | None], str | None] = {}

    @property
    def believes(self) -> bool:
        """Tell whether any proxy is trusted, so that the header matters."""
        return bool(self._trusted)

    def column(self, peers: Sequence[object], headers: Sequence[object] | None) -> list[str | None]:
        """Give the client of each exchange.

        Args:
            peers: the address in the log: the TCP peer, or an X-Forwarded-For list where the gateway logs
                that.
            headers: the X-Forwarded-For header of each, where the log has it.
        """
        known = self._known
        if len(known) > _KEPT:
            known.clear()
        pairs = [(peer, None) for peer in peers] if headers is None else list(zip(peers, headers, strict=True))
        told: list[str | None] = []
        for pair in pairs:
            try:
                told.append(known[pair])  # type: ignore[index]
            except (KeyError, TypeError):
                told.append(self._look_up(*pair))
        return told

    def _look_up(self, peer: object, header: object) -> str | None:
        seen = peer if isinstance(peer, str) else None
        forwarded = header if isinstance(header, str) else None
        found = self._known[seen or "", forwarded] = self.client(seen, forwarded)
        if isinstance(peer, str):
            self._known[peer, forwarded] = found
        return found

    def client(self, peer: str | None, header: str | None) -> str | None:
        """Find the client behind a peer, by the header where the peer is a trusted proxy.

        Example:
            >>> Clients(networks(["10.0.0.0/8"])).client("10.0.0.1", "192.0.2.66, 198.51.100.7, 10.0.0.9")
            '198.51.100.7'
        """
        chain = [parse(text) for text in peer.split(",")] if peer else []
        if chain and chain[-1] is not None and not self._is_proxy(chain[-1]):
            return str(chain[-1])
        if header and (len(chain) == 1 or (not chain and self._trusted)):
            chain = [*(parse(text) for text in header.split(",")), *chain]
        last = None
        for address in reversed(chain):
            if address is None:
                break
            last = address
            if not self._is_proxy(address):
                break
        return None if last is None else str(last)

    def trusts(self, peer: str) -> bool:
        """Tell whether a peer is one of the trusted proxies."""
        address = parse(peer) if self._trusted else None
        return address is not None and self._is_proxy(address)

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)
