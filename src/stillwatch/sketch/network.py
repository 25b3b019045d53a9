"""Network: the address and its neighbourhood, /24 for IPv4 and /48 for IPv6, as 64-bit hashes."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.kit.arrow import texts, whole
from stillwatch.kit.fingerprint import mix
from stillwatch.kit.jit import kernel
from stillwatch.sketch import Columns, Work

NEEDS = ("ip",)

U64 = np.uint64


@kernel
def _ipv4(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    address: npt.NDArray[np.uint64],
    prefix: npt.NDArray[np.uint64],
    other: npt.NDArray[np.bool_],
) -> None:
    for i in range(len(offsets) - 1):
        value, part, parts, digits = 0, 0, 0, 0
        good = offsets[i] < offsets[i + 1]
        for at in range(offsets[i], offsets[i + 1]):
            byte = data[at]
            if 0x30 <= byte <= 0x39:
                part = part * 10 + (byte - 0x30)
                digits += 1
                good = good and digits <= 3 and part <= 255
            elif byte == 0x2E:
                good = good and digits > 0
                value, part, parts, digits = value * 256 + part, 0, parts + 1, 0
            else:
                good = False
        good = good and parts == 3 and digits > 0
        other[i] = not good
        if good:
            value = value * 256 + part
            address[i] = mix(U64(value) | U64(1 << 40))
            prefix[i] = mix(U64(value >> 8) | U64(1 << 41))


def columns(batch: pa.RecordBatch, work: Work) -> Columns:  # noqa: ARG001 - every sketch has the same form
    """Hash the addresses of a batch: `ip` and `prefix` (uint64, 0 for none); what is no address stays opaque."""
    array = whole(batch.column("ip"))
    coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    opened = texts(coded.dictionary)
    size = len(coded.dictionary)
    address, prefix, other = np.zeros(size, np.uint64), np.zeros(size, np.uint64), np.zeros(size, np.bool_)
    _ipv4(opened.data, opened.offsets, address, prefix, other)
    for i in np.flatnonzero(other):
        address[i], prefix[i] = _any(bytes(opened.data[opened.offsets[i] : opened.offsets[i + 1]]))
    there = coded.is_valid().to_numpy(zero_copy_only=False)
    rows = pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)
    if size == 0:
        return {"ip": np.zeros(len(coded), np.uint64), "prefix": np.zeros(len(coded), np.uint64)}
    out: dict[str, Any] = {"ip": address[rows] * there, "prefix": prefix[rows] * there}
    return out


def _any(raw: bytes) -> tuple[np.uint64, np.uint64]:
    if not raw:
        return U64(0), U64(0)
    try:
        parsed = ipaddress.ip_address(raw.decode().strip().partition("%")[0])
    except ValueError:
        opaque = np.uint64(int.from_bytes(raw[:7], "big") | 1 << 62)
        return mix(opaque), U64(0)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else parsed
    if mapped is not None:
        value = int(mapped)
        return mix(U64(value | 1 << 40)), mix(U64(value >> 8 | 1 << 41))
    value = int(parsed)
    return mix(U64((value ^ (value >> 64)) & (1 << 64) - 1)), mix(U64(value >> 80 | 1 << 50))


def address(text: str) -> tuple[int, int]:
    """Hash one address as `columns` does: (address, neighbourhood); 0 for none."""
    whole, prefix = _any(text.encode("utf-8", "replace"))
    return int(whole), int(prefix)
