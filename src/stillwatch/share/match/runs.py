"""Runs: what one side has of each run of matching, on disk, so that it goes on after a restart.

match/RUN/run.json     who, what, how far, and how it ended: kept
match/RUN/state        the secret and the identifiers of this side: erased when the run ends
match/RUN/in-NAME      messages of the peer, as far as they came; out-NAME ours: erased when the run ends
match/RUN/names.json   which of this side's own identifiers matched, after both released them
match/offers/          sets that a peer may match against, until a day
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from stillwatch.errors import ShareError
from stillwatch.share.files import locked, write
from stillwatch.share.log import Line, Log
from stillwatch.share.psi.canonical import canonical
from stillwatch.share.psi.party import Party, Role

FOLDER: Final = "match"
LIVES: Final = timedelta(days=14)
"""How long a run may take, waiting for people; after that it is given up."""
WEEK: Final = timedelta(days=7)
KEPT: Final = ("run.json", "names.json", "out-places")
"""What is left of a run that has ended; the peer may still have to fetch the places."""
Step = Literal["met", "counted", "below", "named", "refused"]


class Run(msgspec.Struct, kw_only=True):
    """One run.

    Attributes:
        peer: his name in peers.toml.
        step: `met` (messages go to and fro), `counted`, `below` (fewer than the floor match), `named` or `refused`.
        url: of the peer's server, where we are the inviter; `remote` is the run's name there.
        size, peer_size: points of either side, which tell how many identifiers there are up to a power of two.
        count: how many both hold; nothing before it is known, or below the floor.
        begun_by: who began it, or offered the set.
        released_by: who let the names go, another person; the peer learns which of his matched only after that.
        because: the rule by which it was refused.
    """

    id: str
    role: Role
    peer: str
    kind: str
    started: datetime
    step: Step = "met"
    url: str = ""
    remote: str = ""
    size: int = 0
    peer_size: int = 0
    count: int | None = None
    nonce: str = ""
    begun_by: str = ""
    released_by: str = ""
    peer_released: bool = False
    because: str = ""
    ended: datetime | None = None


class Offer(msgspec.Struct, kw_only=True, frozen=True):
    """A set that a peer may match against, until a day."""

    peer: str
    kind: str
    until: date
    by: str
    values: list[str]


class Runs:
    """The runs of one installation.

    Args:
        directory: the share directory.
    """

    def __init__(self, directory: Path) -> None:
        self.folder = directory / FOLDER
        self.log = Log(directory)

    # -- offers

    def offer(self, offer: Offer) -> None:
        """Let a peer match against a set; takes the place of an earlier one of that kind.

        Raises:
            ShareError: when one of the values is none of the kind; the line is named, the value is not.
        """
        check(offer.kind, offer.values)
        self._private()
        write(self._offer(offer.peer, offer.kind), msgspec.json.encode(offer))
        self._say(offer.by, f"offer {offer.kind}", offer.peer, f"{_about(len(offer.values))} until {offer.until}")

    def offered(self, peer: str, kind: str, today: date) -> Offer | None:
        """Find the set that a peer may match against today."""
        path = self._offer(peer, kind)
        found = msgspec.json.decode(path.read_bytes(), type=Offer) if path.exists() else None
        return found if found is not None and today <= found.until else None

    def withdraw(self, peer: str, kind: str) -> bool:
        """Take an offer back; tells whether there was one."""
        path = self._offer(peer, kind)
        was = path.exists()
        path.unlink(missing_ok=True)
        return was

    def _offer(self, peer: str, kind: str) -> Path:
        return self.folder / "offers" / f"{kind}-{peer.encode().hex()}.json"

    # -- runs

    def make(self, run: Run, party: Party) -> Run:
        """Begin a run."""
        self._private()
        self.keep(run, party)
        self.save(run)
        self._say(run.peer if run.role == "responder" else "", f"{run.id} {run.kind}", run.peer,
                  f"begun as {run.role}; {run.size:,} points")  # fmt: skip
        return run

    def read(self, name: str) -> Run:
        """Read a run.

        Raises:
            ShareError: when there is none of that name.
        """
        path = self.folder / name / "run.json"
        if not re.fullmatch(r"[0-9a-f]{16}", name) or not path.exists():
            raise ShareError("there is no such run", hint="`stillwatch share match list` names them")
        return msgspec.json.decode(path.read_bytes(), type=Run)

    def all(self) -> list[Run]:
        """Read all runs, oldest first; those that took too long are given up."""
        found = [self.read(path.parent.name) for path in self.folder.glob("*/run.json")]
        for run in found:
            if run.ended is None and now() - run.started > LIVES:
                self.end(run, "refused", f"given up after {LIVES.days} days")
        return sorted(found, key=lambda one: one.started)

    def save(self, run: Run) -> None:
        """Write down how far a run is."""
        write(self.folder / run.id / "run.json", msgspec.json.encode(run))

    def end(self, run: Run, step: Step, because: str = "", names: Sequence[str] | None = None) -> None:
        """End a run: what it was is kept, the secret, the identifiers and the messages are erased."""
        run.step, run.because, run.ended = step, because, now()
        if names is not None:
            write(self.folder / run.id / "names.json", msgspec.json.encode(list(names)))
        self.save(run)
        for path in (self.folder / run.id).iterdir():
            if path.name not in KEPT and path.is_file():
                path.unlink(missing_ok=True)
        self._say(run.peer, f"{run.id} {run.kind}", run.peer, because or f"{step}: {_about(run.count or 0)}")

    def drop(self, run: Run) -> None:
        """Erase a run and the names that it gave, for good."""
        shutil.rmtree(self.folder / run.id)

    def party(self, run: Run) -> Party:
        """Take up this side of a run where it was."""
        return Party.thawed((self.folder / run.id / "state").read_bytes())

    def keep(self, run: Run, party: Party) -> None:
        """Write this side of a run down."""
        write(self.folder / run.id / "state", party.frozen())

    def message(self, run: Run, way: Literal["in", "out"], name: str) -> Path:
        """Tell where a message lies."""
        return self.folder / run.id / f"{way}-{name}"

    def names(self, run: Run) -> list[str]:
        """Read which of our own identifiers matched.

        Raises:
            ShareError: when they are not told yet.
        """
        path = self.folder / run.id / "names.json"
        if not path.exists():
            raise ShareError("no names are told of this run", where=run.id, hint="a person on each side releases them")
        return msgspec.json.decode(path.read_bytes(), type=list[str])

    def released(self, run: Run, who: str) -> Run:
        """Note who let the names go.

        Raises:
            ShareError: when there is no count yet, or it is below the floor.
        """
        with locked(self.folder / run.id):
            run = self.read(run.id)
            if run.step != "counted":
                raise ShareError(f"`{run.step}`: there is nothing to release", where=run.id,
                                 hint="names can be released when the count is known")  # fmt: skip
            if who == run.begun_by:
                raise ShareError(f"`{who}` began this run, and another person releases its names", where=run.id,
                                 hint="`--by`: somebody who has looked at it anew")  # fmt: skip
            run.released_by = run.released_by or who
            self.save(run)
        self._say(who, f"{run.id} {run.kind}", run.peer, "names released")
        return run

    def _private(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _say(self, who: str, what: str, peer: str, note: str) -> None:
        self.log.add(Line(at=now(), who=who or "inviter", did="matched", what=what, to=[peer], note=note))


def check(kind: str, values: Sequence[str]) -> None:
    """See to it that all values are of a kind.

    Raises:
        ShareError: naming the line; the value is not repeated.
    """
    for number, value in enumerate(values, 1):
        try:
            canonical(kind, value)
        except ShareError as wrong:
            raise ShareError(wrong.what, where=f"line {number}", hint=wrong.hint) from None


def new_id() -> str:
    """Draw the name of a run, which nobody guesses."""
    return secrets.token_hex(8)


def now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


def _about(count: int) -> str:
    return f"{count:,} identifiers"
