"""Answer: the responder's side of matching, over HTTP; knows nothing of sockets.

    POST /match/v1/runs                  the inviter's hello; gives ours, and the run's name in `X-Run`
    PUT  /match/v1/runs/RUN/NAME?at=N    a part of a message, from byte N on; sent again it changes nothing
    GET  /match/v1/runs/RUN/NAME?at=N    a part of ours; 202 while it is not there yet
    GET  /match/v1/runs/RUN              how far the run is

NAME is `commit`, `points`, `doubled`, `released` or `places`, in the order of the protocol. Every refusal names its
rule. What takes long is worked on beside the answers, and again after a restart: all that counts is on disk.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from stillwatch.errors import ShareError
from stillwatch.share.door import Door, Refused, Request, Response
from stillwatch.share.files import locked, write
from stillwatch.share.match.runs import WEEK, Run, Runs, new_id, now
from stillwatch.share.match.work import PART, limit, whole, work_apart
from stillwatch.share.peers import Peer
from stillwatch.share.psi.canonical import KINDS
from stillwatch.share.psi.party import Hello, Party, met

ROOT: Final = "/match/v1/runs"
BYTES: Final = "application/octet-stream"
NAMES: Final = ("commit", "points", "doubled", "released", "places")
WAIT_S: Final = 1


class Matching:
    """Answers peers who match.

    Args:
        directory: the share directory.
        door: through which peers come.
    """

    def __init__(self, directory: Path, door: Door) -> None:
        self._runs, self._door = Runs(directory), door
        self._working: dict[str, threading.Thread] = {}
        self._turn = threading.Lock()

    def answer(self, request: Request) -> Response:
        """Answer one request; never raises."""
        try:
            return self._answer(request, self._door.enter(request))
        except Refused as no:
            return _told(no.status, {"title": no.title, "hint": no.hint}, no.headers)
        except ShareError as no:
            return _told(403, {"title": no.what, "hint": no.hint or ""})

    def _answer(self, request: Request, peer: Peer) -> Response:
        if not peer.match_size:
            raise Refused(403, "`match_size`: you may not match here", "ask for it to be raised in peers.toml")
        if (request.method, request.path) == ("POST", ROOT):
            return self._meet(peer, request.body)
        place = re.fullmatch(rf"{ROOT}/([0-9a-f]{{16}})(?:/([a-z]+))?", request.path)
        if place is None or place[2] not in (None, *NAMES):
            raise Refused(404, "not found")
        run = self._own(peer, place[1])
        if request.method == "GET" and place[2] is None:
            return self._status(run)
        at = dict(parse_qsl(request.query)).get("at", "0")
        if not re.fullmatch(r"[0-9]{1,9}", at):
            raise Refused(400, "`at`: expected a number of bytes")
        if request.method == "PUT" and place[2]:
            return self._take(run, place[2], int(at), request.body)
        if request.method == "GET" and place[2]:
            return self._give(run, place[2], int(at))
        raise Refused(405, "method not allowed")

    # -- a run begins

    def _meet(self, peer: Peer, body: bytes) -> Response:
        hello = _hello(body, peer)
        with self._turn:
            self._allowed(peer, hello)
            offer = self._runs.offered(peer.name, hello.kind, now().date())
            if offer is None:
                raise Refused(403, f"`kind`: no set of `{hello.kind}` is offered to you", "agree on a day first")
            party = Party("responder", hello.kind, offer.values, quota=peer.match_size)
            run = Run(id=new_id(), role="responder", peer=peer.name, kind=hello.kind, started=now(), size=party.size,
                      peer_size=hello.size, nonce=hello.nonce.hex(), begun_by=offer.by)  # fmt: skip
            self._runs.make(run, party)
            write(self._runs.message(run, "in", "hello"), body)
        return Response(status=201, body=party.hello(), headers={"Content-Type": BYTES, "X-Run": run.id})

    def _allowed(self, peer: Peer, hello: Hello) -> None:
        """Hold a peer to his runs of a week; what he left lying is given up."""
        his = [run for run in self._runs.all() if run.peer == peer.name and run.role == "responder"]
        if hello.nonce.hex() in {run.nonce for run in his}:
            raise Refused(403, "`nonce`: was used in an earlier run", "draw a new one for each run")
        recent = [run.started for run in his if now() - run.started < WEEK]
        if len(recent) >= peer.match_runs_per_week:
            wait = int((min(recent) + WEEK - now()).total_seconds()) + 1
            rule = f"`match_runs_per_week`: {peer.match_runs_per_week} are used up"
            raise Refused(429, rule, "come back next week", {"Retry-After": str(wait)})
        for run in his:
            if run.kind == hello.kind and run.step == "met" and run.ended is None:
                self._runs.end(run, "refused", "`run`: the peer began another")

    def _own(self, peer: Peer, name: str) -> Run:
        try:
            run = self._runs.read(name)
        except ShareError:
            raise Refused(404, "no such run") from None
        if run.peer != peer.name or run.role != "responder":
            raise Refused(404, "no such run")
        return run

    # -- messages

    def _take(self, run: Run, name: str, at: int, body: bytes) -> Response:
        if run.step == "named":
            return _told(200, {"held": at + len(body)})
        if run.ended is not None:
            raise _over(run)
        most = limit(run, name)
        if len(body) > PART or at + len(body) > most:
            raise Refused(413, f"`{name}`: at most {most:,} bytes, in parts of {PART:,}")
        with locked(self._runs.folder / run.id):
            path = self._runs.message(run, "in", name)
            held = path.stat().st_size if path.exists() else 0
            if at > held or (at < held and not _same(path, at, body)):
                raise Refused(409, f"`at`: {held:,} bytes are held, and they are not changed", "",
                              {"X-Held": str(held)})  # fmt: skip
            if at == held:
                with path.open("ab") as file:
                    file.write(body)
            if name == "released":
                run = self._runs.read(run.id)
                run.peer_released = True
                self._runs.save(run)
        self._advance(run)
        return _told(200, {"held": max(held, at + len(body))})

    def _give(self, run: Run, name: str, at: int) -> Response:
        self._advance(run)
        run = self._runs.read(run.id)
        if run.step in ("below", "refused"):
            raise _over(run)
        if name == "places" and not (run.released_by and run.peer_released):
            who = "here" if not run.released_by else "on your side"
            return _told(202, {"title": f"`release`: no person {who} has released the names yet"}, _later())
        path = self._runs.message(run, "out", name)
        if not path.exists() or (name == "doubled" and run.step == "met"):
            return _told(202, {"title": f"`{name}`: is not there yet"}, _later())
        with path.open("rb") as file:
            file.seek(at)
            part = file.read(PART)
        return Response(status=200, body=part, headers={"Content-Type": BYTES, "X-Total": str(path.stat().st_size)})

    def _status(self, run: Run) -> Response:
        self._advance(run)
        run = self._runs.read(run.id)
        held = {name: path.stat().st_size for name in NAMES if (path := self._runs.message(run, "in", name)).exists()}
        return _told(200, {"step": run.step, "because": run.because, "released": bool(run.released_by), "held": held})

    # -- work

    def _advance(self, run: Run) -> None:
        """Work on a run, unless somebody does or there is nothing to do."""
        if run.ended is not None or not whole(self._runs, run):
            return
        with self._turn:
            thread = self._working.get(run.id)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(target=work_apart, args=(self._runs, run), daemon=True)
                self._working[run.id] = thread
                thread.start()
        thread.join(0.2)  # what is small is there at once

    def settle(self) -> None:
        """Wait until nothing is worked on."""
        for thread in list(self._working.values()):
            thread.join()


def _hello(body: bytes, peer: Peer) -> Hello:
    try:
        kind = msgspec.msgpack.decode(body, type=Hello).kind
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(400, "`hello`: cannot be read") from None
    if kind not in KINDS:
        raise Refused(400, "`kind`: is none that is matched", ", ".join(KINDS))
    return met(body, kind, peer.match_size)


def _over(run: Run) -> Refused:
    if run.step == "below":
        return Refused(403, "`floor`: fewer than the floor match: neither number nor names are told")
    return Refused(403, run.because or f"the run is over: {run.step}")


def _same(path: Path, at: int, body: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(at)
        return file.read(len(body)) == body


def _later() -> dict[str, str]:
    return {"Retry-After": str(WAIT_S)}


def _told(status: int, told: dict[str, object], headers: dict[str, str] | None = None) -> Response:
    return Response(status=status, body=msgspec.json.encode(told),
                    headers={"Content-Type": "application/json", **(headers or {})})  # fmt: skip
