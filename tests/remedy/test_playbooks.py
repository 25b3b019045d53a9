"""Playbooks: those shipped can be gone by, and one that cannot is refused by its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stillwatch.cli._spoken import spoken
from stillwatch.errors import BookError, SettingsError
from stillwatch.model.case import GRAVITY
from stillwatch.model.playbook import STAGES
from stillwatch.remedy.playbooks import SHIPPED, everything, filled, read
from stillwatch.store import runs
from stillwatch.store.book import Book

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = """\
playbook: ours
version: 3
title: What we do
findings: [distillation_campaign]
steps:
  - id: look
    stage: identify
    title: Look
    verb: explain {case} {campaign}
    before: the hunt is over
    undo: nothing was changed
  - id: harden
    stage: contain
    title: Harden
    verb: order plan harden --campaign {campaign} --by {by} --reason "as planned"
    before: somebody looked
    after: [look]
    undo_verb: order undo {order} --by {by} --reason "not needed"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ours.yaml"
    path.write_text(text, "utf-8")
    return path


def test_every_shipped_playbook_can_be_gone_by_and_every_finding_has_one() -> None:
    found = [playbook for playbook, _ in everything(None, spoken)]
    assert {finding for playbook in found for finding in playbook.findings} == set(GRAVITY)
    for playbook in found:
        assert (SHIPPED / f"{playbook.name}.yaml").exists(), "a playbook lies in a file of its name"
    whole = next(playbook for playbook in found if playbook.name == "suspend-a-campaign")
    assert {step.stage for step in whole.steps} == set(STAGES)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "what"),
    [
        ("verb: explian {case}", "verb: explain {case}", 9, "did you mean `explain`"),
        ("verb: order plan hardne ", "verb: order plan harden ", 15, "knows no `hardne`"),
        ("--campaing {campaign}", "--campaign {campaign}", 15, "no such option|--campaign"),
        (
            "verb: order plan harden --campaign {campaign} --by",
            "verb: order plan harden --campaign {capmaign} --by",
            15,
            "",
        ),
        ("stage: contian", "stage: contain", 13, "one of: identify"),
        ("findings: [distillation]", "findings: [distillation_campaign]", 4, "no finding"),
        ("after: [loko]", "after: [look]", 17, "no earlier step"),
        ("version: three", "version: 3", 2, "whole number"),
        ("vresion: 3", "version: 3", 2, "did you mean `version`"),
        ("  - id: look\n    stage: identify\n    task: also", "  - id: look\n    stage: identify", 6, "one of `verb`"),
        ("    stage: contain\n    stage: contain", "    stage: contain", 14, "stands twice"),
    ],
)
def test_a_mistake_is_told_with_its_file_its_line_and_what_next(
    tmp_path: Path, wrong: str, right: str, line: int, what: str
) -> None:
    if not what:
        wrong, right, what = right, wrong, "stands for nothing"
    assert right in GOOD
    with pytest.raises(SettingsError) as told:
        read(written(tmp_path, GOOD.replace(right, wrong, 1)), spoken)
    assert f"ours.yaml, line {line}" in str(told.value)
    assert told.value.hint
    assert any(part.lower() in str(told.value).lower() for part in what.split("|"))


@pytest.mark.parametrize("text", ["", "[]", "a: b: c", "\x00", "x: [" * 3000, "steps: !!python/object:os.system {}"])
def test_what_is_no_playbook_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        read(written(tmp_path, text), spoken)


def test_ones_own_playbook_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("playbook: ours", "playbook: came-back"))
    found = {playbook.name: path for playbook, path in everything(tmp_path, spoken)}
    assert found["came-back"].parent == tmp_path
    assert found["suspend-a-campaign"].parent == SHIPPED


def test_a_run_keeps_who_did_what_and_when_and_the_playbook_that_it_began_with(book: Book, tmp_path: Path) -> None:
    playbook = read(written(tmp_path, GOOD), spoken)
    run = runs.start(book, playbook, case="case", campaign="cam-1", by="Ada Example", why="", at=NOW)
    with pytest.raises(BookError, match="under way"):
        runs.start(book, playbook, case="case", campaign="cam-1", by="Ada Example", why="", at=NOW)
    with pytest.raises(BookError, match="comes after `look`"):
        runs.mark(book, run.id, "harden", "done", by="Ada Example", note="", at=NOW)
    runs.mark(book, run.id, "look", "done", by="Ada Example", note="", at=NOW)
    done = runs.mark(book, run.id, "harden", "done", by="Grace Example", note="", at=NOW, order="o-1")
    assert done.over
    assert filled(playbook.steps[1].undo, {"order": done.order})[:3] == ["order", "undo", "o-1"]
    with pytest.raises(BookError, match="rests on"):
        runs.mark(book, run.id, "look", "undone", by="Ada Example", note="x", at=NOW)
    runs.mark(book, run.id, "harden", "undone", by="Ada Example", note="too hard", at=NOW)
    assert [(note.did, note.by) for note in book.record(f"run {run.id}")] == [
        ("started", "Ada Example"), ("step look done", "Ada Example"), ("step harden done", "Grace Example"),
        ("step harden undone", "Ada Example"),
    ]  # fmt: skip
    assert runs.run(book, run.id).playbook == playbook
