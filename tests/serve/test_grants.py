"""Grants through the proxy: what is covered passes whatever the orders, is metered, and gives a receipt."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from tests.serve.conftest import Bench
from tests.serve.test_proxy import CHAT, CHAT_STREAM, account, answering, raw

from stillwatch.model.grant import Grant
from stillwatch.store import licences, receipts

KEY = "sk-licensed"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def licensed(bench: Bench) -> Bench:
    bench.order("suspend", account(KEY))
    grant = Grant(
        id="g-1", holder="Example Robotics", accounts=frozenset({account(KEY)}), exchanges=3,
        starts=date(2020, 1, 1), ends=date(2100, 1, 1),
    )  # fmt: skip
    licences.issue(bench.room.book, grant, by="Ada Example", why="contract", at=NOW)
    while account(KEY) not in bench.room.watch.standing.grants:
        threading.Event().wait(0.01)
    return bench


def ask(bench: Bench) -> tuple[int, Any, bytes]:
    return raw(bench.url, "POST", "/v1/chat/completions", b'{"model": "demo"}', authorization=f"Bearer {KEY}")


def test_a_licensed_distiller_gets_everything_until_the_cap_and_can_prove_what_he_got(licensed: Bench) -> None:
    text = {**CHAT, "choices": [{"index": 0, "message": {"role": "assistant", "content": "The first answer."}}]}
    licensed.upstream.script = answering(json.dumps(text).encode())
    direct = raw(licensed.direct, "POST", "/v1/chat/completions", b"{}")
    assert ask(licensed) == direct, "nothing is changed, whatever the order"
    licensed.upstream.script = answering(CHAT_STREAM[:40], CHAT_STREAM[40:], kind="text/event-stream")
    assert ask(licensed)[2] == CHAT_STREAM

    async def failing(call: Any) -> None:
        await call.whole(b"{}", 500)

    licensed.upstream.script = failing
    assert ask(licensed)[0] == 500, "what failed is not counted"
    licensed.upstream.script = answering(json.dumps(text).encode())
    assert ask(licensed)[0] == 200
    assert ask(licensed)[0] == 403, "the cap is used up, and the order acts"
    while licences.used(licensed.room.book).get("g-1", 0) < 3:
        threading.Event().wait(0.01)
    place = licensed.room.place
    made = receipts.receipt(licensed.room.book, "g-1", now=NOW, place=place)
    assert made.size == 3
    told = msgspec.json.decode(msgspec.json.encode(made), type=receipts.Receipt)
    found = receipts.check(told, [b"The first answer.", b"another answer"], made.public_key)
    assert found.sound
    assert found.covered == [True, False]


def test_a_receipt_that_was_touched_does_not_hold(licensed: Bench) -> None:
    made = receipts.receipt(licensed.room.book, "g-1", now=NOW, place=licensed.room.place)
    for wrong in (
        {"holder": "Somebody Else"}, {"grant": "g-2"}, {"size": 4}, {"leaves": made.leaves[:-1]},
        {"leaves": [*made.leaves[:-1], "00" * 32]}, {"root": "00" * 32}, {"signature": "00" * 64}, {"signature": "x"},
    ):  # fmt: skip
        touched = msgspec.structs.replace(made, **wrong)
        assert not receipts.check(touched, [b"The first answer."]).sound, wrong
    assert not receipts.check(made, [], "00" * 32).sound
