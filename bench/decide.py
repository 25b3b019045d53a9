"""What a live decision costs: in process, and as an endpoint beside a bare function on the same server in the same run.

    python bench/decide.py                        # a million accounts, 100,000 families; some two minutes
    python bench/decide.py --accounts 10000 --families 1000 --seconds 2

The state is made up, of the size that is asked for; requests have 500 bytes of prompt, of which a tenth carry a family.
The load comes from this machine, through keep-alive connections that write and read as fast as they can.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from servers import cpu_s, lifespan, serving
from stillwatch.kit import lookup
from stillwatch.kit.contained import Frames
from stillwatch.model.answer import Asked
from stillwatch.serve.decisions import Decisions
from stillwatch.settings import Settings
from stillwatch.store import key as keys
from stillwatch.store import live, tokens
from stillwatch.store.live import LiveCampaign, Meta, State
from stillwatch.watch.room import Room

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("n", "r", "st", "lo", "mi")]


def prompt(rng: np.random.Generator, size: int = 500) -> str:
    text = " ".join(rng.choice(WORDS, size // 4))
    return text[:size]


def make(place: Path, accounts: int, families: int, frame: str) -> None:
    """Make a state of the size asked for; family 0 is the frame given."""
    from stillwatch.kit.fingerprint import FRAME, scratch, sketch

    rng, key = np.random.default_rng(1), keys.find()
    work = scratch()
    raw = frame.encode()
    found = sketch(np.frombuffer(raw + bytes(64), np.uint8), 0, len(raw), work, FRAME, np.uint64(0))[4]
    own = key.live(np.unique(work.marks[:found].astype(np.uint32))[:32])
    others = rng.integers(1, 2**63, (families - 1) * 32, dtype=np.uint64)
    marks = np.concatenate([own, others])
    owner = np.concatenate([np.zeros(len(own), np.int32), np.repeat(np.arange(1, families, dtype=np.int32), 32)])
    table, (first, second) = lookup.build(marks, owner), key.words()
    campaigns = 100
    names = np.array([key.account(f"acct-{n}") for n in range(accounts)], np.uint64)
    ties = 200_000
    state = State(
        meta=Meta(made=datetime.now(UTC), key=key.name, accounts=2 * accounts, exchanges=50 * accounts, campaigns=[
            LiveCampaign(id=f"cam-{n}", finding="distillation_campaign", accounts=accounts // campaigns, exchanges=1)
            for n in range(campaigns)
        ]),
        frames=Frames(table.keys, table.values, np.array([len(own), *[32] * (families - 1)], np.uint16),
                      np.uint64(first), np.uint64(second)),
        family=np.array([f"f-{n}".encode() for n in range(families)], "S32"),
        campaign=(np.arange(families) % campaigns).astype(np.int32),
        rate=np.full(families, 1e-5), spread=np.full(families, 1e-5),
        members=lookup.build(names, (np.arange(accounts) % campaigns).astype(np.int32)),
        ties=lookup.build(rng.integers(1, 2**63, ties, dtype=np.uint64), np.arange(ties, dtype=np.int32)),
        tie_campaign=(np.arange(ties) % campaigns).astype(np.int32), tie_bits=np.full(ties, 5, np.float32),
        tie_network=np.ones(ties, np.bool_),
        known=np.sort(rng.integers(1, 2**63, accounts, dtype=np.uint64)), known_carried=np.zeros(accounts, np.bool_),
    )  # fmt: skip
    live.write(place, state)


def requests(count: int, frame: str) -> list[dict[str, Any]]:
    rng = np.random.default_rng(2)
    out = []
    for n in range(count):
        text = prompt(rng) if n % 10 else (frame + " " + prompt(rng))[:500]
        out.append({
            "account": f"new-{n % 5000}", "key": "k", "ip": f"198.51.{n % 200}.{n % 250}",
            "user_agent": f"client/{n % 40}", "ja4": f"t13d{n % 60}", "model": "demo", "operation": "chat",
            "body": {
                "model": "demo",
                "messages": [{"role": "system", "content": "You help."}, {"role": "user", "content": text}],
            },
        })  # fmt: skip
    return out


def in_process(place: Path, asked: list[dict[str, Any]]) -> dict[str, float]:
    room = Room(place, Settings(), enforce=True)
    told = [Asked(**one) for one in asked]
    for one in told[:2000]:
        room.watch.decide(one)
    times = np.empty(len(told))
    for n, one in enumerate(told):
        begin = time.perf_counter_ns()
        room.watch.decide(one)
        times[n] = time.perf_counter_ns() - begin
    cpu = time.process_time_ns()
    for one in told:
        room.watch.decide(one)
    cpu = time.process_time_ns() - cpu
    return {
        "median_us": float(np.median(times)) / 1e3, "p99_us": float(np.quantile(times, 0.99)) / 1e3,
        "cpu_us": cpu / len(told) / 1e3,
    }  # fmt: skip


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Read JSON, write JSON: the least that an endpoint can do."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    message = await receive()
    json.loads(message["body"])
    body = b'{"action":"allow"}'
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]})  # fmt: skip
    await send({"type": "http.response.body", "body": body})


def application(which: str, place: str) -> Any:
    return bare if which == "bare" else Decisions(Room(Path(place), Settings(), enforce=True))


async def load(port: int, messages: list[bytes], seconds: float, connections: int) -> float:
    """Ask as fast as the answers come; returns answers per second."""
    done, until = 0, time.perf_counter() + seconds

    async def one(number: int) -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = number
        while time.perf_counter() < until:
            writer.write(messages[at % len(messages)])
            at += connections
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            done += 1
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(connections)))
    return done / (time.perf_counter() - begin)


def endpoint(which: str, place: Path, messages: list[bytes], seconds: float) -> dict[str, float]:
    with serving(application, which, str(place)) as there:
        uvloop.run(load(there.port, messages, min(seconds, 2.0), 32))
        before = cpu_s(there.pid)
        rate = uvloop.run(load(there.port, messages, seconds, 32))
        used = cpu_s(there.pid) - before
        peak = Path(f"/proc/{there.pid}/status").read_text()
        rss = int(next(line for line in peak.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
        return {"per_s": rate, "cpu_us": used / (rate * seconds) * 1e6, "rss_mb": rss}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--families", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--requests", type=int, default=20_000)
    asked = parser.parse_args()
    frame = (
        "Grade the worked answer below against the reference, mark by mark, and give the reason for each mark in full:"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STILLWATCH_KEY"] = f"{folder}/key"
        place = Path(folder) / "state"
        make(place, asked.accounts, asked.families, frame)
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 2**20
        told: dict[str, Any] = {"accounts": asked.accounts, "families": asked.families, "state_mb": round(size, 1)}
        bodies = requests(asked.requests, frame)
        told["in_process"] = in_process(place, bodies)
        now = datetime.now(UTC)
        room = Room(place, Settings())
        _, token = tokens.make(room.book, owner="bench", scopes=["decide"], ends=now + timedelta(days=1), now=now)
        room.close()
        messages = []
        for body in bodies[:4000]:
            raw = json.dumps(body).encode()
            head = f"POST /v1/decide HTTP/1.1\r\nhost: x\r\nx-stillwatch-token: {token}\r\n"
            head += f"content-length: {len(raw)}\r\n\r\n"
            messages.append(head.encode() + raw)
        told["bare"] = endpoint("bare", place, messages, asked.seconds)
        told["endpoint"] = endpoint("endpoint", place, messages, asked.seconds)
        told["bare_again"] = endpoint("bare", place, messages, asked.seconds)
        least = (told["bare"]["per_s"] + told["bare_again"]["per_s"]) / 2
        told["ratio_rate"] = told["endpoint"]["per_s"] / least
        told["ratio_cpu"] = (told["bare"]["cpu_us"] + told["bare_again"]["cpu_us"]) / 2 / told["endpoint"]["cpu_us"]
        told["rss_mb_here"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(told, indent=1, default=float))


if __name__ == "__main__":
    main()
