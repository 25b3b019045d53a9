"""Refer: a finding handed to a public authority, as one archive that opens without us and can be checked.

It goes the way of every bulletin: a person prepares it and sees every field, another releases exactly what he saw, and
the disclosure log says so. The archive is the same to the last byte whenever it is written again: a report to read, the
bulletin as STIX and JSON, its counts, the hashes of them all, and the line of the log with its proof.
"""

from __future__ import annotations

import csv
import hashlib
import io
import uuid
import zipfile
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import WORDS, Bulletin, sureness
from stillwatch.share import actors, preview, scrub
from stillwatch.share.compose import NAMESPACE
from stillwatch.share.desk import Desk, allowed, digest, now, same_person
from stillwatch.share.files import locked, write
from stillwatch.share.formats import stix
from stillwatch.share.log import Line, Proof
from stillwatch.share.peers import Peer
from stillwatch.share.techniques import ATLAS, GAPS

REFERRALS: Final = "referrals"
SUMS: Final = "SHA256SUMS"
DISCLOSURE: Final = "disclosure.json"


class Referral(msgspec.Struct, kw_only=True, frozen=True):
    """A finding that is to go, or went, to an authority.

    Attributes:
        to: the authority's name in peers.toml; `authority` is what it is called.
        asks: what the authority is asked to do.
        basis: under which law or agreement it is told.
        digest: SHA-256 over all that it says.
        proof: the line of the disclosure log, once released.
    """

    id: str
    to: str
    authority: str
    asks: str
    basis: str
    bulletin: Bulletin
    digest: str = ""
    prepared_by: str
    prepared_at: datetime
    released_by: str = ""
    released_at: datetime | None = None
    proof: Proof | None = None

    def said(self) -> dict[str, str]:
        """Give what it says beside the bulletin."""
        return {"to": self.authority, "asks": self.asks, "basis": self.basis}


def prepare(desk: Desk, name: str, peer: Peer, *, asks: str, basis: str, who: str) -> Referral:
    """Put a referral of a bulletin on the desk.

    Raises:
        ShareError: when the peer is no authority, may not see the bulletin, or something must not leave.
    """
    allowed(who, desk.preparers, "prepare")
    bulletin = desk.find(name).bulletin
    _fits(bulletin, peer)
    for field, text in (("asks", asks), ("basis", basis)):
        if not text.strip():
            raise ShareError(f"`{field}` is empty", where=f"bulletin {bulletin.id}", hint=f'`--{field} "…"`')
        if found := scrub.refusals(msgspec.structs.replace(bulletin, note=text)):
            raise ShareError(f"`{field}` holds {found[0].rule}", where=f"bulletin {bulletin.id}", hint=found[0].hint)
    made = Referral(
        id=str(uuid.uuid5(NAMESPACE, f"referral|{bulletin.id}|{peer.name}")), to=peer.name, authority=peer.organisation,
        asks=asks.strip(), basis=basis.strip(), bulletin=bulletin, prepared_by=who, prepared_at=now(),
    )  # fmt: skip
    made = msgspec.structs.replace(made, digest=_digest(made))
    with locked(desk.directory / REFERRALS):
        last = _held(desk, made.id)
        if last is not None and last.digest == made.digest:
            return last
        _keep(desk, made)
    desk.log.add(_line(made, who, "prepared"))
    return made


def release(desk: Desk, name: str, who: str, seen: str = "") -> tuple[Referral, bytes]:
    """Let a referral go, and write its archive; one that went gives the same archive again.

    Raises:
        ShareError: when the person prepared it, saw something else, or the bulletin has changed since.
    """
    allowed(who, desk.releasers, "release")
    with locked(desk.directory / REFERRALS):
        made = find(desk, name)
        if made.proof is not None:
            return made, archive(made)
        if same_person(who, made.prepared_by):
            raise ShareError(f"`{who}` prepared it: a second person releases", where=f"referral {made.id}")
        if seen and not made.digest.startswith(seen):
            raise ShareError("it has changed since it was previewed", where=f"referral {made.id}",
                             hint="look at it again: `stillwatch share refer-show`")  # fmt: skip
        if digest(desk.find(made.bulletin.id).bulletin) != digest(made.bulletin):
            raise ShareError("the bulletin has changed since", where=f"bulletin {made.bulletin.id}",
                             hint="prepare the referral again: `stillwatch share refer`")  # fmt: skip
        made = msgspec.structs.replace(made, released_by=who, released_at=now())
        line = desk.log.add(_line(made, who, "referred", hashlib.sha256(_files(made)[SUMS]).hexdigest()))
        made = msgspec.structs.replace(made, proof=desk.log.prove(line))
        _keep(desk, made)
    return made, archive(made)


def find(desk: Desk, name: str) -> Referral:
    """Read a referral by its id, or the beginning of it.

    Raises:
        ShareError: when there is none, or more than one.
    """
    found = [one for one in everything(desk) if name and one.id.startswith(name)]
    if len(found) != 1:
        raise ShareError(f"{'no referral' if not found else 'more than one referral'} begins with `{name[:80]}`",
                         where=str(desk.directory), hint="`stillwatch share refer` prepares one")  # fmt: skip
    return found[0]


def everything(desk: Desk) -> list[Referral]:
    """Read all referrals."""
    return [_read(path) for path in sorted((desk.directory / REFERRALS).glob("*.json"))]


def archive(made: Referral) -> bytes:
    """Write the archive: stored and not packed, names in order, one time for all, so that it is always the same."""
    assert made.proof is not None  # noqa: S101 - written of what went
    files = {**_files(made), DISCLOSURE: _json(made.proof)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive_:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive_.writestr(entry, files[name])
    return out.getvalue()


def _files(made: Referral) -> dict[str, bytes]:
    """Write every file but the line of the log, with their hashes as `sha256sum -c` reads them."""
    files = {
        "README.txt": _README.encode(), "bulletin.json": _json(made.bulletin), "stix.json": stix.write([made.bulletin]),
        "counts.csv": _counts(made.bulletin), "referral.json": _json(_shown(made)), "report.html": _report(made),
    }  # fmt: skip
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return {**files, SUMS: sums.encode()}


def _shown(made: Referral) -> dict[str, Any]:
    told = made.said() | {"referral": made.id, "bulletin": made.bulletin.id, "digest": made.digest}
    people = {"prepared_by": made.prepared_by, "released_by": made.released_by}
    return {"schema": 1, **told, **people, "at": made.released_at}


def _counts(bulletin: Bulletin) -> bytes:
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(["what", "week", "count"])
    for name, count in msgspec.to_builtins(bulletin.volume).items():
        table.writerow([name, "", count])
    for week in bulletin.weeks:
        table.writerow(["exchanges", week.week, week.exchanges])
    return out.getvalue().encode()


def _report(made: Referral) -> bytes:
    text = resources.files("stillwatch.share").joinpath("referral.html").read_text("utf-8")
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)
    bulletin = made.bulletin
    techniques = [(number, ATLAS[number].name if number in ATLAS else "") for number in bulletin.atlas]
    return page.render(
        made=made, bulletin=bulletin, words=WORDS, sureness=sureness(bulletin.confidence), techniques=techniques,
        gaps=[GAPS[name] for name in bulletin.gaps if name in GAPS], stays=preview.STAYS,
        actor=actors.sentence(bulletin.actor) if bulletin.actor else "",
        volume=msgspec.to_builtins(bulletin.volume),
    ).encode()  # fmt: skip


_README: Final = """A finding of adversarial distillation, referred to a public authority.

report.html      to read; it asks no network and runs nothing
bulletin.json    the same, for programs
stix.json        the same in STIX 2.1
counts.csv       its counts, two significant figures
referral.json    who refers it, to whom, what is asked, and who released it
disclosure.json  the line of the sender's disclosure log, with its proof
SHA256SUMS       hashes of all of these but the line, which holds the hash of SHA256SUMS

To check it:  sha256sum -c SHA256SUMS
It holds no customer's identity, no prompt and no answer. It can be taken back: ask the sender for its state.
"""


def _fits(bulletin: Bulletin, peer: Peer) -> None:
    where = f"bulletin {bulletin.id}"
    if peer.kind != "authority":
        raise ShareError(f"`{peer.name}` is no authority", where=where, hint='`kind = "authority"` in peers.toml')
    if not peer.organisation.strip():
        raise ShareError(f"`{peer.name}` has no `organisation`", where=where, hint="name the authority in peers.toml")
    if bulletin.revoked:
        raise ShareError("it was revoked: nothing of it is referred", where=where)
    if not peer.may_see(bulletin.marking):
        raise ShareError(f"`{peer.name}` may not see TLP:{bulletin.marking.upper()}", where=where,
                         hint="mark the bulletin more widely, or raise his `clearance` in peers.toml")  # fmt: skip


def _digest(made: Referral) -> str:
    held: Mapping[str, object] = {**made.said(), "bulletin": made.bulletin}
    return hashlib.sha256(msgspec.json.encode(held, order="sorted")).hexdigest()


def _line(made: Referral, who: str, did: str, hashed: str = "") -> Line:
    held = {
        "at": now(), "who": who, "did": did, "what": made.bulletin.id, "to": [made.to],
        "marking": made.bulletin.marking, "digest": hashed or made.digest, "note": f"referral {made.id}",
    }  # fmt: skip
    return msgspec.convert(held, Line)


def _held(desk: Desk, name: str) -> Referral | None:
    path = desk.directory / REFERRALS / f"{name}.json"
    return _read(path) if path.exists() else None


def _read(path: Path) -> Referral:
    try:
        made = msgspec.json.decode(path.read_bytes(), type=Referral)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise ShareError(f"the referral is damaged: {trouble}", where=str(path), hint="prepare it again") from None
    if made.digest != _digest(made):
        raise ShareError("the referral was changed on the disk", where=str(path), hint="prepare it again")
    return made


def _keep(desk: Desk, made: Referral) -> None:
    write(desk.directory / REFERRALS / f"{made.id}.json", msgspec.json.encode(made))


def _json(thing: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(thing), indent=1) + b"\n"
