"""Addresses and their neighbourhoods: /24 for IPv4, /48 for IPv6."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.sketch import network


def look(make: Any, work: Any, *addresses: str | None) -> list[tuple[int, int]]:
    columns = network.columns(make(*({"ip": one} for one in addresses)), work)
    return list(zip(columns["ip"].tolist(), columns["prefix"].tolist(), strict=True))


def neighbourhood(address: str) -> Any:
    parsed = ipaddress.ip_address(address)
    return ipaddress.ip_network((address, 24 if parsed.version == 4 else 48), strict=False)


addresses = st.one_of(
    st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda parts: f"203.0.{parts[0]}.{parts[1]}"),
    st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda parts: f"2001:db8:{parts[0]:x}::{parts[1]:x}"),
    st.ip_addresses().map(str),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(one=addresses, other=addresses)
def test_addresses_and_neighbourhoods_are_the_same_exactly_when_they_are(
    one: str, other: str, make: Any, work: Any
) -> None:
    mapped = [str(getattr(ipaddress.ip_address(a), "ipv4_mapped", None) or a) for a in (one, other)]
    (ip, prefix), (other_ip, other_prefix) = look(make, work, one, other)
    assert (ip == other_ip) == (ipaddress.ip_address(mapped[0]) == ipaddress.ip_address(mapped[1]))
    assert (prefix == other_prefix) == (neighbourhood(mapped[0]) == neighbourhood(mapped[1]))


def test_ways_to_write_one_address_are_one(make: Any, work: Any) -> None:
    four = look(make, work, "192.0.2.7", "::ffff:192.0.2.7", " 192.0.2.7")
    assert len(set(four)) == 1
    six = look(make, work, "2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "2001:db8::1%eth0")
    assert len(set(six)) == 1


def test_what_is_no_address_stays_apart_and_has_no_neighbourhood(make: Any, work: Any) -> None:
    found = look(make, work, "unknown", "1.2.3", "1.2.3.4.5", "999.1.1.1", "", None, "１.2.3.4")
    assert all(prefix == 0 for _, prefix in found)
    assert [ip == 0 for ip, _ in found] == [False, False, False, False, True, True, False]
