"""Networks of a finding leave widened, with three accounts behind each, and with an end."""

from __future__ import annotations

import ipaddress
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.share.ranges import ranges, widened

LAST = date(2026, 5, 17)
GANG = ["a", "b", "c", "d"]


def test_three_accounts_stand_behind_a_range() -> None:
    seen = [(account, f"203.0.113.{n}", None) for n, account in enumerate(GANG)]
    seen += [("a", "198.51.100.1", None), ("b", "198.51.100.2", None)]
    (found,) = ranges([*seen, *seen], GANG, LAST)
    assert (found.value, found.accounts, found.shared_egress) == ("203.0.113.0/24", 4, False)
    assert found.valid_until == date(2026, 5, 31)


def test_where_strangers_come_out_too_it_says_so_with_their_share() -> None:
    seen: list[tuple[str, str | None, int | None]] = [(one, "2001:db8:1::7", 64500) for one in GANG]
    seen += [(f"stranger-{n}", None, 64500 if n < 3 else None) for n in range(10)]
    told = {one.value: one for one in ranges(seen, GANG, LAST)}
    assert told["AS64500"].shared_egress
    assert told["AS64500"].frequency == 0.3
    assert not told["2001:db8:1::/48"].shared_egress


@given(st.ip_addresses())
def test_no_single_address_is_left(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    wide = widened(str(address))
    if wide is not None:
        network = ipaddress.ip_network(wide)
        assert address in network
        assert network.prefixlen == (24 if address.version == 4 else 48)


def test_what_is_no_address_is_left_out() -> None:
    assert ranges([(one, "unknown", 0) for one in GANG], GANG, LAST) == []
    assert widened("127.0.0.1") is None
