"""What a tracer costs while a real engine generates: CPU milliseconds per token, with and without it.

    pip install 'stillwatch[audit]'
    python bench/audit_cost.py                  vocabularies of 1,000, 32,000 and 128,000; some four minutes
    python bench/audit_cost.py --sizes 32000

A GPT-2 with random weights is made here; `generate` of transformers samples from it with the same seed and prompts,
without a tracer, with the house key alone (mode `free`) and with a group's key on top (mode `bias`). Coins of a
window are kept once computed, so that the first round is dearer than the last. Cost in quality is measured on the
lab's models: `stillwatch lab --table full --only quality`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LogitsProcessorList, TemperatureLogitsWarper

from stillwatch.prove.engines.huggingface import TracerProcessor
from stillwatch.prove.engines.tracers import Tracers
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.keys.ring import Ring

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PROMPT, BATCH = 4, 8


def keys(folder: str) -> Ring:
    """Make a ring with a house key as `tracer make` makes it, and one group's."""
    made = rings.create(Path(folder) / "keys", "a passphrase for a bench", scrypt_n=1 << 10)
    made.make(rings.card("house", "house", NOW, mode="free", layers=30, green=32768))
    made.make(rings.card("c1", "group", NOW, mode="bias", group="C-1", order="ORD-1", delta=3.0, green=8192))
    return made


def model(size: int, width: int, depth: int) -> GPT2LMHeadModel:
    """Make a GPT-2 with random weights, peaked enough to have habits."""
    torch.manual_seed(3)
    shape = GPT2Config(
        vocab_size=size, n_positions=512, n_embd=width, n_layer=depth, n_head=4, bos_token_id=0, eos_token_id=0
    )
    made = GPT2LMHeadModel(shape).eval()
    with torch.no_grad():
        made.transformer.wte.weight.mul_(4.0)
    return made


@torch.no_grad()
def timed(made: GPT2LMHeadModel, ring: Ring | None, group: str | None, tokens: int, rounds: int) -> list[float]:
    """Give CPU milliseconds per token of each round; the tracer keeps its coins from round to round."""
    size = made.config.vocab_size
    steps = LogitsProcessorList([TemperatureLogitsWarper(0.9)])
    if ring is not None:
        steps.append(TracerProcessor(Tracers(ring, size, group=group, skip=PROMPT)))
    spent = []
    for one in range(rounds):
        torch.manual_seed(one)
        prompts = torch.randint(1, size, (BATCH, PROMPT))
        begun = time.process_time()
        made.generate(
            prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            max_new_tokens=tokens, min_new_tokens=tokens, logits_processor=steps, pad_token_id=0,
        )  # fmt: skip
        spent.append(1000 * (time.process_time() - begun) / (BATCH * tokens))
    return spent


def main() -> None:
    """Read the command line and print a row per vocabulary and tracer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 32_000, 128_000])
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--depth", type=int, default=4)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| vocabulary | tracer | CPU ms per token: first round, last | tokens per CPU second, last | of untraced |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        ring = keys(folder)
        for size in asked.sizes:
            made = model(size, asked.width, asked.depth)
            timed(made, None, None, 4, 1)
            plain = timed(made, None, None, asked.tokens, asked.rounds)
            _row(size, "none", plain, plain[-1])
            _row(size, "house, free, 30 coins", timed(made, ring, None, asked.tokens, asked.rounds), plain[-1])
            _row(size, "house and group", timed(made, ring, "c1", asked.tokens, asked.rounds), plain[-1])


def _row(size: int, name: str, spent: list[float], plain: float) -> None:
    last = spent[-1]
    print(f"| {size:,} | {name} | {spent[0]:.2f}, {last:.2f} | {1000 / last:,.0f} | {plain / last:.2f} |", flush=True)


if __name__ == "__main__":
    main()
