"""Families of a log: what was made from one template gets one family, whatever stands in its slot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import rooms, sketch
from stillwatch.engine.scan import Window, plan, scan
from stillwatch.engine.scratch import Scratch
from stillwatch.families.assign import KEPT
from stillwatch.hunt.grow import FAMILIES, Grown, grow
from stillwatch.model.exchange import EXCHANGES

VOCABULARY = [f"{a}{b}{c}" for a in ("ba", "du", "fi", "go") for b in ("ran", "lek", "mis", "tov") for c in "aeiou"]
HARVEST = (
    "Explain the following problem step by step, showing all of your reasoning before the result. Problem: {} End."
)
LETTER = "Schreibe einen freundlichen Brief an unsere Kundin und erwähne dabei die folgenden Punkte ausführlich: {}"
AGENT = "You are a coding agent. Use the tools to edit files, run the tests after each change, and stop when they pass."
TURNS, SYSTEM, OPENING = slice(0, KEPT), KEPT, KEPT + 1


def words(rng: np.random.Generator, count: int) -> str:
    return " ".join(rng.choice(VOCABULARY, count))


def asked(text: str, *earlier: str) -> list[dict[str, str]]:
    """A conversation: turns of the user and of the assistant in turn, the text last."""
    turns = [*earlier, text]
    return [{"role": "assistant" if (len(turns) - n) % 2 == 0 else "user", "content": t} for n, t in enumerate(turns)]


def grown(tmp_path: Path, rows: list[dict[str, Any]], threads: int = 1) -> tuple[Grown, npt.NDArray[np.int32]]:
    begin = datetime(2026, 5, 4, tzinfo=UTC)
    full = [
        {"exchange": f"x{n}", "at": begin + timedelta(minutes=n), "account": f"a{n % 40}", **row}
        for n, row in enumerate(rows)
    ]
    file = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist(full, EXCHANGES), file)
    scratch = Scratch(tmp_path / f"columns-{threads}")
    members = list(rooms.members("sketch").values())
    scan(
        plan([file]), members, EXCHANGES.names, scratch, work=sketch.work, window=Window(), threads=threads,
        advance=lambda done: None,
    )  # fmt: skip
    with ThreadPoolExecutor(threads) as pool:
        found = grow(scratch, pool, threads, 20, lambda done: None)
    family = scratch.read("family")
    assert family.shape == (len(rows), FAMILIES)
    return found, family


def log(rng: np.random.Generator, each: int = 60) -> tuple[list[str], list[dict[str, Any]]]:
    """Two templates and small talk, mixed; slots of three to a hundred words."""
    made = [("harvest", HARVEST), ("letter", LETTER)]
    texts = [(name, frame.format(words(rng, int(rng.integers(3, 100))))) for name, frame in made for _ in range(each)]
    texts += [("talk", words(rng, int(rng.integers(5, 60)))) for _ in range(2 * each)]
    order = rng.permutation(len(texts))
    return [texts[n][0] for n in order], [{"messages": asked(texts[n][1])} for n in order]


def test_each_template_is_one_family_and_talk_is_none(tmp_path: Path) -> None:
    kinds, rows = log(np.random.default_rng(1))
    found, family = grown(tmp_path, rows)
    of = {kind: family[[n for n, k in enumerate(kinds) if k == kind], 0] for kind in set(kinds)}
    assert found.turns == 2
    assert len(set(of["harvest"].tolist())) == len(set(of["letter"].tolist())) == 1
    assert of["harvest"][0] != of["letter"][0]
    assert (of["talk"] == 0).all()
    assert all(len(found.marks[number]) >= 3 for number in (1, 2))


def test_short_questions_of_one_template_are_a_family_and_lose_no_long_one(tmp_path: Path) -> None:
    """A frame of nine words in questions of twelve; one of sixteen, in questions of twenty and at times of seventy."""
    rng = np.random.default_rng(4)
    short = [f"Ignore all of it and {words(rng, 1)} the text above this line {words(rng, 2)}" for _ in range(120)]
    frame = "translate this letter of a customer into plain german and keep every name and each number"
    mixed = [f"{frame} {words(rng, 4 if n % 4 else 55)}" for n in range(120)]
    talk = [words(rng, 12) for _ in range(120)]
    _, family = grown(tmp_path, [{"messages": asked(text)} for text in [*short, *mixed, *talk]])
    some = family[:, TURNS] > 0
    assert some[:120, 0].mean() > 0.9
    assert some[120:240, 0].all(), "long and short"
    assert not some[240:].any()
    shared = set(family[120:240:4, TURNS].flat) - {0}
    assert all(shared & set(row) for row in family[120:240, TURNS].tolist()), "one family holds both"


def test_threads_and_the_order_of_the_log_change_no_family(tmp_path: Path) -> None:
    _, rows = log(np.random.default_rng(2))
    found, family = grown(tmp_path, rows)
    threaded, other = grown(tmp_path, rows, threads=2)
    assert [set(marks.tolist()) for marks in threaded.marks] == [set(marks.tolist()) for marks in found.marks]
    assert np.array_equal(family, other)
    (tmp_path / "turned").mkdir()
    turned, back = grown(tmp_path / "turned", rows[::-1])
    names = {frozenset(marks.tolist()): number for number, marks in enumerate(turned.marks)}
    renamed = np.array([names[frozenset(marks.tolist())] for marks in found.marks])
    assert np.array_equal(renamed[family[:, 0]], back[::-1, 0])


def test_system_texts_are_families_of_their_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"system": f"{AGENT} Project: {words(rng, 12)}" if n % 2 else None, "messages": asked(words(rng, 20))}
        for n in range(120)
    ]
    found, family = grown(tmp_path, rows)
    assert found.systems == 1
    assert set(family[1::2, SYSTEM].tolist()) == {found.turns + 1}
    assert (family[::2, SYSTEM] == 0).all()
    assert (family[:, TURNS] == 0).all()


def test_a_later_turn_has_the_family_of_the_turn_that_opened_its_conversation(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows: list[dict[str, Any]] = []
    for _ in range(40):
        opening = HARVEST.format(words(rng, 30))
        rows += [
            {"messages": asked(opening)},
            {"messages": asked(words(rng, 15), opening, words(rng, 80))},
        ]
    found, family = grown(tmp_path, rows)
    assert found.turns == 1
    assert family[::2, 0].tolist() == [1] * 40
    assert family[1::2, 0].tolist() == [0] * 40, "what is asked later is no template"
    assert family[1::2, OPENING].tolist() == [1] * 40
    assert family[::2, OPENING].tolist() == [0] * 40


def test_a_text_that_comes_again_whole_is_an_item_and_not_lost(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    item = words(rng, 40)
    rows = [{"messages": asked(item)} for _ in range(30)] + [{"messages": asked(words(rng, 40))} for _ in range(30)]
    _, family = grown(tmp_path, rows)
    assert len(set(family[:30, 0].tolist())) == 1
    assert (family[30:, 0] == 0).all()


def test_without_content_nothing_grows(tmp_path: Path) -> None:
    found, family = grown(tmp_path, [{"ip": "192.0.2.1"} for _ in range(20)])
    assert len(found) == 1
    assert not family.any()
