"""Client: owners whose programs are of the same rare build."""

from __future__ import annotations

from typing import Any

from stillwatch.link import client


def test_a_build_proposes_no_group_and_lets_nobody_in_alone(town: Any) -> None:
    sight = client.look(town.traces(ja4=lambda owner: [1 if owner < 12 else 100 + owner // 2]))
    assert sight is not None
    assert len(sight.propose()) == 0
    assert not client.ADMITS
    assert not client.JOINS


def test_without_fingerprints_and_agents_it_is_silent(town: Any) -> None:
    assert client.look(town.traces(ip=lambda owner: [1])) is None
    assert client.look(town.traces(user_agent=lambda owner: [1])) is not None
