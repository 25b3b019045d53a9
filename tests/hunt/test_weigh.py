"""What groups ask, read against what owners ask whom nothing links; on a small world with planted campaigns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from stillwatch.hunt.linked import Linked, link
from stillwatch.hunt.read import Log, Unheard, declare, read
from stillwatch.hunt.request import Request, begin
from stillwatch.hunt.singles import Yard, stand
from stillwatch.hunt.weigh import Weighed, weigh
from stillwatch.judge import intent
from stillwatch.store import key as keys


class Seen(NamedTuple):
    log: Log
    linked: Linked
    weighed: Weighed
    truth: dict[str, Any]

    def group_of(self, accounts: list[str]) -> int:
        """The settled group that holds most of some accounts, -1 for none."""
        crowd = self.linked.traces.crowd
        wanted = crowd.owner[np.isin(crowd.accounts, accounts)]
        held = [int(np.isin(group.members, wanted).sum()) for group in self.linked.joined.settled]
        return int(np.argmax(held)) if held and max(held) else -1


@pytest.fixture(scope="module")
def seen(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    case = tmp_path_factory.mktemp("weighed") / "case"
    request = Request(traffic=(str(world / "traffic"),), case=case, accounts=world / "accounts.csv", threads=1)
    begin(request)
    log = read(request, declare(request), Unheard())
    linked = link(request, log, keys.find(None), Unheard())
    weighed = weigh(log.scratch, log.tasks, linked.traces, linked.joined)
    return Seen(log, linked, weighed, json.loads((world / "truth.json").read_bytes()))


def planted(seen: Seen, kind: str) -> list[str]:
    return next(c["accounts"] for c in seen.truth["campaigns"] if c["kind"] == kind)  # type: ignore[no-any-return]


def test_a_harvest_reads_like_extraction_and_the_rest_of_the_log_is_the_yardstick(seen: Seen) -> None:
    number = seen.group_of(planted(seen, "reasoning_harvest"))
    reads = [read.bits for (group, _), read in seen.weighed.streams.items() if group == number]
    assert reads, "it has families of its own"
    assert max(reads) >= 3
    assert seen.weighed.controls >= 20


def test_a_read_is_a_rank_among_controls_with_its_sentence(seen: Seen) -> None:
    """So it cannot have more bits than there are controls to rank among."""
    most = np.log2(seen.weighed.controls + 1)
    assert all(read.bits <= most + 1e-6 for read in seen.weighed.streams.values())
    assert all(read.because for read in seen.weighed.streams.values())


def test_a_family_belongs_to_a_group_only_where_it_is_its_own(seen: Seen) -> None:
    assert len(seen.weighed.own) == len(seen.linked.joined.settled)
    harness = np.flatnonzero(seen.linked.families.harness)
    for enriched in seen.weighed.own:
        assert not {one.family for one in enriched} & set(harness.tolist())


def test_of_every_family_that_was_read_there_are_a_few_texts_and_no_more(seen: Seen) -> None:
    read_of = {family for _, family in seen.weighed.streams}
    assert read_of <= set(seen.weighed.texts)
    assert all(1 <= len(texts) <= 100 for texts in seen.weighed.texts.values())


def test_it_can_be_done_again_and_gives_the_same(seen: Seen) -> None:
    again = weigh(seen.log.scratch, seen.log.tasks, seen.linked.traces, seen.linked.joined)
    assert {place: read.bits for place, read in again.streams.items()} == {
        place: read.bits for place, read in seen.weighed.streams.items()
    }


def test_a_harvest_in_several_families_is_no_rival_of_itself() -> None:
    """Three streams of owner 7 alone score; two of them are control families too."""
    place = {name: i for i, name in enumerate(intent.STATISTICS)}
    values = np.zeros((4, len(intent.STATISTICS)))
    for name, (_, full) in intent.KINDS["reasoning"].ramps.items():
        values[1:, place[name]] = full
    yard = np.concatenate([values[2:], np.zeros((30, values.shape[1]))])
    holder = np.array([7, 7, *range(100, 130)])
    found, among = stand(values, Yard(values=yard, holder=holder), [((8, 1), 1), ((8, 2), 2), ((9, 5), 3)])
    assert among == {7: 30, 8: 32}
    assert [round(read.bits, 1) for read in found] == [5.0, 5.0, round(float(np.log2(33 / 3)), 1)]
