"""Hours of traffic in minutes: does the proxy's memory stay flat, and is every answer what it should be?

    python bench/soak.py                          # ten minutes at 100 requests a second
    python bench/soak.py --seconds 10 --rate 200

A scripted upstream and the proxy, a process each, and a paced load from this one, all on loopback: ordinary customers,
whole and streamed; hardened, slowed, suspended and licensed accounts; strangers that carry a template; bodies
that are no JSON, upstreams that fail or break off, clients that leave in the middle. Counted as wrong is any answer of
another status than expected, an ordinary answer that is not the upstream's byte for byte, and a hardened one in which
reasoning stands. Memory is what the proxy does not map from files; growth compares its medians in the second and in the
last tenth of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from servers import lifespan, order, serving
from stillwatch.model.answer import Rung
from stillwatch.model.grant import Grant
from stillwatch.serve.proxy import Proxy
from stillwatch.settings import Proxy as ProxySettings
from stillwatch.settings import Settings
from stillwatch.store import licences
from stillwatch.store.book import open_book
from stillwatch.watch.room import Room

SECRET: Final = b"hidden train of thought"
CHOICE: Final[dict[str, Any]] = {
    "index": 0, "finish_reason": "stop",
    "message": {"role": "assistant", "content": "It is 4.", "reasoning_content": SECRET.decode()},
}  # fmt: skip
WHOLE: Final = json.dumps({"id": "c", "object": "chat.completion", "choices": [CHOICE]}).encode()
DELTAS: Final = [{"reasoning_content": SECRET.decode()}, *({"content": f"word {n} "} for n in range(12))]
STREAM: Final = [
    b"data: " + json.dumps({"choices": [{"index": 0, "delta": one, "finish_reason": None}]}).encode() + b"\n\n"
    for one in DELTAS
] + [b"data: [DONE]\n\n"]
FRAME: Final = "Grade the worked answer below against the reference, mark by mark, and give the reason for each mark: "
PATIENT: Final = Settings(proxy=ProxySettings(connect_s=120.0))
"""A busy machine is no wrong answer."""
ACCOUNTS: Final = 2_000
"""Ordinary accounts; all of them have been met before the second tenth, so that what is kept of each is not growth."""
ORDERS: Final[dict[str, Rung]] = {"sk-hard": "harden", "sk-slow": "slow", "sk-out": "suspend"}


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    body = (await receive()).get("body", b"")
    if b"please fail" in body:
        await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})
        return
    if b"please break" in body:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise ConnectionError("as the script says")
    if b'"stream": true' in body:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for piece in STREAM:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0.001)
        await send({"type": "http.response.body"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(WHOLE))]})  # fmt: skip
    await send({"type": "http.response.body", "body": WHOLE})


def proxy(target: str, place: str) -> Proxy:
    return Proxy(Room(Path(place), PATIENT, enforce=True), target)


def model() -> Any:
    return upstream


class Kind:
    """One kind of request, and what its answer has to be."""

    def __init__(self, name: str, body: dict[str, Any] | bytes, key: str, statuses: tuple[int, ...]) -> None:
        self.name = name
        self.key = key
        self.statuses = statuses
        self.body = body

    def raw(self, number: int) -> bytes:
        told = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        key = self.key or f"sk-{number % ACCOUNTS}"
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        head += f"user-agent: client/{number % 50}\r\ncontent-length: {len(told)}\r\nconnection: close\r\n\r\n"
        return head.encode() + told


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "demo", "messages": [{"role": "user", "content": text}], **more}


KINDS: Final = [
    *[Kind("ordinary", chat("2+2"), "", (200,))] * 6, *[Kind("streamed", chat("2+2", stream=True), "", (200,))] * 4,
    Kind("family", chat(FRAME + "item"), "", (200,)), Kind("hardened", chat("2+2", n=3), "sk-hard", (200,)),
    Kind("hardened streamed", chat("2+2", stream=True), "sk-hard", (200,)),
    Kind("slowed", chat("2+2"), "sk-slow", (200, 429)), Kind("suspended", chat("2+2"), "sk-out", (403,)),
    Kind("licensed", chat("2+2"), "sk-licensed", (200,)), Kind("no json", b"{[" * 50, "", (200,)),
    Kind("failing", chat("please fail"), "", (503,)), Kind("breaking", chat("please break"), "", (200,)),
    Kind("leaving", chat("2+2", stream=True), "", (200,)),
]  # fmt: skip


class Tally:
    """What happened."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.memory: list[float] = []


async def one(port: int, kind: Kind, number: int, tally: Tally) -> None:
    """Ask once, and look at what comes."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(kind.raw(number))
        told = await reader.read(200) if kind.name == "leaving" else await reader.read()
        writer.close()
    except OSError:
        tally.wrong[f"{kind.name}: no answer"] += 1
        return
    tally.done[kind.name] += 1
    status = int(told[9:12] or b"0")
    if status not in kind.statuses:
        tally.wrong[f"{kind.name}: {status}"] += 1
    elif kind.name == "ordinary" and not told.endswith(WHOLE):
        tally.wrong["ordinary: changed"] += 1
    elif kind.name == "streamed" and (SECRET not in told or b"[DONE]" not in told):
        tally.wrong["streamed: changed"] += 1
    elif kind.key == "sk-hard" and SECRET in told:
        tally.wrong["hardened: a leak"] += 1


def resident_mb(pid: int) -> float:
    """Read the memory of a process that is not mapped from files."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("RssAnon")).split()[1]) / 1024


async def load(port: int, pid: int, seconds: float, rate: float) -> Tally:
    """Ask at a steady rate, never more than 64 at once."""
    tally, rng = Tally(), random.Random(7)
    gate, tasks = asyncio.Semaphore(64), set()
    begin = time.monotonic()
    number, sampled = 0, 0.0

    async def guarded(kind: Kind, at: int) -> None:
        async with gate:
            await one(port, kind, at, tally)

    while (now := time.monotonic() - begin) < seconds:
        while number < now * rate and len(tasks) < 256:
            task = asyncio.create_task(guarded(rng.choice(KINDS), number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        if now - sampled >= seconds / 200:
            sampled = now
            tally.memory.append(resident_mb(pid))
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    return tally


def prepare(place: Path) -> None:
    """Write orders and a grant, as an operator would."""
    for key, rung in ORDERS.items():
        order(place, rung, hashlib.sha256(key.encode()).hexdigest())
    book, now = open_book(place), datetime.now(UTC)
    licensed = hashlib.sha256(b"sk-licensed").hexdigest()
    grant = Grant(
        id="g-1", holder="Example", accounts=[licensed], models=[], families=[], exchanges=0, starts=now.date(),
        ends=now.date() + timedelta(days=2),
    )  # fmt: skip
    licences.issue(book, grant, by="Ada", why="", at=now)
    book.close()


def soak(seconds: float, rate: float) -> dict[str, Any]:
    """Run it all; gives what happened."""
    from decide import make  # the state of `bench/decide.py`

    with tempfile.TemporaryDirectory() as folder:
        os.environ["STILLWATCH_KEY"] = f"{folder}/key"
        place = Path(folder) / "state"
        make(place, 10_000, 1_000, FRAME)
        prepare(place)
        with serving(model, quiet=True) as direct, serving(proxy, direct.url, str(place), quiet=True) as there:
            tally = asyncio.run(load(there.port, there.pid, seconds, rate))
        used = licences.used(open_book(place)).get("g-1", 0)
    tenth = max(len(tally.memory) // 10, 1)
    early, late = statistics.median(tally.memory[tenth : 2 * tenth + 1]), statistics.median(tally.memory[-tenth:])
    return {
        "seconds": seconds, "requests": sum(tally.done.values()), "by_kind": dict(tally.done),
        "wrong": dict(tally.wrong), "licensed_on_record": used, "memory_mb": {
            "second_tenth": round(early, 1), "last_tenth": round(late, 1), "most": round(max(tally.memory), 1),
            "growth_mb": round(late - early, 1),
            "by_tenth": [round(statistics.median(tally.memory[at : at + tenth]), 1)
                         for at in range(0, len(tally.memory), tenth)],
        },
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=100.0)
    asked = parser.parse_args()
    print(json.dumps(soak(asked.seconds, asked.rate), indent=1))


if __name__ == "__main__":
    main()
