"""Serve: what peers find, on a socket of its own, or inside any ASGI application.

On its own it is a thread for each connection, HTTP/1.1 with keep-alive; with a certificate it speaks TLS, and with
authorities of client certificates it knows peers by theirs.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from stillwatch.errors import UsageError
from stillwatch.share.door import Answers, Request, Response
from stillwatch.share.taxii import MEDIA
from stillwatch.share.taxii.answer import LARGEST

SILENT_S: Final = 60
"""Seconds after which a connection that says nothing is closed."""
WHOLE_S: Final = 300
"""Seconds in which a request must have come and its answer have gone, however slowly it drips."""
MOST: Final = 256
"""Connections at once; more are closed before a word is read."""


TOO_LARGE: Final = Response(
    status=413, body=b'{"title": "too large", "http_status": "413"}', headers={"Content-Type": MEDIA}
)


class Listening(ThreadingHTTPServer):
    """A thread for each connection, up to MOST, and none for longer than WHOLE_S with one request."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.began: dict[socket.socket, float] = {}
        self.held: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, or close it where there are too many."""
        if len(self.held) >= MOST:
            self.shutdown_request(request)
            return
        self.held.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        """Close a connection, and forget it."""
        self.held.discard(request)
        self.began.pop(request, None)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that leaves, or speaks no TLS, is no trouble of ours."""

    def service_actions(self) -> None:
        """Cut off who has been at one request for too long; called some times a second."""
        late = time.monotonic() - WHOLE_S
        for request, began in list(self.began.items()):
            if began < late:
                self.began.pop(request, None)
                with suppress(OSError):
                    socket.socket.shutdown(request, socket.SHUT_RDWR)  # under TLS too: no farewell to who drips


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENT_S
    server_version = "stillwatch"
    sys_version = ""
    disable_nagle_algorithm = True
    front: Answers
    server: Listening

    def handle_one_request(self) -> None:
        self.server.began[self.request] = time.monotonic()
        super().handle_one_request()
        self.server.began.pop(self.request, None)

    def _do(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not re.fullmatch("[0-9]{1,9}", length) or int(length) > LARGEST:
            self.close_connection = True
            self._send(TOO_LARGE)
            return
        path, _, query = self.path.partition("?")
        certificate = b""
        if isinstance(self.connection, ssl.SSLSocket):
            certificate = self.connection.getpeercert(binary_form=True) or b""
        request = Request(
            method=self.command, path=path, query=query, certificate=certificate,
            headers={name.lower(): value for name, value in self.headers.items()},
        )  # fmt: skip
        if int(length) and not self.front.knows(request):
            self.close_connection = True  # whoever he is, we hold no body of his
        elif int(length):
            request = replace(request, body=self.rfile.read(int(length)))
        self._send(self.front.answer(request))

    do_GET = do_POST = do_DELETE = do_PUT = _do  # noqa: N815 - names of the base class

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the disclosure log says what was served to whom."""


def bind(
    server: Answers, host: str, port: int, *, certificate: Path | None = None, key: Path | None = None,
    clients: Path | None = None,
) -> Listening:  # fmt: skip
    """Listen; `serve_forever` then answers. Port 0 takes a free one.

    Args:
        certificate: PEM chain of the server; without it the socket is plain, and host must be loopback.
        clients: PEM of the authorities whose client certificates are believed.

    Raises:
        UsageError: when plain HTTP is asked for on another address than loopback, or it cannot listen.
    """
    if certificate is None and host not in ("127.0.0.1", "::1", "localhost"):
        raise UsageError(
            f"`{host}` would get tokens in clear", hint="name `--certificate` and `--key`, or listen on 127.0.0.1"
        )
    handler = type("Handler", (_Handler,), {"front": server})
    try:
        found = Listening((host, port), handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            if clients is not None:
                context.load_verify_locations(clients)
                context.verify_mode = ssl.CERT_OPTIONAL
            found.socket = context.wrap_socket(found.socket, server_side=True, do_handshake_on_connect=False)
    except OSError as trouble:
        raise UsageError(f"cannot listen on {host}:{port}: {trouble}") from None
    return found


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def application(front: Answers) -> App:
    """Give an ASGI application, to be mounted where its path is whole; peers are known by token alone there."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(
            method=scope["method"], path=scope["path"], query=scope.get("query_string", b"").decode("latin-1"),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        )  # fmt: skip
        parts, size, more = [b""], 0, front.knows(request)
        while more and size <= LARGEST:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), bool(message.get("more_body"))
        request = replace(request, body=b"".join(parts))
        response = await asyncio.to_thread(front.answer, request) if size <= LARGEST else TOO_LARGE
        headers = {**response.headers, "Content-Length": str(len(response.body))}
        head = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": head})
        await send({"type": "http.response.body", "body": response.body})

    return app


def beside(app: App, front: Answers) -> App:
    """Answer peers where they ask, and leave all else to another application."""
    peers = application(front)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == "http" and scope["path"].startswith(("/taxii2/", "/match/"))
        await (peers if mine else app)(scope, receive, send)

    return both
