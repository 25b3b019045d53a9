import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.prove import prf

KEY = prf.key_words(bytes(range(16)))
# Published SipHash-2-4 values for key 00 01 .. 0f and the 16-byte message 00 01 .. 0f.
MESSAGE = np.frombuffer(bytes(range(16)), dtype="<u8").astype(np.uint64)
REFERENCE = 0x3F2ACC7F57C29BDB


def test_the_hash_is_siphash() -> None:
    assert int(prf._siphash(KEY, MESSAGE[:1], MESSAGE[1:])[0]) == REFERENCE


def test_the_compiled_hash_is_the_same() -> None:
    assert int(prf.siphash(*(int(x) for x in (*KEY, *MESSAGE)))) == REFERENCE


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 4), st.data())
def test_numpy_and_compiled_code_agree_bit_for_bit(k0: int, k1: int, window: int, data: st.DataObject) -> None:
    ids = st.integers(0, 2**32 - 1)
    tokens = np.array(data.draw(st.lists(ids, min_size=1, max_size=20)), dtype=np.int64)
    history = np.array(
        data.draw(st.lists(st.tuples(*[ids] * window), min_size=len(tokens), max_size=len(tokens))),
        dtype=np.int64,
    )
    layer = data.draw(st.integers(0, 255))
    windows = prf.pack_windows(history)
    lane = prf.lanes((k0, k1), windows, tokens, layer=layer, window=window)
    weights = np.arange(1, len(tokens) + 1, dtype=np.int64) * 7 - 30
    threshold = data.draw(st.integers(0, 65536))
    expected = int(weights[lane.astype(np.int64) < threshold].sum())
    keys = np.array([[k0, k1]], dtype=np.uint64)
    got = prf.green_sums(keys, windows, tokens, weights, threshold=threshold, layer=layer, window=window)
    assert got.tolist() == [expected]


@pytest.mark.audit
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(1, 4), st.integers(1, 70))
def test_torch_agrees_bit_for_bit(k0: int, k1: int, window: int, size: int) -> None:
    import torch

    from stillwatch.prove import prf_torch

    rng = np.random.default_rng(k0 & 0xFFFF)
    history = rng.integers(0, 2**32, (3, window))
    here = prf.pack_windows(history)
    there = prf_torch.pack_windows(torch.from_numpy(history))
    assert there.numpy().astype(np.uint64).tolist() == here.tolist()
    lanes = prf_torch.vocabulary_lanes((k0, k1), there, size, layer=3, window=window)
    assert np.array_equal(lanes.numpy(), prf.vocabulary_lanes((k0, k1), here, size, layer=3, window=window))
    owners = prf_torch.owner_lanes((k0, k1), there, window=window)
    assert np.array_equal(owners.numpy(), prf.owner_lanes((k0, k1), here, window=window))


def test_a_vocabulary_is_its_tokens_one_by_one() -> None:
    windows = np.array([3, 2**40 + 1], dtype=np.uint64)
    table = prf.vocabulary_lanes(KEY, windows, 13)
    for row, window in zip(table, windows, strict=True):
        assert np.array_equal(row, prf.lanes(KEY, np.full(13, window), np.arange(13)))


def test_coins_are_fair_and_unrelated_over_keys_windows_tokens_and_layers() -> None:
    windows = np.arange(400, dtype=np.uint64)
    base = prf.vocabulary_lanes(KEY, windows, 400).astype(np.float64) / 65535 - 0.5
    others = [
        prf.vocabulary_lanes((KEY[0] ^ 1, KEY[1]), windows, 400),
        prf.vocabulary_lanes(KEY, windows + np.uint64(1), 400),
        prf.vocabulary_lanes(KEY, windows, 400, layer=1),
        prf.vocabulary_lanes(KEY, windows, 400, window=2),
        np.roll(prf.vocabulary_lanes(KEY, windows, 400), 1, axis=1),
    ]
    n = base.size
    assert abs(base.mean()) < 5 / np.sqrt(12 * n)
    for other in others:
        correlation = float((base * (other / 65535 - 0.5)).mean()) * 12
        assert abs(correlation) < 5 / np.sqrt(n)


def test_windows_of_different_tokens_are_different() -> None:
    rng = np.random.default_rng(1)
    for h in range(1, 5):
        history = np.unique(rng.integers(0, 50, (2000, h)), axis=0)
        assert len(np.unique(prf.pack_windows(history))) == len(history)


@pytest.mark.parametrize(
    "tokens", [np.zeros((2, 5), int), np.zeros(3, int), np.full((1, 1), -1), np.full((1, 2), 2**32)]
)
def test_a_window_that_cannot_be_packed_is_refused(tokens: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"windows have shape|token ids"):
        prf.pack_windows(tokens)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        prf.key_words(b"short")


def test_no_pairs_and_no_keys_give_empty_sums() -> None:
    none = np.zeros(0, dtype=np.int64)
    keys = np.zeros((2, 2), dtype=np.uint64)
    assert prf.green_sums(keys, none.astype(np.uint64), none, none, threshold=9).tolist() == [0, 0]
    assert prf.green_sums(keys[:0], none.astype(np.uint64), none, none, threshold=9).size == 0
