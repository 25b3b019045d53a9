"""TAXII: add N objects, read every page, one object, the manifest, after a kill -9 again. `python bench/taxii.py`.

Objects of some 380 bytes, POSTs of 500, pages of 1,000; wall clock of a client on the same machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from stillwatch.share.formats._objects import own_id
from stillwatch.share.taxii.client import Client, Mark

TOKEN = "bench-" + "x" * 40
SERVER = """
import sys
from pathlib import Path
from stillwatch.share.peers import read
from stillwatch.share.taxii.answer import Server
from stillwatch.share.taxii.serve import bind
from stillwatch.share.taxii.store import Store
where = Path(sys.argv[1])
listening = bind(Server(Store(where / "t.sqlite"), read(where / "peers.toml"), "Bench"), "127.0.0.1", int(sys.argv[2]))
print(listening.server_address[1], flush=True)
listening.serve_forever()
"""


def an_object(number: int) -> dict[str, Any]:
    return {
        "type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012x}",
        "created": "2026-05-04T00:00:00.000Z", "modified": "2026-05-04T00:00:00.000Z", "name": f"indicator {number}",
        "created_by_ref": own_id("identity", "Bench"), "pattern": "[autonomous-system:number = 64500]",
        "pattern_type": "stix", "valid_from": "2026-05-04T00:00:00Z",
    }  # fmt: skip


def started(where: Path, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(where), str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def memory_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_all(client: Client, collection: str) -> tuple[list[str], list[float]]:
    names, spent, begin = [], [], time.perf_counter()
    for page in client.pull(collection, Mark()):
        spent.append(time.perf_counter() - begin)
        names += [one["id"] for one in page]
        begin = time.perf_counter()
    return names, spent


def own(size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
        (where / "peers.toml").write_text(
            f'[[peer]]\nname = "bench"\norganisation = "Bench"\nwrite = true\nrequests_per_hour = 1000000\n'
            f'token_sha256 = "{hashed}"\n'
        )
        process, port = started(where)
        url = f"http://127.0.0.1:{port}/taxii2/stillwatch/"
        client = Client(url, TOKEN)
        begin = time.perf_counter()
        for at in range(0, size, 500):
            client.push("inbox-bench", [an_object(n) for n in range(at, min(at + 500, size))])
        added = time.perf_counter() - begin
        names, pages = read_all(client, "inbox-bench")
        found = {
            "objects": size, "add_s": round(added, 2), "pages": len(pages), "page_ms_first": round(pages[0] * 1e3, 1),
            "page_ms_slowest": round(max(pages) * 1e3, 1), "page_ms_last": round(pages[-1] * 1e3, 1),
            "peak_memory_mb": round(memory_mb(process.pid)), "cpu_s": round(cpu_s(process.pid), 2),
        }  # fmt: skip
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process, _ = started(where, port)
        again, _ = read_all(client, "inbox-bench")
        process.terminate()
        process.wait()
        whole = [an_object(n)["id"] for n in range(size)]
        return found | {"lost_or_doubled": names != whole, "lost_or_doubled_after_kill": again != whole}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    for size in asked.parse_args().sizes:
        print(json.dumps(own(size)), flush=True)


if __name__ == "__main__":
    main()
