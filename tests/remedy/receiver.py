"""A receiver of webhooks that hears, fails, stalls, or dies, as the test says; it checks every signature it gets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Receiver:
    """What came, and what is answered."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.secret = ""
        self.status = 200
        self.retry_after = ""
        self.stall = threading.Event()
        self.stalls = False
        self.dies = False
        self.url = ""

    def ids(self) -> list[str]:
        return [name for name, _ in self.got]

    def signed(self, headers: Any, body: bytes) -> bool:
        """Check a signature by hand, as the spec of Standard Webhooks says."""
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mine = "v1," + base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
        fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 86_400  # tests send ahead of the clock
        return fresh and any(hmac.compare_digest(mine, one) for one in headers["webhook-signature"].split())


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Serve one on loopback."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if receiver.dies:
                self.connection.close()
                return
            if receiver.stalls:
                receiver.stall.wait(20)
                return
            if receiver.secret and not receiver.signed(self.headers, body):
                self.send_response(401)
                self.end_headers()
                return
            receiver.got.append((self.headers["webhook-id"], json.loads(body)))
            self.send_response(receiver.status)
            if receiver.retry_after:
                self.send_header("retry-after", receiver.retry_after)
            if receiver.status == 302:
                self.send_header("location", f"{receiver.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stall.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
