"""The plugin inside a real LiteLLM proxy, which asks a scripted upstream; real clients before it.

LiteLLM is heavy, so that it lives in an environment of its own: `STILLWATCH_LITELLM` names its Python, in which
stillwatch is installed too. `.ci/run` makes it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from tests.serve.conftest import Call, Upstream, serving
from tests.serve.test_proxy import (
    CHAT,
    CHAT_STREAM,
    MESSAGE,
    MESSAGE_STREAM,
    RESPONSE,
    RESPONSE_STREAM,
    SECRET,
    raw,
)

from stillwatch.model.grant import Grant
from stillwatch.store import key as keys
from stillwatch.store import licences
from stillwatch.store.book import Book, open_book
from stillwatch.watch.orders import Plan, approve, plan

PYTHON = os.environ.get("STILLWATCH_LITELLM", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="STILLWATCH_LITELLM names no Python with LiteLLM")
NOW = datetime.now(UTC)
RUNGS = ("harden", "suspend", "slow", "challenge")
CONFIG = """
model_list:
  - {{model_name: demo, litellm_params: {{model: openai/demo, api_base: "{upstream}/v1", api_key: sk-up}}}}
  - {{model_name: claude, litellm_params: {{model: anthropic/claude, api_base: "{upstream}", api_key: sk-up}}}}
guardrails:
  - guardrail_name: stillwatch
    litellm_params:
      guardrail: stillwatch.serve.litellm.Stillwatch
      mode: [pre_call, post_call]
      default_on: true
      state: {state}
      enforce: true
router_settings: {{num_retries: 0}}
litellm_settings: {{callbacks: [prometheus], require_auth_for_metrics_endpoint: false}}
general_settings: {{custom_auth: doors.user, master_key: sk-master-4f1d0a9b7c3e5f2a8d6b}}
"""
DOORS = """
from litellm.proxy._types import UserAPIKeyAuth

async def user(request, api_key):
    opted_out = {"disable_global_guardrails": True}
    return UserAPIKeyAuth(api_key=api_key, org_id="org-" + api_key.removeprefix("sk-"), metadata=opted_out)
"""


async def script(call: Call) -> None:
    asked = json.loads(call.body or b"{}")
    whole, stream = {
        "/v1/responses": (RESPONSE, RESPONSE_STREAM), "/v1/messages": (MESSAGE, MESSAGE_STREAM),
    }.get(call.path.removesuffix("/r1"), (CHAT, CHAT_STREAM))  # fmt: skip
    if asked.get("stream"):
        await call.stream([stream[at : at + 64] for at in range(0, len(stream), 64)])
    elif b"be busy" in call.body:
        await call.whole(b'{"error": {"message": "busy", "type": "rate_limit_error"}}', 429)
    else:
        await call.whole(json.dumps(whole).encode())


class Litellm:
    def __init__(self, url: str, upstream: Upstream, book: Book) -> None:
        self.url = url
        self.upstream = upstream
        self.book = book

    def openai(self, key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=f"sk-{key}", max_retries=0)

    def anthropic(self, key: str) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=self.url, api_key=f"sk-{key}", max_retries=0)

    def post(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        told = json.dumps(body).encode()
        status, headers, got = raw(
            self.url, "POST", path, told, authorization=f"Bearer sk-{key}", content_type="application/json"
        )
        return status, dict(headers), got


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Litellm]:
    folder: Path = tmp_path_factory.mktemp("litellm")
    book = open_book(folder / "state")
    for rung in RUNGS:
        asked = Plan(rung=rung, accounts=(f"org-{rung}",), reason="found", by="Ada", ends=NOW + timedelta(days=1))  # type: ignore[arg-type]
        made = plan(book, asked, state=None, key=keys.find(), now=NOW)
        approve(book, made.id, by="Ada Example", why="", now=NOW)
    grant = Grant(
        id="g-1", holder="Example Robotics", accounts=["org-licensed"], models=[], families=[], exchanges=0,
        starts=NOW.date(), ends=NOW.date() + timedelta(days=2),
    )  # fmt: skip
    licences.issue(book, grant, by="Ada Example", why="", at=NOW)
    upstream = Upstream()
    upstream.script = script
    (folder / "doors.py").write_text(DOORS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with serving(upstream) as there, (folder / "litellm.log").open("wb") as log:
        (folder / "config.yaml").write_text(CONFIG.format(upstream=there, state=folder / "state"))
        environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
        environ |= {"ANTHROPIC_API_BASE": there, "ANTHROPIC_API_KEY": "sk-up"}
        binary = Path(PYTHON).with_name("litellm")
        process = subprocess.Popen(
            [PYTHON, binary, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder, env=environ, stdout=log, stderr=log,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            _until_up(process, url, folder / "litellm.log")
            yield Litellm(url, upstream, book)
        finally:
            process.terminate()
            process.wait(20)


def _until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(1800):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(f"{url}/health/liveliness", timeout=5).close()
        except OSError:
            threading.Event().wait(0.1)
        else:
            return
    raise AssertionError(log.read_text()[-3000:])


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"model": "demo", "messages": [{"role": "user", "content": "2+2"}]}),
    ("/v1/responses", {"model": "demo", "input": "2+2"}),
    ("/v1/messages", {"model": "claude", "max_tokens": 99, "messages": [{"role": "user", "content": "2+2"}]}),
    ("/v1/messages", {"model": "demo", "max_tokens": 99, "messages": [{"role": "user", "content": "2+2"}]}),
]


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_leaves_by_no_route_and_only_for_hardened_accounts(litellm: Litellm, stream: bool) -> None:
    for path, body in CALLS:
        asked = {**body, "stream": stream}
        status, headers, plain = litellm.post(path, "plain", asked)
        assert status == 200
        assert SECRET.split()[1].encode() in plain, path
        assert "x-stillwatch-transforms" not in headers
        status, headers, told = litellm.post(path, "harden", asked)
        assert status == 200
        for word in SECRET.split()[1:]:
            assert word == "of" or word.encode() not in told, (path, told)
        assert b"It is" in told, path
        assert b'"logprob"' not in told
        assert "no_reasoning" in headers["x-stillwatch-transforms"]


def test_decisions_are_counted_in_litellms_own_metrics(litellm: Litellm) -> None:
    def counted() -> float:
        told = raw(litellm.url, "GET", "/metrics/")[2].decode()
        lines = [line for line in told.splitlines() if line.startswith("stillwatch_decisions_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines if 'action="refuse"' in line)

    before = counted()
    assert litellm.post(*CALLS[0][:1], "suspend", CALLS[0][1])[0] == 403
    for _ in range(200):
        if counted() == before + 1:
            break
        threading.Event().wait(0.05)
    assert counted() == before + 1


def test_the_request_is_changed_before_the_upstream_sees_it(litellm: Litellm) -> None:
    for key, n, logs in (("plain", 4, True), ("harden", 1, False)):
        got = litellm.openai(key).chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "2+2"}], n=4, logprobs=True, top_logprobs=5
        )
        sent = json.loads(litellm.upstream.calls[-1].body)
        assert sent["n"] == n
        assert bool(sent.get("logprobs")) is logs
        assert len(got.choices) == (2 if key == "plain" else 1)
        assert (got.choices[0].logprobs is None) is (key == "harden")


def test_real_clients_read_hardened_answers(litellm: Litellm) -> None:
    stream = litellm.openai("harden").chat.completions.create(
        model="demo", messages=[{"role": "user", "content": "2+2"}], stream=True
    )
    assert "".join(c.delta.content or "" for event in stream for c in event.choices) == "It is 4, a < b"
    events = list(litellm.openai("harden").responses.create(model="demo", input="2+2", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    stored = litellm.openai("harden").responses.create(model="demo", input="2+2")
    again = litellm.openai("harden").responses.retrieve(stored.id)
    assert again.output_text == "It is 4."
    assert SECRET not in again.model_dump_json(), "nor by asking for it again"
    with litellm.anthropic("harden").messages.stream(
        model="claude", max_tokens=99, messages=[{"role": "user", "content": "2+2"}]
    ) as told:
        message = told.get_final_message()
    thinking = message.content[0]
    assert thinking.type == "thinking"
    assert (thinking.thinking, thinking.signature) == ("", "c2ln")


def test_refusals_carry_category_reference_and_time(litellm: Litellm) -> None:
    with pytest.raises(openai.PermissionDeniedError) as chat:
        litellm.openai("suspend").chat.completions.create(model="demo", messages=[{"role": "user", "content": "x"}])
    assert "Reference: o-" in str(chat.value)
    assert "model_extraction" in str(chat.value.body)
    with pytest.raises(anthropic.PermissionDeniedError):
        litellm.anthropic("suspend").messages.create(
            model="claude", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )
    answers = [litellm.post(*CALLS[0][:1], "slow", CALLS[0][1]) for _ in range(5)]
    assert {status for status, _, _ in answers} == {200, 429}
    assert int(answers[-1][1]["retry-after"]) >= 1
    challenged = [litellm.post(CALLS[0][0], "challenge", CALLS[0][1])[0] for _ in range(3)]
    assert challenged == [403, 200, 200], "once an hour, where there is nothing to step up to"


@pytest.mark.parametrize("stream", [False, True])
def test_a_route_that_passes_guardrails_by_is_closed_to_hardened_accounts_alone(litellm: Litellm, stream: bool) -> None:
    asked = {**CALLS[2][1], "stream": stream}
    status, _, told = litellm.post("/anthropic/v1/messages", "plain", asked)
    assert status == 200
    assert SECRET.split()[1].encode() in told
    status, _, told = litellm.post("/anthropic/v1/messages", "harden", asked)
    assert status == 403
    assert b"Reference: o-" in told
    assert litellm.post("/anthropic/v1/messages", "suspend", asked)[0] == 403


def test_errors_of_the_upstream_reach_everybody(litellm: Litellm) -> None:
    for key in ("plain", "harden"):
        asked = {"model": "demo", "messages": [{"role": "user", "content": "be busy"}]}
        status, _, told = litellm.post(CALLS[0][0], key, asked)
        assert status == 429
        assert b"busy" in told


def test_answers_under_a_grant_go_on_record(litellm: Litellm) -> None:
    for path, body in CALLS[:3]:
        for stream in (False, True):
            assert litellm.post(path, "licensed", {**body, "stream": stream})[0] == 200
    for _ in range(300):
        if licences.used(litellm.book).get("g-1") == 6:
            break
        threading.Event().wait(0.05)
    assert licences.used(litellm.book) == {"g-1": 6}
    assert len({leaf for _, leaf in licences.leaves(litellm.book, "g-1")}) > 1
