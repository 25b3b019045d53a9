"""Salvage: read what can be read of a record in which a field is not of the type expected.

A gateway that writes `"temperature": "0.7"` or a number where text was meant must not blind the hunt: such a
field is read where it can be meant and left empty where not, and the record is kept.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from typing import Any, Final

import msgspec

_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def convert(value: Any, kind: Any, misfits: list[Any] | None = None) -> Any:
    """Fill a type from plain data, with None for each part that does not fit.

    Args:
        kind: a struct, a list, a scalar, `Any`, `msgspec.Raw`, or a union of these with None.
        misfits: gets what did not fit.
    """
    misfits = [] if misfits is None else misfits
    if kind is Any or value is None:
        return value
    if kind is msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(value))
    options = _options(kind)
    if isinstance(value, dict):
        struct = next((one for one in options if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)
        if struct is not None:
            return _struct(value, struct, misfits)
        misfits.append(value)
        return None
    if isinstance(value, list):
        many = next((one for one in options if typing.get_origin(one) is list), None)
        if many is None:
            misfits.append(value)
            return None
        (inner,) = typing.get_args(many)
        return [made for one in value if (made := convert(one, inner, misfits)) is not None]
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        if str in options and isinstance(value, int | float):
            return str(value)
        misfits.append(value)
        return None


def _struct(value: dict[str, Any], struct: type[msgspec.Struct], misfits: list[Any]) -> Any:
    given: dict[str, Any] = {}
    for field in _fields(struct):
        if value.get(field.encode_name) is None:
            continue
        made = convert(value[field.encode_name], field.type, misfits)
        if made is not None:
            given[field.name] = made
    return struct(**given)


@functools.cache
def _fields(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(struct)


def _options(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) in {typing.Union, types.UnionType} else (kind,)


def without_lone_surrogates(line: bytes) -> bytes:
    r"""Replace escaped halves of surrogate pairs, which JSON can spell and no text can hold, by U+FFFD.

    Example:
        >>> without_lone_surrogates(rb'"\ud83d"')
        b'"\\ufffd"'
    """
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], line)
