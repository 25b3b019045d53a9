"""What sharing through Redis costs a replica: nothing in a decision, and so much CPU beside it.

    python bench/replicas.py [--requests 8000]        # needs `redis-server` and stillwatch[redis]

Two replicas in this process and a Redis of their own on loopback. Decisions are timed with and without the link, in
turn; then turns are taken when nothing was heard, and when one replica has heard of 200 and of 2,000 counted requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from decide import make, requests
from stillwatch.model.answer import Asked
from stillwatch.settings import Settings, Shared
from stillwatch.watch.room import Room
from stillwatch.watch.shared import Shared as Link

FRAME = "Grade the worked answer below against the reference, mark by mark, and give the reason for each mark in full:"


def redis(folder: str) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return process, f"redis://127.0.0.1:{port}/0"


def decided(room: Room, asked: list[Asked]) -> float:
    times = np.empty(len(asked))
    for n, one in enumerate(asked):
        begin = time.perf_counter_ns()
        room.watch.decide(one)
        times[n] = time.perf_counter_ns() - begin
    return float(np.median(times)) / 1e3


async def turns(link: Link, other: Link, count: int) -> dict[str, float]:
    """Take turns; gives the milliseconds of CPU of one turn of both."""
    cpu = time.process_time()
    for _ in range(count):
        assert await link.attempt()
        assert await other.attempt()
    return {"cpu_ms_of_both": (time.process_time() - cpu) / count * 1e3}


async def heard(link: Link, other: Link, events: int) -> dict[str, float]:
    """Tell of so many counted requests; gives the CPU until the other has counted them too."""
    for n in range(events):
        link.heard.saw(f"new-{n % 500}", [0], [(n + 1, -1)], [])
    before, cpu = other.counts["applied"], time.process_time()
    while other.counts["applied"] - before < -(-events // 200):
        await link.attempt()
        await other.attempt()
    return {"cpu_ms": (time.process_time() - cpu) * 1e3}


async def linked(one: Link, two: Link) -> dict[str, Any]:
    await turns(one, two, 5)
    told: dict[str, Any] = {"idle_turn": await turns(one, two, 100)}
    for events in (200, 2000):
        told[f"{events}_requests"] = await heard(one, two, events)
    await one.close()
    await two.close()
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=8000)
    count = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STILLWATCH_KEY"] = f"{folder}/key"
        process, url = redis(folder)
        try:
            rooms = []
            for name in ("one", "two"):
                make(Path(folder) / name, 100_000, 10_000, FRAME)
                rooms.append(Room(Path(folder) / name, Settings(shared=Shared(redis=url)), enforce=True))
            one, two = (room.shared for room in rooms)
            assert one is not None
            assert two is not None
            asked = [Asked(**body) for body in requests(count, FRAME)]
            told: dict[str, Any] = {}
            decided(rooms[0], asked)
            for name, link in (
                ("without", None),
                ("with", one.heard),
                ("without_again", None),
                ("with_again", one.heard),
            ):
                rooms[0].watch.heard = link
                told[f"decision_{name}_us"] = decided(rooms[0], asked)
            told |= asyncio.run(linked(one, two))
        finally:
            process.terminate()
            process.wait()
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
