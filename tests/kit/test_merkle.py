import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.kit.merkle import (
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The reference leaves and roots of the Certificate Transparency implementations of RFC 6962.
LEAVES = [bytes.fromhex(leaf) for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_empty_tree_hashes_to_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Tree().root() == EMPTY_ROOT


def test_roots_agree_with_the_reference_vectors() -> None:
    tree = Tree(LEAVES)
    assert [tree.root(size).hex() for size in range(1, 9)] == ROOTS


def test_inclusion_paths_agree_with_the_reference_vectors() -> None:
    tree = Tree(LEAVES)
    assert tree.inclusion(0, 1) == []
    assert [h.hex() for h in tree.inclusion(0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [h.hex() for h in tree.inclusion(2, 3)] == [
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    ]


def test_consistency_proofs_agree_with_the_reference_vectors() -> None:
    tree = Tree(LEAVES)
    assert [h.hex() for h in tree.consistency(6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [h.hex() for h in tree.consistency(2, 5)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


def by_definition(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(by_definition(leaves[:half]), by_definition(leaves[half:]))


@given(st.lists(st.binary(max_size=4), max_size=40), st.data())
def test_every_proof_of_every_tree_holds_and_no_tampered_one_does(leaves: list[bytes], data: st.DataObject) -> None:
    tree = Tree(leaves)
    size = data.draw(st.integers(0, len(leaves)))
    root = tree.root(size)
    assert root == by_definition(leaves[:size])
    for index in range(size):
        proof = tree.inclusion(index, size)
        leaf = leaf_hash(leaves[index])
        assert verify_inclusion(root, leaf, index=index, size=size, proof=proof)
        assert not verify_inclusion(root, leaf_hash(b"another"), index=index, size=size, proof=proof)
        assert not verify_inclusion(root, leaf, index=index, size=size, proof=[*proof, root])
        assert not verify_inclusion(root, leaf, index=size, size=size, proof=proof)
    for old in range(1, size + 1):
        proof = tree.consistency(old, size)
        assert verify_consistency(tree.root(old), root, old=old, size=size, proof=proof)
        assert not verify_consistency(leaf_hash(b"forged"), root, old=old, size=size, proof=proof)
        if proof:
            forged = [leaf_hash(b"forged"), *proof[1:]]
            assert not verify_consistency(tree.root(old), root, old=old, size=size, proof=forged)
            assert not verify_consistency(tree.root(old), root, old=old, size=size, proof=proof[:-1])


def test_the_empty_tree_is_a_prefix_of_any() -> None:
    tree = Tree([b"a", b"b"])
    assert verify_consistency(EMPTY_ROOT, tree.root(), old=0, size=2, proof=[])
    assert not verify_consistency(tree.root(), tree.root(), old=0, size=2, proof=[])
    assert not verify_consistency(tree.root(), tree.root(), old=3, size=2, proof=[])
    assert not verify_consistency(tree.root(1), tree.root(), old=1, size=2, proof=[])


def test_a_tree_can_be_rebuilt_from_its_leaf_hashes() -> None:
    assert Tree.of_hashes([leaf_hash(x) for x in LEAVES]).root() == Tree(LEAVES).root()


def test_asking_for_what_is_not_there_is_an_error() -> None:
    tree = Tree([b"a", b"b", b"c"])
    with pytest.raises(ValueError, match="has 3 leaves, not 4"):
        tree.root(4)
    with pytest.raises(ValueError, match="no leaf 3"):
        tree.inclusion(3)
    with pytest.raises(ValueError, match="no consistency proof"):
        tree.consistency(0)
    with pytest.raises(ValueError, match="32 bytes"):
        tree.append_hash(b"short")
