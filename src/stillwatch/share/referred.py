"""Referred: check an archive that `refer` wrote, offline, by whoever got it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Final

import msgspec

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share.formats import stix
from stillwatch.share.log import Line, Proof
from stillwatch.share.refer import DISCLOSURE, SUMS

NAMES: Final = frozenset(
    {"README.txt", "bulletin.json", "counts.csv", DISCLOSURE, "referral.json", "report.html", SUMS, "stix.json"}
)
LARGEST: Final = 32 << 20
"""Bytes of an archive, unpacked."""


class Checked(msgspec.Struct, kw_only=True, frozen=True):
    """What came of checking an archive.

    Attributes:
        faults: what is wrong with it; none where it is sound.
        root: root of the sender's disclosure log, to be asked for at the sender.
    """

    schema: int = 1
    sound: bool
    faults: list[str]
    bulletin: Bulletin | None = None
    root: str = ""
    size: int = 0


def check(data: bytes) -> Checked:
    """Check hashes, the line of the log with its proof, and that STIX and JSON say the same.

    Raises:
        ShareError: when it is no such archive at all.
    """
    files = unpacked(data)
    faults = [f"`{name}` is missing" for name in sorted(NAMES - set(files))]
    faults += [f"`{name}` does not belong in it" for name in sorted(set(files) - NAMES)]
    if faults:
        return Checked(sound=False, faults=faults)
    faults = _sums(files)
    bulletin, proof = _read(files, faults)
    if proof is not None:
        faults += _proven(proof, files[SUMS])
    return Checked(
        sound=not faults, faults=faults, bulletin=bulletin, root=proof.root if proof else "",
        size=proof.size if proof else 0,
    )  # fmt: skip


def unpacked(data: bytes) -> dict[str, bytes]:
    """Take the files out of an archive, none larger than is allowed.

    Raises:
        ShareError: when it is no archive, or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST or len(archive.infolist()) > 100:
                raise ShareError("the archive is too large for a referral", hint=f"at most {LARGEST >> 20} MiB")
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as trouble:
        raise ShareError(
            f"this is no referral, or a damaged one: {trouble}", hint="a zip archive of `stillwatch share refer`"
        ) from None


def _sums(files: dict[str, bytes]) -> list[str]:
    wanted = "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(NAMES - {SUMS, DISCLOSURE})
    )
    if files[SUMS].decode("utf-8", "replace") == wanted:
        return []
    lines = (line.partition("  ") for line in files[SUMS].decode("utf-8", "replace").splitlines())
    told = {name: hashed for hashed, _, name in lines}
    wrong = [name for name in sorted(NAMES - {SUMS, DISCLOSURE})
             if told.get(name) != hashlib.sha256(files[name]).hexdigest()]  # fmt: skip
    return [f"`{name}` is not what its hash says" for name in wrong] or [f"`{SUMS}` was changed"]


def _read(files: dict[str, bytes], faults: list[str]) -> tuple[Bulletin | None, Proof | None]:
    bulletin: Bulletin | None = None
    proof: Proof | None = None
    try:
        bulletin = msgspec.json.decode(files["bulletin.json"], type=Bulletin)
        if stix.read(files["stix.json"]) != [bulletin]:
            faults.append("`stix.json` and `bulletin.json` do not say the same")
        proof = msgspec.json.decode(files[DISCLOSURE], type=Proof)
    except (msgspec.DecodeError, UnicodeDecodeError, ShareError) as trouble:
        faults.append(f"it cannot be read: {trouble}")
    return bulletin, proof


def _proven(proof: Proof, sums: bytes) -> list[str]:
    if not proof.holds():
        return ["the line of the disclosure log does not lead to its root"]
    try:
        line = msgspec.json.decode(proof.raw, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ["the line of the disclosure log cannot be read"]
    if line.did != "referred" or line.digest != hashlib.sha256(sums).hexdigest():
        return ["the line of the disclosure log is about something else"]
    return []
