"""Repertoire: owners that draw on the same set of frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from stillwatch.kit import groups
from stillwatch.link import repertoire
from stillwatch.model import mail


def test_one_shared_frame_weighs_little_and_a_set_of_them_much(town: Any) -> None:
    one = repertoire.look(town.traces(family=lambda owner: [1] if owner < 12 else [100 + owner // 2]))
    many = repertoire.look(
        town.traces(family=lambda owner: [1, 2, 3, 4] if owner < 12 else [100 + owner // 2, 1 + owner % 100])
    )
    assert one is not None
    assert many is not None
    single = one.weigh(groups.of([town.gang]))[0]
    assert single <= repertoire.SINGLE_CAP
    assert many.weigh(groups.of([town.gang]))[0] > single + 4


def test_a_library_from_which_everybody_takes_two_prompts_ties_nobody(town: Any) -> None:
    sight = repertoire.look(town.traces(family=lambda owner: [1 + owner % 7, 8 + owner % 5]))
    assert sight is not None
    assert sight.weigh(groups.of(town.strangers())).max() < 4.4


def test_who_uses_a_frame_that_is_nearly_all_the_gangs_follows_it(town: Any) -> None:
    """Frame 1 is the gang's and two others'; frame 2 is used by as many strangers."""

    def frames(owner: int) -> list[int]:
        return [1, 2] if owner < 12 else [1] if owner in (50, 60) else [2] if 100 <= owner < 112 else [1000 + owner]

    sight = repertoire.look(town.traces(family=frames))
    assert sight is not None
    assert sight.followers(town.gang).tolist() == [*range(12), 50, 60]


def test_devoted_is_who_uses_such_frames_for_most_of_what_he_sends(town: Any) -> None:
    """50 sends hardly anything else; 60 sends three frames of his own and another's besides."""

    def frames(owner: int) -> list[int]:
        return [1] if owner < 12 or owner == 50 else [1, 5, 6, 7] if owner == 60 else [5, 6, 7, 1000 + owner]

    sight = repertoire.look(town.traces(family=frames))
    assert sight is not None
    assert sight.followers(town.gang).tolist() == [*range(12), 50, 60]
    assert sight.devoted(town.gang).tolist() == [*range(12), 50]


def test_a_firm_that_signs_its_name_follows_nobody(town: Any) -> None:
    domain, kind = np.zeros(town.owners, np.uint64), np.zeros(town.owners, np.uint8)
    domain[[50, 60, 61]], kind[[50, 60, 61]] = [7, 8, 8], mail.OWN
    sight = repertoire.look(
        town.traces(
            town.crowd(mail_domain=domain, mail_kind=kind),
            family=lambda owner: [1] if owner < 12 or owner in (50, 60) else [1000 + owner],
        )
    )
    assert sight is not None
    assert sight.followers(town.gang).tolist() == [*range(12), 60], "60 shares its domain with a stranger"


def test_without_families_it_is_silent(town: Any) -> None:
    assert repertoire.look(town.traces(ip=lambda owner: [1])) is None
    assert repertoire.look(town.traces(family=lambda owner: [100 + owner])) is None, "nothing is shared"
