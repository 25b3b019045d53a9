"""A real model, made here, generates with the tracer; the audit then finds the key in what it wrote."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillwatch.errors import UsageError
from stillwatch.prove import prf
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.lineage import tally
from stillwatch.prove.lineage.evidence import Plan, decoys, weigh_key
from stillwatch.prove.mark import Mark
from stillwatch.prove.mark import reweigh as in_numpy

pytestmark = pytest.mark.audit
SIZE = 211
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    made = rings.create(tmp_path / "keys", "a passphrase for tests", scrypt_n=1 << 10)
    made.make(rings.card("house", "house", NOW, mode="free", layers=8, green=32768, min_entropy=0.1))
    made.make(rings.card("c1", "group", NOW, mode="bias", group="C-1", order="ORD-1", delta=3.0))
    return made


@pytest.fixture(scope="module")
def model() -> Any:
    """A small GPT with random weights, peaked enough to have habits."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(3)
    torch.set_num_threads(1)
    shape = GPT2Config(vocab_size=SIZE, n_positions=128, n_embd=32, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
    made = GPT2LMHeadModel(shape).eval()
    with torch.no_grad():
        made.transformer.wte.weight.mul_(4.0)
    return made


def generate(model: Any, ring: Ring | None, *, group: str | None, answers: int = 192, seed: int = 5) -> np.ndarray:
    import torch
    from transformers import LogitsProcessorList, TemperatureLogitsWarper

    from stillwatch.prove.engines.huggingface import TracerProcessor
    from stillwatch.prove.engines.tracers import Tracers

    steps = LogitsProcessorList([TemperatureLogitsWarper(0.9)])
    if ring is not None:
        steps.append(TracerProcessor(Tracers(ring, SIZE, group=group, skip=3)))
    torch.manual_seed(seed)
    prompts = torch.randint(1, SIZE, (answers, 3))
    with torch.no_grad():
        out = model.generate(
            prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            max_new_tokens=60, min_new_tokens=60, logits_processor=steps, pad_token_id=0,
        )  # fmt: skip
    return out[:, 2:].numpy()


def owned(ring: Ring, found: tally.Tally, house: bool) -> np.ndarray:
    lanes = prf.owner_lanes(ring.owner(), found.windows, window=1).astype(np.int64)
    return (lanes < ring.file.house_share) == house


def log10_p(ring: Ring, rows: np.ndarray, name: str) -> float:
    tracer = ring.tracer(name)
    found = tally.compare(list(rows))
    plan = Plan.of(found, tracer.card.mark, only=owned(ring, found, tracer.card.kind == "house"))
    return weigh_key(plan, [int(plan.sums([tracer.current])[0])]).ln_p / np.log(10)


def test_a_generated_answer_carries_the_keys_of_house_and_group(model: Any, ring: Ring) -> None:
    rows = generate(model, ring, group="C-1")
    assert log10_p(ring, rows, "c1") < -20
    assert log10_p(ring, rows, "house") < -3


def test_without_a_group_only_the_house_key_marks(model: Any, ring: Ring) -> None:
    rows = generate(model, ring, group=None)
    assert log10_p(ring, rows, "c1") > -3
    assert log10_p(ring, rows, "house") < -3


def test_unmarked_answers_carry_no_key(model: Any, ring: Ring) -> None:
    rows = generate(model, None, group=None)
    assert log10_p(ring, rows, "c1") > -3
    assert log10_p(ring, rows, "house") > -3


def test_a_revoked_key_marks_nothing(ring: Ring) -> None:
    from stillwatch.prove.engines.tracers import Tracers

    ring.revoke("c1", NOW)
    with pytest.raises(UsageError, match=r"no key in use marks for `C-1`.*revoked"):
        Tracers(ring, SIZE, group="C-1")
    ring.revoke("house", NOW)
    with pytest.raises(UsageError, match="no key"):
        Tracers(ring, SIZE)


@pytest.mark.parametrize("mark", [Mark(mode="bias", delta=2.0), Mark(mode="free", layers=5)])
def test_torch_reweighs_as_the_reference_does(mark: Mark) -> None:
    import torch

    from stillwatch.prove.engines.torch_mark import reweigh

    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (20, SIZE))
    logits[0, 1:] = -np.inf
    green = rng.random((20, mark.layers, SIZE)) < mark.gamma
    touch = rng.random(20) < 0.8
    there = reweigh(torch.from_numpy(logits), torch.from_numpy(green), mark, torch.from_numpy(touch)).numpy()
    here = in_numpy(logits, green, mark, touch)
    plain = [np.exp(x - x.max(axis=1, keepdims=True)) for x in (here, there.astype(np.float64))]
    mine, theirs = (x / x.sum(axis=1, keepdims=True) for x in plain)
    assert np.abs(mine - theirs).max() < 1e-5


def test_thirty_coins_on_a_sure_model_leave_a_distribution() -> None:
    """Where all that is likely is green, rounding must not make a chance less than nothing."""
    import torch

    from stillwatch.prove.engines.torch_mark import reweigh

    mark = Mark(mode="free", layers=30, green=32768, min_entropy=0.0)
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 4, (3000, 40)).astype(np.float32)
    green = rng.random((3000, 30, 40)) < mark.gamma
    touch = np.ones(3000, dtype=np.bool_)
    there = reweigh(torch.from_numpy(logits), torch.from_numpy(green), mark, torch.from_numpy(touch)).numpy()
    for told in (there, in_numpy(logits, green, mark, touch)):
        assert not np.isnan(told).any()
        assert np.abs(np.exp(told.astype(np.float64)).sum(axis=1) - 1.0).max() < 1e-3


def test_the_free_mode_leaves_one_answer_as_it_is_on_average_over_keys() -> None:
    """The distribution of one step, averaged over 4,000 keys, is the model's own."""
    mark = Mark(mode="free", layers=3, green=32768, min_entropy=0.0)
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, (1, 30))
    own = np.exp(logits[0]) / np.exp(logits[0]).sum()
    window, ids = np.array([7], dtype=np.uint64), np.arange(30)
    total = np.zeros(30)
    for key in decoys(4000, 9):
        planes = [prf.lanes(key, np.full(30, window[0]), ids, layer=layer) < mark.green for layer in range(3)]
        told = in_numpy(logits, np.array([planes]), mark, np.array([True]))[0]
        total += np.exp(told) / np.exp(told).sum()
    assert np.abs(total / 4000 - own).max() < 4 * np.sqrt(0.25 / 4000)
    assert total.argmax() == own.argmax()
