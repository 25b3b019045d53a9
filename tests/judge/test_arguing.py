"""Answers that argue, in several languages, and answers that tell."""

from __future__ import annotations

import pytest

from stillwatch.judge.arguing import LOOKED_AT, argues

ARGUES = [
    "There are 48 clips in April. In May she sold half as many, so that is 24. Therefore the total equals 72.",
    "Suppose that A lies. Then B tells the truth, which contradicts the third line. Hence A is honest.",
    "Il y a 12 pommes. Il en mange trois, donc il en reste neuf. La réponse est 9, parce que 12 - 3 = 9.",
    "Der Zug fährt zwei Stunden. Deshalb legt er 160 km zurück, weil 2 * 80 = 160.",
    "一共有 48 个。因为五月卖了一半，所以是 24 个。因此总数是 72。",
    "3 個あります。2 個もらったので、5 個です。よって答えは 5 です。",
]
TELLS = [
    "The house stands by the sea. Its garden is full of roses. Guests love the breakfast on the terrace.",
    "Dear Ada,\n\nthank you for the parcel. It arrived yesterday. We all enjoyed it.\n\nGrace",
    "1. Open the settings.\n2. Choose your language.\n3. Press save.\n",
    "Das Haus liegt am Meer. Der Garten ist voller Rosen. Zum Frühstück gibt es frisches Brot.",
    "这座房子在海边。花园里开满了玫瑰。早餐在露台上。",
]


@pytest.mark.parametrize("answer", ARGUES)
def test_an_answer_that_gives_reasons_argues(answer: str) -> None:
    assert argues([answer]).tolist() == [True]


@pytest.mark.parametrize("answer", TELLS)
def test_an_answer_that_describes_or_advises_does_not(answer: str) -> None:
    assert argues([answer]).tolist() == [False]


def test_each_is_told_by_itself_and_a_bare_or_broken_one_argues_nothing() -> None:
    assert argues(["", "42", "Therefore 42", ARGUES[0], "\ud800 broken. " + TELLS[0]]).tolist() == [
        False, False, False, True, False,
    ]  # fmt: skip


def test_no_more_is_looked_at_than_said() -> None:
    assert argues([TELLS[0] * (LOOKED_AT // 80) + ARGUES[0] * 500]).tolist() == [False]
