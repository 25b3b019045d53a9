"""Payment: accounts that pay with one purse."""

from __future__ import annotations

from typing import Any

from stillwatch.link import payment


def test_the_issuer_of_a_card_proposes_nobody(town: Any) -> None:
    traces = town.traces(payment=lambda owner: [1000 + owner // 2], payment_bin=lambda owner: [1 + owner % 3])
    sight = payment.look(traces)
    assert sight is not None
    assert len(sight.propose()) == 0


def test_without_payments_it_is_silent(town: Any) -> None:
    assert payment.look(town.traces(payment_bin=lambda owner: [1])) is None
