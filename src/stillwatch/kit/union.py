"""Union-find with path halving; the smallest member is the root, so the outcome does not depend on the order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel


@kernel
def root(parent: npt.NDArray[np.int32], item: int) -> int:
    """Find the root of an item, halving the path to it."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@kernel
def join(parent: npt.NDArray[np.int32], one: int, two: int) -> None:
    """Join the sets of two items."""
    first, second = root(parent, one), root(parent, two)
    if first < second:
        parent[second] = first
    else:
        parent[first] = second


@kernel
def join_all(parent: npt.NDArray[np.int32], ones: npt.NDArray[np.int32], twos: npt.NDArray[np.int32]) -> None:
    """Join the sets at both ends of every edge."""
    for i in range(len(ones)):
        join(parent, ones[i], twos[i])


@kernel
def find(parent: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Give every item its root."""
    for item in range(len(parent)):
        parent[item] = root(parent, item)
    return parent
