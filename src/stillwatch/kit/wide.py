"""Wide: instructions on 64 bytes, or on eight words, at a time, for kernels that fold and cut text.

They are LLVM's vector operations, so they run on any processor, and in a handful of instructions where vectors have 512
bits. Inside kernels only; the caller keeps the arrays alive whose addresses it hands over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

K1: Final = 0x9E3779B97F4A7C15
K2: Final = 0xC2B2AE3D27D4EB4F
K3: Final = 0x165667B19E3779F9
"""Odd constants that spread the bits of a word; see `kit.words`."""
SLOT: Final = 0xA0761D6478BD642F
"""The token that stands for what varies in a frame."""

_BYTES: Final = ir.VectorType(ir.IntType(8), 64)
_EIGHT: Final = ir.VectorType(ir.IntType(64), 8)


def _every(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _vector(builder: Any, kind: Any, address: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def _fold64(_typing: Any, source: Any, target: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        read = _vector(builder, _BYTES, args[0])
        low = builder.or_(read, _every(_BYTES, 0x20))
        letter = builder.icmp_unsigned("<", builder.sub(low, _every(_BYTES, 0x61)), _every(_BYTES, 26))
        digit = builder.icmp_unsigned("<", builder.sub(read, _every(_BYTES, 0x30)), _every(_BYTES, 10))
        plain = builder.or_(digit, builder.icmp_unsigned("==", read, _every(_BYTES, 0x5F)))
        folded = builder.select(letter, low, builder.select(plain, read, _every(_BYTES, 0x20)))
        builder.store(folded, builder.inttoptr(args[1], _BYTES.as_pointer()), align=1)
        quote = builder.icmp_unsigned("==", read, _every(_BYTES, 0x22))
        quote = builder.or_(quote, builder.icmp_unsigned("==", read, _every(_BYTES, 0x60)))
        high = builder.icmp_signed("<", read, _every(_BYTES, 0))
        words = [builder.bitcast(mask, ir.IntType(64)) for mask in (builder.or_(letter, plain), high, quote)]
        return context.make_tuple(builder, signature.return_type, words)

    three: Any = types.UniTuple(types.uint64, 3)  # type: ignore[no-untyped-call]
    return three(types.uint64, types.uint64), generate


def _words64(_typing: Any, address: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        read = _vector(builder, _BYTES, args[0])
        return builder.bitcast(builder.icmp_unsigned("!=", read, _every(_BYTES, 0x20)), ir.IntType(64))

    return types.uint64(types.uint64), generate


def _hash8(_typing: Any, text: Any, edges: Any, hashes: Any, tokens: Any) -> Any:  # noqa: ARG001 - as numba asks
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        index = ir.VectorType(ir.IntType(32), 8)
        pairs = _vector(builder, ir.VectorType(ir.IntType(32), 16), args[1])
        nothing = ir.Constant(pairs.type, ir.Undefined)
        begins, ends = (
            builder.zext(builder.shuffle_vector(pairs, nothing, ir.Constant(index, list(range(first, 16, 2)))), _EIGHT)
            for first in (0, 1)
        )
        length = builder.sub(ends, begins)

        def least(value: Any, most: int) -> Any:
            return builder.select(builder.icmp_unsigned("<", value, _every(_EIGHT, most)), value, _every(_EIGHT, most))

        def eight(offset: int, size: Any) -> Any:
            """Read eight bytes of each word from `offset` on, of which `size` (1 to 8) count."""
            read = ir.Constant(_EIGHT, ir.Undefined)
            for lane in range(8):
                at = builder.extract_element(begins, ir.Constant(ir.IntType(32), lane))
                where = builder.add(builder.add(args[0], at), ir.Constant(ir.IntType(64), offset))
                one = builder.load(builder.inttoptr(where, ir.IntType(64).as_pointer()), align=1)
                read = builder.insert_element(read, one, ir.Constant(ir.IntType(32), lane))
            shift = builder.sub(_every(_EIGHT, 64), builder.shl(size, _every(_EIGHT, 3)))
            return builder.and_(read, builder.lshr(_every(_EIGHT, (1 << 64) - 1), shift))

        longer = builder.icmp_unsigned(">", length, _every(_EIGHT, 8))
        beyond = builder.select(longer, builder.sub(length, _every(_EIGHT, 8)), _every(_EIGHT, 1))
        head = eight(0, least(length, 8))
        rest = builder.select(longer, eight(8, least(beyond, 8)), _every(_EIGHT, 0))
        hashed = builder.mul(builder.xor(head, length), _every(_EIGHT, K1))
        mixed = builder.xor(rest, builder.lshr(hashed, _every(_EIGHT, 32)))
        hashed = builder.xor(hashed, builder.mul(mixed, _every(_EIGHT, K2)))
        hashed = builder.mul(builder.xor(hashed, builder.lshr(hashed, _every(_EIGHT, 32))), _every(_EIGHT, K3))
        hashed = builder.xor(hashed, builder.lshr(hashed, _every(_EIGHT, 29)))
        builder.store(hashed, builder.inttoptr(args[2], _EIGHT.as_pointer()), align=1)
        first = builder.sub(builder.and_(head, _every(_EIGHT, 0xFF)), _every(_EIGHT, 0x30))
        digit = builder.icmp_unsigned("<", first, _every(_EIGHT, 10))
        slotted = builder.select(digit, _every(_EIGHT, SLOT), hashed)
        builder.store(slotted, builder.inttoptr(args[3], _EIGHT.as_pointer()), align=1)
        told = [
            builder.zext(builder.bitcast(mask, ir.IntType(8)), ir.IntType(64))
            for mask in (builder.icmp_unsigned(">", length, _every(_EIGHT, 16)), digit)
        ]
        return context.make_tuple(builder, signature.return_type, told)

    two: Any = types.UniTuple(types.uint64, 2)  # type: ignore[no-untyped-call]
    return two(types.uint64, types.uint64, types.uint64, types.uint64), generate


def _opens64(_typing: Any, address: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        read = _vector(builder, _BYTES, args[0])
        told = builder.icmp_unsigned("==", read, _every(_BYTES, 0x22))
        for byte in (0x60, 0xE2, 0xC2, 0xE3):
            told = builder.or_(told, builder.icmp_unsigned("==", read, _every(_BYTES, byte)))
        return builder.bitcast(told, ir.IntType(64))

    return types.uint64(types.uint64), generate


def _shingle8(_typing: Any, tokens: Any, salt: Any, values: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        spread = ir.Constant(_EIGHT, ir.Undefined)
        for lane in range(8):
            spread = builder.insert_element(spread, args[1], ir.Constant(ir.IntType(32), lane))
        summed = builder.xor(_vector(builder, _EIGHT, args[0]), spread)
        for place, turn in enumerate((17, 34, 51), 1):
            token = _vector(builder, _EIGHT, builder.add(args[0], ir.Constant(ir.IntType(64), 8 * place)))
            left, right = builder.shl(token, _every(_EIGHT, turn)), builder.lshr(token, _every(_EIGHT, 64 - turn))
            summed = builder.add(summed, builder.or_(left, right))
        builder.store(summed, builder.inttoptr(args[2], _EIGHT.as_pointer()), align=1)
        return args[2]

    return types.uint64(types.uint64, types.uint64, types.uint64), generate


def _least8(_typing: Any, values: Any, smallest: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        one, two, three, four, five = (
            _vector(builder, _EIGHT, builder.add(args[0], ir.Constant(ir.IntType(64), 8 * place)))
            for place in range(-1, 4)
        )

        def lesser(left: Any, right: Any) -> Any:
            return builder.select(builder.icmp_unsigned("<", left, right), left, right)

        shared = lesser(lesser(two, three), four)
        least, before = lesser(shared, five), lesser(shared, one)
        builder.store(least, builder.inttoptr(args[1], _EIGHT.as_pointer()), align=1)
        return builder.zext(builder.bitcast(builder.icmp_unsigned("!=", least, before), ir.IntType(8)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


def _narrow8(_typing: Any, source: Any, target: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        half = ir.VectorType(ir.IntType(32), 8)
        lower = builder.trunc(_vector(builder, _EIGHT, args[0]), half)
        builder.store(lower, builder.inttoptr(args[1], half.as_pointer()), align=1)
        return args[1]

    return types.uint64(types.uint64, types.uint64), generate


Folded = tuple[np.uint64, np.uint64, np.uint64]
fold64 = cast("Callable[[np.uint64, np.uint64], Folded]", intrinsic(_fold64))
"""Lower the ASCII letters of 64 bytes, turn what is no word into spaces, and write them: `fold64(source, target)`.
Tells, bit i for byte i, which belong to words, which are above ASCII, and which may open a code span or a quotation."""

words64 = cast("Callable[[np.uint64], np.uint64]", intrinsic(_words64))
"""Tell of 64 folded bytes which belong to words, bit i for byte i."""

Looked = tuple[np.uint64, np.uint64]
hash8 = cast("Callable[[np.uint64, np.uint64, np.uint64, np.uint64], Looked]", intrinsic(_hash8))
"""Hash eight words of a folded text, `hash8(text, edges, hashes, tokens)`: their edges are eight pairs of int32. As
tokens of a frame those that begin with a digit are SLOT. Tells, bit i for word i, which are longer than 16 bytes (the
hashes of these are not theirs, see `kit.words`), and which begin with a digit."""

opens64 = cast("Callable[[np.uint64], np.uint64]", intrinsic(_opens64))
"""Tell which of 64 bytes may be the first of a mark that opens a code span or a quotation, bit i for byte i."""

shingle8 = cast("Callable[[np.uint64, np.uint64, np.uint64], np.uint64]", intrinsic(_shingle8))
"""Sum eight shingles of four tokens each, rotated by their place, `shingle8(tokens, salt, values)`: reads eleven."""

least8 = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_least8))
"""Find the smallest of four values from each of eight on, `least8(values, smallest)`; tells, bit i for value i, which
differ from the one before. Reads from one before the eight to three after them."""

narrow8 = cast("Callable[[np.uint64, np.uint64], np.uint64]", intrinsic(_narrow8))
"""Copy the lower halves of eight words, `narrow8(source, target)`."""
