"""Licences: which families a grant covers, when it names them by the text of a template."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from stillwatch.hunt.licences import _families
from stillwatch.kit.fingerprint import FINE, FRAME, scratch, sketch
from stillwatch.model.grant import Grant

WORK = scratch()
TEMPLATE = "Grade the worked answer below against the reference, mark by mark, and give the reason for each mark: {}"
LONG = TEMPLATE.replace("{}", " ".join(f"step {n} of some answer or other" for n in range(20)))
OTHER = "Write a short friendly letter to the neighbours about the summer party, in the tone that was asked for below"


def marks(text: str) -> np.ndarray:
    raw = text.encode()
    found = sketch(np.frombuffer(raw + bytes(64), np.uint8), 0, len(raw), WORK, FRAME, np.uint64(0))[4]
    return np.unique(WORK.marks[:found].astype(np.uint32))


def covered(template: str, *frames: np.ndarray) -> list[int]:
    grant = Grant(
        id="g", holder="h", accounts=frozenset(), templates=(template,), starts=date(2026, 5, 1), ends=date(2026, 6, 1)
    )
    found = _families(grant, cast("Any", SimpleNamespace(marks=[np.zeros(0, np.uint32), *frames])), [""] * 3)
    assert found is not None
    return found.tolist()


@pytest.mark.parametrize("template", [TEMPLATE, LONG])
def test_a_template_covers_the_family_that_short_and_long_fillings_made(template: str) -> None:
    both = marks(TEMPLATE)
    assert (both & FINE).any()
    assert covered(template, both, marks(OTHER)) == [1]
