"""What every shipped playbook promises, the moment its file exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.cli._spoken import spoken
from stillwatch.model.answer import rank
from stillwatch.model.playbook import Playbook, Step
from stillwatch.remedy.playbooks import SHIPPED, read

FILES = sorted(SHIPPED.glob("*.yaml"))
PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "remedy.md"


def before(playbook: Playbook, step: Step) -> set[str]:
    """Name every step that has to be done before one."""
    found: set[str] = set()
    for name in step.after:
        other = playbook.step(name)
        assert other is not None
        found |= {name} | before(playbook, other)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_can_be_gone_by_and_has_its_place_in_the_docs(file: Path) -> None:
    playbook = read(file, spoken)
    assert playbook.name == file.stem
    assert f"`{playbook.name}`" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_order_is_undone_by_a_verb_and_approved_in_a_step_of_its_own(file: Path) -> None:
    playbook = read(file, spoken)
    for step in playbook.steps:
        if step.verb.startswith(("order plan", "order approve")):
            assert step.undo_verb, step.id
            assert step.undo.startswith("order undo"), step.id
        if step.verb.startswith("order plan"):
            approving = [one for one in playbook.steps if one.verb.startswith("order approve")]
            assert any(step.id in before(playbook, one) for one in approving), f"nobody approves `{step.id}`"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nobody_is_slowed_or_more_before_the_evidence_was_read_and_what_refuses_before_a_person_thought(
    file: Path,
) -> None:
    playbook = read(file, spoken)
    for step in playbook.steps:
        words = step.verb.split()
        if words[:2] != ["order", "plan"]:
            continue
        earlier = [one for one in playbook.steps if one.id in before(playbook, step)]
        assert any(one.verb.startswith("explain") for one in earlier), step.id
        if rank(words[2]) >= rank("suspend"):  # type: ignore[arg-type]
            assert any(one.task and one.stage == "identify" for one in earlier), step.id


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_whoever_is_suspended_can_appeal_and_is_told_of(file: Path) -> None:
    playbook = read(file, spoken)
    if any(step.verb.startswith("order plan suspend") for step in playbook.steps):
        assert any(step.verb.startswith("appeal") for step in playbook.steps)
        assert any(step.stage == "tell" for step in playbook.steps)
