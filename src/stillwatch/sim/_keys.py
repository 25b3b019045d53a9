"""Keys: every value of a practice world is a pure function of 64-bit keys.

Nothing is drawn in an order that threads could change: a text, an address or a choice is `f(key)`, and keys
are joined from keys. Finaliser of splitmix64 (Steele, Lea & Flood 2014), a bijection on 64 bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import resources
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from stillwatch.kit.jit import load_u64

F = TypeVar("F", bound=Callable[..., Any])
Keys = npt.NDArray[np.uint64]

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
PLACES: Final = np.uint64((1 << 20) - 1)
_A: Final = np.uint64(0xBF58476D1CE4E5B9)
_B: Final = np.uint64(0x94D049BB133111EB)
_R30: Final = np.uint64(30)
_R27: Final = np.uint64(27)
_R31: Final = np.uint64(31)


def _sources() -> str:
    """Hash the sources of this room."""
    files = sorted((f for f in resources.files("stillwatch.sim").iterdir() if f.name.endswith(".py")), key=str)
    return hashlib.blake2b(b"".join(f.read_bytes() for f in files), digest_size=16).hexdigest()


_SOURCES: Final = _sources()


def kernel(function: F) -> F:
    """Compile a kernel that allocates nothing, cached for as long as no file of this room changes.

    Without the runtime's reference counts (`_nrt`) a call costs 30 ns and not 200: a text is written in one call, and
    a program is a dozen arrays. numba's cache looks at the kernel's own file only: a kernel that calls one of another
    file would go on running that file's old code, and write other rows than a fresh machine.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
    try:
        compiled: Any = numba.njit(function, cache=True, **options)
    except RuntimeError:  # no cache directory can be written: compile anew in each process
        return cast("F", numba.njit(function, **options))
    stamped: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(stamped, "_source_stamp"):
        stamped._source_stamp = (stamped._source_stamp, _SOURCES)
    return cast("F", compiled)


def inlined(function: F) -> F:
    """Compile a small helper into its callers.

    Passing a program and its rows costs more than the helper does.
    """
    kernel: Any = numba.njit(function, inline="always", error_model="numpy")
    return cast("F", kernel)


def _store_u64(_typing: Any, address: Any, offset: Any, word: Any) -> Any:  # noqa: ARG001 - numba's signature
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        where = builder.inttoptr(builder.add(args[0], args[1]), ir.IntType(64).as_pointer())
        builder.store(args[2], where, align=1)
        return _context.get_dummy_value()

    return types.void(types.uint64, types.uint64, types.uint64), generate


store_u64 = cast("Callable[[np.uint64, np.uint64, np.uint64], None]", intrinsic(_store_u64))
"""Write eight bytes at any alignment: `store_u64(array.ctypes.data, offset, word)`; inside kernels only."""


@inlined
def copy(to: Any, at: Any, source: Any, begin: Any, size: Any) -> None:
    """Copy bytes between addresses, eight at a time; both sides have room for seven more."""
    done = 0
    while done < size:
        store_u64(to, np.uint64(at + done), load_u64(source, np.uint64(begin + done)))
        done += 8


def _ufunc(*signatures: str) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        vectorize: Any = numba.vectorize
        try:
            kernel = vectorize(list(signatures), nopython=True, cache=True)(function)
        except RuntimeError:
            kernel = vectorize(list(signatures), nopython=True)(function)
        return cast("F", kernel)

    return decorate


@kernel
def mix(x: Any) -> Any:
    """Scatter one 64-bit key."""
    x = (x ^ (x >> _R30)) * _A
    x = (x ^ (x >> _R27)) * _B
    return x ^ (x >> _R31)


@kernel
def join2(a: Any, b: Any) -> Any:
    """Join two keys into one; not symmetric."""
    return mix(mix(a + GOLDEN) ^ (b * GOLDEN + _A))


@_ufunc("uint64(uint64, uint64)")
def _join(a: Any, b: Any) -> Any:
    return join2(a, b)


@_ufunc("uint64(uint64, uint64, uint64)")
def _below(a: Any, salt: Any, bound: Any) -> Any:
    return ((join2(a, salt) >> np.uint64(32)) * bound) >> np.uint64(32)


@_ufunc("float64(uint64, uint64)")
def _unit(a: Any, salt: Any) -> Any:
    return (join2(a, salt) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


def join(a: Keys | np.uint64, b: Keys | np.uint64) -> Keys:
    """Join two arrays of keys element by element (a NumPy ufunc: broadcasts, releases the GIL)."""
    return cast("Keys", _join(a, b))


def below(a: Keys, salt: Keys | np.uint64, bound: Keys | np.uint64) -> Keys:
    """Draw an integer in [0, bound) from each key; the bias is below bound / 2^32."""
    return cast("Keys", _below(a, salt, bound))


def unit(a: Keys, salt: Keys | np.uint64) -> npt.NDArray[np.float64]:
    """Draw a number in [0, 1) from each key."""
    return cast("npt.NDArray[np.float64]", _unit(a, salt))


def key(*parts: str | int) -> np.uint64:
    """Name a key by words and numbers; the same on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def pick(keys: Keys, salt: np.uint64, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Choose an index for each key, with the given weights."""
    edges = np.cumsum(weights)
    chosen = np.searchsorted(edges, unit(keys, salt) * edges[-1], side="right")
    return np.asarray(np.minimum(chosen, len(weights) - 1), np.int64)


def items_of(places: Keys, salt: np.uint64) -> Keys:
    """Key the items of a list: scattered, but for their low bits, which keep the place.

    So a pool of given texts is dealt out without asking one twice before all were asked.
    """
    return (join(places, salt) & ~PLACES) | ((places + salt) & PLACES)


def keys_from(first: int, n: int) -> Keys:
    """Make a run of n scattered keys."""
    return join(np.arange(first, first + n, dtype=np.uint64), GOLDEN)
