"""A PostgreSQL server of one's own: in a temporary folder, on a socket inside it, by a user without privileges."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NUMBERS = itertools.count(1)


def binaries() -> Path | None:
    """Tell where `initdb` and `postgres` are: on the path, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda one: int(one.parent.name))


@contextmanager
def serving(flush: str = "off") -> Iterator[str]:
    """Start one; gives its address without a schema. PostgreSQL refuses to be run by root."""
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    known = pwd.getpwnam(user)
    folder = Path(tempfile.mkdtemp(prefix="sw-pg-", dir="/tmp"))
    lowered = {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        os.chown(folder, known.pw_uid, known.pw_gid)
        data = folder / "data"
        subprocess.run([where / "initdb", "-D", data, "-U", "sw", "-A", "trust", "-E", "UTF8", "--no-sync"], check=True,
                       capture_output=True, cwd=folder, **lowered)  # fmt: skip
        command = [where / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", f"fsync={flush}"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **lowered)
        try:
            _wait(folder, process)
            yield f"postgresql:///postgres?host={folder}&user=sw"
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    while process.poll() is None:
        try:
            psycopg.connect(f"postgresql:///postgres?host={folder}&user=sw").close()
        except psycopg.OperationalError:
            continue
        return
    raise RuntimeError((folder / "log").read_text())


def schema(address: str) -> str:
    """Make an empty schema; gives the address of it."""
    import psycopg

    name = f"t{next(_NUMBERS)}"
    with psycopg.connect(address, autocommit=True) as link:
        link.execute(f"CREATE SCHEMA {name}")
    return f"{address}&options=-csearch_path%3D{name}"
