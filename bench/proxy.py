"""What the reverse proxy costs: CPU per request beside a direct call, and how long the first streamed token is delayed.

    python bench/proxy.py [--seconds 5]

Scripted upstream, proxy and load on one machine, one process each, keep-alive, 230-byte requests. An ordinary account
passes; a hardened one has its requests and answers changed. `cpu_ms` of `direct` is the upstream's; that of the others
is the proxy's own, which comes on top. Streams are asked for in turn by each way, and `later_ms` is the median of how
much later than the direct one each first token came.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from servers import cpu_s, lifespan, order, serving
from stillwatch.serve.proxy import Proxy
from stillwatch.settings import Settings
from stillwatch.watch.room import Room

ANSWER = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "demo", "choices": [
    {"index": 0, "finish_reason": "stop", "logprobs": None,
     "message": {"role": "assistant", "content": "An answer of some words. " * 8, "reasoning_content": "why " * 60}}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 90, "total_tokens": 110}}).encode()  # fmt: skip
KEYS = {"direct": "sk-plain", "passed": "sk-plain", "hardened": "sk-hard"}
CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}\n\n'


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    body = (await receive())["body"]
    if b'"stream"' in body:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for _ in range(20):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            await asyncio.sleep(0.002)
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]})  # fmt: skip
    await send({"type": "http.response.body", "body": ANSWER})


def proxy(target: str, place: str) -> Proxy:
    return Proxy(Room(Path(place), Settings(), enforce=True), target)


def model() -> Any:
    return upstream


def message(key: str, *, stream: bool) -> bytes:
    asked: dict[str, Any] = {"model": "demo", "messages": [{"role": "user", "content": "word " * 30}]}
    if stream:
        asked["stream"] = True
    raw = json.dumps(asked).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n".encode() + raw


async def load(port: int, raw: bytes, seconds: float, connections: int = 16) -> tuple[float, int]:
    done, until = 0, time.perf_counter() + seconds

    async def one() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            done += 1
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return done / (time.perf_counter() - begin), done


async def first_tokens(ports: dict[str, int], raws: dict[str, bytes], times: int = 150) -> dict[str, list[float]]:
    """Wait for the first token of streams, by each way in turn, so that a busy machine slows all of them alike.

    In another order each time, and with a pause, so that none pays for how the one before it ended.
    """
    waits: dict[str, list[float]] = {name: [] for name in ports}
    order = np.random.default_rng(1)
    for _ in range(times):
        for name in order.permutation(sorted(ports)).tolist():
            port = ports[name]
            await asyncio.sleep(0.01)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            begin = time.perf_counter()
            writer.write(raws[name])
            await reader.readuntil(b"word ")
            waits[name].append((time.perf_counter() - begin) * 1e3)
            while not (await reader.readuntil(b"\n")).startswith(b"data: [DONE]"):
                pass
            writer.close()
    return waits


def measured(pid: int, port: int, key: str, seconds: float) -> dict[str, float]:
    uvloop.run(load(port, message(key, stream=False), 1.0))
    before = cpu_s(pid)
    rate, done = uvloop.run(load(port, message(key, stream=False), seconds))
    used = cpu_s(pid) - before
    return {"per_s": rate, "cpu_ms": used / done * 1e3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STILLWATCH_KEY"] = f"{folder}/key"
        order(Path(folder), "harden", hashlib.sha256(b"sk-hard").hexdigest())
        with serving(model) as direct, serving(proxy, direct.url, folder) as through:
            told: dict[str, Any] = {
                "direct": measured(direct.pid, direct.port, "sk-plain", seconds),
                "passed": measured(through.pid, through.port, "sk-plain", seconds),
                "hardened": measured(through.pid, through.port, "sk-hard", seconds),
            }
            waits = uvloop.run(
                first_tokens(
                    {"direct": direct.port, "passed": through.port, "hardened": through.port},
                    {name: message(key, stream=True) for name, key in KEYS.items()},
                )
            )
    for name, found in waits.items():
        told[name]["first_token_ms"] = float(np.median(found))
        told[name]["later_ms"] = float(np.median(np.subtract(found, waits["direct"])))
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
