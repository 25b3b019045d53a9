"""The one Merkle tree of the house: RFC 6962, with proofs of inclusion and of consistency.

Tracer commitments, data receipts and the ledger all hash with this tree, so that one verifier suffices and
any Certificate Transparency tool can check it.

- A leaf is `SHA-256(0x00 || data)`, a node `SHA-256(0x01 || left || right)`, the empty tree `SHA-256("")`.
- A tree of n > 1 leaves splits at the largest power of two below n.

Source: RFC 6962 section 2.1 (tree and proofs), RFC 9162 sections 2.1.3.2 and 2.1.4.2 (how to verify them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash the content of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """An append-only Merkle tree that keeps the hashes of its leaves, not their content.

    Appending costs O(1) hashes on average, a root or a proof O(log n): finished subtrees are kept by level.

    Example:
        >>> tree = Tree([b"a", b"b", b"c"])
        >>> proof = tree.inclusion(2)
        >>> verify_inclusion(tree.root(), leaf_hash(b"c"), index=2, size=3, proof=proof)
        True
    """

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for data in leaves:
            self.append(data)

    @classmethod
    def of_hashes(cls, hashes: Sequence[bytes]) -> Tree:
        """Build the tree from leaf hashes that were made by `leaf_hash`."""
        tree = cls()
        for digest in hashes:
            tree.append_hash(digest)
        return tree

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, data: bytes) -> int:
        """Append one leaf; returns its index."""
        return self.append_hash(leaf_hash(data))

    def append_hash(self, digest: bytes) -> int:
        """Append a leaf by its hash; returns its index.

        Raises:
            ValueError: when the digest is not 32 bytes long.
        """
        if len(digest) != HASH_BYTES:
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes, got {len(digest)}")
        self._levels[0].append(digest)
        level = 0
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*self._levels[level][-2:]))
            level += 1
        return len(self) - 1

    def root(self, size: int | None = None) -> bytes:
        """Give the root of the first `size` leaves (all of them when left out).

        Raises:
            ValueError: when the tree never had that size.
        """
        size = self._checked_size(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Prove that leaf `index` is in the tree of the first `size` leaves; siblings, lowest first.

        Raises:
            ValueError: when there is no such leaf or size.
        """
        size = self._checked_size(size)
        if not 0 <= index < size:
            raise ValueError(f"no leaf {index} in a tree of {size}")
        return self._path(index, 0, size)

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Prove that the first `old` leaves are a prefix of the first `size`.

        Raises:
            ValueError: when a size is none that the tree had, or they are in the wrong order.
        """
        size = self._checked_size(size)
        if not 0 < old <= size:
            raise ValueError(f"no consistency proof from {old} to {size} leaves")
        return self._subproof(old, 0, size, whole=True)

    def _checked_size(self, size: int | None) -> int:
        size = len(self) if size is None else size
        if not 0 <= size <= len(self):
            raise ValueError(f"the tree has {len(self)} leaves, not {size}")
        return size

    def _range(self, start: int, stop: int) -> bytes:
        """Hash of the leaves [start, stop); `start` is a multiple of the subtree's width."""
        width = stop - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self._levels[level][start >> level]
        middle = start + split(width)
        return node_hash(self._range(start, middle), self._range(middle, stop))

    def _path(self, index: int, start: int, stop: int) -> list[bytes]:
        if stop - start == 1:
            return []
        middle = start + split(stop - start)
        if index < middle:
            return [*self._path(index, start, middle), self._range(middle, stop)]
        return [*self._path(index, middle, stop), self._range(start, middle)]

    def _subproof(self, old: int, start: int, stop: int, *, whole: bool) -> list[bytes]:
        if old == stop - start:
            return [] if whole else [self._range(start, stop)]
        half = split(stop - start)
        middle = start + half
        if old <= half:
            return [*self._subproof(old, start, middle, whole=whole), self._range(middle, stop)]
        return [*self._subproof(old - half, middle, stop, whole=False), self._range(start, middle)]


def split(width: int) -> int:
    """Give the largest power of two below `width` (> 1)."""
    return 1 << ((width - 1).bit_length() - 1)


def verify_inclusion(root: bytes, leaf: bytes, *, index: int, size: int, proof: Sequence[bytes]) -> bool:
    """Check that a leaf hash stands at `index` in the tree of `size` leaves with this root.

    Never raises on a bad proof: it is false.
    """
    if not 0 <= index < size:
        return False
    place, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            current = node_hash(sibling, current)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and current == root


def verify_consistency(old_root: bytes, root: bytes, *, old: int, size: int, proof: Sequence[bytes]) -> bool:
    """Check that the tree of `old` leaves is a prefix of the tree of `size` leaves.

    Never raises on a bad proof: it is false. The empty tree is a prefix of any tree, with an empty proof.
    """
    if not 0 <= old <= size:
        return False
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    if old == size:
        return not proof and old_root == root
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    left = right = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            left, right = node_hash(sibling, left), node_hash(sibling, right)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            right = node_hash(right, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and left == old_root and right == root
