"""Tree: the fields that a mapping needs, as one nested type that a decoder fills and all else is skipped.

`msgspec` decodes JSON straight into typed structs and walks over fields that a struct does not name without
making objects of them. So the cost of a record is that of its bytes and of the fields asked for, however
large the rest. Values are then taken out field by field for a whole block at a time.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from stillwatch.ingest import _salvage, _shapes, _text
from stillwatch.ingest._mapping import Columns, Keys

KINDS: Final = {
    "system": "any",
    "messages": "turns",
    "response": "said",
    "choices": "said",
    "tool_calls": "said",
    "reasoning": "said",
    "finish_reason": "said",
    "tools": "raw",
    "tools_hash": "raw",
    "top_logprobs": "any",
    "user_agent": "any",
}
"""What kind of value a column reads; the rest read scalars."""

Record = msgspec.Struct
Values = Sequence[Any]


class Node:
    """One field of the record, or the record itself; children are the fields below it that are asked for."""

    def __init__(self, key: str, parent: Node | None) -> None:
        self.key = key
        self.parent = parent
        self.kinds: set[str] = set()
        self.children: dict[str, Node] = {}
        self.cls: type[msgspec.Struct] | None = None
        self.empty: Any = None
        self.absent: Any = None
        self.plain = False
        self.whole = False  # its struct has just its children as fields, in their order
        self.get: Callable[[Any], Any] = _nothing

    def child(self, key: str) -> Node:
        return self.children.setdefault(key, Node(key, self))


class Tree:
    """The fields that a mapping reads, as a type and as a way to take them out.

    Attributes:
        record: the struct type of a record.
    """

    def __init__(self, mapping: Columns) -> None:
        self.opens_text = mapping.opens_text or mapping.table
        self.root = Node("", None)
        self.leaves: dict[tuple[str, Keys], Node] = {}
        for row in mapping:
            for path in row.paths:
                node = self.root
                for key in path:
                    node = node.child(key)
                node.kinds.add(KINDS.get(row.column, "scalar"))
                self.leaves[row.column, path] = node
        self._open: dict[Node, Values] = {}
        self._typed(self.root)
        self.record: type[Record] = self.root.cls or msgspec.defstruct("Record", [])

    def _typed(self, node: Node) -> Any:
        """Give the type that decodes a node, and set how its children are taken out."""
        for child in node.children.values():
            child.get = _from_plain(child.key)
        if len(node.kinds) > 1:
            self._plain(node)
            return Any
        kind = next(iter(node.kinds), None)
        if not node.children:
            node.plain = kind == "any"
            return _leaf(kind)
        if kind in _shapes.CLASS and _declares(_shapes.CLASS[kind], node):
            node.cls = _shapes.CLASS[kind]
            self._within(node, node.cls)
            return _shapes.COMPOSITE[kind]
        if kind is not None or any(key.isdecimal() for key in node.children):
            self._plain(node)
            return Any
        fields, names = [], {}
        for index, child in enumerate(node.children.values()):
            name = f"f{index}"
            made = self._typed(child)
            child.absent = _text.NOTHING if made is msgspec.Raw else None
            fields.append((name, made, child.absent))
            names[name] = child.key
            child.get = operator.attrgetter(name)
        node.cls = msgspec.defstruct("Fields", fields, rename=names, gc=False)
        node.whole = True
        node.empty = node.cls()
        return node.cls | str | None if self.opens_text else node.cls | None

    def _within(self, node: Node, cls: type[msgspec.Struct]) -> None:
        """Take the children of a node from a struct that declares them."""
        node.empty = cls()
        for child in node.children.values():
            child.get = operator.attrgetter(child.key)
            if child.children:
                child.cls = _struct_of(cls, child.key)
                self._within(child, child.cls or cls)

    def _plain(self, node: Node) -> None:
        """Leave a node and all below it as plain data."""
        node.plain = True
        for child in node.children.values():
            child.get = _from_plain(child.key)
            self._plain(child)

    def values(self, records: list[Record], column: str, path: Keys, held: dict[Node, Values]) -> Values:
        """Take one field out of every record of a block; what is absent is None, or `NOTHING` for raw fields.

        Args:
            held: what was taken already, for this block.
        """
        return self._column(self.leaves[column, path], records, held)

    def _column(self, node: Node, records: list[Any], held: dict[Node, Values]) -> Values:
        if node.parent is None:
            return records
        if node not in held:
            objects = self._objects(node.parent, records, held)
            if not objects:
                held[node] = [node.absent] * len(records)
            elif node.parent.whole:
                columns = zip(*map(msgspec.structs.astuple, objects), strict=True)
                held.update(zip(node.parent.children.values(), columns, strict=True))
            else:
                held[node] = list(map(node.get, objects))
        return held[node]

    def _objects(self, node: Node, records: list[Any], held: dict[Node, Values]) -> Values:
        """Give the structs of an inner node, an empty one where there is none; nothing when all are empty."""
        if node.parent is None:
            return records
        if node not in self._open:
            values = self._column(node, records, held)
            self._open[node] = self._structs(node, values) if any(values) else []
        return self._open[node]

    def _structs(self, node: Node, values: Values) -> Values:
        cls, empty = node.cls, node.empty
        if cls is None:
            return [_text.loose_text(value) if type(value) is str and self.opens_text else value for value in values]
        if self.opens_text or node.kinds:
            return [value if type(value) is cls else self._opened(value, cls, empty) for value in values]
        return [value or empty for value in values] if None in values else values

    def is_plain(self, column: str, path: Keys) -> bool:
        """Tell whether a field is decoded as plain data, as where a path goes on below a whole answer."""
        return self.leaves[column, path].plain

    def begin(self) -> dict[Node, Values]:
        """Begin a new block."""
        self._open = {}
        return {}

    def _opened(self, value: object, cls: type[msgspec.Struct], empty: Any) -> Any:
        if not self.opens_text or not isinstance(value, str):
            return empty
        try:
            return msgspec.json.decode(value, type=cls)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return _salvage.convert(_text.loose_text(value), cls) or empty


def _leaf(kind: str | None) -> Any:
    if kind == "raw":
        return msgspec.Raw
    if kind == "any" or kind is None:
        return Any
    return _shapes.COMPOSITE.get(kind, _shapes.Scalar)


def _declares(cls: type[msgspec.Struct], node: Node) -> bool:
    """Tell whether a struct declares all that is asked for below a node."""
    for key, child in node.children.items():
        if key not in cls.__struct_fields__:
            return False
        if child.children:
            inner = _struct_of(cls, key)
            if inner is None or not _declares(inner, child):
                return False
    return True


def _struct_of(cls: type[msgspec.Struct], name: str) -> type[msgspec.Struct] | None:
    """Find the struct type of a field, where it is one or none."""
    for field in msgspec.structs.fields(cls):
        if field.name == name:
            return next((one for one in _arguments(field.type) if _is_struct(one)), None)
    return None


def _arguments(kind: Any) -> Iterable[Any]:
    return getattr(kind, "__args__", (kind,))


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _from_plain(key: str) -> Callable[[Any], Any]:
    """Take a key from plain data: from an object by name, from a list by number."""
    place = int(key) if key.isdecimal() and len(key) < 9 else None

    def get(value: Any) -> Any:
        if isinstance(value, dict):
            return value.get(key)
        if isinstance(value, list) and place is not None and place < len(value):
            return value[place]
        return getattr(value, key, None) if isinstance(value, msgspec.Struct) else None

    return get


def _nothing(_: Any) -> Any:
    return None
