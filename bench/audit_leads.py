"""Leads on real models: who is pointed at, rightly and wrongly, where the lineage is known?

    python bench/audit_leads.py DATA      a directory with `lineage_*/outputs.parquet` (prompt_id, model, output)

Every model that is no candidate teacher is the suspect once; all others are its controls, the other students among
them, as it would be in life. Lineage is public knowledge about the models, written down below.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from stillwatch.prove.leads.resemble import leads, shared, table

PROMPTS = 300
SETS = {
    "lineage_mint_agentic": ["gpt-3.5-turbo-0613", "gpt-4-0613", "claude-2", "claude-instant-1", "chat-bison-001"],
    "lineage_wildbench": ["gpt-3.5-turbo-0125", "reka-flash-20240226", "gemma-7b-it"],
    "lineage_mmlu_pro": ["gemini-1.5-pro-002", "Meta-Llama-3_1-70B-Instruct", "c4ai-command-r-v01", "jamba-1.5-large"],
    "lineage_vicuna_blog": ["gpt35", "bard"],
    "lineage_self_instruct": ["text-davinci-001", "text-davinci-002", "text-davinci-003", "davinci"],
    "lineage_eqbench": ["gpt-3.5-turbo-0613", "NousResearch__Llama-2-7b-chat-hf", "Qwen__Qwen-72B-Chat"],
}
GPT = ("gpt-3.5", "gpt-4", "gpt35")
TRUTH: dict[str, tuple[str, ...]] = {
    "vicuna": GPT, "agentlm": GPT, "OpenCodeInterpreter": GPT, "Starling": GPT, "openchat": GPT, "Ultrachat": GPT,
    "Tulu": GPT, "ShareGPT": GPT, "zephyr": GPT, "OpenHermes": GPT, "SynthIA": GPT, "laser": GPT,
    "gemini-1.5-flash": ("gemini-1.5-pro",), "Llama-3_1-8B-Instruct": ("Llama-3_1-70B",),
    "Llama-2-13B-chat": ("Llama-2-7b-chat",), "Llama-2-70B-Chat": ("Llama-2-7b-chat",),
    "Qwen-14B-Chat": ("Qwen-72B",), "Qwen-7B-Chat": ("Qwen-72B",), "gemma-2b": ("gemma-7b",),
    "gpt-3.5-turbo": ("gpt-3.5",), "davinci-self": ("davinci-self-instruct",),
}  # fmt: skip
"""Parts of names: who learnt from whom, or is its sibling."""


def related(suspect: str, teacher: str) -> bool:
    """Tell whether the lineage is known to join two models."""
    return any(who in suspect and any(part in teacher for part in parts) for who, parts in TRUTH.items())


def main(data: Path) -> None:
    """Print a row per set, and the leads by name."""
    print("| set | related pairs: lead, open, none | unrelated pairs: lead, open, none |\n|---|---|---|")
    named = []
    for name, wanted in SETS.items():
        answers: dict[str, dict[str, str]] = defaultdict(dict)
        for row in pq.read_table(data / name / "outputs.parquet", columns=["prompt_id", "model", "output"]).to_pylist():
            answers[row["model"]][str(row["prompt_id"])] = row["output"] or ""
        teachers = [model for model in wanted if model in answers]
        others = sorted(set(answers) - set(teachers))
        prompts = shared(answers, [*others, *teachers])
        chosen = np.random.default_rng(1).permutation(len(prompts))[:PROMPTS]
        kept = [prompts[i] for i in sorted(chosen)]
        some = {model: {p: answers[model][p] for p in kept} for model in (*others, *teachers)}
        cosines = table(some, others, teachers, kept)
        counts = {
            True: {"lead": 0, "undetermined": 0, "no_lead": 0},
            False: {"lead": 0, "undetermined": 0, "no_lead": 0},
        }
        for place, suspect in enumerate(others):
            rest = [i for i in range(len(others)) if i != place]
            found = leads(some, suspect, teachers, [others[i] for i in rest], known=cosines[:, [place, *rest]])
            for one in found:
                counts[related(suspect, one.teacher)][one.verdict] += 1
                if one.verdict == "lead":
                    named.append((name, one, related(suspect, one.teacher)))
        told = " | ".join(", ".join(str(n) for n in counts[truth].values()) for truth in (True, False))
        print(f"| {name} ({len(kept)} prompts, {len(others)} models) | {told} |", flush=True)
    print("\n| set | suspect | candidate | surplus (95 %) | rank | known |\n|---|---|---|---|---|---|")
    for name, one, truth in named:
        surplus = f"{one.interaction:+.2f} ({one.low:+.2f} to {one.high:+.2f})"
        known = "related" if truth else "not related"
        print(f"| {name} | {one.suspect} | {one.teacher} | {surplus} | {one.above} of {one.among} | {known} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
