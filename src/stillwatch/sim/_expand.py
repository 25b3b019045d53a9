"""Expand: write the text of a symbol for given keys, byte by byte, without the GIL.

A text is a pure function of (symbol, item, word, who, frame, turn, aux): what is asked, how it is worded, by
whom, in whose template, at which turn, and the wording of the exchange referred to. Nothing needs to be
remembered to write an earlier turn again byte for byte.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillwatch.errors import SettingsError
from stillwatch.sim._grammar import (
    AUX,
    DIGITS,
    EXPR,
    FRAME,
    HEX,
    ITEM,
    JSON,
    LIT,
    RANGE,
    REPEAT,
    SYM,
    TURN,
    WALKED,
    WHO,
    Grammar,
)
from stillwatch.sim._keys import PLACES, Keys, copy, join2, kernel, mix

DEPTH: Final = 48
NO_ROOM: Final = -1
TOO_DEEP: Final = -2
_HIGH: Final = np.uint64(32)
_TURNS: Final = np.uint64(0xD1B54A32D192ED03)
_TAIL: Final = np.int64(1) << 20


@kernel
def chosen(h: Any, n: Any) -> Any:
    """Map a key to [0, n)."""
    return np.int64(((h >> _HIGH) * np.uint64(n)) >> _HIGH)


@kernel
def escape(out: Any, begin: Any, end: Any) -> Any:
    """Escape out[begin:end] in place as the inside of a JSON string; return the new end or `NO_ROOM`."""
    extra = 0
    for i in range(begin, end):
        c = out[i]
        if c == 34 or c == 92 or c == 10 or c == 9:
            extra += 1
    if end + extra > len(out):
        return NO_ROOM
    to = end + extra
    i = end
    while to > i:
        i -= 1
        to -= 1
        c = out[i]
        if c == 34 or c == 92 or c == 10 or c == 9:
            out[to] = 110 if c == 10 else (116 if c == 9 else c)
            to -= 1
            out[to] = 92
        else:
            out[to] = c
    return end + extra


@kernel
def decimal(out: Any, pos: Any, value: Any) -> Any:
    """Write a whole number; the caller has left 20 bytes of room."""
    if value < 0:
        out[pos] = 45
        pos += 1
        value = -value
    width = 1
    rest = value // 10
    while rest > 0:
        width += 1
        rest //= 10
    for i in range(width):
        out[pos + width - 1 - i] = 48 + value % 10
        value //= 10
    return pos + width


@kernel
def _times(span: Any, h: Any) -> Any:
    """How often a repeated symbol is written."""
    lo = span & 1023
    hi = (span >> 10) & 1023
    if span & _TAIL:
        u = np.float64(h >> np.uint64(11)) * (1.0 / 9007199254740992.0)
        return lo + np.int64((hi - lo + 1) * u * u * u * u)
    return lo + chosen(h, hi - lo + 1)


@kernel
def _value(slots: Any, slot_keys: Any, begin: Any, end: Any, item: Any) -> Any:
    """Reckon an expression over the item's numbers, left to right."""
    total = 0
    for k in range(begin, end):
        lo = slots[k, 1]
        number = lo + chosen(join2(item, slot_keys[k]), slots[k, 2] - lo + 1)
        if slots[k, 0] == 0:
            total += number
        elif slots[k, 0] == 1:
            total -= number
        else:
            total *= number
    return total


@kernel
def _digits(out: Any, pos: Any, many: Any, word: Any, hexed: Any) -> Any:
    """Write a run of digits."""
    digits = word
    for i in range(many):
        if i % 12 == 0:
            digits = mix(digits)
        nibble = np.int64(digits & np.uint64(15))
        if hexed:
            out[pos + i] = 48 + nibble if nibble < 10 else 87 + nibble
        else:
            out[pos + i] = 48 + np.int64((digits >> np.uint64(8)) % np.uint64(10))
        digits = digits >> np.uint64(4)
    return pos + many


@kernel
def expand(
    g: Any,
    out: Any,
    pos: Any,
    symbol: Any,
    item: Any,
    word: Any,
    who: Any,
    frame: Any,
    turn: Any,
    aux: Any,
    stack: Any,
) -> Any:
    """Write one text at `out[pos:]`; return the new position, `NO_ROOM` or `TOO_DEEP`.

    `stack` is scratch of shape (6, DEPTH): pc, end, item, word, repeats left, JSON mark. The program's arrays
    are
    made local and nothing that takes them whole is called inside the loop: passing them costs more than a
        word.
    """
    code, blob, spans, tags, firsts, counts = g.code, g.blob, g.spans, g.tags, g.first, g.counts
    bindings, groups, slots, slot_keys, strides, words = (
        g.binding,
        g.group,
        g.slots,
        g.slot_keys,
        g.strides,
        g.words,
    )
    room = len(out) - 16  # copies run over by up to seven bytes
    to, source = np.uint64(out.ctypes.data), np.uint64(blob.ctypes.data)
    turned = (np.uint64(turn) + np.uint64(1)) * _TURNS
    depth = 0
    pc, last = np.int64(0), np.int64(0)
    here_item, here_word, left, opened = np.uint64(item), np.uint64(word), np.int64(0), np.int64(-1)
    push, push_item, push_word, mark, nth = np.int64(symbol), here_item, here_word, np.int64(-1), np.int64(-1)
    while True:
        if push >= 0:
            bound = bindings[push]
            if bound == 0:
                h = push_word
            elif bound == 1:
                h = mix(push_item ^ groups[push])
            elif bound == 2:
                h = mix(who ^ groups[push])
            elif bound == 3:
                h = mix(frame ^ groups[push])
            elif bound == 4:
                h = mix(push_item ^ turned ^ groups[push])
            else:
                h = push_item
            if nth >= 0 and bound == 0 and counts[push] <= WALKED:
                h = mix(here_word ^ groups[push])  # a walk that meets each alternative once before any twice
                step = strides[push, np.int64(h & np.uint64(3))]
                alternative = firsts[push] + (chosen(h, counts[push]) + nth * step) % counts[push]
            elif bound == 5:
                alternative = firsts[push] + np.int64(h & PLACES) % counts[push]
            else:
                alternative = firsts[push] + chosen(h, counts[push])
            push = np.int64(-1)
            nth = np.int64(-1)
            begin, stop = np.int64(spans[alternative, 0]), np.int64(spans[alternative, 1])
            if stop < 0:  # a word: write it without a frame
                size = -1 - stop
                if pos + size > room:
                    return NO_ROOM
                copy(to, pos, source, begin, size)
                pos += size
                if mark >= 0:
                    pos = escape(out, mark, pos)
                    if pos < 0:
                        return NO_ROOM
                if depth == 0:
                    return pos
            else:
                if depth >= DEPTH:
                    return TOO_DEEP
                stack[0, depth], stack[1, depth] = np.uint64(pc), np.uint64(last)
                stack[2, depth], stack[3, depth] = here_item, here_word
                stack[4, depth], stack[5, depth] = np.uint64(left), np.uint64(opened + 1)
                depth += 1
                pc, last, here_item, here_word, left, opened = (
                    begin,
                    stop,
                    push_item,
                    push_word,
                    np.int64(0),
                    mark,
                )
        if pc >= last:
            if opened >= 0:
                pos = escape(out, opened, pos)
                if pos < 0:
                    return NO_ROOM
            if depth <= 1:
                return pos
            depth -= 1
            pc, last = np.int64(stack[0, depth]), np.int64(stack[1, depth])
            here_item, here_word = stack[2, depth], stack[3, depth]
            left, opened = np.int64(stack[4, depth]), np.int64(stack[5, depth]) - 1
            continue
        op, a, b = code[pc, 0], np.int64(code[pc, 1]), np.int64(code[pc, 2])
        if op == LIT:
            if pos + b > room:
                return NO_ROOM
            copy(to, pos, source, a, b)
            pos += b
            pc += 1
            continue
        word_here = mix(here_word + np.uint64(pc) * _TURNS)
        push, push_item, push_word, mark = a, here_item, word_here, np.int64(-1)
        if op == SYM:
            pc += 1
        elif op == REPEAT:
            if left == 0 and words[a] and code[pc, 3] == 0:  # a run of words: no frame, no walk
                many = _times(b, word_here)
                glue, gap = np.int64(code[pc + 1, 1]), np.int64(code[pc + 1, 2])
                h = word_here
                for nth_word in range(many):
                    h = mix(h + _TURNS)
                    alternative = firsts[a] + chosen(h, counts[a])
                    begin, size = np.int64(spans[alternative, 0]), -1 - np.int64(spans[alternative, 1])
                    if pos + size + gap > room:
                        return NO_ROOM
                    if nth_word > 0:
                        copy(to, pos, source, glue, gap)
                        pos += gap
                    copy(to, pos, source, begin, size)
                    pos += size
                push = np.int64(-1)
                pc += 2
                continue
            if left == 0:
                left = _times(b, word_here) + 1
            elif left > 1:
                between = np.int64(code[pc + 1, 2])
                if pos + between > room:
                    return NO_ROOM
                copy(to, pos, source, np.int64(code[pc + 1, 1]), between)
                pos += between
            left -= 1
            if left == 0:
                push = np.int64(-1)
                pc += 2
                continue
            push_word = mix(word_here + np.uint64(left))
            nth = left
            if code[pc, 3] != 0:
                push_item = join2(join2(here_item, tags[code[pc, 3]]), np.uint64(left))
                push_word = push_item
        elif op >= EXPR and op <= DIGITS:
            push = np.int64(-1)
            pc += 1
            if pos + 80 > room:
                return NO_ROOM
            if op == EXPR:
                pos = decimal(out, pos, _value(slots, slot_keys, a, b, here_item))
            elif op == RANGE:
                pos = decimal(out, pos, a + chosen(word_here, b - a + 1))
            else:
                pos = _digits(out, pos, a, word_here, op == HEX)
        else:
            b = np.int64(code[pc, 3])
            tag = tags[b]
            pc += 1
            if op == ITEM:
                push_item = mix(here_item ^ tag)
            elif op == WHO:
                push_item = mix(who ^ tag)
            elif op == FRAME:
                push_item = mix(frame ^ tag)
            elif op == TURN:
                push_item = mix(here_item ^ turned ^ tag)
            elif op == JSON and b != 0:
                push_item = mix(here_item ^ tag)
            if op == AUX:
                push_word = np.uint64(aux)
            elif op != JSON or b != 0:
                push_word = push_item
            if op == JSON:
                mark = pos


@kernel
def _texts(
    g: Any, symbols: Any, items: Any, words: Any, whos: Any, frames: Any, out: Any, offsets: Any, stack: Any
) -> Any:
    """Write one text per row; return how many rows were written before the room ran out, or `TOO_DEEP`."""
    for row in range(len(symbols)):
        if symbols[row] < 0:
            offsets[row + 1] = offsets[row]
            continue
        pos = expand(
            g,
            out,
            np.int64(offsets[row]),
            symbols[row],
            items[row],
            words[row],
            whos[row],
            frames[row],
            np.int64(0),
            np.uint64(0),
            stack,
        )
        if pos < 0:
            return row if pos == NO_ROOM else pos
        offsets[row + 1] = pos
    return len(symbols)


def scratch() -> Keys:
    """Make the stack that `expand` works on."""
    return np.empty((6, DEPTH), np.uint64)


def texts(
    grammar: Grammar,
    symbols: npt.NDArray[np.int64],
    items: Keys,
    words: Keys | None = None,
    whos: Keys | None = None,
    frames: Keys | None = None,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Write one text per row, as offsets and bytes in the layout of an Arrow string array.

    A symbol below 0 writes the empty text. Where `words`, `whos` or `frames` are left out, `items` stand in.
    """
    items = np.array(items, np.uint64)  # one memory layout, so that one kernel is compiled
    words = items if words is None else words
    whos = items if whos is None else whos
    frames = items if frames is None else frames
    rows = len(symbols)
    room = 256 + 96 * rows
    while True:
        out = np.empty(room, np.uint8)
        offsets = np.zeros(rows + 1, np.int32)
        done = _texts(grammar.program, symbols, items, words, whos, frames, out, offsets, scratch())
        if done == rows:
            return offsets, out[: offsets[-1]]
        check_depth(done)
        room *= 2


def check_depth(done: int) -> None:
    """Raise when a grammar recurses without end."""
    if done == TOO_DEEP:
        raise SettingsError(f"a text nests deeper than {DEPTH} symbols", hint="look for a symbol that calls itself")
