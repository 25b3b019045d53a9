"""The adapter in vLLM's own hands: its loader, its batch of requests and its sampler; logits are made here.

What vLLM does on a device, and what a model says, has no part in it. Needs the package `vllm`; its CUDA wheel will do:

    pip install --no-deps --requirement constraints-vllm.txt
    python -m pytest -m vllm tests/prove/engines/test_vllm.py
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stillwatch.prove.keys import ring as rings
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.lineage import tally
from stillwatch.prove.lineage.evidence import Plan, decoys, weigh_key

pytestmark = pytest.mark.vllm
SIZE, ROWS, LENGTH, TEMPERATURE = 211, 6, 40, 0.9
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ring:
    made = rings.create(tmp_path / "keys", "a passphrase for tests", scrypt_n=1 << 10)
    made.make(rings.card("house", "house", NOW, mode="free", layers=8, green=32768, min_entropy=0.1))
    made.make(rings.card("c1", "group", NOW, mode="bias", group="C-1", order="ORD-1", delta=3.0))
    monkeypatch.setenv("STILLWATCH_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("STILLWATCH_PASSPHRASE", "a passphrase for tests")
    return made


@pytest.fixture(autouse=True, scope="module")
def on_cpu() -> None:
    """Tell vLLM that it runs on a CPU: the CUDA wheel looks for a device and finds none."""
    platforms = pytest.importorskip("vllm.platforms", reason="needs the package vllm")
    from vllm.platforms.cpu import CpuPlatform

    platforms.current_platform = CpuPlatform()


def batch() -> Any:
    """Give vLLM's batch of requests on the CPU, with the tracer loaded by its name as `--logits-processors` does."""
    import torch
    from vllm.v1.sample.logits_processor import build_logitsprocs
    from vllm.v1.worker.gpu_input_batch import InputBatch

    config = SimpleNamespace(
        model_config=SimpleNamespace(get_vocab_size=lambda: SIZE),
        scheduler_config=SimpleNamespace(max_num_seqs=ROWS),
        speculative_config=None,
    )
    device = torch.device("cpu")
    named = ["stillwatch.prove.engines.vllm:TracerProcessor"]
    return InputBatch(
        max_num_reqs=ROWS, max_model_len=256, max_num_batched_tokens=256, device=device, vocab_size=SIZE,
        block_sizes=[16], max_num_blocks_per_req=[16], logitsprocs_need_output_token_ids=True,
        logitsprocs=build_logitsprocs(config, device, False, False, named),
    )  # fmt: skip


def request(name: str, group: str | None, rng: np.random.Generator) -> Any:
    import torch
    from vllm import SamplingParams
    from vllm.v1.worker.gpu_input_batch import CachedRequestState

    extra = {"stillwatch_group": group} if group else None
    return CachedRequestState(
        req_id=name, prompt_token_ids=rng.integers(1, SIZE, 3).tolist(), mm_features=[], block_ids=([0],),
        sampling_params=SamplingParams(temperature=TEMPERATURE, extra_args=extra), num_computed_tokens=0,
        generator=torch.Generator().manual_seed(int(rng.integers(1 << 31))), output_token_ids=[],
    )  # fmt: skip


def serve(groups: list[str | None], *, watch: Any = None) -> list[Any]:
    """Let vLLM's batch and sampler answer requests, of which some end early and others take their places."""
    import torch
    from vllm.v1.sample.sampler import Sampler

    rng = np.random.default_rng(4)
    table = torch.from_numpy(rng.normal(0, 2, (SIZE, SIZE))).float()
    waiting = [request(f"r{i}", group, rng) for i, group in enumerate(groups)]
    lengths = {one.req_id: int(rng.integers(LENGTH // 4, LENGTH)) for one in waiting}
    held, sampler, running, done = batch(), Sampler(), {}, []
    sampler.topk_topp_sampler.forward = sampler.topk_topp_sampler.forward_native  # its CPU kernel is not in the wheel
    while waiting or running:
        while waiting and len(running) < ROWS:
            one = waiting.pop()
            held.add_request(one)
            running[one.req_id] = one
        held.condense()
        held.refresh_metadata()
        order = [running[name] for name in held.req_ids]
        logits = torch.stack([table[(one.prompt_token_ids + one.output_token_ids)[-1]] for one in order])
        if watch:
            watch(held, order, logits / TEMPERATURE)
        tokens = sampler(logits, held.sampling_metadata).sampled_token_ids[:, 0].tolist()
        for one, token in zip(order, tokens, strict=True):
            one.output_token_ids.append(token)
            if len(one.output_token_ids) >= lengths[one.req_id]:
                held.remove_request(one.req_id)
                done.append(running.pop(one.req_id))
    return done


def test_each_row_is_marked_with_its_own_keys_while_rows_come_go_and_move(ring: Ring) -> None:
    import torch

    from stillwatch.prove.engines.tracers import Tracers

    seen: list[tuple[str | None, bool]] = []

    def watch(held: Any, order: list[Any], logits: torch.Tensor) -> None:
        marked = logits.clone()
        for processor in held.sampling_metadata.logitsprocs.argmax_invariant:
            marked = processor.apply(marked)
        for row, one in enumerate(order):
            group = (one.sampling_params.extra_args or {}).get("stillwatch_group")
            known = group if group == "C-1" else None
            ids = torch.tensor([one.prompt_token_ids + one.output_token_ids])
            due = Tracers(ring, SIZE, group=known, skip=3)(logits[row : row + 1].clone(), ids)
            torch.testing.assert_close(marked[row : row + 1], due)
            seen.append((group, bool((due != logits[row]).any())))

    serve([None, "C-1", "unknown"] * 6, watch=watch)
    for group in (None, "C-1", "unknown"):
        assert sum(changed for name, changed in seen if name == group) > 20


def test_what_vllm_sampled_shows_the_key_of_its_group_and_no_other(ring: Ring) -> None:
    done = serve(["C-1"] * 60)
    texts = [np.array(one.output_token_ids, dtype=np.int64) for one in done]
    tracer = ring.tracer("c1")
    plan = Plan.of(tally.compare(texts), tracer.card.mark)
    assert weigh_key(plan, [int(plan.sums([tracer.current])[0])]).ln_e > 20
    assert max(weigh_key(plan, [int(s)]).ln_e for s in plan.sums(decoys(20, 3))) < 7
