r"""Grammar: the texts of the practice ground, as rules that a person can read and a kernel can expand.

A grammar file holds symbols with their alternatives, one to a line:

    # a comment
    = a 3..48                      a whole number named `a`, bound to the item
    @maths.ask item                a symbol; its choice is bound to the item
    {name} buys {=a} {goods#thing}. How much is that?
    *3 an alternative that counts three times
    ! an alternative kept for report seeds (>= 1000) only
    ~                              the empty text

    @maths.answer item:maths.ask   shares its choice with `maths.ask`: question and answer belong together

Bindings: `item` (what is asked), `turn` (item and turn), `who` (the person or project), `frame` (the
template's
owner), or none (free: another choice each time). Inside braces:

    {sym}        expand                          {sym#tag}   the same text wherever item and tag are the same
    {sym%tag}    the same for one `who`          {sym$tag}   the same for one `frame`
    {sym&tag}    the same for one item and turn  {sym*2..5|, }  two to five times, joined by `, `
    {sym#tag*2..5|, }  repeated, each time bound {sym*2..40^|\\n} few most times, many at times
    {'sym}       escaped for a JSON string       {^sym}      as it was worded in the exchange referred to
    {3..40}      a free number                   {=a*b-c}    arithmetic on bound numbers, left to right
    {0x8} {0d6}  eight hex digits, six digits

`@name baked 4096` expands a free symbol that many times when the grammar is read: thousands of words for the
price of one, each met again where a name would be met again.

A symbol of reserved alternatives uses only those in report worlds and never elsewhere.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from math import gcd
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.errors import SettingsError
from stillwatch.sim._keys import join, key

LIT, SYM, ITEM, WHO, FRAME, TURN, REPEAT, EXPR, RANGE, HEX, DIGITS, JSON, AUX = range(13)
WALKED: Final = 32  # a repeated symbol with no more alternatives than this meets each once before any twice
BINDINGS: Final = {"free": 0, "item": 1, "who": 2, "frame": 3, "turn": 4, "pool": 5}
_TAGGED: Final = {"#": ITEM, "%": WHO, "$": FRAME, "&": TURN}
_REFERENCE: Final = re.compile(
    r"(?P<mode>['^]?)(?P<sym>[a-z][\w.]*)(?:(?P<bind>[#%$&])(?P<tag>\w+))?"
    r"(?:\*(?P<lo>\d+)\.\.(?P<hi>\d+)(?P<tail>\^?)(?:\|(?P<sep>.*))?)?",
    re.DOTALL,
)


class Program(NamedTuple):
    """A compiled grammar: plain arrays, so that a kernel can walk it."""

    first: npt.NDArray[np.int64]  # symbol -> first alternative
    counts: npt.NDArray[np.int64]  # symbol -> number of alternatives
    strides: npt.NDArray[np.int64]  # symbol x 4: steps that meet every alternative once before any twice
    words: npt.NDArray[np.bool_]  # symbol -> a long list of plain words, chosen freely
    binding: npt.NDArray[np.int64]  # symbol -> what its choice is bound to
    group: npt.NDArray[np.uint64]  # symbol -> key of the choice
    spans: npt.NDArray[np.int32]  # alternative -> operations (first, end), or a word's bytes (first, -1 - length)
    code: npt.NDArray[np.int32]  # operations x (op, a, b, tag)
    tags: npt.NDArray[np.uint64]
    slots: npt.NDArray[np.int64]  # terms of expressions x (sign or operator, lo, hi)
    slot_keys: npt.NDArray[np.uint64]
    blob: npt.NDArray[np.uint8]


class Rule(NamedTuple):
    """A symbol as written."""

    binding: str
    group: str
    alternatives: list[tuple[str, int, bool]]  # text, weight, reserved
    numbers: Mapping[str, tuple[str, int, int]]
    where: str
    baked: int = 0


class Grammar:
    """Symbols by name, and the program that expands them."""

    def __init__(self, rules: Mapping[str, Rule], pools: Mapping[str, Sequence[str]], *, report: bool) -> None:
        self.names = {name: number for number, name in enumerate(rules)}
        self.program = _Compiler(self.names, rules, pools, report=report).program()
        self.baked = {name: rule.baked for name, rule in rules.items() if rule.baked and name not in pools}

    def symbol(self, name: str) -> int:
        """Number a symbol.

        Raises:
            SettingsError: when the grammar has no such symbol.
        """
        if not name:
            return -1
        if name not in self.names:
            near = [known for known in self.names if known.split(".")[0] == name.split(".", maxsplit=1)[0]]
            raise SettingsError(
                f"no symbol `{name}` in the grammar",
                hint=f"near ones: {', '.join(near[:12])}" if near else None,
            )
        return self.names[name]


def load(*, report: bool, pools: Mapping[str, Sequence[str]] | None = None) -> Grammar:
    """Read the grammar files that ship with stillwatch.

    Args:
        report: whether to use the alternatives reserved for report seeds.
        pools: texts that take the place of a symbol's alternatives.
    """
    if not pools:
        return _own(report)
    return _loaded(report, pools)


@cache
def _own(report: bool) -> Grammar:
    return _loaded(report, {})


def _loaded(report: bool, pools: Mapping[str, Sequence[str]]) -> Grammar:
    rules: dict[str, Rule] = {}
    folder = resources.files("stillwatch.sim") / "texts"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".txt"):
            rules |= parse(file.read_text(encoding="utf-8"), file.name)
    raw = Grammar(rules, pools, report=report)
    return Grammar(rules, {**pools, **_bake(raw)}, report=report)


def _bake(raw: Grammar) -> dict[str, Sequence[str]]:
    """Expand the symbols that are to be baked."""
    from stillwatch.sim._expand import texts

    out: dict[str, Sequence[str]] = {}
    for name, many in raw.baked.items():
        keys = join(np.arange(many, dtype=np.uint64), key("baked", name))
        offsets, data = texts(raw, np.full(many, raw.symbol(name)), keys)
        whole = data.tobytes()
        out[name] = [whole[a:b].decode() for a, b in itertools.pairwise(offsets)]
    return out


def parse(text: str, where: str) -> dict[str, Rule]:
    """Read one grammar file.

    Raises:
        SettingsError: when a line cannot be read.
    """
    rules: dict[str, Rule] = {}
    numbers: dict[str, tuple[str, int, int]] = {}
    rule: Rule | None = None
    for line_number, line in enumerate(text.splitlines(), 1):
        place = f"{where}, line {line_number}"
        if not line.strip() or line.startswith("# "):
            continue
        if line.startswith("= "):
            found = re.fullmatch(r"= (\w+) (\d+)\.\.(\d+)\s*", line)
            if not found:
                raise SettingsError(f"not a number: `{line}`", where=place, hint="write `= a 3..48`")
            numbers[found[1]] = (f"{where}:{found[1]}", int(found[2]), int(found[3]))
        elif line.startswith("@"):
            name, _, bound = line[1:].strip().partition(" ")
            baked = 0
            if many := re.fullmatch(r"baked (\d+)", bound):
                baked, bound = int(many[1]), ""
            binding, _, group = bound.partition(":")
            if (binding or "free") not in BINDINGS:
                raise SettingsError(f"unknown binding `{binding}`", where=place, hint=f"one of {', '.join(BINDINGS)}")
            rule = rules[name] = Rule(binding or "free", group or name, [], numbers, where, baked)
        elif rule is None:
            raise SettingsError("an alternative before the first symbol", where=place, hint="begin with `@name`")
        else:
            weight, reserved, body = 1, False, line
            if body.startswith("! "):
                reserved, body = True, body[2:]
            if weighted := re.match(r"\*(\d+) ", body):
                weight, body = int(weighted[1]), body[weighted.end() :]
            rule.alternatives.append(("" if body.strip() == "~" else body, weight, reserved))
    return rules


class _Compiler:
    def __init__(
        self,
        names: Mapping[str, int],
        rules: Mapping[str, Rule],
        pools: Mapping[str, Sequence[str]],
        *,
        report: bool,
    ) -> None:
        self.names, self.rules, self.pools, self.report = names, rules, pools, report
        self.blob = bytearray()
        self.known: dict[bytes, int] = {}
        self.code: list[tuple[int, int, int, int]] = []
        self.tags: list[np.uint64] = [key("no tag")]
        self.slots: list[tuple[int, int, int]] = []
        self.slot_keys: list[np.uint64] = []

    def program(self) -> Program:
        first: list[int] = []
        count: list[int] = []
        spans: list[tuple[int, int]] = []
        for name, rule in self.rules.items():
            first.append(len(spans))
            if name in self.pools:
                spans += [self._word(text.encode("utf-8", "replace")) for text in self.pools[name]]
            else:
                kept = [a for a in rule.alternatives if a[2] == self.report] if self._reserves(rule) else None
                for body, weight, _ in kept or rule.alternatives:
                    spans += [self._alternative(body, rule)] * weight
            if len(spans) == first[-1]:
                raise SettingsError(f"`{name}` has no alternative", where=rule.where, hint="write one, or `~`")
            count.append(len(spans) - first[-1])
        return Program(
            first=np.array(first, np.int64),
            counts=np.array(count, np.int64),
            strides=np.array([_strides(n) for n in count], np.int64),
            words=np.array(
                [self._is_words(n, spans[f : f + c]) for n, f, c in zip(self.rules, first, count, strict=True)]
            ),
            binding=np.array([self._binding(n, r) for n, r in self.rules.items()], np.int64),
            group=np.array([key("group", r.group) for r in self.rules.values()], np.uint64),
            spans=np.array(spans, np.int32),
            code=np.array(self.code, np.int32).reshape(-1, 4),
            tags=np.array(self.tags, np.uint64),
            slots=np.array(self.slots or [(0, 0, 0)], np.int64),
            slot_keys=np.array(self.slot_keys or [np.uint64(0)], np.uint64),
            blob=np.frombuffer(bytes(self.blob) + b" " * 16, np.uint8),
        )

    def _is_words(self, name: str, spans: list[tuple[int, int]]) -> bool:
        return len(spans) > WALKED and self.rules[name].binding == "free" and all(end < 0 for _, end in spans)

    def _binding(self, name: str, rule: Rule) -> int:
        """Bind a symbol's choice; texts that replace what is asked are dealt by the item's place in its list."""
        bound = rule.binding
        return BINDINGS["pool" if name in self.pools and bound in {"item", "frame"} else bound]

    @staticmethod
    def _reserves(rule: Rule) -> bool:
        return any(reserved for _, _, reserved in rule.alternatives)

    def _stored(self, text: bytes) -> int:
        at = self.known.get(text)
        if at is None:
            at = self.known[text] = len(self.blob)
            self.blob += text
        return at

    def _word(self, text: bytes) -> tuple[int, int]:
        return self._stored(text), -1 - len(text)

    def _literal(self, text: bytes) -> None:
        if text:
            self.code.append((LIT, self._stored(text), len(text), 0))

    def _alternative(self, body: str, rule: Rule) -> tuple[int, int]:
        begin = len(self.code)
        for piece in re.split(r"(?<!\\)(\{[^{}]*\})", body):
            if piece.startswith("{") and piece.endswith("}"):
                self._slot(piece[1:-1], rule)
            else:
                self._literal(_plain(piece).encode())
        if len(self.code) == begin:
            return self._word(b"")
        if len(self.code) == begin + 1 and self.code[-1][0] == LIT:
            _, at, size, _ = self.code.pop()
            return at, -1 - size
        return begin, len(self.code)

    def _slot(self, slot: str, rule: Rule) -> None:
        if slot.startswith("="):
            self._expression(slot[1:], rule)
        elif hexed := re.fullmatch(r"0x(\d+)", slot):
            self.code.append((HEX, int(hexed[1]), 0, 0))
        elif digits := re.fullmatch(r"0d(\d+)", slot):
            self.code.append((DIGITS, int(digits[1]), 0, 0))
        elif free := re.fullmatch(r"(\d+)\.\.(\d+)", slot):
            self.code.append((RANGE, int(free[1]), int(free[2]), 0))
        elif found := _REFERENCE.fullmatch(slot):
            self._reference(found, rule)
        else:
            raise SettingsError(f"cannot read `{{{slot}}}`", where=rule.where, hint="see the head of `_grammar.py`")

    def _reference(self, found: re.Match[str], rule: Rule) -> None:
        if found["sym"] not in self.names:
            raise SettingsError(f"no symbol `{found['sym']}`", where=rule.where, hint="define it with `@`")
        symbol = self.names[found["sym"]]
        tag = 0
        if found["tag"]:
            tag = len(self.tags)
            self.tags.append(key("tag", found["tag"]))
        if found["lo"]:
            if int(found["hi"]) >= 1 << 10 or (found["bind"] or "#") != "#":
                raise SettingsError(f"cannot repeat `{found[0]}`", where=rule.where, hint="bind repeats with `#`")
            span = int(found["lo"]) | int(found["hi"]) << 10 | (1 << 20 if found["tail"] else 0)
            self.code.append((REPEAT, symbol, span, tag))
            between = len(self.code)
            self._literal(_plain(found["sep"] if found["sep"] is not None else " ").encode())
            if len(self.code) == between:
                self.code.append((LIT, 0, 0, 0))
        elif found["mode"]:
            self.code.append((JSON if found["mode"] == "'" else AUX, symbol, 0, tag))
        elif found["bind"]:
            self.code.append((_TAGGED[found["bind"]], symbol, 0, tag))
        else:
            self.code.append((SYM, symbol, 0, 0))

    def _expression(self, text: str, rule: Rule) -> None:
        terms = re.findall(r"([+*-]?)(\w+)", text)
        begin = len(self.slots)
        for sign, name in terms:
            operator = {"": 0, "+": 0, "-": 1, "*": 2}[sign]
            if name.isdigit():
                self.slots.append((operator, int(name), int(name)))
                self.slot_keys.append(np.uint64(0))
            elif name in rule.numbers:
                tag, lo, hi = rule.numbers[name]
                self.slots.append((operator, lo, hi))
                self.slot_keys.append(key("number", tag))
            else:
                raise SettingsError(f"no number `{name}`", where=rule.where, hint=f"declare it: `= {name} 1..9`")
        self.code.append((EXPR, begin, len(self.slots), 0))


def _strides(count: int) -> list[int]:
    """Choose four steps that share no factor with a number of alternatives."""
    wanted = (0.618, 0.382, 0.27, 0.83)
    near = [max(1, round(count * share)) for share in wanted]
    return [next(s for s in range(n, n + count + 1) if gcd(s, count) == 1) for n in near]


_ESCAPES: Final = {"n": "\n", "t": "\t", "s": " "}


def _plain(text: str) -> str:
    """Undo escapes: newline, tab, space, and a backslash before a brace, a hash or a backslash."""

    def undo(found: re.Match[str]) -> str:
        letter = found[1]
        return _ESCAPES.get(letter, letter if letter in "{}#\\" else found[0])

    return re.sub(r"\\(.)", undo, text)


def check_groups(rules: Iterable[tuple[str, Rule]]) -> list[str]:
    """Name the groups whose symbols differ in their number of alternatives (answers would part)."""
    sizes: dict[str, set[tuple[tuple[int, bool], ...]]] = {}
    for _, rule in rules:
        shape = tuple((weight, reserved) for _, weight, reserved in rule.alternatives)
        sizes.setdefault(rule.group, set()).add(shape)
    return sorted(group for group, shapes in sizes.items() if len(shapes) > 1)
