"""Render: the texts of a chunk of exchanges, from the keys of its rows, without the GIL.

The history of a conversation is written again from its keys, so an assistant's turn in a history is byte for
byte the answer delivered earlier.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.sim._expand import NO_ROOM, check_depth, chosen, expand, scratch
from stillwatch.sim._grammar import Program
from stillwatch.sim._keys import Keys, copy, inlined, join2, kernel, key, mix
from stillwatch.sim._scenes import (
    ANSWER,
    ANSWER_MORE,
    ARGS,
    ASK,
    FINAL,
    FIXED_ANSWER,
    FIXED_ASK,
    HELD,
    MORE,
    NAME,
    PREFACE,
    REFUSE,
    SHOT_ANSWER,
    SHOT_ASK,
    TOOL,
    SceneTable,
)

USER, ASSISTANT, TOOL_ROLE = 0, 1, 2
ROLES: Final = ("user", "assistant", "tool")

_CYCLE: Final = key("cycle")
_REFUSE: Final = key("refuse")
_SHOT: Final = key("shot")
_CHOICE: Final = key("choice")
_DOUBLE: Final = key("double")
_BEFORE: Final = np.frombuffer(b'{"tool_calls":[{"arguments":', np.uint8)
_BETWEEN: Final = np.frombuffer(b',"name":"', np.uint8)
_AFTER: Final = np.frombuffer(b'"}]}', np.uint8)


class Rows(NamedTuple):
    """What the kernels read of each exchange."""

    scene: npt.NDArray[np.int64]
    conversation: Keys
    item: Keys
    who: Keys
    frame: Keys
    aux: Keys
    turn: npt.NDArray[np.int64]
    turns: npt.NDArray[np.int64]
    answered: npt.NDArray[np.bool_]
    doubled: npt.NDArray[np.bool_]


@kernel
def asks_user(scenes: Any, scene: Any, conversation: Any, turn: Any) -> Any:
    """Tell whether a turn comes from the user, or brings a tool's result."""
    fewest, most = scenes.cycle[scene, 0], scenes.cycle[scene, 1]
    if most <= 1 or turn == 0:
        return True
    at = 0
    lap = np.uint64(0)
    while at < turn:
        lap += np.uint64(1)
        at += fewest + chosen(join2(conversation ^ _CYCLE, lap), most - fewest + 1)
    return at == turn


@kernel
def calls_tool(scenes: Any, scene: Any, conversation: Any, turn: Any, turns: Any) -> Any:
    """Tell whether the answer of a turn is a tool call."""
    return turn + 1 < turns and not asks_user(scenes, scene, conversation, turn + 1)


@kernel
def refuses(scenes: Any, scene: Any, conversation: Any, turn: Any) -> Any:
    """Tell whether the answer of a turn is a refusal."""
    return join2(conversation ^ _REFUSE, np.uint64(turn)) >> np.uint64(32) < scenes.refusals[scene]


@inlined
def _answer_word(scenes: Any, rows: Any, row: Any, turn: Any) -> Any:
    base = rows.item[row] if scenes.flags[rows.scene[row]] & FIXED_ANSWER else rows.conversation[row]
    return join2(base, np.uint64(2 * turn + 1))


@kernel
def _put(out: Any, pos: Any, piece: Any) -> Any:
    if pos + len(piece) > len(out):
        return NO_ROOM
    for i in range(len(piece)):
        out[pos + i] = piece[i]
    return pos + len(piece)


@inlined
def _say(
    g: Any, scenes: Any, rows: Any, row: Any, turn: Any, part: Any, word: Any, out: Any, pos: Any, stack: Any
) -> Any:
    symbol = scenes.symbols[rows.scene[row], part]
    if symbol < 0:
        return pos
    # the wording of the exchange referred to is that of its first answer
    return expand(
        g,
        out,
        pos,
        symbol,
        rows.item[row],
        word,
        rows.who[row],
        rows.frame[row],
        turn,
        join2(rows.aux[row], np.uint64(1)),
        stack,
    )


@inlined
def _ask(g: Any, scenes: Any, rows: Any, row: Any, turn: Any, out: Any, pos: Any, stack: Any) -> Any:
    """Write the message that a turn brings: the user's, or a tool's result."""
    scene = rows.scene[row]
    base = rows.item[row] if scenes.flags[scene] & FIXED_ASK else rows.conversation[row]
    word = join2(base, np.uint64(2 * turn))
    if turn == 0:
        part = ASK
    elif asks_user(scenes, scene, rows.conversation[row], turn):
        part = MORE
    else:
        part = TOOL
    return _say(g, scenes, rows, row, turn, part, word, out, pos, stack)


@inlined
def _spoken(g: Any, scenes: Any, rows: Any, row: Any, turn: Any, word: Any, out: Any, pos: Any, stack: Any) -> Any:
    """Write the text of a turn's answer, without its tool call."""
    scene = rows.scene[row]
    if calls_tool(scenes, scene, rows.conversation[row], turn, rows.turns[row]):
        part = PREFACE
    elif refuses(scenes, scene, rows.conversation[row], turn):
        part = REFUSE
    elif scenes.cycle[scene, 1] > 1:
        part = FINAL
    else:
        part = ANSWER if turn == 0 else ANSWER_MORE
    return _say(g, scenes, rows, row, turn, part, word, out, pos, stack)


@kernel
def _remembered(g: Any, scenes: Any, rows: Any, row: Any, turn: Any, out: Any, pos: Any, stack: Any) -> Any:
    """Write an answer as it stands in a later history: its text, then its tool call as one canonical JSON line."""
    word = _answer_word(scenes, rows, row, turn)
    begin = pos
    pos = _spoken(g, scenes, rows, row, turn, word, out, pos, stack)
    if pos < 0 or not calls_tool(scenes, rows.scene[row], rows.conversation[row], turn, rows.turns[row]):
        return pos
    if pos > begin:
        if pos + 1 > len(out):
            return NO_ROOM
        out[pos] = 10
        pos += 1
    pos = _put(out, pos, _BEFORE)
    if pos < 0:
        return pos
    pos = _say(g, scenes, rows, row, turn, ARGS, word, out, pos, stack)
    if pos < 0:
        return pos
    pos = _put(out, pos, _BETWEEN)
    if pos < 0:
        return pos
    pos = _say(g, scenes, rows, row, turn, NAME, word, out, pos, stack)
    if pos < 0:
        return pos
    return _put(out, pos, _AFTER)


@kernel
def _first_turn(scenes: Any, rows: Any, row: Any) -> Any:
    """Tell the first turn that a row sends.

    The whole history, what the client keeps of it, or the last turn only.
    """
    scene, last = rows.scene[row], rows.turn[row]
    if scenes.flags[scene] & HELD:
        return last
    first = max(0, last - scenes.context[scene])
    while not asks_user(scenes, scene, rows.conversation[row], first):
        first -= 1
    return first


@kernel
def _histories(
    g: Any,
    scenes: Any,
    rows: Any,
    order: Any,
    heads: Any,
    base: Any,
    lowest: Any,
    out: Any,
    ends: Any,
    begin: Any,
    stack: Any,
) -> Any:
    """Write the turns of each conversation once; return the conversation at which the room ran out."""
    for talk in range(begin, len(heads) - 1):
        row = order[heads[talk + 1] - 1]  # the latest turn of this conversation in the chunk
        at = base[talk]
        pos = np.int64(ends[at])
        for turn in range(lowest[talk], rows.turn[row] + 1):
            pos = _ask(g, scenes, rows, row, turn, out, pos, stack)
            if pos < 0:
                return talk if pos == NO_ROOM else pos
            at += 1
            ends[at] = pos
            if turn < rows.turn[row]:
                pos = _remembered(g, scenes, rows, row, turn, out, pos, stack)
                if pos < 0:
                    return talk if pos == NO_ROOM else pos
                at += 1
                ends[at] = pos
    return len(heads) - 1


@kernel
def _messages(
    g: Any,
    scenes: Any,
    rows: Any,
    lists: Any,
    places: Any,
    source: Any,
    ends: Any,
    out: Any,
    offsets: Any,
    roles: Any,
    begin: Any,
    stack: Any,
) -> Any:
    """Lay out the conversation as sent of rows from `begin` on; return the row at which the room ran out."""
    for row in range(begin, len(rows.scene)):
        scene = rows.scene[row]
        at = np.int64(lists[row])
        pos = np.int64(offsets[at])
        for shot in range(scenes.shots[scene]):
            example = join2(rows.frame[row] ^ _SHOT, np.uint64(shot))
            for part in (SHOT_ASK, SHOT_ANSWER):
                pos = expand(
                    g,
                    out,
                    pos,
                    scenes.symbols[scene, part],
                    example,
                    example,
                    rows.who[row],
                    rows.frame[row],
                    np.int64(0),
                    np.uint64(0),
                    stack,
                )
                if pos < 0:
                    return row if pos == NO_ROOM else pos
                roles[at] = USER if part == SHOT_ASK else ASSISTANT
                at += 1
                offsets[at] = pos
        first, last = _first_turn(scenes, rows, row), rows.turn[row]
        piece = places[row]
        many = 2 * (last - first) + 1
        size = ends[piece + many] - ends[piece]
        if pos + size + 8 > len(out):
            return row
        start = np.int64(ends[piece])
        copy(np.uint64(out.ctypes.data), pos, np.uint64(source.ctypes.data), start, size)
        for nth in range(many):
            turn = first + nth // 2
            if nth % 2:
                roles[at] = ASSISTANT
            else:
                roles[at] = USER if asks_user(scenes, scene, rows.conversation[row], turn) else TOOL_ROLE
            at += 1
            offsets[at] = pos + (ends[piece + nth + 1] - start)
        pos += size
    return len(rows.scene)


@kernel
def _extents(scenes: Any, rows: Any, counts: Any, firsts: Any) -> None:
    """Count the messages that each row sends, and name its first turn."""
    for row in range(len(rows.scene)):
        firsts[row] = _first_turn(scenes, rows, row)
        counts[row] = 2 * scenes.shots[rows.scene[row]] + 2 * (rows.turn[row] - firsts[row]) + 1


@kernel
def _double(out: Any, begin: Any, end: Any, h: Any) -> Any:
    """Write one word of out[begin:end] twice, as some gateways log streamed answers; return the new end."""
    words = 0
    for i in range(begin, end):
        if out[i] == 32:
            words += 1
    if words < 2:
        return end
    nth = 1 + chosen(h, words - 1)
    at, stop, seen = begin, end, 0
    for i in range(begin, end):
        if out[i] == 32:
            seen += 1
            if seen == nth:
                at = i
            elif seen == nth + 1:
                stop = i
                break
    size = stop - at
    if end + size > len(out):
        return NO_ROOM
    for i in range(end - 1, stop - 1, -1):
        out[i + size] = out[i]
    for i in range(size):
        out[stop + i] = out[at + i]
    return end + size


@kernel
def _answers(g: Any, scenes: Any, rows: Any, nth: Any, out: Any, offsets: Any, begin: Any, stack: Any) -> Any:
    """Write the delivered answer of each row (its `nth` choice); empty where there is none."""
    for row in range(begin, len(rows.scene)):
        pos = np.int64(offsets[row])
        if rows.answered[row]:
            word = _answer_word(scenes, rows, row, rows.turn[row])
            if nth[row] > 0:
                word = join2(word ^ _CHOICE, np.uint64(nth[row]))
            pos = _spoken(g, scenes, rows, row, rows.turn[row], word, out, pos, stack)
            if pos >= 0 and rows.doubled[row]:
                pos = _double(out, np.int64(offsets[row]), pos, mix(word ^ _DOUBLE))
            if pos < 0:
                return row if pos == NO_ROOM else pos
        offsets[row + 1] = pos
    return len(rows.scene)


@kernel
def _parts(g: Any, scenes: Any, rows: Any, part: Any, out: Any, offsets: Any, begin: Any, stack: Any) -> Any:
    """Write one part of each row's answer: its reasoning, or the name or arguments of its tool call."""
    for row in range(begin, len(rows.scene)):
        pos = np.int64(offsets[row])
        if rows.answered[row] and scenes.symbols[rows.scene[row], part] >= 0:
            word = _answer_word(scenes, rows, row, rows.turn[row])
            pos = _say(g, scenes, rows, row, rows.turn[row], part, word, out, pos, stack)
            if pos < 0:
                return row if pos == NO_ROOM else pos
        offsets[row + 1] = pos
    return len(rows.scene)


@kernel
def facts(scenes: Any, rows: Any, calling: Any, refused: Any) -> None:
    """Tell of each row whether its answer calls a tool, and whether it is a refusal."""
    for row in range(len(rows.scene)):
        scene, conversation, turn = rows.scene[row], rows.conversation[row], rows.turn[row]
        calling[row] = rows.answered[row] and calls_tool(scenes, scene, conversation, turn, rows.turns[row])
        refused[row] = rows.answered[row] and not calling[row] and refuses(scenes, scene, conversation, turn)


def some(rows: Rows, which: npt.NDArray[Any]) -> Rows:
    """Keep some rows, by a mask or by numbers."""
    columns: Any = rows
    return Rows(*(column[which] for column in columns))


def _roomy(size: int) -> npt.NDArray[np.uint8]:
    """Make a buffer that may be overrun by a few bytes: copies go eight at a time."""
    return np.empty(size + 16, np.uint8)[:size]


class Bench:
    """A worker's buffers, kept from chunk to chunk: fresh pages cost more than the texts."""

    def __init__(self) -> None:
        self._buffers: dict[str, npt.NDArray[np.uint8]] = {}

    def buffer(self, name: str, size: int) -> npt.NDArray[np.uint8]:
        """Lend a buffer of at least that size."""
        held = self._buffers.get(name)
        if held is None or len(held) < size:
            held = self._buffers[name] = _roomy(size + size // 4)
        return held

    def grow(self, name: str, used: int) -> npt.NDArray[np.uint8]:
        """Double a buffer and keep what is written in it."""
        old = self._buffers[name]
        new = _roomy(2 * len(old))
        new[:used] = old[:used]
        self._buffers[name] = new
        return new


def messages(
    bench: Bench, program: Program, scenes: SceneTable, rows: Rows
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Write the conversations as sent: list offsets, content offsets, content bytes, role codes.

    Each turn of a conversation is written once in a chunk, and copied into the history of every later turn.
    """
    n = len(rows.scene)
    counts, firsts = np.empty(n, np.int64), np.empty(n, np.int64)
    _extents(scenes, rows, counts, firsts)
    alone = counts.max(initial=1) == 1  # no history anywhere: every row is written where it stands
    order = np.arange(n) if alone else np.lexsort((rows.turn, rows.conversation))
    talk_of = np.empty(n, np.int64)
    new = np.ones(n, bool)
    new[1:] = alone | (rows.conversation[order][1:] != rows.conversation[order][:-1])
    talk_of[order] = np.cumsum(new) - 1
    heads = np.append(np.flatnonzero(new), n)
    lowest = np.minimum.reduceat(firsts[order], heads[:-1])
    highest = rows.turn[order[heads[1:] - 1]]
    base = np.concatenate([[0], np.cumsum(2 * (highest - lowest) + 1)])
    ends = np.zeros(base[-1] + 1, np.int64)
    source = bench.buffer("turns", 1 << 20)
    done = 0
    while True:
        done = _histories(program, scenes, rows, order, heads, base, lowest, source, ends, done, scratch())
        if done == len(heads) - 1:
            break
        check_depth(done)
        source = bench.grow("turns", int(ends[base[done]]))
    if alone:
        return (
            np.arange(n + 1, dtype=np.int32),
            ends.astype(np.int32),
            source[: ends[-1]],
            np.zeros(n, np.int8),
        )
    places = base[talk_of] + 2 * (firsts - lowest[talk_of])
    lists = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    offsets = np.zeros(lists[-1] + 1, np.int32)
    roles = np.zeros(lists[-1], np.int8)
    out = bench.buffer("messages", 1 << 20)
    done = 0
    while True:
        done = _messages(program, scenes, rows, lists, places, source, ends, out, offsets, roles, done, scratch())
        if done == n:
            return lists, offsets, out[: offsets[-1]], roles
        check_depth(done)
        out = bench.grow("messages", int(offsets[lists[done]]))


def answers(
    bench: Bench,
    program: Program,
    scenes: SceneTable,
    rows: Rows,
    nth: npt.NDArray[np.int64],
    name: str = "answers",
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Write the delivered answers."""
    offsets = np.zeros(len(rows.scene) + 1, np.int32)
    out = bench.buffer(name, 1 << 20)
    done = 0
    while True:
        done = _answers(program, scenes, rows, nth, out, offsets, done, scratch())
        if done == len(rows.scene):
            return offsets, out[: offsets[-1]]
        check_depth(done)
        out = bench.grow(name, int(offsets[done]))


def parts(
    bench: Bench, program: Program, scenes: SceneTable, rows: Rows, part: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Write one part of the answers."""
    offsets = np.zeros(len(rows.scene) + 1, np.int32)
    out = bench.buffer(f"part{part}", 1 << 18)
    done = 0
    while True:
        done = _parts(program, scenes, rows, part, out, offsets, done, scratch())
        if done == len(rows.scene):
            return offsets, out[: offsets[-1]]
        check_depth(done)
        out = bench.grow(f"part{part}", int(offsets[done]))
