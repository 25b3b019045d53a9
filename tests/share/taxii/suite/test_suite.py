"""The suite against ours on a socket; `--compare` questions medallion too, where an environment with it is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.taxii_servers import MAKER, TOKEN, Started, own
from tests.share.taxii.suite.checks import CHECKS, Check
from tests.share.taxii.suite.target import Target


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    server = own(tmp_path_factory.mktemp("taxii"))
    yield server
    server.kill()


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.name.replace(" ", "_"))
def test_ours(started: Started, one: Check) -> None:
    one.run(Target(started.url, started.authorization, started.collection, MAKER))


def test_the_command_questions_any_address_and_tells_what_fails(started: Started, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(TOKEN + "\n")
    command = [sys.executable, "-m", "tests.share.taxii.suite", started.url, "--collection", started.collection,
               "--user", "bench", "--password-file", str(tmp_path / "secret")]  # fmt: skip
    good = subprocess.run([*command, "--maker", MAKER], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.count("ok  ")) == (0, len(CHECKS)), good.stdout
    # objects in nobody's name are refused by ours: a suite that cannot fail would not see it
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "ok  an object comes back as it was sent" not in bad.stdout


def test_both_are_compared_in_one_table() -> None:
    command = [sys.executable, "-m", "tests.share.taxii.suite", "--compare"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[0].startswith("| check | asked for by | stillwatch |")
    assert f"passed, of {len(CHECKS)}" in told.splitlines()[-1]
