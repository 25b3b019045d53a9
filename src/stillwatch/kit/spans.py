"""Spans: code and quotations inside a text, which stand for a slot of its frame.

A span in back ticks counts whatever is in it, a quotation from three words on. Quotation marks of English, French,
Chinese and Japanese are known; a mark that nobody closes within some hundred bytes or on its line opens nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import part, trailing_zeros
from stillwatch.kit.wide import opens64

U64 = np.uint64


@part
def find_spans(text: npt.NDArray[np.uint8], start: int, end: int, spans: npt.NDArray[np.int64]) -> int:
    """Find code and quoted spans; returns how many stand in `spans` as (first byte, byte after)."""
    found = 0
    at = start
    most = len(spans) // 2
    while at < end and found < most:
        if at + 64 <= len(text):
            clear = int(np.int64(trailing_zeros(opens64(U64(text.ctypes.data) + U64(at)))))
            if clear:
                at += clear
                continue
        byte = text[at]
        reach = 0
        width = 1
        if byte == 0x60:  # `
            if at + 2 < end and text[at + 1] == 0x60 and text[at + 2] == 0x60:
                width, reach = 3, end - at
            else:
                reach = 200
        elif byte == 0x22:  # "
            reach = 400
        elif byte == 0xE2 and at + 2 < end and text[at + 1] == 0x80 and text[at + 2] == 0x9C:
            width, reach = 3, 600
        elif byte == 0xC2 and at + 1 < end and text[at + 1] == 0xAB:
            width, reach = 2, 600
        elif byte == 0xE3 and at + 2 < end and text[at + 1] == 0x80 and text[at + 2] == 0x8C:
            width, reach = 3, 600
        if reach == 0:
            at += 1
            continue
        close = -1
        words = 0
        inside = at + width
        limit = min(end, inside + reach)
        last = 0x20
        while inside < limit:
            other = text[inside]
            if byte == 0x60:
                if other == 0x60 and (
                    width == 1 or (inside + 2 < end and text[inside + 1] == 0x60 and text[inside + 2] == 0x60)
                ):
                    close = inside
                    break
                if width == 1 and other == 0x0A:
                    break
            elif other == 0x0A:
                break
            elif byte == 0x22:
                if other == 0x22:
                    close = inside
                    break
            elif (
                (byte == 0xE2 and other == 0xE2 and inside + 2 < end and text[inside + 2] == 0x9D)
                or (byte == 0xC2 and other == 0xC2 and inside + 1 < end and text[inside + 1] == 0xBB)
                or (
                    byte == 0xE3
                    and other == 0xE3
                    and inside + 2 < end
                    and text[inside + 1] == 0x80
                    and text[inside + 2] == 0x8D
                )
            ):
                close = inside
                break
            if other > 0x20 and (last <= 0x20 or other >= 0xE3):
                words += 1
            last = other
            inside += 1
        if close < 0:
            at += width
            continue
        if byte == 0x60 or words >= 3:
            spans[2 * found] = at
            spans[2 * found + 1] = close + width
            found += 1
        at = close + width
    return found
