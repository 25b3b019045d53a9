"""Fingerprints of texts: winnowed shingles for containment, an exact hash, an order-free sum.

What is guaranteed: two texts that share a run of at least `SHINGLE + WINDOW - 1` frame tokens share at least
one fingerprint, wherever the run stands (Schleimer, Wilkerson and Aiken 2003, "Winnowing"). In texts of more
than `2 * DENSE` windows the head and the tail keep that promise; of the middle a part is kept that is chosen
by value, so that containment between long texts is still estimated without bias. Of a short text all shingles are kept
besides, marked by a bit (`FINE`): two questions of ten words share few windows, and six words in a row at this scale.

Normalisation: code points are folded (see `scripts`); for the fingerprints alone digits, code spans and quoted
spans of three or more words become slots, and neighbouring slots one. The exact hash and the sum see all tokens.

Cost: one pass, linear, no allocation; some 400-700 MB/s on ASCII and a third of that on other scripts, per core.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel, load_u64, part, trailing_zeros
from stillwatch.kit.scripts import CODE, LETTERLIKE, SCRIPT_SHIFT, SINGLE, fold_table

SHINGLE: Final = 4
"""Tokens in one shingle."""
WINDOW: Final = 4
"""Shingles in one window: of each window the smallest is kept."""
SHORT: Final = 20
"""Shingles of a text of which all are kept besides: a question of ten words, of which half change, has few windows."""
FINE: Final = 2
"""Bit of the fingerprints of all shingles of a short text. Those of windows do without it, so the scales never mix:
a long text of the same frame has only those of windows."""
SHARED: Final = 3
"""Fingerprints that say something of a frame, at the least."""
DENSE: Final = 160
"""Windows at the head and tail of a long text (half of these at each end) that are kept at full density."""
MOST: Final = 256
"""Fingerprints kept of one text at the most."""
LONGEST: Final = 1 << 18
"""Bytes looked at in one text; what follows is not seen."""
LANES: Final = 4
"""Smallest fingerprints that stand for a turn."""

U64 = np.uint64
_K1: Final = U64(0x9E3779B97F4A7C15)
_K2: Final = U64(0xC2B2AE3D27D4EB4F)
_K3: Final = U64(0x165667B19E3779F9)
_BASE: Final = U64(0xD6E8FEB86659FD93)
_SLOT: Final = U64(0xA0761D6478BD642F)
_ONE, _ZERO = U64(1), U64(0)
_SPACES: Final = U64(0x2020202020202020)
_LOW7: Final = U64(0x7F7F7F7F7F7F7F7F)
_GATHER: Final = U64(0x0102040810204080)
_TABLE_SIZE: Final = 0x10000


class Scratch(NamedTuple):
    """Working memory of one thread; reused for every text."""

    plain: npt.NDArray[np.uint8]
    tokens: npt.NDArray[np.uint64]
    values: npt.NDArray[np.uint64]
    smallest: npt.NDArray[np.uint64]
    spans: npt.NDArray[np.int64]
    marks: npt.NDArray[np.uint64]
    table: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.int64]
    wrapping: npt.NDArray[np.uint64]


HASHES, FRAME, TURN = 0, 1, 2
"""Modes of `sketch`."""

WRAPPING: Final = (
    "tool_calls",
    "tool_call",
    "tool_use",
    "function",
    "name",
    "arguments",
    "input",
    "type",
    "id",
)


def scratch() -> Scratch:
    """Allocate the working memory of one thread: some 9 MB."""
    work = Scratch(
        plain=np.zeros(2 * LONGEST + 256, np.uint8),
        tokens=np.zeros(LONGEST + 64, np.uint64),
        values=np.zeros(LONGEST + 64, np.uint64),
        smallest=np.zeros(LONGEST + 64, np.uint64),
        spans=np.zeros(2 * 4096, np.int64),
        marks=np.zeros(MOST + 1, np.uint64),
        table=fold_table(),
        counts=np.zeros(12, np.int64),
        wrapping=np.zeros(1024, np.uint64),
    )
    for word in WRAPPING:
        letters = np.frombuffer(word.encode().ljust(64), np.uint8)
        sketch(letters, 0, 64, work, FRAME, U64(0))
        hashed = work.tokens[0]
        work.wrapping[int(hashed) & 1023] = hashed
    return work


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Spread the bits of a word (the finaliser of SplitMix64)."""
    value = (value ^ (value >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> U64(27))) * U64(0x94D049BB133111EB)
    return value ^ (value >> U64(31))


@part
def _spans(text: npt.NDArray[np.uint8], start: int, end: int, spans: npt.NDArray[np.int64]) -> int:
    """Find code and quoted spans; returns how many stand in `spans` as (first byte, byte after)."""
    found = 0
    at = start
    most = len(spans) // 2
    while at < end and found < most:
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


@part
def _fold_ascii(text: npt.NDArray[np.uint8], start: int, length: int, plain: npt.NDArray[np.uint8]) -> None:
    """Lower ASCII letters and turn what is no word into spaces; branch-free, so that it is vectorised."""
    source = text[start : start + length]
    target = plain[:length]
    for i in range(length):
        byte = source[i]
        low = np.uint8(byte | np.uint8(0x20))
        letter = np.uint8(low - np.uint8(0x61)) < np.uint8(26)
        digit = np.uint8(byte - np.uint8(0x30)) < np.uint8(10)
        kept = low if letter else byte
        target[i] = kept if (letter | digit | (byte == np.uint8(0x5F))) else np.uint8(0x20)


@part
def _survey(text: npt.NDArray[np.uint8], start: int, length: int) -> int:
    """Tell whether a text has bytes above ASCII (1), and marks that may open a span (2)."""
    source = text[start : start + length]
    high = np.uint8(0)
    marks = np.uint8(0)
    for i in range(length):
        byte = source[i]
        high = np.uint8(high | byte)
        marks = np.uint8(marks | np.uint8((byte == np.uint8(0x22)) | (byte == np.uint8(0x60))))
    return (int(high) >> 7) | (int(marks) << 1)


@part
def _fold_unicode(
    text: npt.NDArray[np.uint8],
    start: int,
    end: int,
    work: Scratch,
    spans: int,
) -> int:
    """Fold UTF-8 into `plain`, moving the spans along; returns the bytes written. Bad bytes separate."""
    plain, table, counts = work.plain, work.table, work.counts
    counts[:] = 0
    address = U64(text.ctypes.data)
    out = 0
    at = start
    edge = 0
    edges = 2 * spans
    while at < end:
        while edge < edges and work.spans[edge] <= at:
            work.spans[edge] = out
            edge += 1
        clear = edge == edges or work.spans[edge] >= at + 8
        if clear and at + 8 <= end and (load_u64(address, U64(at)) & ~_LOW7) == _ZERO:
            _fold_ascii(text, at, 8, plain[out:])
            counts[1] += 5
            at += 8
            out += 8
            continue
        byte = int(text[at])
        if byte < 0x80:
            point, width = byte, 1
        elif 0xC2 <= byte < 0xE0 and at + 1 < end:
            point, width = ((byte & 0x1F) << 6) | (int(text[at + 1]) & 0x3F), 2
        elif 0xE0 <= byte < 0xF0 and at + 2 < end:
            point = ((byte & 0x0F) << 12) | ((int(text[at + 1]) & 0x3F) << 6) | (int(text[at + 2]) & 0x3F)
            width = 3
        elif 0xF0 <= byte < 0xF5 and at + 3 < end:
            point = (
                ((byte & 0x07) << 18)
                | ((int(text[at + 1]) & 0x3F) << 12)
                | ((int(text[at + 2]) & 0x3F) << 6)
                | (int(text[at + 3]) & 0x3F)
            )
            width = 4
        else:
            point, width = 0x20, 1
        at += width
        if point < 0x10000:
            entry = int(table[point])
        elif LETTERLIKE[0] <= point < LETTERLIKE[1]:
            entry = int(table[_TABLE_SIZE + point - LETTERLIKE[0]])
        elif 0x20000 <= point < 0x323B0:
            entry = point | SINGLE | (8 << SCRIPT_SHIFT)
        elif 0x1F000 <= point < 0x20000 or point >= 0xE0000:
            entry = 0
        else:
            entry = point | (11 << SCRIPT_SHIFT)
        if entry == 1:
            continue
        code = entry & CODE
        counts[entry >> SCRIPT_SHIFT] += 1
        if code == 0:
            plain[out] = 0x20
            out += 1
            continue
        single = (entry & SINGLE) != 0
        if single:
            plain[out] = 0x20
            out += 1
        if code < 0x80:
            plain[out] = code
            out += 1
        elif code < 0x800:
            plain[out] = 0xC0 | (code >> 6)
            plain[out + 1] = 0x80 | (code & 0x3F)
            out += 2
        elif code < 0x10000:
            plain[out] = 0xE0 | (code >> 12)
            plain[out + 1] = 0x80 | ((code >> 6) & 0x3F)
            plain[out + 2] = 0x80 | (code & 0x3F)
            out += 3
        else:
            plain[out] = 0xF0 | (code >> 18)
            plain[out + 1] = 0x80 | ((code >> 12) & 0x3F)
            plain[out + 2] = 0x80 | ((code >> 6) & 0x3F)
            plain[out + 3] = 0x80 | (code & 0x3F)
            out += 4
        if single:
            plain[out] = 0x20
            out += 1
    while edge < edges:
        work.spans[edge] = out
        edge += 1
    return out


@part
def _word_mask(address: np.uint64, at: int) -> np.uint64:
    """Tell for 64 folded bytes which belong to words: bit i for byte i."""
    mask = _ZERO
    for block in range(8):
        eight = load_u64(address, U64(at + 8 * block)) ^ _SPACES
        # exact: the high bit of each byte is set where the byte is not a space
        busy = ((eight & _LOW7) + _LOW7 | eight) & ~_LOW7
        mask |= (((busy >> U64(7)) * _GATHER) >> U64(56)) << U64(8 * block)
    return mask


@part
def _token(address: np.uint64, start: int, end: int) -> np.uint64:
    """Hash one word of the folded text; words of up to 16 bytes without a branch."""
    length = end - start
    head = load_u64(address, U64(start)) & (~_ZERO >> U64(64 - 8 * min(length, 8)))
    rest = load_u64(address, U64(start + 8)) & (~_ZERO >> U64(64 - 8 * min(max(length - 8, 1), 8)))
    rest = rest if length > 8 else _ZERO
    hashed = (head ^ U64(length)) * _K1
    hashed ^= (rest ^ (hashed >> U64(32))) * _K2
    if length > 16:
        at = start + 16
        while at + 8 < end:
            hashed = (hashed ^ load_u64(address, U64(at))) * _K2
            hashed ^= hashed >> U64(29)
            at += 8
        hashed = (hashed ^ load_u64(address, U64(end - 8))) * _K3
    hashed = (hashed ^ (hashed >> U64(32))) * _K3
    return hashed ^ (hashed >> U64(29))


@part
def _winnow(work: Scratch, length: int, salt: np.uint64) -> int:
    """Keep the smallest shingle of each window in `work.marks`; returns how many.

    A shingle is a sum of rotated token hashes, already well mixed. All loops but the last are vectorised.
    """
    shingles = length - SHINGLE + 1
    if shingles <= 0:
        return 0
    tokens = work.tokens
    values = work.values
    first, second, third, fourth = tokens[:shingles], tokens[1:], tokens[2:], tokens[3:]
    for i in range(shingles):
        values[i] = (
            (first[i] ^ salt)
            + ((second[i] << U64(17)) | (second[i] >> U64(47)))
            + ((third[i] << U64(34)) | (third[i] >> U64(30)))
            + ((fourth[i] << U64(51)) | (fourth[i] >> U64(13)))
        )
    values[shingles : shingles + WINDOW] = ~_ZERO
    windows = max(shingles - WINDOW + 1, 1)
    one, two, three = values[1:], values[2:], values[3:]
    smallest = work.smallest
    for i in range(windows):
        smallest[i] = min(min(values[i], one[i]), min(two[i], three[i]))
    marks = work.marks
    room = len(marks) - 1
    last = ~_ZERO
    kept = 0
    if windows <= 2 * DENSE:
        for i in range(windows):
            value = smallest[i]
            marks[min(kept, room)] = value
            kept += value != last
            last = value
        return min(kept, room)
    thin = _ZERO
    expected = (windows - DENSE) * 2 // (WINDOW + 1)
    while expected > DENSE // 2:
        expected >>= 1
        thin = (thin << _ONE) | _ONE
    for i in range(windows):
        value = smallest[i]
        edge = i < DENSE // 2 or i >= windows - DENSE // 2
        if value != last and (edge or ((value >> U64(40)) & thin) == _ZERO) and kept < room:
            marks[kept] = value
            kept += 1
        last = value
    return kept


def telling(marks: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Keep the fingerprints of a frame by which one text of any length shows it: those of one scale.

    Texts of any length have fingerprints of windows, so these are kept; but where they are less than a quarter of those
    of all shingles (of one text they are two fifths), the frame is of short texts in many wordings, which have few
    windows in common.
    """
    fine = (marks & np.uint32(FINE)) != 0
    windows = marks[~fine]
    kept: npt.NDArray[np.uint32] = windows if len(windows) >= SHARED and 4 * len(windows) >= fine.sum() else marks[fine]
    return kept


@part
def _two_scales(work: Scratch, found: int, shingles: int) -> int:
    """Mark the fingerprints of windows, and add all shingles of a short text; returns how many there are then."""
    marks = work.marks
    for i in range(found):
        marks[i] &= ~U64(FINE)
    if shingles > SHORT:
        return found
    for i in range(shingles):
        marks[found + i] = work.values[i] | U64(FINE)
    return found + shingles


@part
def sketch_text(
    text: npt.NDArray[np.uint8], start: int, end: int, work: Scratch, mode: int, salt: np.uint64
) -> tuple[np.uint64, np.uint64, int, int, int]:
    """Sketch one text: `text[start:end]`, UTF-8 as far as it goes, at most LONGEST bytes of it.

    Args:
        work: this thread's scratch; `work.marks` holds the fingerprints afterwards, as uint64.
        mode: HASHES for the hashes alone; FRAME for fingerprints in which digits, code and quotations are
            slots; TURN for fingerprints of all tokens but the keys in which gateways wrap a tool call.
        salt: keeps the fingerprints of different kinds of text apart.

    Returns:
        exact hash (0 for a text without tokens), order-free sum of token hashes, tokens, main script,
        and how many fingerprints stand in `work.marks`.
    """
    length = min(end - start, LONGEST)
    end = start + length
    kinds = _survey(text, start, length)
    spans = 0
    if mode == FRAME and kinds != 0:
        spans = _spans(text, start, end, work.spans)
    plain = work.plain
    script = 1
    if kinds & 1:
        written = _fold_unicode(text, start, end, work, spans)
        most = 0
        for i in range(1, len(work.counts)):
            if work.counts[i] > most:
                most, script = work.counts[i], i
    else:
        _fold_ascii(text, start, length, plain)
        written = length
        for i in range(2 * spans):
            work.spans[i] -= start
    plain[written : written + 136] = 0x20
    address = U64(plain.ctypes.data)
    tokens = work.tokens
    wrapping = work.wrapping
    exact = _ZERO
    total = _ZERO
    count = 0
    framed = 0
    slotted = False
    edge = 0
    carry = _ZERO
    begin = -1
    at = 0
    while at <= written:
        words = _word_mask(address, at)
        edges = words ^ ((words << _ONE) | carry)
        carry = words >> U64(63)
        while edges != _ZERO:
            place = at + int(np.int64(trailing_zeros(edges)))
            edges &= edges - _ONE
            if begin < 0:
                begin = place
                continue
            hashed = _token(address, begin, place)
            first = plain[begin]
            begin = -1
            if mode == TURN and wrapping[hashed & U64(1023)] == hashed:
                continue
            exact = (exact + hashed) * _BASE
            exact ^= exact >> U64(31)
            total += hashed
            count += 1
            if mode == HASHES:
                continue
            slot = mode == FRAME and first < np.uint8(0x3A) and first >= np.uint8(0x30)
            if spans > 0:
                while edge < spans and work.spans[2 * edge + 1] < place:
                    edge += 1
                slot |= edge < spans and work.spans[2 * edge] < place
            if not slot:
                tokens[framed] = hashed
                framed += 1
            elif not slotted:
                tokens[framed] = _SLOT
                framed += 1
            slotted = slot
        at += 64
    found = _winnow(work, framed, salt) if framed >= SHINGLE else 0
    if mode == FRAME:
        found = _two_scales(work, found, max(framed - SHINGLE + 1, 0))
    if count == 0:
        return _ZERO, _ZERO, 0, 0, 0
    return mix(exact), total, count, script, found


@kernel
def sketch(
    text: npt.NDArray[np.uint8], start: int, end: int, work: Scratch, mode: int, salt: np.uint64
) -> tuple[np.uint64, np.uint64, int, int, int]:
    """Do as `sketch_text`, for callers that are no kernels themselves: compiled once and cached."""
    return sketch_text(text, start, end, work, mode, salt)


@part
def smallest(work: Scratch, found: int, exact: np.uint64, out: npt.NDArray[np.uint32]) -> None:
    """Keep the `LANES` smallest distinct fingerprints of the last sketch in `out`, smallest first.

    A text too short for a shingle is known by its exact hash alone. Zero means none.
    """
    out[:] = 0
    if found == 0:
        out[0] = np.uint32(exact)
        return
    one = two = three = four = ~_ZERO
    for i in range(found):
        value = work.marks[i]
        if value >= four or value == one or value == two or value == three:
            continue
        if value < one:
            one, two, three, four = value, one, two, three
        elif value < two:
            two, three, four = value, two, three
        elif value < three:
            three, four = value, three
        else:
            four = value
    out[0] = np.uint32(one)
    if two != ~_ZERO:
        out[1] = np.uint32(two)
    if three != ~_ZERO:
        out[2] = np.uint32(three)
    if four != ~_ZERO:
        out[3] = np.uint32(four)
