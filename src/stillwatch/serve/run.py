"""Run: an ASGI application on a real server, on loopback unless told otherwise."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

import uvicorn

from stillwatch.errors import UsageError
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


def run(app: App, listen: Listen) -> None:
    """Serve until interrupted."""
    uvicorn.Server(config(app, listen)).run()
