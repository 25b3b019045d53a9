"""Families leave as keyed fingerprints of a frame, and only what no ordinary customer wrote is in them."""

from __future__ import annotations

import random
from datetime import date

import pytest
from tests.share.conftest import a_case, an_entry

from stillwatch.errors import ShareError
from stillwatch.share import scrub
from stillwatch.share.compose import compose
from stillwatch.share.control import gather
from stillwatch.share.families import Matcher, Outcome, Reader, epoch_key, epoch_of, keyed, publish

GROUP = bytes(range(32))
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("lan", "mer", "tik", "son", "vor")]


def words(seed: int, count: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


FRAME = "{} " + words(1, 30) + " {} " + words(2, 30)
EXEMPLARS = [FRAME.format(words(100 + n, 10), words(200 + n, 40)) for n in range(5)]
CONTROL = [words(1000 + n, 60) for n in range(150)]


def published(exemplars: list[str] = EXEMPLARS, control: list[str] = CONTROL, **change: object) -> Outcome:
    clean = gather((f"customer {number}", text) for number, text in enumerate(control))
    asked: dict[str, object] = {"group": GROUP, "epoch": "2026-W20", "accounts": 22, "exchanges": 1500, **change}
    return publish(exemplars, clean.marks, controls=clean.texts, **asked)  # type: ignore[arg-type]


def test_a_peer_with_the_key_finds_the_family_whatever_stands_in_its_slots() -> None:
    family = published().family
    assert family is not None
    matcher = Matcher([family], GROUP)
    for slot in (10, 200, 400):
        assert matcher.match(FRAME.format(words(7, 10), words(8, slot)))[family.id] >= 0.5
    assert not any(matcher.match(words(5000 + n, 200)) for n in range(100))


def test_a_bulletin_with_it_passes_the_scrub() -> None:
    family = published().family
    assert family is not None
    told = compose(an_entry(), a_case(an_entry()), producer="Example Lab", families=[family])
    assert scrub.refusals(told) == []


def test_without_the_key_of_the_week_nothing_matches() -> None:
    family = published().family
    assert family is not None
    assert not Matcher([family], bytes(32)).match(EXEMPLARS[0])
    assert not Reader().marks(EXEMPLARS[0]) & {int(mark, 16) for mark in family.marks}
    next_week = set(keyed(Reader().marks(EXEMPLARS[0]), epoch_key(GROUP, "2026-W21")))
    assert not next_week & set(family.marks)


def test_the_name_of_a_family_is_the_same_in_a_week_and_tells_nothing_of_the_next() -> None:
    one, again, later = published().family, published().family, published(epoch="2026-W21").family
    assert one is not None
    assert later is not None
    assert one == again
    assert one.id != later.id


def test_what_a_clean_customer_wrote_is_not_in_it() -> None:
    clean = FRAME.format("", "").split("  ")[0]
    outcome = published(control=[*CONTROL, clean])
    assert outcome.family is not None
    assert not Matcher([outcome.family], GROUP).match(clean)
    whole = published(control=[*CONTROL, EXEMPLARS[0]])
    assert whole.family is None
    assert "in the control set too" in whole.because


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"control": CONTROL[:50]}, "control set has 50 texts"),
        ({"accounts": 4}, "4 accounts sent it"),
        ({"exemplars": EXEMPLARS[:2]}, "2 exemplars"),
        ({"exemplars": [words(n, 60) for n in range(5)]}, "0 fingerprints are its own"),
    ],
)
def test_what_cannot_be_shown_to_be_a_template_of_many_is_not_published(
    change: dict[str, object], because: str
) -> None:
    outcome = published(**change)  # type: ignore[arg-type]
    assert outcome.family is None
    assert because in outcome.because


def test_an_epoch_is_an_iso_week() -> None:
    assert [epoch_of(date(2026, 5, 17)), epoch_of(date(2027, 1, 1))] == ["2026-W20", "2026-W53"]
    with pytest.raises(ShareError, match="no group key"):
        epoch_key(b"short", "2026-W20")
