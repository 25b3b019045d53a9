"""What the LiteLLM plugin costs: CPU per request of a LiteLLM proxy without it, with it, and for a hardened account.

    python bench/litellm.py --python .venv-litellm/bin/python [--requests 200]

One LiteLLM worker after the other on this machine, a scripted upstream in a process of its own, 4 requests at a time.
Before anything is measured, the answers to an ordinary account with and without the plugin are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from proxy import ANSWER, CHUNK
from servers import cpu_s, lifespan, order, serving

CONFIG = """
model_list:
  - {{model_name: demo, litellm_params: {{model: openai/demo, api_base: "{upstream}/v1", api_key: sk-up}}}}
general_settings: {{custom_auth: doors.user, master_key: sk-master-4f1d0a9b7c3e5f2a8d6b}}
{guardrails}
"""
GUARDRAILS = """
guardrails:
  - guardrail_name: stillwatch
    litellm_params:
      {{guardrail: stillwatch.serve.litellm.Stillwatch, mode: [pre_call, post_call], default_on: true, state: {state},
        enforce: true}}
"""
DOORS = """
from litellm.proxy._types import UserAPIKeyAuth

async def user(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, org_id="org-" + api_key.removeprefix("sk-"))
"""


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    body = (await receive())["body"]
    streamed = b'"stream": true' in body or b'"stream":true' in body
    kind = b"text/event-stream" if streamed else b"application/json"
    told = CHUNK * 20 + b"data: [DONE]\n\n" if streamed else ANSWER
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": told})


def model() -> Any:
    return upstream


def ask(url: str, account: str, *, stream: bool) -> bytes:
    body: dict[str, Any] = {"model": "demo", "messages": [{"role": "user", "content": "word " * 30}], "stream": stream}
    headers = {"authorization": f"Bearer sk-{account}", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        got: bytes = answer.read()
    return re.sub(rb'"created":\d+', b'"created":0', got)


def measured(pid: int, url: str, account: str, count: int, *, stream: bool) -> float:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ask(url, account, stream=stream), range(20)))
        before = cpu_s(pid)
        list(pool.map(lambda _: ask(url, account, stream=stream), range(count)))
    return (cpu_s(pid) - before) / count * 1e3


def started(python: Path, folder: Path, text: str) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "config.yaml").write_text(text)
    (folder / "doors.py").write_text(DOORS)
    process = subprocess.Popen(
        [python, python.with_name("litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder, env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while True:
        assert process.poll() is None, "LiteLLM did not start"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return process, f"http://127.0.0.1:{port}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=200)
    asked = parser.parse_args()
    told: dict[str, Any] = {}
    ordinary: list[list[bytes]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["STILLWATCH_KEY"] = f"{folder}/key"
        order(folder / "state", "harden", "org-hard")
        with serving(model) as there:
            for variant, rails in (("without", ""), ("with", GUARDRAILS.format(state=folder / "state"))):
                process, url = started(asked.python, folder, CONFIG.format(upstream=there.url, guardrails=rails))
                try:
                    ordinary.append([ask(url, "plain", stream=stream) for stream in (False, True)])
                    for account in ("plain",) if variant == "without" else ("plain", "hard"):
                        for stream in (False, True):
                            kind = f"{variant} {account} {'streamed' if stream else 'whole'}"
                            told[kind] = measured(process.pid, url, account, asked.requests, stream=stream)
                finally:
                    process.terminate()
                    process.wait()
    told["ordinary_answers_identical"] = ordinary[0] == ordinary[1]
    for stream in ("whole", "streamed"):
        told[f"added {stream}"] = told[f"with plain {stream}"] - told[f"without plain {stream}"]
        told[f"added hardened {stream}"] = told[f"with hard {stream}"] - told[f"without plain {stream}"]
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
