"""Fingerprints: containment, folding, slots, and texts of every script and length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.kit.fingerprint import (
    FRAME,
    HASHES,
    LONGEST,
    MOST,
    SHINGLE,
    TURN,
    WINDOW,
    WRAPPING,
    scratch,
    sketch,
    smallest,
)

WORK = scratch()
WORDS = [f"w{i:x}q" for i in range(5000)]


def look(text: str | bytes, mode: int = FRAME, salt: int = 0) -> tuple[int, int, int, int, set[int]]:
    raw = text.encode() if isinstance(text, str) else text
    data = np.frombuffer(raw + bytes(64), np.uint8)
    exact, summed, tokens, script, found = sketch(data, 0, len(raw), WORK, mode, np.uint64(salt))
    return int(exact), int(summed), tokens, script, {int(mark) for mark in WORK.marks[:found]}


def words(rng: np.random.Generator, count: int) -> str:
    return " ".join(WORDS[i] for i in rng.integers(0, len(WORDS), count))


@pytest.mark.parametrize("slot", [1, 10, 60, 400])
def test_a_frame_is_contained_in_what_was_made_from_it_however_long_the_slot(slot: int) -> None:
    rng = np.random.default_rng(slot)
    head, tail = words(rng, 30), words(rng, 30)
    frame = look(head)[4] | look(tail)[4]
    filled = look(f"{head} {words(rng, slot)} {tail}")[4]
    assert len(frame & filled) >= 0.9 * len(frame)


def test_two_texts_that_share_a_long_enough_run_share_a_fingerprint() -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        run = words(rng, SHINGLE + WINDOW - 1)
        one = f"{words(rng, int(rng.integers(0, 30)))} {run} {words(rng, int(rng.integers(0, 30)))}"
        two = f"{words(rng, int(rng.integers(0, 30)))} {run} {words(rng, int(rng.integers(0, 30)))}"
        assert look(one)[4] & look(two)[4]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Solve THIS carefully now please", "solve this  carefully\nnow, please!"),
        ("naïve café résumé society today", "naive cafe resume society today"),
        ("fullwidth ＡＢＣ letters are the same", "fullwidth abc letters are the same"),
        ("zero\u200bwidth jo\u200diners va\ufeffnish here", "zerowidth joiners vanish here"),
        ("раураl homoglyphs look the same", "paypal homoglyphs look the same"),
        ("Straße nach Köln bei Nacht", "strasse nach koln bei nacht".replace("strasse", "straße")),
        ("٤٢ apples and ४२ pears in all", "42 apples and 42 pears in all"),
    ],
)
def test_folding_makes_the_same_text_the_same(one: str, two: str) -> None:
    assert look(one)[0] == look(two)[0]


def test_one_emoji_in_a_text_changes_no_other_word() -> None:
    plain = "please explain the water cycle to a small child in simple words"
    assert look(plain)[4] == look(plain.replace("water", "water 🌊"))[4]


def test_numbers_and_quotations_are_slots_for_the_frame_and_not_for_the_item() -> None:
    one = 'Given the number 17 and the text "alpha beta gamma delta", write the report in full'
    two = 'Given the number 4,209.5 and the text "one two three four five", write the report in full'
    assert look(one)[4] == look(two)[4]
    assert look(one)[0] != look(two)[0]


def test_a_short_quotation_is_no_slot() -> None:
    assert (
        look('return the field "name" of the first object here')[4]
        != look('return the field "city" of the first object here')[4]
    )


def test_the_sum_does_not_see_the_order_and_the_hash_does() -> None:
    one, two = look("answer a is better than answer b"), look("answer b is better than answer a")
    assert one[1] == two[1]
    assert one[0] != two[0]


@pytest.mark.parametrize(
    "text",
    [
        "请逐步推理并给出最终答案，不要跳过任何步骤",
        "次の文章を読んで質問に答えてください。理由も書くこと",
        "จงอธิบายขั้นตอนทั้งหมดอย่างละเอียดและสรุปผล",
        "اشرح خطوات الحل بالتفصيل ثم اكتب الجواب النهائي في السطر الأخير",
        "कृपया हर चरण विस्तार से समझाइए और अंत में उत्तर लिखिए",
        "Объясни каждый шаг решения подробно и в конце напиши ответ",
        "단계별로 풀이 과정을 자세히 설명하고 마지막에 답을 쓰시오",
    ],
)
def test_every_script_gives_tokens_and_fingerprints(text: str) -> None:
    exact, _, tokens, script, marks = look(text)
    assert exact
    assert tokens >= 8
    assert script > 1
    assert marks
    assert marks <= look(f"{text} {text[::-1]}")[4] | marks


def test_one_word_has_a_hash_and_no_fingerprint() -> None:
    exact, _, tokens, _, marks = look("Hi")
    assert (bool(exact), tokens, marks) == (True, 1, set())
    out = np.zeros(4, np.uint32)
    smallest(WORK, 0, np.uint64(exact), out)
    assert out[0] == np.uint32(exact & 0xFFFFFFFF)


def test_nothing_gives_nothing() -> None:
    assert look("") == (0, 0, 0, 0, set())
    assert look(" .,;\n\t—")[:3] == (0, 0, 0)


def test_a_text_of_200_kb_keeps_its_ends_and_a_bounded_middle() -> None:
    rng = np.random.default_rng(1)
    head, tail = words(rng, 40), words(rng, 40)
    marks = look(f"{head} {words(rng, 30_000)} {tail}")[4]
    assert len(marks) <= MOST
    assert len(look(head)[4] & marks) >= 0.8 * len(look(head)[4])
    assert len(look(tail)[4] & marks) >= 0.8 * len(look(tail)[4])


def test_beyond_the_longest_look_nothing_is_read() -> None:
    long = "a " * LONGEST
    assert look(long)[2] == LONGEST // 2


def test_a_tool_call_is_the_same_turn_however_a_gateway_wraps_it() -> None:
    call = 'read_file {"path": "src/app/main.py", "limit": 200, "encoding": "utf8"}'
    given = '{"path":"src/app/main.py","limit":200,"encoding":"utf8"}'
    wrapped = '{"tool_calls":[{"function":{"name":"read_file","arguments":' + given + "}}]}"
    assert look(call, TURN)[0] == look(wrapped, TURN)[0]


def test_every_word_of_the_wrapping_has_a_place_of_its_own() -> None:
    assert np.count_nonzero(WORK.wrapping) == len(WRAPPING)


def test_a_doubled_word_leaves_most_of_the_smallest_fingerprints() -> None:
    rng = np.random.default_rng(5)
    kept = 0
    for _ in range(100):
        text = words(rng, 60).split()
        doubled = [*text[:30], text[30], *text[30:]]
        marks = [sorted(look(" ".join(part), TURN)[4])[:4] for part in (text, doubled)]
        kept += len(set(marks[0]) & set(marks[1])) >= 2
    assert kept >= 97


def test_kinds_of_text_are_kept_apart_by_salt() -> None:
    text = words(np.random.default_rng(2), 50)
    assert not look(text, salt=1)[4] & look(text, salt=2)[4]


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_are_survived_and_repeat_themselves(raw: bytes) -> None:
    assert look(raw) == look(raw)
    assert look(raw, HASHES)[4] == set()
    assert look(raw, HASHES)[0] == look(raw)[0]


@given(st.text(max_size=200), st.integers(0, 63))
@settings(max_examples=100, deadline=None)
def test_where_a_text_stands_in_its_buffer_does_not_matter(text: str, shift: int) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    data = np.frombuffer(bytes(shift) + raw + bytes(64), np.uint8)
    moved = sketch(data, shift, shift + len(raw), WORK, FRAME, np.uint64(0))
    assert (int(moved[0]), int(moved[1])) == look(raw)[:2]


def pieces() -> Iterator[bytes]:
    """Texts of every kind and length: all scripts, long words, slots, spans, wrapped calls, bytes that are no text."""
    rng = np.random.default_rng(2026)
    words = ["alpha", "Beta", "gamma7", "42", "3rd", "x" * 17, "Wörter", "naïve", "推理", "답안", "อธิบาย", "الجواب",
             "шаг", "\u200b", "🌊", '"a quotation of words"', '"two words"', "`code(1)`", "```\nblock of code\n```",
             "«un deux trois»", "“one two three”", "「一 二 三」", "tool_calls", "arguments", "snake_case_name",
             "don't", "co-op", "\n", "…", '"', "`"]  # fmt: skip
    for size in [*range(40), 63, 64, 65, 100, 400, 900, 3000]:
        for kinds in (7, 17, len(words)):
            yield " ".join(words[i] for i in rng.integers(0, kinds, size)).encode()
    for size in range(0, 200, 3):
        yield rng.integers(32, 127, size).astype(np.uint8).tobytes()
        yield rng.integers(0, 256, size).astype(np.uint8).tobytes()


def test_fingerprints_stay_what_they_were() -> None:
    told = hashlib.sha256()
    for raw in pieces():
        for room in (0, 70):
            data = np.frombuffer(b"before" + raw + bytes(room), np.uint8)
            for mode in (HASHES, FRAME, TURN):
                exact, summed, tokens, script, found = sketch(data, 6, 6 + len(raw), WORK, mode, np.uint64(5))
                out = np.zeros(4, np.uint32)
                if mode == TURN:
                    smallest(WORK, found, np.uint64(exact), out)
                marks = WORK.marks[:found].tolist()
                told.update(repr((int(exact), int(summed), tokens, script, marks, out.tolist())).encode())
    # as made by the first kernels, a word at a time: frames that were shared or exported must match for ever
    assert told.hexdigest() == "086c522bbd277862d02c5f2e30b17b7cc56747d9ed8fbe1da36fefff131a7788"
