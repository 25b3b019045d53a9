"""Who is asked to mark an answer: the upstream, for accounts under an order, and for nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.serve.conftest import SETTINGS, Bench, Upstream, benched
from tests.serve.test_proxy import account, answering, raw

from stillwatch.serve.harden import Hardening
from stillwatch.serve.tracer import FieldTracer, group_of
from stillwatch.settings import Proxy, Settings


@pytest.fixture(scope="module", params=[False, True], ids=["proxy", "middleware"])
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    settings = Settings(watch=SETTINGS.watch, proxy=Proxy(tracer_field="vllm_xargs.stillwatch_group"))
    with benched(tmp_path_factory.mktemp("traced"), Upstream(), inside=request.param, settings=settings) as one:
        yield one


def sent(bench: Bench, key: str, body: bytes) -> tuple[bytes, dict[str, str]]:
    bench.upstream.script = answering(b'{"choices": []}')
    _, headers, _ = raw(bench.url, "POST", "/v1/chat/completions", body, authorization=f"Bearer {key}")
    return bench.upstream.calls[-1].body, dict(headers)


def test_an_order_names_the_group_and_the_client_is_not_told_which(traced: Bench) -> None:
    name = traced.order("harden", account("sk-traced"))
    body, headers = sent(traced, "sk-traced", b'{"messages": [], "vllm_xargs": {"a": 1, "stillwatch_group": "x"}}')
    assert json.loads(body)["vllm_xargs"] == {"a": 1, "stillwatch_group": name}
    assert "tracer" in headers["x-stillwatch-transforms"]
    assert name not in headers["x-stillwatch-transforms"]


def test_nobody_else_is_marked_and_nobody_marks_himself(traced: Bench) -> None:
    plain = b'{"messages":  [], "vllm_xargs": {"a": 1}}'
    assert sent(traced, "sk-1", plain)[0] == plain
    body, _ = sent(traced, "sk-1", b'{"messages": [], "vllm_xargs": {"a": 1, "stillwatch_group": "c1"}}')
    assert json.loads(body) == {"messages": [], "vllm_xargs": {"a": 1}}


def test_an_order_without_the_tracer_takes_it_out_as_well(traced: Bench) -> None:
    traced.order("harden", account("sk-untraced"), transforms=("cap_n",))
    body, _ = sent(traced, "sk-untraced", b'{"messages": [], "n": 9, "vllm_xargs": {"stillwatch_group": "c1"}}')
    assert json.loads(body) == {"messages": [], "n": 1, "vllm_xargs": {}}


def test_a_field_is_set_and_taken_out_wherever_it_lies() -> None:
    tracer = FieldTracer("a.b.c")
    body = {"a": {"x": 1}, "y": 2}
    marked = tracer.mark(body, "g")
    assert marked == {"a": {"x": 1, "b": {"c": "g"}}, "y": 2}
    assert body == {"a": {"x": 1}, "y": 2}
    assert tracer.without(marked) == {"a": {"x": 1, "b": {}}, "y": 2}
    assert tracer.mark({"a": 3}, "g") == {"a": {"b": {"c": "g"}}}
    assert group_of(["cap_n", "tracer:g"]) == "g"
    assert Hardening(["cap_n", "no_leak", "tracer:g"], 1, tracer=tracer).told == "cap_n, tracer"
    assert Hardening(["cap_n", "no_leak", "tracer:g"], 1).told == "cap_n"
