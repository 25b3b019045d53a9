"""Spill: what goes on on disk comes to what stays in memory."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.engine.scratch import Limit, Scratch
from stillwatch.engine.spill import Distinct, Pairing
from stillwatch.errors import ResourceError

PLENTY, LITTLE = 1 << 30, 1 << 10
ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2**64 - 1) | st.integers(0, 5)), max_size=300)
A_TEST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("table", [PLENTY, LITTLE])
@given(rows=ROWS, cuts=st.integers(1, 4))
@A_TEST
def test_pairs_are_counted_as_a_dictionary_does(
    rows: list[tuple[int, int]], cuts: int, table: int, tmp_path: Path
) -> None:
    pairing = Pairing(Limit(tmp_path, table))
    for part in np.array_split(np.arange(len(rows)), cuts):
        pairing.add(np.array([rows[i][0] for i in part], np.int32), np.array([rows[i][1] for i in part], np.uint64))
    got = pairing.close()
    times = Counter(row for row in rows if row[1])
    assert list(zip(got.one.tolist(), got.other.tolist(), strict=True)) == sorted(times)
    assert got.times.tolist() == [times[key] for key in sorted(times)]
    assert not list(tmp_path.iterdir())


def test_many_pairs_of_one_and_few_of_many_come_in_order_from_disk_and_from_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    ones = np.where(rng.random(200_000) < 0.3, 7, rng.integers(0, 5_000, 200_000)).astype(np.int32)
    others = rng.integers(0, 60_000, 200_000).astype(np.uint64)
    found = []
    for table in (PLENTY, 1 << 20):
        pairing = Pairing(Limit(tmp_path, table))
        for part in np.array_split(np.arange(len(ones)), 5):
            pairing.add(ones[part], others[part])
        assert bool(pairing._runs) == (table != PLENTY)
        found.append(pairing.close())
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)
    assert (np.diff(found[0].one) >= 0).all()


@pytest.mark.parametrize("table", [PLENTY, 1 << 14])
def test_distinct_keys_under_each_label_are_counted_exactly(table: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    keys = rng.integers(0, 4_000, 60_000).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    labels = (keys % np.uint64(9)).astype(np.int32)
    distinct = Distinct(9, Limit(tmp_path, table))
    for part in np.array_split(np.arange(len(keys)), 7):
        distinct.note(labels[part], keys[part])
    assert bool(list(tmp_path.iterdir())) == (table != PLENTY)
    expected = [len(np.unique(keys[(labels == label) & (keys != 0)])) for label in range(9)]
    assert distinct.close().tolist() == expected
    assert not list(tmp_path.iterdir())


def test_nothing_at_all_has_no_pairs_and_no_keys(tmp_path: Path) -> None:
    assert [len(column) for column in Pairing(Limit(tmp_path, LITTLE)).close()] == [0, 0, 0]
    assert Distinct(2, Limit(tmp_path, LITTLE)).close().tolist() == [0, 0]


def test_tables_share_what_the_scratch_may_take(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, 64 << 20)
    assert scratch.limit(4) == Limit(tmp_path, 16 << 20)
    assert scratch.limit(1 << 20).table == 1 << 16


def test_where_memory_is_short_tables_are_made_one_after_the_other(tmp_path: Path) -> None:
    assert [Scratch(tmp_path, size << 20).abreast(2) for size in (1, 62, 128, 256, 4096)] == [1, 1, 1, 2, 2]


def test_a_directory_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    pairing = Pairing(Limit(tmp_path / "gone", 1 << 16))
    with pytest.raises(ResourceError):
        pairing.add(np.arange(20_000, dtype=np.int32), np.arange(1, 20_001, dtype=np.uint64))


FED = """
import sys
from pathlib import Path
import numpy as np
from stillwatch.engine.scratch import Limit
from stillwatch.engine.spill import Distinct, Pairing

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024

limit = Limit(Path(sys.argv[1]), int(sys.argv[2]))
rng = np.random.default_rng(1)
before = 0
for number in range(25):
    if number == 1:  # the first round compiles, or loads what was compiled
        pairing, distinct, before = Pairing(limit), Distinct(4, limit), peak()
    elif number == 0:
        pairing, distinct = Pairing(Limit(limit.directory, 1 << 16)), Distinct(4, Limit(limit.directory, 1 << 16))
    keys = rng.integers(1, 1 << 62, 100_000).astype(np.uint64)
    pairing.add(rng.integers(0, 100_000, len(keys)).astype(np.int32), keys)
    distinct.note((keys & np.uint64(3)).astype(np.int32), keys)
    if number == 0:
        pairing.close(), distinct.close()
assert distinct.close().sum() == 2_400_000
grew = peak() - before
pairing.close()
print(grew)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("table", [PLENTY, 8 << 20])
def test_what_is_counted_keeps_to_its_limit(table: int, tmp_path: Path) -> None:
    """Two tables of 2.4 million keys: they may take their limits, half as much again to be put in order, and 40 MB."""
    told = subprocess.run([sys.executable, "-c", FED, str(tmp_path), str(table)], check=True, stdout=subprocess.PIPE)
    grew = int(told.stdout)
    if table == PLENTY:
        assert grew > 120 << 20
    else:
        assert grew < 3 * table + (40 << 20)
