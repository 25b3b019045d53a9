"""Ready: what the reading of a job takes, loaded before workers are forked, machine code included."""

from __future__ import annotations

from typing import Final

import stillwatch.ingest._convert  # noqa: F401 - all that reads and writes is loaded with it
from stillwatch.ingest import _decode, _format, _records, _sources
from stillwatch.ingest._job import Job
from stillwatch.ingest._readers import Readers

_HEAD: Final = 1 << 18
_PACKED: Final = 16


def ready(job: Job) -> Readers:
    """Load what a job takes, by reading the first lines of its first source; nothing comes of them.

    What is wrong with them is told by whoever does the job.
    """
    readers = Readers(job.how)
    head = _head(job) if job.quick else b""
    block = _records.Block(b"", head, 0, head.rfind(b"\n") + 1, 0, 1)
    first = next((_decode.plain(raw)[0] for _, raw in block.each()), None)
    if isinstance(first, dict) and (name := job.how.format or _format.recognised(first)) is not None:
        lane = readers.lane(name)
        for _ in lane.laps(block) if lane is not None else ():
            pass
    return readers


def _head(job: Job) -> bytes:
    source = job.stretches[0].source
    try:
        with _sources.open_raw(source) as stream:
            packing = _sources.packing_of(stream.read(_PACKED))
            stream.seek(0)
            return next(_sources.pieces(stream, packing, None, _HEAD), b"")
    except (OSError, _sources.Damaged):
        return b""
