"""TAXII servers to measure and to question, each started on loopback in a folder of its own.

`Started` tells where its API root is, how one logs in, and into which collection one may write. medallion lives in an
environment of its own (`python -m venv X; X/bin/pip install medallion==3.0.0`), named by STILLWATCH_MEDALLION=X.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.share.formats._objects import own_id

TOKEN = "bench-" + "x" * 40
MAKER = own_id("identity", "Bench")
MEDALLION = "STILLWATCH_MEDALLION"
POSTGRES = "STILLWATCH_POSTGRES"
"""`postgresql://…` of a database in which a schema `bench` may be made."""
_COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
_OWN = """
import sys
from pathlib import Path
from stillwatch.share.peers import read
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.serve import bind
from stillwatch.share.taxii.store import Store
where, port, place = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
listening = bind(Server(Store(place), read(where / "peers.toml"), "Bench"), "127.0.0.1", port)
print("ready", flush=True)
listening.serve_forever()
"""


@dataclass
class Started:
    """A server that answers."""

    name: str
    url: str
    authorization: str
    collection: str
    command: list[str]
    where: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def again(self) -> None:
        """Start it again, as it was."""
        self.process = _run(self.command, self.where, int(self.url.split(":")[2].split("/")[0]))

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def _run(command: list[str], where: Path, port: int) -> subprocess.Popen[bytes]:
    with (where / "server.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=where, stdout=log, stderr=log)
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return process
    raise RuntimeError(f"{command[0]} did not start: {(where / 'server.log').read_text()[-2000:]}")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def own(where: Path, place: str = "") -> Started:
    """Start ours; the store is a file, or where `place` says."""
    hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
    (where / "peers.toml").write_text(
        f'[[peer]]\nname = "bench"\norganisation = "Bench"\nwrite = true\ndelete = true\n'
        f'requests_per_hour = 10000000\ntoken_sha256 = "{hashed}"\n'
    )
    port = free_port()
    command = [sys.executable, "-c", _OWN, str(where), str(port), place or str(where / "t.sqlite")]
    name = "stillwatch on PostgreSQL" if place else "stillwatch"
    url = f"http://127.0.0.1:{port}/taxii2/stillwatch/"
    return Started(name, url, _basic("bench", TOKEN), "inbox-bench", command, where, _run(command, where, port))


def medallion(where: Path) -> Started | None:
    """Start medallion with its memory back end; nothing where it is not installed."""
    home = os.environ.get(MEDALLION, "")
    if not home:
        return None
    port = free_port()
    (where / "data.json").write_text(json.dumps(_medallion_data(port)))
    (where / "config.json").write_text(json.dumps({
        "backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
                    "filename": str(where / "data.json")},
        "users": {"bench": TOKEN}, "taxii": {"max_page_size": 10_000},
    }))  # fmt: skip
    command = [str(Path(home) / "bin" / "medallion"), "--port", str(port), str(where / "config.json")]
    url = f"http://127.0.0.1:{port}/root/"
    process = _run(command, where, port)
    return Started("medallion 3.0.0", url, _basic("bench", TOKEN), _COLLECTION, command, where, process)


def _medallion_data(port: int) -> dict[str, Any]:
    media = "application/taxii+json;version=2.1"
    collection = {"id": _COLLECTION, "title": "Bench", "description": "", "can_read": True, "can_write": True,
                  "media_types": ["application/stix+json;version=2.1"], "objects": [], "manifest": []}  # fmt: skip
    return {
        "/discovery": {"title": "medallion", "default": f"http://127.0.0.1:{port}/root/",
                       "api_roots": [f"http://127.0.0.1:{port}/root/"]},
        "root": {"information": {"title": "Bench", "versions": [media], "max_content_length": 32 << 20},
                 "status": [], "collections": [collection]},
    }  # fmt: skip
