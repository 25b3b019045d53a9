"""Network: the address and its neighbourhood, /24 for IPv4 and /48 for IPv6, as 64-bit hashes."""

from __future__ import annotations

import ipaddress
import itertools

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.kit.arrow import texts, whole
from stillwatch.kit.hashes import hash_column
from stillwatch.kit.jit import kernel
from stillwatch.kit.mix import mix
from stillwatch.sketch import Columns, Work

NEEDS = OPENS = ("ip",)

U64 = np.uint64
OPAQUE = 0x1B
"""Key of the hashes of what is no address."""


@kernel
def _dotted(data: npt.NDArray[np.uint8], start: int, end: int) -> int:
    """Read four decimal numbers, -1 for anything else."""
    value, part, parts, digits = 0, 0, 0, 0
    for at in range(start, end):
        byte = data[at]
        if 0x30 <= byte <= 0x39:
            part = part * 10 + (byte - 0x30)
            digits += 1
            if digits > 3 or part > 255:
                return -1
        elif byte == 0x2E and digits > 0:
            value, part, parts, digits = value * 256 + part, 0, parts + 1, 0
        else:
            return -1
    return value * 256 + part if parts == 3 and digits > 0 else -1


@kernel
def _hex(byte: int) -> int:
    """Read one hexadecimal digit, -1 for anything else."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    low = byte | 0x20
    return low - 0x57 if 0x61 <= low <= 0x66 else -1


@kernel
def _colons(data: npt.NDArray[np.uint8], start: int, end: int, groups: npt.NDArray[np.int64]) -> bool:
    """Read the eight groups of an IPv6 address (RFC 4291), the last two perhaps dotted; tells whether it is one."""
    count, gap, digits, part = 0, -1, 0, 0
    began = start
    at = start
    while at < end:
        byte = data[at]
        digit = _hex(byte)
        if digit >= 0:
            part = part * 16 + digit
            digits += 1
            if digits > 4:
                return False
        elif byte == 0x3A:  # :
            if digits:
                if count == 8:
                    return False
                groups[count] = part
                count += 1
            if at + 1 < end and data[at + 1] == 0x3A:
                if gap >= 0:
                    return False
                gap = count
                at += 1
            elif digits == 0 or at + 1 == end:
                return False
            part, digits, began = 0, 0, at + 1
        elif byte == 0x2E and count <= 6:  # .
            value = _dotted(data, began, end)
            if value < 0:
                return False
            groups[count], groups[count + 1] = value >> 16, value & 0xFFFF
            count, digits = count + 2, 0
            break
        else:
            return False
        at += 1
    if digits:
        if count == 8:
            return False
        groups[count] = part
        count += 1
    if gap < 0:
        return count == 8
    if count == 8:
        return False
    for i in range(count - gap):  # what stands after the gap stands at the end
        groups[7 - i] = groups[count - 1 - i]
    groups[gap : 8 - (count - gap)] = 0
    return True


@kernel
def _addresses(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    address: npt.NDArray[np.uint64],
    prefix: npt.NDArray[np.uint64],
    other: npt.NDArray[np.bool_],
) -> None:
    """Hash addresses, and tell which texts are none; all three are zero before."""
    groups = np.zeros(8, np.int64)
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        if start == end:
            continue
        four = _dotted(data, start, end)
        six = four < 0 and _colons(data, start, end, groups)
        if six:
            high, low = U64(0), U64(0)
            for g in range(4):
                high = (high << U64(16)) | U64(groups[g])
                low = (low << U64(16)) | U64(groups[4 + g])
            if high == U64(0) and low >> U64(32) == U64(0xFFFF):  # IPv4 in the form of IPv6
                four = int(groups[6]) * 0x10000 + int(groups[7])
            else:
                address[i] = mix(high ^ low)
                prefix[i] = mix(high >> U64(16) | U64(1 << 50))
        if four >= 0:
            address[i] = mix(U64(four) | U64(1 << 40))
            prefix[i] = mix(U64(four >> 8) | U64(1 << 41))
        other[i] = four < 0 and not six


def columns(batch: pa.RecordBatch, work: Work) -> Columns:  # noqa: ARG001 - every sketch has the same form
    """Hash the addresses of a batch: `ip` and `prefix` (uint64, 0 for none); what is no address stays opaque."""
    array = whole(batch.column("ip"))
    if not pa.types.is_dictionary(array.type):
        return _read(array)
    found = _read(array.dictionary)
    there = array.is_valid().to_numpy(zero_copy_only=False)
    rows = pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False)
    if len(array.dictionary) == 0:
        return {name: np.zeros(len(array), U64) for name in found}
    return {name: values[rows] * there for name, values in found.items()}


def _read(array: pa.Array) -> Columns:
    """Hash the addresses of an array of texts."""
    opened = texts(array)
    address, prefix, other = np.zeros(len(array), U64), np.zeros(len(array), U64), np.zeros(len(array), np.bool_)
    _addresses(opened.data, opened.offsets, address, prefix, other)
    strange = np.flatnonzero(other)
    if len(strange):
        coded = array.take(pa.array(strange)).dictionary_encode()
        names = texts(coded.dictionary)
        read = [_any(bytes(names.data[start:end])) for start, end in itertools.pairwise(names.offsets)]
        places = coded.indices.to_numpy(zero_copy_only=False)
        address[strange] = np.array([one for one, _ in read], U64)[places]
        prefix[strange] = np.array([one for _, one in read], U64)[places]
    return {"ip": address, "prefix": prefix}


def _any(raw: bytes) -> tuple[np.uint64, np.uint64]:
    """Read what no kernel could: an address with white space or a zone, else something opaque."""
    if not raw.strip():
        return U64(0), U64(0)
    try:
        plain = ipaddress.ip_address(raw.decode().strip().partition("%")[0]).compressed.encode()
    except ValueError:
        return hash_column(pa.array([raw], pa.binary()), OPAQUE)[0], U64(0)
    address, prefix = np.zeros(1, np.uint64), np.zeros(1, np.uint64)
    _addresses(np.frombuffer(plain, np.uint8), np.array([0, len(plain)]), address, prefix, np.zeros(1, np.bool_))
    return address[0], prefix[0]


def address(text: str) -> tuple[int, int]:
    """Hash one address as `columns` does: (address, neighbourhood); 0 for none."""
    whole, prefix = _any(text.encode("utf-8", "replace"))
    return int(whole), int(prefix)
