"""Who the client was, when proxies stand between and the client may lie."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import SettingsError
from stillwatch.ingest._addresses import Clients, networks

OURS = ("10.0.0.0/8", "2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),  # no proxy of ours wrote that header
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.9", "203.0.113.9"),  # the left one is what the client says
        ("10.0.0.1", "192.0.2.66, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.1", "10.9.9.9, 10.0.0.7", "10.9.9.9"),  # all ours: the farthest
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("192.0.2.66, 203.0.113.9", None, "203.0.113.9"),  # a gateway that logs the raw header
        ("192.0.2.66, 203.0.113.9, 10.0.0.7", None, "203.0.113.9"),
        ("203.0.113.9:4711", None, "203.0.113.9"),
        ("[2001:DB8::7]:443", None, "2001:db8::7"),
        ("2001:db8:ffff::1", "2001:db8::8", "2001:db8::8"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        (None, "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (None, None, None),
        ("unknown", None, None),
    ],
)
def test_the_client_is_the_first_that_is_not_ours_from_the_right(
    peer: str | None, header: str | None, client: str | None
) -> None:
    clients = Clients(networks(OURS))
    assert clients.client(peer, header) == client
    assert clients.column([peer, peer], [header, header]) == [client, client]


def test_without_trusted_proxies_the_header_is_not_believed() -> None:
    assert Clients().column(["10.0.0.1"], None) == ["10.0.0.1"]
    assert Clients().client("10.0.0.1", "203.0.113.9") == "10.0.0.1"


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_gives_an_address_or_none(peer: str, header: str) -> None:
    told = Clients(networks(OURS)).client(peer, header)
    assert told is None or ipaddress.ip_address(told)


@given(forged=st.lists(st.ip_addresses().map(str), max_size=4))
def test_what_a_client_puts_into_the_header_never_moves_its_address(forged: list[str]) -> None:
    header = ", ".join([*forged, "203.0.113.9", "10.0.0.7"])
    assert Clients(networks(OURS)).client("10.0.0.1", header) == "203.0.113.9"


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="no address range"):
        networks(["10.0.0.0/99"])
