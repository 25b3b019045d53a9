"""The kernels of live decisions: SipHash, the table of hashes, and containment as the hunt means it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.kit import lookup
from stillwatch.kit.contained import KEPT, Frames, contained
from stillwatch.kit.fingerprint import FRAME, scratch, sketch, telling
from stillwatch.kit.siphash import siphash, siphash_all

U64 = np.uint64
WORK = scratch()
KEY = (U64(3), U64(5))


def marks(text: str) -> np.ndarray:
    raw = text.encode()
    found = sketch(np.frombuffer(raw + bytes(64), np.uint8), 0, len(raw), WORK, FRAME, U64(0))[4]
    return telling(np.unique(WORK.marks[:found].astype(np.uint32)))


def frames(*texts: str) -> Frames:
    owned = [marks(text)[:32] for text in texts]
    flat = np.concatenate(owned).astype(np.uint64)
    keys = np.empty_like(flat)
    siphash_all(flat, *KEY, keys)
    owner = np.repeat(np.arange(len(owned), dtype=np.int32), [len(one) for one in owned])
    table = lookup.build(keys, owner)
    return Frames(table.keys, table.values, np.array([len(one) for one in owned], np.uint16), *KEY)


def inside(text: str, known: Frames) -> list[int]:
    raw = text.encode()
    out = np.empty(KEPT, np.int32)
    return out[: contained(np.frombuffer(raw + bytes(64), np.uint8), len(raw), U64(0), WORK, known, out)].tolist()


def test_siphash_gives_the_reference_vector() -> None:
    k0, k1 = (U64(int.from_bytes(bytes(range(i, i + 8)), "little")) for i in (0, 8))
    assert int(siphash(k0, k0, k1)).to_bytes(8, "little").hex() == "6224939a79f5f593"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)), max_size=60))
def test_a_table_gives_back_what_was_put_in(pairs: list[tuple[int, int]]) -> None:
    table = lookup.build(np.array([k for k, _ in pairs], np.uint64), np.array([v for _, v in pairs], np.int32))
    out = np.empty(64, np.int32)
    for key in range(1, 55):
        found = lookup.every(table.keys, table.values, U64(key), out)
        assert sorted(out[:found].tolist()) == sorted(v for k, v in pairs if k == key)
        assert (lookup.first(table.keys, table.values, U64(key)) >= 0) == any(k == key for k, _ in pairs)


GRADE = "You are a strict grader of worked answers. Read the question and the reference, then explain each mark given:"
WRITE = "Write a short friendly letter to the neighbours about the summer party, in the tone that was asked for below:"


def test_a_template_is_found_again_around_whatever_stands_in_its_slot() -> None:
    known = frames(GRADE + " {}", WRITE + " {}")
    slot = " ".join(f"item{n} and something else entirely {n * 7}" for n in range(40))
    assert inside(f"{GRADE} {slot}", known) == [0]
    assert inside(f"{WRITE} {slot}", known) == [1]
    assert inside(f"{GRADE} {slot} {WRITE}", known) in ([0, 1], [1, 0])


def test_a_frame_of_short_texts_in_many_wordings_is_told_by_all_its_runs_of_words() -> None:
    windows, fine = np.arange(0, 16, 4, dtype=np.uint32), np.arange(2, 102, 4, dtype=np.uint32)
    assert telling(np.concatenate([windows, fine])).tolist() == fine.tolist()
    assert telling(np.concatenate([windows, fine[:10]])).tolist() == windows.tolist()


def test_a_text_that_only_speaks_of_the_same_things_contains_no_template() -> None:
    known = frames(GRADE, WRITE)
    assert inside("Could you grade my answer? The reference says that each mark must be explained.", known) == []
    assert inside("", known) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=600))
def test_any_text_is_looked_at_without_an_error(text: str) -> None:
    raw = text.encode("utf-8", "replace")
    out = np.empty(KEPT, np.int32)
    data = np.frombuffer(raw + bytes(64), np.uint8)
    assert 0 <= contained(data, len(raw), U64(0), WORK, frames(GRADE), out) <= KEPT
