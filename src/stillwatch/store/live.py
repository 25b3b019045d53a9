"""Live: what decisions are made from, as arrays that are mapped from files and shared by all processes of a machine.

A state directory holds `live.json`, which names the folder of the newest state, that folder, and the one before it, for
readers that are still in it. A new state is written aside and put in place by renaming `live.json`; a reader never sees
half of one. No text and no readable identifier is in it: fingerprints, accounts and values are keyed hashes.
Size: some 50 bytes a fingerprint, 50 a member, 9 another account; 100,000 families
and a million accounts take under 250 MB.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch.errors import CaseError, ResourceError
from stillwatch.kit.contained import Frames
from stillwatch.kit.lookup import Table
from stillwatch.store.key import Key

POINTER: Final = "live.json"
META: Final = "meta.json"
SCHEMA: Final = 2


class LiveCampaign(msgspec.Struct, kw_only=True, frozen=True):
    """A campaign as decisions know it.

    Attributes:
        accounts: members, as many as the hunt found.
        exchanges: attributed to it.
        crowd: accounts outside every campaign that carry one of its families.
        touched: times that an account outside it showed one of its addresses; none of them can be more accounts.
        purity: share of a member's requests that carry its families, which nine of ten members reach.
    """

    id: str
    finding: str
    accounts: int
    exchanges: int
    crowd: int = 0
    touched: int = 0
    purity: float = 0.0


class Meta(msgspec.Struct, kw_only=True, frozen=True):
    """What a state was made of."""

    schema: int = SCHEMA
    made: datetime
    key: str
    accounts: int
    exchanges: int
    campaigns: list[LiveCampaign]
    stillwatch: str = ""


class Pointer(msgspec.Struct, kw_only=True, frozen=True):
    """Which folder holds the newest state."""

    schema: int = SCHEMA
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state in memory.

    Attributes:
        frames: keyed fingerprints of the campaigns' families, with their sizes.
        family: id of each family, as bytes.
        campaign: number of the campaign that each family belongs to, by `meta.campaigns`.
        rate: share of the exchanges outside the campaign that carry each family.
        spread: share of the accounts outside the campaign that carry each family.
        members: account to numbers of campaigns.
        ties: value to rows of the next three.
        tie_campaign: number of the campaign.
        tie_bits: log2 of how much likelier a member holds the value than a stranger.
        tie_network: whether it is a value of the network (else of the client).
        known: keyed hashes of the accounts that the hunt saw and found in no campaign, in order.
        known_carried: whether each of them carried a campaign's template.
    """

    meta: Meta
    frames: Frames
    family: npt.NDArray[np.bytes_]
    campaign: npt.NDArray[np.int32]
    rate: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    members: Table
    ties: Table
    tie_campaign: npt.NDArray[np.int32]
    tie_bits: npt.NDArray[np.float32]
    tie_network: npt.NDArray[np.bool_]
    known: npt.NDArray[np.uint64]
    known_carried: npt.NDArray[np.bool_]


ARRAYS: Final = (
    "family",
    "campaign",
    "rate",
    "spread",
    "tie_campaign",
    "tie_bits",
    "tie_network",
    "known",
    "known_carried",
)


def content(state: State) -> str:
    """Name what the rows of a state mean: the same for states that were made of the same case."""
    digest = hashlib.blake2b(digest_size=8)
    for campaign in state.meta.campaigns:
        digest.update(campaign.id.encode() + b"\0")
    for array in (state.family, state.campaign, state.ties.keys, state.ties.values):
        digest.update(array.tobytes())
    return digest.hexdigest()


def write(place: Path, state: State) -> None:
    """Put a new state in place of the one before.

    Raises:
        ResourceError: when it cannot be written; the one before stays.
    """
    folder = place / f"live-{secrets.token_hex(6)}"
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = pointed(place)
        folder.mkdir(mode=0o700)
        for name, array in _arrays(state).items():
            np.save(folder / f"{name}.npy", array)
        (folder / META).write_bytes(msgspec.json.encode(state.meta))
        for path in folder.iterdir():
            _flush(path)
        aside = place / f".{POINTER}.{os.getpid()}"
        aside.write_bytes(msgspec.json.encode(Pointer(folder=folder.name)))
        _flush(aside)
        aside.replace(place / POINTER)
    except OSError as trouble:
        shutil.rmtree(folder, ignore_errors=True)
        raise ResourceError(f"cannot write the live state: {trouble.strerror}", where=str(place)) from trouble
    for old in place.glob("live-*"):
        if old.is_dir() and old.name not in (folder.name, before):
            shutil.rmtree(old, ignore_errors=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _arrays(state: State) -> dict[str, npt.NDArray[Any]]:
    found: dict[str, npt.NDArray[Any]] = {name: getattr(state, name) for name in ARRAYS}
    found["frames_keys"], found["frames_values"] = state.frames.keys, state.frames.values
    found["frames_sizes"] = state.frames.sizes
    for name, table in (("members", state.members), ("ties", state.ties)):
        found[f"{name}_keys"], found[f"{name}_values"] = table.keys, table.values
    return found


def pointed(place: Path) -> str | None:
    """Name the folder of the newest state; nothing where there is none."""
    try:
        return msgspec.json.decode((place / POINTER).read_bytes(), type=Pointer).folder
    except (OSError, msgspec.DecodeError):
        return None


def stamp(place: Path) -> tuple[int, int]:
    """Tell something that changes when a new state is in place; (0, 0) where there is none."""
    try:
        stat = (place / POINTER).stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_ino)


def read(place: Path, key: Key) -> State | None:
    """Map the newest state; nothing where there is none.

    Raises:
        CaseError: when it is damaged, of another version, or was made under another key.
    """
    if not (place / POINTER).exists():
        return None
    hint = "write it anew with `stillwatch state export CASE`"
    try:
        pointer = msgspec.json.decode((place / POINTER).read_bytes(), type=Pointer)
        folder = place / Path(pointer.folder).name
        meta = msgspec.json.decode((folder / META).read_bytes(), type=Meta)
        if meta.schema != SCHEMA:
            raise CaseError(f"the live state has version {meta.schema}, expected {SCHEMA}", where=str(place), hint=hint)
        if meta.key != key.name:
            raise CaseError("the live state was made under another key", where=str(place), hint=hint)
        return _state(folder, meta, key)
    except (OSError, ValueError, msgspec.DecodeError) as trouble:
        raise CaseError(f"the live state is damaged: {trouble}", where=str(place), hint=hint) from trouble


def _state(folder: Path, meta: Meta, key: Key) -> State:
    def mapped(name: str) -> Any:
        """Map one array; numpy cannot map an empty one, and a plain view of a map is quicker to pass to kernels."""
        path = folder / f"{name}.npy"
        try:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except ValueError:
            return np.load(path, allow_pickle=False)

    first, second = key.words()
    return State(
        meta=meta,
        frames=Frames(
            mapped("frames_keys"), mapped("frames_values"), mapped("frames_sizes"), np.uint64(first), np.uint64(second)
        ),
        members=Table(mapped("members_keys"), mapped("members_values")),
        ties=Table(mapped("ties_keys"), mapped("ties_values")),
        **{name: mapped(name) for name in ARRAYS},
    )
