"""Ask: the inviter's side of matching, with the responder at the other end of a link.

Each step looks at what is on disk and at what the peer holds, so that a run goes on after whatever stopped it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.share.files import write
from stillwatch.share.link import Answer, Link
from stillwatch.share.match.runs import Run, Runs, new_id, now
from stillwatch.share.match.work import PART, limit
from stillwatch.share.psi.party import Party

_BYTES: Final = {"Content-Type": "application/octet-stream"}
PAUSE_S: Final = 1.0
_HINTS: Final = {
    401: "the token is not known there",
    404: "the address ends before `/match/` and `/taxii2/`; or the run was erased there",
    429: "the quota is used up",
}  # fmt: skip


class _Status(msgspec.Struct, kw_only=True):
    """How far a run is at the peer's."""

    released: bool = False
    held: dict[str, int] = {}


class NotYet(Exception):
    """The peer has not got so far; asked again later it may have."""


class Asking:
    """Runs that we ask peers for.

    Args:
        runs: ours.
        link: to the peer's server, whose address ends where `/match/` begins.
        wait_s: how long to wait for the peer's machine.
        sleep: what waits.
    """

    def __init__(self, runs: Runs, link: Link, wait_s: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._runs, self._link, self._wait_s, self._sleep = runs, link, wait_s, sleep

    def begin(self, peer: str, url: str, kind: str, values: Sequence[str], by: str = "") -> Run:
        """Begin a run; nothing of a set has left when this returns but its size as a power of two.

        Raises:
            ShareError: when the peer says no; the rule is his.
        """
        party = Party("inviter", kind, values)
        try:
            answer = self._ask("POST", "match/v1/runs", party.hello())
        except _Over as no:
            raise ShareError(f"the peer says no: {no.rule}", where=url) from None
        remote = answer.headers.get("x-run", "")
        if answer.status != 201 or not (len(remote) == 16 and remote.isalnum()):
            raise ShareError("the answer is none to a hello", where=answer.where, hint="is this a stillwatch?")
        run = Run(id=new_id(), role="inviter", peer=peer, kind=kind, started=now(), url=url, remote=remote,
                  size=party.size, begun_by=by)  # fmt: skip
        self._runs.make(run, party)
        write(self._runs.message(run, "in", "hello"), answer.body)
        return run

    def go(self, run: Run) -> Run:
        """Go on as far as both sides are.

        Raises:
            ShareError: when the peer says no, or breaks a rule: the run is over then.
        """
        try:
            while run.ended is None and self._step(run):
                run = self._runs.read(run.id)
        except NotYet:
            pass
        except _Over as over:
            self._end(run, over)
        except ShareError as wrong:
            if wrong.what.startswith("`"):  # a rule, and not a line that is down
                self._runs.end(run, "refused", wrong.what)
            raise
        return self._runs.read(run.id)

    def _end(self, run: Run, over: _Over) -> None:
        if over.rule.startswith("`floor`"):
            self._runs.end(run, "below")
            return
        self._runs.end(run, "refused", f"the peer: {over.rule}")
        raise ShareError(f"the peer ended the run: {over.rule}", where=run.id)

    # -- the steps

    def _step(self, run: Run) -> bool:
        """Make the next step; false where a person is waited for."""
        if run.step == "counted":
            return self._names(run)
        if not run.peer_size:
            self._commit(run)
        elif not self._out(run, "doubled").exists():
            self._double(run)
        else:
            self._count(run)
        return True

    def _commit(self, run: Run) -> None:
        party = self._runs.party(run)
        root = party.commit(self._runs.message(run, "in", "hello").read_bytes())
        write(self._out(run, "commit"), root)
        self._runs.keep(run, party)
        run.peer_size = party.peer_size
        self._runs.save(run)

    def _double(self, run: Run) -> None:
        self._put(run, "commit")
        root = self._get(run, "commit")
        party = self._runs.party(run)
        write(self._out(run, "points"), party.points(root))
        self._put(run, "points")
        doubled = party.doubled(self._get(run, "points"))
        self._runs.keep(run, party)
        write(self._out(run, "doubled"), doubled)

    def _count(self, run: Run) -> None:
        self._put(run, "doubled")
        party = self._runs.party(run)
        count = party.count(self._get(run, "doubled"))
        if count is None:
            self._runs.end(run, "below")
            return
        self._runs.keep(run, party)
        run.step, run.count = "counted", count
        self._runs.save(run)

    def _names(self, run: Run) -> bool:
        """Exchange the names, when a person on each side has released them."""
        if not run.released_by:
            return False
        write(self._out(run, "released"), b"1")
        self._put(run, "released")
        if not self._status(run).released:
            return False
        party = self._runs.party(run)
        write(self._out(run, "places"), party.places())
        self._put(run, "places")
        run.peer_released = True
        self._runs.end(run, "named", names=party.matched(self._get(run, "places")))
        return False

    # -- messages

    def _put(self, run: Run, name: str) -> None:
        """Send a message, from where the peer has it on."""
        data, held = self._out(run, name).read_bytes(), self._status(run).held.get(name, 0)
        for at in range(max(0, held), len(data), PART):
            self._ask("PUT", f"match/v1/runs/{run.remote}/{name}?at={at}", data[at : at + PART])

    def _status(self, run: Run) -> _Status:
        answer = self._ask("GET", f"match/v1/runs/{run.remote}")
        try:
            return msgspec.json.decode(answer.body, type=_Status)
        except msgspec.DecodeError:
            raise ShareError("the answer tells no state of a run", where=answer.where) from None

    def _get(self, run: Run, name: str) -> bytes:
        """Fetch a message as a whole; waits while the peer works on it."""
        path = self._runs.message(run, "in", name)
        data = path.read_bytes() if path.exists() else b""
        most = limit(run, name)
        until = time.monotonic() + self._wait_s
        while len(data) < most:
            answer = self._ask("GET", f"match/v1/runs/{run.remote}/{name}?at={len(data)}")
            if answer.status == 202:
                if time.monotonic() > until:
                    raise NotYet
                self._sleep(PAUSE_S)
                continue
            if not answer.body or len(data) + len(answer.body) > most:
                raise ShareError(f"`{name}`: expected {most:,} bytes", where=run.id,
                                 hint="the peer does not follow the protocol")  # fmt: skip
            data += answer.body
            with path.open("ab") as file:
                file.write(answer.body)
        return data

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        return self._checked(self._link.ask(method, path, body, _BYTES if body is not None else {}))

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.status < 300:
            return answer
        try:
            told = msgspec.json.decode(answer.body, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError):
            told = {}
        rule = str(told.get("title", ""))[:300]
        if answer.status == 403 and rule:
            raise _Over(rule)
        if rule:
            wait = answer.headers.get("retry-after", "")
            hint = str(told.get("hint", ""))[:300] or _HINTS.get(answer.status)
            hint = f"in {int(wait):,} s" if wait.isdigit() else hint
            raise ShareError(f"the peer says no: {rule}", where=answer.where, hint=hint)
        answer.check(_HINTS)
        raise AssertionError

    def _out(self, run: Run, name: str) -> Path:
        return self._runs.message(run, "out", name)


class _Over(Exception):
    """The peer refuses, by a rule."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule
