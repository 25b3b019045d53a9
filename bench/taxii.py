"""TAXII: one client script for each server: add N objects, read every page, and see what gets lost.

    python bench/taxii.py --sizes 1000 10000 100000
    STILLWATCH_MEDALLION=ENVIRONMENT python bench/taxii.py --sizes 1000 10000 --budget 120
    STILLWATCH_MEDALLION=ENVIRONMENT python bench/taxii.py --sizes 10000 --correctness --budget 5000
    STILLWATCH_POSTGRES=postgresql://… python bench/taxii.py --sizes 100000     # ours on PostgreSQL besides

Objects of some 380 bytes with ids as they are in the wild (hashes, in no order), POSTs of 500, pages of 1,000 (of a
quarter of all, where there are fewer than 4,000), HTTP with keep-alive. Times are a client's on the same machine; CPU
and memory are the server's. `floor_s` is what it costs to write the same bytes to a file and flush it after each POST.
A server that is not through within `--budget` seconds is cut there, and the line says so. Correctness: `retry` asks
for the same cursor twice; `writer` adds objects between the pages; `kill` ends the server with kill -9, starts it
again, and reads everything once more. Each says what was lost or doubled; `ok` is nothing. With --correctness nothing
else is asked, for a server that is not through with the rest in an hour.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from taxii_servers import MAKER, POSTGRES, Started, medallion, own

MEDIA = "application/taxii+json;version=2.1"
POST = 500


class Cut(Exception):
    """The budget is used up."""


def an_object(number: int) -> dict[str, Any]:
    drawn = hashlib.sha256(str(number).encode()).hexdigest()
    return {
        "type": "indicator", "spec_version": "2.1",
        "id": f"indicator--{drawn[:8]}-{drawn[8:12]}-5{drawn[13:16]}-8{drawn[17:20]}-{drawn[20:32]}",
        "created": "2026-05-04T00:00:00.000Z", "modified": "2026-05-04T00:00:00.000Z", "name": f"indicator {number}",
        "created_by_ref": MAKER, "pattern": "[autonomous-system:number = 64500]", "pattern_type": "stix",
        "valid_from": "2026-05-04T00:00:00Z",
    }  # fmt: skip


class Plain:
    """A client with no cleverness of its own."""

    def __init__(self, server: Started, budget: float) -> None:
        self._server, self._until = server, time.monotonic() + budget
        self._link: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Cut
        parts = urlsplit(self._server.url)
        headers = {"Accept": MEDIA, "Content-Type": MEDIA, "Authorization": self._server.authorization}
        data = None if body is None else json.dumps(body).encode()
        for fresh in (False, True):
            if self._link is None or fresh:
                self._link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=left)
            try:
                self._link.request(method, parts.path + path, data, headers)
                answer = self._link.getresponse()
                told: dict[str, Any] = json.loads(answer.read())
            except TimeoutError:
                raise Cut from None
            except (http.client.HTTPException, ConnectionError):
                if fresh:
                    raise
                continue
            if answer.status >= 300:
                raise RuntimeError(f"{answer.status}: {told}")
            return told
        raise AssertionError

    def add(self, numbers: range) -> None:
        path = f"collections/{self._server.collection}/objects/"
        self.ask("POST", path, {"objects": [an_object(number) for number in numbers]})

    def page(self, limit: int, cursor: str = "") -> tuple[list[str], str]:
        asked = f"limit={limit}" + (f"&next={cursor}" if cursor else "")
        told = self.ask("GET", f"collections/{self._server.collection}/objects/?{asked}")
        return [one["id"] for one in told.get("objects", [])], told.get("next", "") if told.get("more") else ""

    def all(self, limit: int, spent: list[float] | None = None) -> list[str]:
        found: list[str] = []
        cursor, more = "", True
        while more:
            begin = time.perf_counter()
            ids, cursor = self.page(limit, cursor)
            if spent is not None:
                spent.append(time.perf_counter() - begin)
            found, more = found + ids, bool(cursor)
        return found


def lost(found: list[str], wanted: set[str]) -> str:
    missing, doubled = len(wanted - set(found)), len(found) - len(set(found))
    return "ok" if not missing + doubled else f"{missing} lost, {doubled} doubled"


def measure(server: Started, size: int, budget: float, speed: bool = True) -> dict[str, Any]:
    client, told = Plain(server, budget), {"server": server.name, "objects": size}
    try:
        if speed:
            _speed(client, server, size, told)
        else:
            _add(client, server, size, told)
        _correctness(client, server, size, told, budget)
    except Cut:
        told["cut_after_s"] = budget
    told |= {"server_cpu_s": round(server.cpu_s(), 2)} if server.process.poll() is None else {}
    return told


def _add(client: Plain, server: Started, size: int, told: dict[str, Any]) -> None:
    begin = time.perf_counter()
    for at in range(0, size, POST):
        client.add(range(at, min(at + POST, size)))
    told["add_s"] = round(time.perf_counter() - begin, 2)
    told["add_cpu_s"] = round(server.cpu_s(), 2)


def _speed(client: Plain, server: Started, size: int, told: dict[str, Any]) -> None:
    _add(client, server, size, told)
    for name, path in (("one_ms", f"objects/{an_object(size // 2)['id']}/"), ("manifest_ms", "manifest/?limit=10")):
        begin = time.perf_counter()
        client.ask("GET", f"collections/{server.collection}/{path}")
        told[name] = round((time.perf_counter() - begin) * 1e3, 1)
    spent: list[float] = []
    try:
        found = client.all(_limit(size), spent)
        told["read"] = lost(found, {an_object(n)["id"] for n in range(size)})
    finally:
        told["peak_mb"] = server.peak_mb()
        if spent:
            ordered = sorted(one * 1e3 for one in spent)
            told |= {"pages": len(spent), "first_page_ms": round(spent[0] * 1e3, 1),
                     "page_ms_median": round(statistics.median(ordered), 1),
                     "page_ms_slowest": round(ordered[-1], 1), "last_page_ms": round(spent[-1] * 1e3, 1)}  # fmt: skip


def _correctness(client: Plain, server: Started, size: int, told: dict[str, Any], budget: float) -> None:
    wanted, limit = {an_object(n)["id"] for n in range(size)}, _limit(size)
    _, cursor = client.page(limit)
    told["retry"] = "ok" if client.page(limit, cursor) == client.page(limit, cursor) else "two pages for one cursor"
    found, cursor, number = [], "", size
    while True:
        ids, cursor = client.page(limit, cursor)
        found += ids
        if not cursor:
            break
        client.add(range(number, number + 20))
        number += 20
    told["writer"] = lost([one for one in found if one in wanted], wanted)
    told["server_cpu_s_before_kill"] = round(server.cpu_s(), 2)
    server.kill()
    server.again()
    told["kill"] = lost([one for one in Plain(server, budget).all(limit) if one in wanted], wanted)


def _limit(size: int) -> int:
    return 1000 if size >= 4000 else size // 4


def floor(where: Path, size: int) -> float:
    """Write the same bytes to a file, flushed after each POST."""
    bodies = [b"".join(json.dumps(an_object(n)).encode() for n in range(at, min(at + POST, size)))
              for at in range(0, size, POST)]  # fmt: skip
    begin = time.perf_counter()
    with (where / "floor").open("wb") as file:
        for body in bodies:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
    return round(time.perf_counter() - begin, 2)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    asked.add_argument("--budget", type=float, default=120.0, help="seconds for one server and one size")
    asked.add_argument("--correctness", action="store_true", help="ask for nothing but what gets lost")
    given = asked.parse_args()
    for size in given.sizes:
        for start in (own, medallion, on_postgres):
            with tempfile.TemporaryDirectory() as folder:
                server = start(Path(folder))
                if server is None:
                    continue
                try:
                    told = measure(server, size, given.budget, not given.correctness)
                    print(json.dumps(told | {"floor_s": floor(Path(folder), size)}), flush=True)
                finally:
                    if server.process.poll() is None:
                        server.kill()


def on_postgres(where: Path) -> Started | None:
    """Start ours on PostgreSQL, in a schema `bench` that is made anew."""
    place = os.environ.get(POSTGRES, "")
    if not place:
        return None
    import psycopg

    with psycopg.connect(place, autocommit=True) as link:
        link.execute("DROP SCHEMA IF EXISTS bench CASCADE")
        link.execute("CREATE SCHEMA bench")
    return own(where, f"{place}{'&' if '?' in place else '?'}options=-csearch_path%3Dbench")


if __name__ == "__main__":
    main()
