"""Course: what a mapping wants, as a plan for the walk over lines of JSON."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from stillwatch.ingest import _shapes
from stillwatch.ingest._mapping import FORWARDED_FOR, Columns, Keys
from stillwatch.ingest._tree import Node, Tree
from stillwatch.kit import json_plan
from stillwatch.kit.json_plan import Entry
from stillwatch.kit.json_scan import ARRAY, FLAG, NULL, NUMBER, OBJECT, TEXT
from stillwatch.kit.json_walk import SLOW

ANSWER: Final = 2
"""The mark of a line whose answer has another shape than the common one."""
MESSAGES, CHOICES = 1, 2
"""Tables of rows."""
ROLE, CONTENT = 0, 1
"""Slots of a message."""
FINISH, SAID, THOUGHT, INDEX, MESSAGE, BLOCKS = 2, 3, 4, 5, 6, 7
"""Slots of a choice."""
ROW_SLOTS: Final = 8
_ANY: Final = TEXT | NULL | NUMBER | FLAG | OBJECT | ARRAY
_SCALAR: Final = TEXT | NULL | NUMBER | FLAG


def _row(kinds: int, slot: int = -1, into: int = -1, blame: int = 0) -> Entry:
    return slot, into, False, kinds, blame, SLOW


_MESSAGE: Final[dict[str, Entry]] = {
    "role": _row(TEXT | NULL, ROLE),
    "content": _row(TEXT, CONTENT),
    **dict.fromkeys(("type", "name", "reasoning_content", "reasoning", "refusal", "finish_reason"), _row(TEXT | NULL)),
    **dict.fromkeys(("tool_calls", "function_call", "parts", "summary", "thinking_blocks", "function"), _row(NULL)),
}
_ANSWERING: Final[dict[str, Entry]] = {
    "content": _row(TEXT, SAID, blame=ANSWER),
    "reasoning_content": _row(TEXT | NULL, THOUGHT, blame=ANSWER),
    **dict.fromkeys(("role", "type", "name", "refusal"), _row(TEXT | NULL, blame=ANSWER)),
    **dict.fromkeys(
        ("tool_calls", "function_call", "parts", "summary", "function", "reasoning", "finish_reason"),
        _row(NULL, blame=ANSWER),
    ),
    "thinking_blocks": _row(ARRAY | NULL, BLOCKS, blame=ANSWER),
}


class Unfit(Exception):
    """A mapping that a walk cannot serve."""


class Course:
    """A plan, and where it keeps what.

    Attributes:
        slots: of each column and path the slot of its values.
        types: of each slot the type that its values are decoded to; None for one that is no value.
    """

    def __init__(self, mapping: Columns, tree: Tree) -> None:
        if tree.opens_text or mapping.verbatim:
            raise Unfit
        self._said_path(mapping)
        self.types: list[Any] = []
        self._contexts: list[dict[str, Entry]] = [{}]
        self._tables = [0]
        self._of: dict[Node, int] = {}
        self._object(tree.root, 0, None)
        self.slots: dict[tuple[str, Keys], int] = {key: self._of[node] for key, node in tree.leaves.items()}
        self.messages = self._slot_of(mapping, "messages")
        self.answer = self._slot_of(mapping, "response")
        self.plan = json_plan.plan(self._contexts, self._tables)

    def _slot_of(self, mapping: Columns, column: str) -> int:
        row = mapping.rows[column]
        return self.slots[column, row.paths[0]]

    @staticmethod
    def _said_path(mapping: Columns) -> None:
        """See that the conversation comes from one field, and all that comes from the answer from one other."""
        rows = [mapping.rows.get(name) for name in ("response", "choices", "tool_calls", "reasoning", "finish_reason")]
        paths = {row.paths if row and row.constant is None else () for row in rows}
        messages = mapping.rows.get("messages")
        if len(paths) != 1 or len(next(iter(paths))) != 1:
            raise Unfit
        if messages is None or len(messages.paths) != 1 or messages.constant is not None:
            raise Unfit
        if FORWARDED_FOR in mapping.rows and mapping.rows[FORWARDED_FOR].constant is not None:
            raise Unfit

    def _new(self, type_: Any = None) -> int:
        self.types.append(type_)
        return len(self.types) - 1

    def _context(self, table: int) -> int:
        self._contexts.append({})
        self._tables.append(table)
        return len(self._contexts) - 1

    def _object(self, node: Node, context: int, cls: type[msgspec.Struct] | None) -> None:
        """Plan the fields of an object; `cls` declares their types, where it does."""
        for key, child in node.children.items():
            if key in self._contexts[context]:
                raise Unfit
            self._contexts[context][key] = self._field(child, cls)

    def _field(self, node: Node, cls: type[msgspec.Struct] | None) -> Entry:
        kind = next(iter(node.kinds), None)
        if len(node.kinds) > 1 or (node.plain and node.children):
            raise Unfit
        if kind == "turns" and not node.children:
            return self._listed(node, _MESSAGE)
        if kind == "said":
            return self._answer(node)
        slot = self._of[node] = self._new(None if node.children else _leaf_type(node, kind, cls))
        if not node.children:
            return slot, -1, False, _ANY if kind in {"any", "raw"} else _SCALAR, SLOW, 0
        if kind is not None:
            raise Unfit
        context = self._context(0)
        self._object(node, context, _inner(cls, node.key))
        return slot, context, False, OBJECT | NULL, SLOW, 0

    def _listed(self, node: Node, message: dict[str, Entry]) -> Entry:
        slot = self._of[node] = self._new()
        context = self._context(MESSAGES)
        self._contexts[context] = dict(message)
        return slot, context, True, ARRAY | NULL, SLOW, 0

    def _answer(self, node: Node) -> Entry:
        slot = self._of[node] = self._new()
        context, choice, message = self._context(0), self._context(CHOICES), self._context(CHOICES)
        self._contexts[context]["choices"] = self._new(), choice, True, ARRAY | NULL, ANSWER, 0
        self._contexts[choice] = {
            "message": _row(OBJECT, MESSAGE, message, blame=ANSWER),
            "finish_reason": _row(TEXT | NULL, FINISH, blame=ANSWER),
            "index": _row(NUMBER | NULL, INDEX, blame=ANSWER),
            "text": _row(TEXT | NULL, blame=ANSWER),
        }
        self._contexts[message] = dict(_ANSWERING)
        self._object(node, context, _shapes.Answer)
        return slot, context, False, OBJECT | NULL, ANSWER, 0


def _leaf_type(node: Node, kind: str | None, cls: type[msgspec.Struct] | None) -> Any:
    if kind == "raw":
        return msgspec.Raw
    if kind == "any":
        return Any
    if kind not in {"scalar", None}:
        raise Unfit
    return _shapes.Scalar if cls is None else _declared(cls, node.key)


def _declared(cls: type[msgspec.Struct], key: str) -> Any:
    for field in msgspec.structs.fields(cls):
        if field.name == key:
            return field.type
    raise Unfit


def _inner(cls: type[msgspec.Struct] | None, key: str) -> type[msgspec.Struct] | None:
    if cls is None:
        return None
    for one in getattr(_declared(cls, key), "__args__", ()):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    raise Unfit
