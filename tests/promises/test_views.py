"""What every view promises, tested the moment its file exists."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from stillwatch import rooms
from stillwatch.model.account import ACCOUNTS
from stillwatch.model.crowd import Crowd, Facts
from stillwatch.model.exchange import EXCHANGES
from stillwatch.model.traces import Traces

VIEWS = rooms.members("link")


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_it_says_what_it_is_what_it_needs_and_what_may_be_innocent(view: ModuleType) -> None:
    title, _, rest = (view.__doc__ or "").partition(":")
    assert title.strip().lower().replace("-", "") == view.__name__.rpartition(".")[2]
    assert "Looks the same when innocent:" in rest
    assert "Cost:" in rest
    assert view.INNOCENT
    assert view.NEEDS
    assert set(view.NEEDS) <= {*EXCHANGES.names, *ACCOUNTS.names}
    assert 0 < view.CAP <= 24, "no view decides alone"


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_it_is_silent_where_its_columns_are_not_there(view: ModuleType) -> None:
    count = 60
    long, word, small = np.zeros(count, np.int64), np.zeros(count, np.uint64), np.zeros(count, np.uint8)
    facts = Facts(
        created_at=long, closed_at=long, payment=word, payment_bin=word, device=word, referrer=word, phone=word,
        mail_domain=word, mail_kind=small, organisation=word, programme=word, verification=small, plan=word,
    )  # fmt: skip
    crowd = Crowd(
        accounts=[str(n) for n in range(count)], exchanges=long + 5, first=long + 1, last=long + 2, facts=facts,
        owner=np.arange(count, dtype=np.int32), declared=np.zeros(count, bool),
    )  # fmt: skip
    assert view.look(Traces(crowd=crowd, held={})) is None


def test_where_somebody_lives_is_no_evidence() -> None:
    for view in VIEWS.values():
        assert "billing_country" not in view.NEEDS
