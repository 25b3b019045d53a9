"""Compiled kernels: one decorator, and the machine instructions that numpy has no name for.

Kernels release the GIL, so two threads use two cores. Compiled code is kept where `stillwatch.kept` says; where it
cannot be, the kernels compile anew at each start and work all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from stillwatch import kept

_KEPT = kept.here()

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code that holds no GIL; cached where a cache can be written."""
    return _compiled(function, {})


def lean(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel that only looks at arrays which it is given, and makes none, without counting references.

    Handed from part to part in tuples, an array is counted at each step, which in a kernel of many parts costs ten
    times the work itself; numba can take that out of simple loops only. The caller keeps the arrays alive.
    """
    return _compiled(function, {"_nrt": False})


def _compiled(function: Callable[P, R], more: dict[str, Any]) -> Callable[P, R]:
    options = {"nogil": True, "nopython": True, "error_model": "numpy", "boundscheck": False, **more}
    if _KEPT is None:
        return cast("Callable[P, R]", numba.jit(**options)(function))
    settings: Any = numba.config
    others, settings.CACHE_DIR = settings.CACHE_DIR, str(_KEPT)  # it is asked when a function is made a kernel
    try:
        return cast("Callable[P, R]", numba.jit(cache=True, **options)(function))
    except RuntimeError:  # the function is in no file of which numba could tell whether it has changed
        return cast("Callable[P, R]", numba.jit(**options)(function))
    finally:
        settings.CACHE_DIR = others


def entry(compiled: Callable[..., R], *example: Any) -> Callable[..., R]:
    """Give the machine code of a kernel for arguments of just these types, without the look at them at each call.

    Saves some five microseconds where arguments are many. It is called once to compile it; whoever calls what is given
    with arguments of other types, or other layout, breaks the process: keep it where the types cannot vary.
    """
    compiled(*example)
    overloads = getattr(compiled, "overloads", {})
    typeof: Callable[[Any], Any] = numba.typeof
    found = overloads.get(tuple(typeof(one) for one in example))
    direct: Callable[..., R] = compiled if found is None else found.entry_point
    return direct


def part(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a part of kernels, which becomes one with each kernel that calls it.

    A call hands over every array in seven numbers, and a dozen arrays so cost more than a short text.
    """
    compiled: Callable[P, R] = numba.jit(nogil=True, nopython=True, error_model="numpy", forceinline=True)(function)
    return compiled


def _load_u64(_typing: Any, address: Any, offset: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        where = builder.inttoptr(builder.add(*args), ir.IntType(64).as_pointer())
        return builder.load(where, align=1)

    return types.uint64(types.uint64, types.uint64), generate


def _load_byte(_typing: Any, address: Any, offset: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        where = builder.inttoptr(builder.add(*args), ir.IntType(8).as_pointer())
        return builder.zext(builder.load(where), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


def _element(kind: Any, width: Any) -> Any:
    """Make an intrinsic that reads element i of an array of which only the address is known."""

    def load(_typing: Any, address: Any, index: Any) -> Any:  # noqa: ARG001 - numba's signature
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            first = builder.inttoptr(args[0], width.as_pointer())
            return builder.load(builder.gep(first, [args[1]]))

        return kind(types.uint64, types.int64), generate

    return intrinsic(load)


def _trailing_zeros(_typing: Any, word: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


def _marks64(_typing: Any, address: Any, offset: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes = ir.VectorType(ir.IntType(8), 64)
        bytes64 = builder.load(builder.inttoptr(builder.add(*args), lanes.as_pointer()), align=1)

        def every(value: int) -> Any:
            return ir.Constant(lanes, [value] * 64)

        lowered = builder.or_(bytes64, every(0x20))
        told = [
            builder.icmp_unsigned("==", bytes64, every(0x22)),
            builder.icmp_unsigned("==", bytes64, every(0x5C)),
            builder.icmp_unsigned("==", lowered, every(0x7B)),
            builder.icmp_unsigned("==", lowered, every(0x7D)),
            builder.icmp_unsigned("<", bytes64, every(0x20)),
            builder.icmp_unsigned("==", bytes64, every(0x0A)),
            builder.icmp_signed("<", bytes64, every(0)),
        ]
        words = [builder.bitcast(mask, ir.IntType(64)) for mask in told]
        return context.make_tuple(builder, signature.return_type, words)

    seven: Any = types.UniTuple(types.uint64, 7)  # type: ignore[no-untyped-call]
    return seven(types.uint64, types.uint64), generate


def _differs64(_typing: Any, one: Any, place: Any, other: Any, there: Any) -> Any:  # noqa: ARG001 - as numba asks
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        lanes = ir.VectorType(ir.IntType(8), 64)
        left, right = (
            builder.load(builder.inttoptr(builder.add(*both), lanes.as_pointer()), align=1)
            for both in (args[:2], args[2:])
        )
        return builder.bitcast(builder.icmp_unsigned("!=", left, right), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64, types.uint64, types.uint64), generate


def _beyond_number64(_typing: Any, address: Any, offset: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        lanes = ir.VectorType(ir.IntType(8), 64)
        bytes64 = builder.load(builder.inttoptr(builder.add(*args), lanes.as_pointer()), align=1)

        def every(value: int) -> Any:
            return ir.Constant(lanes, [value] * 64)

        told = builder.icmp_unsigned("<", builder.sub(bytes64, every(0x30)), every(10))
        for sign in b"+-.":
            told = builder.or_(told, builder.icmp_unsigned("==", bytes64, every(sign)))
        told = builder.or_(told, builder.icmp_unsigned("==", builder.or_(bytes64, every(0x20)), every(0x65)))
        return builder.not_(builder.bitcast(told, ir.IntType(64)))

    return types.uint64(types.uint64, types.uint64), generate


def _ones(_typing: Any, word: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


def _copy64(_typing: Any, source: Any, offset: Any, target: Any, place: Any) -> Any:  # noqa: ARG001 - as numba asks
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        lanes = ir.VectorType(ir.IntType(8), 64)
        bytes64 = builder.load(builder.inttoptr(builder.add(*args[:2]), lanes.as_pointer()), align=1)
        builder.store(bytes64, builder.inttoptr(builder.add(*args[2:]), lanes.as_pointer()), align=1)
        slashes = builder.icmp_unsigned("==", bytes64, ir.Constant(lanes, [0x5C] * 64))
        return builder.bitcast(slashes, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64, types.uint64, types.uint64), generate


load_u64 = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_load_u64))
"""Read eight bytes at any alignment: `load_u64(array.ctypes.data, offset)`; inside kernels only."""

load_byte = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_load_byte))
"""Read one byte: `load_byte(array.ctypes.data, offset)`; inside kernels only."""

load_i32 = cast("Callable[[np.uint64, int], int]", _element(types.int32, ir.IntType(32)))
load_i64 = cast("Callable[[np.uint64, int], int]", _element(types.int64, ir.IntType(64)))
load_f64 = cast("Callable[[np.uint64, int], float]", _element(types.float64, ir.DoubleType()))
"""Read one element of a contiguous array by its address, `load_f64(addresses[c], i)`: for many arrays of one kind, to
hand over each of which would cost more than the work. Inside kernels only; the caller keeps the arrays alive."""

trailing_zeros = cast("Callable[[np.uint64], np.uint64]", intrinsic(_trailing_zeros))
"""Count the zero bits below the lowest set bit of a word (64 for zero); inside kernels only."""

Marks = tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]
marks64 = cast("Callable[[np.uint64, np.uint64], Marks]", intrinsic(_marks64))
"""Tell of 64 bytes, bit i for byte i: quotes, backslashes, brackets that open, brackets that close, control characters,
line feeds, bytes above ASCII; in a handful of vector instructions. Inside kernels only."""

copy64 = cast("Callable[[np.uint64, np.uint64, np.uint64, np.uint64], np.uint64]", intrinsic(_copy64))
"""Copy 64 bytes and tell which of them are backslashes, bit i for byte i; inside kernels only."""

differs64 = cast("Callable[[np.uint64, np.uint64, np.uint64, np.uint64], np.uint64]", intrinsic(_differs64))
"""Compare 64 bytes with 64 others and tell which differ, bit i for byte i; inside kernels only."""

beyond_number64 = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_beyond_number64))
"""Tell which of 64 bytes cannot stand in a number, bit i for byte i; inside kernels only."""

ones = cast("Callable[[np.uint64], np.uint64]", intrinsic(_ones))
"""Count the bits that are set in a word; inside kernels only."""
