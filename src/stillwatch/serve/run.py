"""Run: an ASGI application on a real server, on loopback unless told otherwise."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import NamedTuple

import uvicorn

from stillwatch.errors import ResourceError, UsageError
from stillwatch.serve.http import App


class Listen(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Tell whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse(text: str) -> Listen:
    """Read `HOST:PORT`, `:PORT` or `PORT`; loopback where no host is named.

    Raises:
        UsageError: when it is none of these.
    """
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65_535:
        raise UsageError(f"`{text}` is no address", hint="write HOST:PORT, such as 127.0.0.1:8711")
    return Listen(host.strip("[]") or "127.0.0.1", int(port))


def config(app: App, listen: Listen) -> uvicorn.Config:
    """Configure uvicorn: nothing is added to answers, and no X-Forwarded-For is believed."""
    return uvicorn.Config(
        app, host=listen.host, port=listen.port, loop="uvloop", http="httptools", ws="none", lifespan="on",
        access_log=False, server_header=False, date_header=False, proxy_headers=False, log_level="warning",
        timeout_graceful_shutdown=10,
    )  # fmt: skip


def bound(listen: Listen) -> socket.socket:
    """Take the address, before anybody is told that we are there.

    Raises:
        ResourceError: when it cannot be had.
    """
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        taken = socket.create_server((listen.host, listen.port), family=family, backlog=2048)
    except OSError as trouble:
        raise ResourceError(
            f"cannot listen on {listen.host}:{listen.port}: {os.strerror(trouble.errno) if trouble.errno else trouble}",
            hint="another process may have it; name another address with `--listen`",
        ) from trouble
    taken.set_inheritable(True)
    return taken


def run(app: App, taken: socket.socket) -> None:
    """Serve at an address that was taken, until interrupted."""
    host, port = taken.getsockname()[:2]
    uvicorn.Server(config(app, Listen(host, port))).run(sockets=[taken])
