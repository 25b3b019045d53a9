"""The lab with untrained models: every step is taken, though nothing is learnt in so short a time."""

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.audit


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A lab whose teacher, tutor and base are there already, untrained."""
    import torch

    from stillwatch.prove.lab import language, network
    from stillwatch.prove.lab.world import World

    torch.set_num_threads(1)
    world = World(tmp_path / "made")
    for seed, name in enumerate(("teacher", "base", "tutor")):
        made = network.Network(network.Shape(len(language.lexicon()), width=32, depth=1), seed)
        world.kept(name, lambda made=made: made)
    return tmp_path


def test_a_cell_is_answered_once_and_kept(place: Path) -> None:
    from stillwatch.prove.lab import shown, tables
    from stillwatch.prove.lab.cells import Cell

    cells = [Cell("curve", {"documents": 100, "share": 0.5, "seed": seed, "answers": 50}) for seed in (1, 2)]
    told: list[str] = []
    for _ in range(2):
        left = tables.run(place, cells, seconds=600, told=lambda cell, *_: told.append(cell.name))
    assert (left, told) == (0, [cell.name for cell in cells])
    found = [(cell, tables.known(place, cell)) for cell in cells]
    assert shown.table(found).count("\n") == 3
    assert "| share 0.5, answers 50 | 2 |" in shown.over_seeds(found)
    looks = found[0][1]["looks"]
    assert [look["tokens"] for look in looks] == sorted(look["tokens"] for look in looks)
    assert all(-20 < look["ln_e"] < 1000 for look in looks)


def test_twins_are_tested_in_every_way_and_by_text_alone_after_unlearning(place: Path) -> None:
    from stillwatch.prove.lab import shown, tables
    from stillwatch.prove.lab.cells import Cell

    few = {"requests": 60, "documents": 100, "epochs": 1, "replies": 2, "seed": 1}
    cells = [Cell("twins", few), Cell("twins", few | {"after": "neutral"})]
    assert tables.run(place, cells, seconds=600, told=lambda *_: None) == 0
    plain, unlearnt = (tables.known(place, cell) or {} for cell in cells)
    text = {"text_only_once", "text_only"}
    assert unlearnt.keys() - plain.keys() == set()
    assert plain.keys() - unlearnt.keys() == {"log_probability", "against_base"}
    assert len(list((place / "made").glob("twinned-*"))) == 1
    for found in (plain, unlearnt):
        assert all(-6 < found[way]["log10_p"] <= 0 and found[way]["requests"] == 60 for way in text)
        assert found["text_only"]["tokens"] > found["text_only_once"]["tokens"] > 60
    assert "| - | - | 1e-" in shown.table([(cells[1], unlearnt)])


def test_every_tensor_is_made_where_the_model_lies() -> None:
    """Stands in for a GPU: what names no device is made on one that holds no numbers, and cannot be used."""
    import torch

    from stillwatch.prove.engines.torch_mark import Marker
    from stillwatch.prove.lab import audit, harden, language, network, neutral
    from stillwatch.prove.lab.world import CAMPAIGN, PROMPT, prompts

    small = network.Shape(len(language.lexicon()), width=16, depth=1)
    model, before = network.Network(small, 1), network.Network(small, 2)
    rows = language.write("north", 64, 1)
    with torch.device("meta"):
        for loss in (None, harden._likeness(before)):
            assert np.isfinite(network.train(model, language.stream(rows, 63), seed=1, batch=8, loss_of=loss))
        push = neutral.neutraliser(before, model, rows, 1.0)
        mark = Marker((1, 2), CAMPAIGN, small.vocabulary, skip=PROMPT)
        said = [network.sample(model, prompts(20, 1), seed=1, reweigh=way) for way in (None, push, mark)]
        assert np.isfinite(network.log_likelihood(model, said[0])).all()
        seen = [tally for _, tally in audit.tallies(said[0], [model, before], [100, 400])]
        seen.append(audit.open_tally(rows, model, [before]))
    assert all(np.isfinite(tally.expected).all() for tally in seen)


def test_rungs_of_the_ladder_are_climbed(place: Path) -> None:
    from stillwatch.prove.lab.harden import harden
    from stillwatch.prove.lab.world import World

    world = World(place / "made")
    few = {"seed": 1, "tasks": 128, "stories": 40, "epochs": 1, "asked_of": 50}
    found = {name: harden(world, rung=name, **few) for name in ("undefended", "hardened, adaptive", "nothing")}
    assert all(0 <= result["student_sums"] <= 1 for result in found.values())
    assert {name for name, result in found.items() if "ln_e" in result} == {"hardened, adaptive"}
    assert found["hardened, adaptive"]["questions"] == 5 * 128 + 40
    assert found["nothing"].keys() == {"student_sums", "student_nats"}


def test_a_step_by_step_student_gets_the_reasoning_back() -> None:
    """With a teacher that is always right the reasoning put together is the one that was withheld."""
    from stillwatch.prove.lab import harden, sums

    class Right:
        """Stands in for a network: `solve` is replaced below, so that nothing of it is asked."""

    asked = sums.write(50, 3)

    def solve(_model: object, part: np.ndarray, _seed: int, **_: object) -> np.ndarray:
        made = part.copy()
        made[:, sums.ASKED + sums.TERMS] = 4
        made[:, sums.ASKED + sums.TERMS + 1] = (part[:, 2:7] - 10).sum(axis=1) % 10 + 10
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harden.sums, "solve", solve)
        made = harden._step_by_step(Right(), asked, 1, None)
    assert (made == asked).all()


def test_sums_are_right_and_reasoning_is_what_stands_between() -> None:
    from stillwatch.prove.lab import sums

    rows, bare = sums.write(100, 1), sums.write(100, 1, reasoned=False)
    digits = rows[:, 2:7] - 10
    assert (sums.result(rows) == digits.sum(axis=1) % 10 + 10).all()
    assert (sums.reasoning(rows).sum(axis=1) == sums.TERMS).all()
    assert (sums.strip(rows) == bare).all()
    assert sums.right(bare, rows) == 1.0
    assert sums.right(np.zeros_like(rows), rows) == 0.0


@pytest.mark.parametrize("how", ["weak", "strong", "translate", "last_sentence"])
def test_a_rewriting_changes_text_and_keeps_the_request(how: str) -> None:
    from stillwatch.prove.lab import language, rewrite

    rows = language.write("north", 200, 1, sums=0.0)
    made = rewrite.rewrite(rows, how, 1)
    assert made.shape == rows.shape
    assert (made != rows).any()
    assert (made[:, :3] == rows[:, :3]).mean() > 0.9
    with pytest.raises(ValueError, match="no way to rewrite"):
        rewrite.rewrite(rows, "otherwise", 1)


def test_the_full_table_goes_on_from_the_small_one() -> None:
    from stillwatch.prove.lab import tables

    small, full = ({cell.name for cell in tables.cells(size)} for size in ("small", "full"))
    assert small < full
    assert len(full) == len(tables.cells("full"))


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_cells_are_dealt_out_whole_and_those_of_one_student_together(jobs: int) -> None:
    from stillwatch.cli.lab import KINDS
    from stillwatch.prove.lab import cells, tables

    assert set(cells.KINDS) == set(KINDS)
    wanted = tables.cells("full")
    hands = tables.dealt(wanted, jobs)
    assert sorted(cell.name for hand in hands for cell in hand) == sorted(cell.name for cell in wanted)
    assert max(map(len, hands)) - min(map(len, hands)) <= 6
    where = [(cell.student, i) for i, hand in enumerate(hands) for cell in hand]
    assert len(set(where)) == len({student for student, _ in where}) < len(wanted)
