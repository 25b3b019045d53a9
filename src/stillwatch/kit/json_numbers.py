"""Numbers of JSON, read straight from their bytes where they are plainly written; the rest is left alone."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import lean, load_byte

U64 = np.uint64
UNSURE: Final = -1
_DIGITS: Final = 9
_NEAR: Final = 2e-3


@lean
def whole(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int32], out: npt.NDArray[np.int32]) -> bool:
    """Read whole numbers of at most nine digits without a sign; false where one is anything else.

    Args:
        places: first byte and byte after of each; a byte after of 0 is none, and gives 0.
    """
    address = U64(data.ctypes.data)
    for i in range(len(places)):
        start, end = int(places[i, 0]), int(places[i, 1])
        told = 0
        if end - start > _DIGITS or (end - start > 1 and load_byte(address, U64(start)) == U64(0x30)):
            return False
        for at in range(start, end):
            digit = int(np.int64(load_byte(address, U64(at)))) - 0x30
            if digit < 0 or digit > 9:
                return False
            told = 10 * told + digit
        out[i] = told
    return True


@lean
def thousandths(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int32], out: npt.NDArray[np.int64]) -> bool:
    """Read decimals of ten digits before the point, such as times in seconds, as whole thousandths, cut.

    Args:
        out: `UNSURE` for one so close to a whole thousandth that it matters how a double rounds it.

    Returns:
        False where one is written in any other way.
    """
    address = U64(data.ctypes.data)
    for i in range(len(places)):
        start, end = int(places[i, 0]), int(places[i, 1])
        if not 12 <= end - start <= 24 or load_byte(address, U64(start + 10)) != U64(0x2E):
            return False
        if load_byte(address, U64(start)) == U64(0x30):
            return False
        told, rest, share = 0, 0.0, 1.0
        for at in range(start, end):
            if at == start + 10:
                continue
            digit = int(np.int64(load_byte(address, U64(at)))) - 0x30
            if digit < 0 or digit > 9:
                return False
            if at < start + 14:
                told = 10 * told + digit
            else:
                share /= 10
                rest += digit * share
        for _ in range(end, start + 14):
            told *= 10
        out[i] = told if _NEAR < rest < 1 - _NEAR else UNSURE
    return True


@lean
def dotted(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int32], good: npt.NDArray[np.bool_]) -> None:
    """Tell which texts are four numbers up to 255 with points between and no needless zeros, as IPv4 is written."""
    address = U64(data.ctypes.data)
    for i in range(len(places)):
        start, end = int(places[i, 0]) + 1, int(places[i, 1]) - 1
        parts, told, digits, fits = 1, 0, 0, end - start <= 15
        for at in range(start, end if fits else start):
            byte = int(np.int64(load_byte(address, U64(at))))
            if byte == 0x2E:
                fits &= digits > 0
                parts += 1
                told = digits = 0
                continue
            fits &= 0x30 <= byte <= 0x39 and (digits == 0 or told > 0)
            told = 10 * told + byte - 0x30
            digits += 1
            fits &= told <= 255
        good[i] = fits and parts == 4 and digits > 0
