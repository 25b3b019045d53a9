"""Addresses are read as the standard library reads them, however they are written."""

from __future__ import annotations

import ipaddress
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch import sketch
from stillwatch.sketch import network


def seen(*texts: str | None) -> list[tuple[int, int]]:
    batch = pa.record_batch({"ip": pa.array(texts, pa.string())})
    found = network.columns(batch, sketch.work())
    return list(zip(found["ip"].tolist(), found["prefix"].tolist(), strict=True))


def test_one_address_is_known_however_it_is_written() -> None:
    ways = ["2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:0db8::0:1", " 2001:db8::1 ", "2001:db8::1%eth0"]
    assert len(set(seen(*ways))) == 1
    assert len(set(seen("192.0.2.7", "::ffff:192.0.2.7", "::FFFF:c000:207", " 192.0.2.7"))) == 1


def test_neighbours_share_a_prefix_and_strangers_do_not() -> None:
    four, near, far = seen("192.0.2.7", "192.0.2.200", "192.0.3.7")
    assert four[1] == near[1] != far[1]
    six, near, far = seen("2001:db8:1::1", "2001:db8:1:ffff::9", "2001:db8:2::1")
    assert six[1] == near[1] != far[1]
    assert len({four[0], six[0], near[0], far[0]}) == 4


@pytest.mark.parametrize(
    "text",
    ["1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
     "1:2:3:4:5:6:7::8:9", "12345::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "::g"],
)  # fmt: skip
def test_what_is_no_address_stays_opaque(text: str) -> None:
    (address, prefix), (other, _) = seen(text, text + "x")
    assert address != other
    assert address
    assert not prefix


def test_opaque_values_with_one_beginning_are_told_apart() -> None:
    one, two = seen("sha256:00aa", "sha256:00ab")
    assert one != two


def test_nothing_is_nobody() -> None:
    assert seen(None, "", "  ") == [(0, 0)] * 3


@given(st.ip_addresses(v=6))
def test_every_form_of_an_ipv6_address_is_read(address: ipaddress.IPv6Address) -> None:
    assert len(set(seen(address.compressed, address.exploded, f" {address}"))) == 1


@given(st.text(alphabet="0123456789abcdef:.", max_size=45))
def test_the_kernel_and_the_standard_library_agree_on_what_is_an_address(text: str) -> None:
    ((_, prefix),) = seen(text)
    try:
        parsed = ipaddress.ip_address(re.sub(r"(^|[.:])0+(?=[0-9]{1,2}(\.|$))", r"\1", text) if "." in text else text)
    except ValueError:
        assert not prefix
    else:
        assert prefix
        assert seen(text) == seen(parsed.compressed)
