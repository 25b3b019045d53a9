"""Plan: which fields of JSON are wanted, as tables that a walk looks things up in."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel, load_u64, part

U64 = np.uint64
_ALL, _ZERO = ~U64(0), U64(0)
_K1: Final = U64(0x9E3779B97F4A7C15)
_K2: Final = U64(0xC2B2AE3D27D4EB4F)
KEY_SLOTS: Final = 1024

Entry = tuple[int, int, bool, int, int, int]
"""Of a key: slot, context inside, many, kinds, blame and blame of the row, as `Plan` describes them."""


class Plan(NamedTuple):
    """What is wanted, as tables. A context is an object whose keys are looked at.

    Attributes:
        keys: the keys, one after the other, padded; `key_starts` and `key_sizes` tell where; `key_slots` finds them.
        entries: for each context and key the number of its entry, -1 for a key to leap over.
        slot: of each entry where its place is kept, -1 for nowhere.
        into: of each entry the context inside of it, -1 for none.
        many: the entry holds a list of such contexts.
        kinds: of each entry the kinds of value that it may have.
        blame: of each entry the marks set on the line for another kind.
        row_blame: of each entry, the same for the row of a list.
        table: of each context the table that its places go to: 0 for lines, 1 and 2 for the rows of lists.
    """

    keys: npt.NDArray[np.uint8]
    key_starts: npt.NDArray[np.int64]
    key_sizes: npt.NDArray[np.int64]
    key_slots: npt.NDArray[np.int32]
    entries: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int32]
    into: npt.NDArray[np.int32]
    many: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.int32]
    blame: npt.NDArray[np.int32]
    row_blame: npt.NDArray[np.int32]
    table: npt.NDArray[np.int32]


def plan(contexts: list[dict[str, Entry]], tables: list[int]) -> Plan:
    """Make the tables of a plan.

    Args:
        contexts: of each context its keys with their entries.
        tables: of each context its table.
    """
    names = sorted({key.encode() for context in contexts for key in context})
    keys, starts = _padded(names)
    sizes = np.array([len(name) for name in names], np.int64)
    entries = np.full((len(contexts), max(len(names), 1)), -1, np.int64)
    told: list[Entry] = []
    for number, context in enumerate(contexts):
        for key, entry in context.items():
            entries[number, names.index(key.encode())] = len(told)
            told.append(entry)
    slot, into, many, kinds, blame, row_blame = zip(*told, strict=True)
    return Plan(
        keys=keys,
        key_starts=starts,
        key_sizes=sizes,
        key_slots=_finder(keys, starts, sizes),
        entries=entries,
        slot=np.array(slot, np.int32),
        into=np.array(into, np.int32),
        many=np.array(many, np.bool_),
        kinds=np.array(kinds, np.int32),
        blame=np.array(blame, np.int32),
        row_blame=np.array(row_blame, np.int32),
        table=np.array(tables, np.int32),
    )


def _padded(names: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Put keys one after the other, so that eight bytes can be read from any place; give where each begins."""
    starts, padded = [], b""
    for name in names:
        starts.append(len(padded))
        padded += name + bytes(16 - len(name) % 8)
    return np.frombuffer(padded + bytes(64), np.uint8), np.array(starts, np.int64)


def _finder(
    keys: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Make the table by which `find_key` finds a key."""
    slots = np.full(KEY_SLOTS, -1, np.int32)
    hashes = np.zeros(len(starts), np.uint64)
    _hash_keys(keys, starts, sizes, hashes)
    for number, hashed in enumerate(hashes):
        place = int(hashed) & (KEY_SLOTS - 1)
        while slots[place] >= 0:
            place = (place + 1) & (KEY_SLOTS - 1)
        slots[place] = number
    return slots


@part
def key_hash(address: np.uint64, at: int, size: int) -> np.uint64:
    """Hash a key of at least one byte by its size and its first and last bytes."""
    head = load_u64(address, U64(at)) & (_ALL >> U64(64 - 8 * min(max(size, 1), 8)))
    last = load_u64(address, U64(at + max(size - 8, 0))) if size > 8 else _ZERO
    hashed = (head ^ (U64(size) << U64(56))) * _K1 ^ last * _K2
    return hashed ^ (hashed >> U64(29))


@part
def same(one: np.uint64, at: int, other: np.uint64, there: int, size: int) -> bool:
    """Tell whether two places hold the same bytes."""
    place = 0
    while place < size:
        differing = load_u64(one, U64(at + place)) ^ load_u64(other, U64(there + place))
        if size - place < 8:
            differing &= _ALL >> U64(64 - 8 * (size - place))
        if differing != _ZERO:
            return False
        place += 8
    return True


@part
def find_key(address: np.uint64, at: int, size: int, plan: Plan) -> int:
    """Find a key by its bytes; -1 for one that nobody asks for."""
    if size < 1:
        return -1
    slot = np.int64(key_hash(address, at, size) & U64(KEY_SLOTS - 1))
    while True:
        key = plan.key_slots[slot]
        if key < 0:
            return -1
        if plan.key_sizes[key] == size and same(address, at, U64(plan.keys.ctypes.data), plan.key_starts[key], size):
            return int(key)
        slot = (slot + 1) & (KEY_SLOTS - 1)


@kernel
def _hash_keys(
    keys: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint64],
) -> None:
    for i in range(len(starts)):
        out[i] = key_hash(U64(keys.ctypes.data), starts[i], sizes[i])
