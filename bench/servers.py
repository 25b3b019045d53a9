"""Servers: an ASGI application in a process of its own, at a free port of loopback, for benches.

What makes the application is a function of a module, called in the new process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
import uvloop

from stillwatch.model.answer import Rung
from stillwatch.serve.run import Listen, config
from stillwatch.store import key as keys
from stillwatch.store.book import open_book
from stillwatch.watch.orders import Plan, approve, plan


class Served(NamedTuple):
    """A server that runs."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(make: Callable[..., Any], *given: object, quiet: bool = False) -> Iterator[Served]:
    """Serve what `make(*given)` gives.

    Args:
        quiet: say nothing of what goes wrong: upstreams that break off are part of the script.
    """
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(make, given, quiet, there))
    process.start()
    try:
        port = here.recv()
        assert process.pid is not None
        yield Served(process.pid, port)
    finally:
        process.terminate()
        process.join()


def _serve(make: Callable[..., Any], given: tuple[object, ...], quiet: bool, there: Any) -> None:
    server = uvicorn.Server(config(make(*given), Listen("127.0.0.1", 0)))
    if quiet:
        server.config.log_level = "critical"
        server.config.configure_logging()

    async def main() -> None:
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        there.send(server.servers[0].sockets[0].getsockname()[1])
        await task

    uvloop.run(main())


async def lifespan(receive: Any, send: Any) -> None:
    """Answer a server that begins and ends."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def cpu_s(pid: int) -> float:
    """Read the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def order(place: Path, rung: Rung, account: str) -> None:
    """Plan and approve an order on an account."""
    book, now = open_book(place), datetime.now(UTC)
    asked = Plan(rung=rung, accounts=(account,), reason="bench", by="Ada", ends=now + timedelta(days=1))
    approve(book, plan(book, asked, state=None, key=keys.find(), now=now).id, by="Ada", why="", now=now)
    book.close()
