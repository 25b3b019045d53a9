"""Leads on real models: who is pointed at, rightly and wrongly, where the lineage is known?

    python bench/audit_leads.py DATA      a directory with `lineage_*/outputs.parquet` (prompt_id, model, output)

Every model that is no candidate teacher is the suspect once. Its controls are all others, the other students among
them, as it would be in life where nobody knows who is a student; and once more only those that are known to be no
students of a candidate. Lineage is public knowledge about the models, written down below. The surplus is how much more
a suspect resembles a candidate than the others lead one to expect (logarithm), and the lift its mean over a kind's
related pairs, less the mean over models that learnt from no candidate, with a 95 % interval over suspects drawn again.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from stillwatch.prove.leads.resemble import Lead, leads, shared, table

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
    "goliath": GPT, "Beagle": GPT, "Marcoroni": GPT, "marcoroni": GPT, "GML-Mistral": GPT, "DiscoLM": GPT,
    "bagel": GPT, "xDAN": GPT, "una-cybertron": GPT, "UNA-SOLAR": GPT, "meow": GPT, "ShiningValiant": GPT,
    "gemini-1.5-flash": ("gemini-1.5-pro",), "Llama-3_1-8B-Instruct": ("Llama-3_1-70B",),
    "Llama-2-13B-chat": ("Llama-2-7b-chat",), "Llama-2-70B-Chat": ("Llama-2-7b-chat",),
    "Qwen-14B-Chat": ("Qwen-72B",), "Qwen-7B-Chat": ("Qwen-72B",), "gemma-2b": ("gemma-7b",),
    "gpt-3.5-turbo": ("gpt-3.5",),
}  # fmt: skip
"""Parts of names: who learnt from whom, or is its sibling."""
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("laundered: merged or trained on from students", ("goliath", "Beagle", "arcoroni", "GML-Mistral", "DiscoLM",
     "bagel", "xDAN", "una-cybertron", "UNA-SOLAR", "meow", "ShiningValiant", "laser")),
    ("sibling, or distilled by its own vendor", ("gemini-1.5-flash", "Llama-3_1-8B-Instruct", "Llama-2-13B-chat",
     "Llama-2-70B-Chat", "Qwen-14B-Chat", "Qwen-7B-Chat", "gemma-2b", "gpt-3.5-turbo")),
    ("tuned on its own outputs", ("davinci-self-instruct",)),
    ("student", ("vicuna", "agentlm", "OpenCodeInterpreter", "Starling", "openchat", "Ultrachat", "Tulu", "ShareGPT",
     "zephyr", "OpenHermes", "SynthIA")),
    ("base model, not tuned", ("Llama-2-7b-hf", "Llama-2-70b-hf", "Mistral-7B-v0.1", "llama-13b", "Meta-Llama-3-8B",
     "microsoft__phi-2", "Meta-Llama-3_1-8B")),
    ("tuned on what people wrote", ("guanaco", "superni", "t0-ft", "Llama-2-7b-chat", "Llama-2-13b-chat",
     "Llama-2-70b-chat", "Falcon-180B-chat")),
    ("student of a model that is no candidate", ("alpaca",)),
)  # fmt: skip
REST = "its vendor's own tuning, or not known"


@dataclass(frozen=True)
class Found:
    """One pair of suspect and candidate."""

    data: str
    lead: Lead
    related: bool
    kind: str


def related(suspect: str, teacher: str) -> bool:
    """Tell whether the lineage is known to join two models."""
    return any(who in suspect and any(part in teacher for part in parts) for who, parts in TRUTH.items())


def kind_of(suspect: str) -> str:
    """Give what is known of how a model was made."""
    return next((name for name, parts in KINDS if any(part in suspect for part in parts)), REST)


def pairs(data: Path, name: str, *, clean: bool) -> Iterator[Found]:
    """Compare every model of a set with every candidate; `clean` takes no student of a candidate as a control."""
    answers: dict[str, dict[str, str]] = defaultdict(dict)
    for row in pq.read_table(data / name / "outputs.parquet", columns=["prompt_id", "model", "output"]).to_pylist():
        answers[row["model"]][str(row["prompt_id"])] = row["output"] or ""
    teachers = [model for model in SETS[name] if model in answers]
    others = sorted(set(answers) - set(teachers))
    prompts = shared(answers, [*others, *teachers])
    chosen = np.random.default_rng(1).permutation(len(prompts))[:PROMPTS]
    kept = [prompts[i] for i in sorted(chosen)]
    some = {model: {p: answers[model][p] for p in kept} for model in (*others, *teachers)}
    key = (str(data), name)
    if key not in _TABLES:
        _TABLES[key] = table(some, others, teachers, kept)
    for place, suspect in enumerate(others):
        rest = [i for i, other in enumerate(others)
                if i != place and not (clean and any(related(other, t) for t in teachers))]  # fmt: skip
        if len(rest) < 2:
            continue
        found = leads(some, suspect, teachers, [others[i] for i in rest], known=_TABLES[key][:, [place, *rest]])
        for one in found:
            yield Found(f"{name} ({len(kept)} prompts, {len(others)} models)", one,
                        related(suspect, one.teacher), kind_of(suspect))  # fmt: skip


_TABLES: dict[tuple[str, str], np.ndarray] = {}


def lift(found: list[Found], kind: str) -> str:
    """Give the mean surplus of a kind's related pairs over that of models that learnt from no candidate."""
    wanted = defaultdict(list)
    null = defaultdict(list)
    for one in found:
        if one.kind == kind and one.related:
            wanted[one.lead.suspect].append(one.lead.interaction)
        elif not any(f.related for f in found if f.lead.suspect == one.lead.suspect):
            null[one.lead.suspect].append(one.lead.interaction)
    if not wanted or not null:
        return "-"
    rng, here, there = np.random.default_rng(1), list(wanted.values()), list(null.values())

    def drawn(rows: list[list[float]]) -> float:
        return float(np.mean(np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])))

    middle = np.mean(np.concatenate(here)) - np.mean(np.concatenate(there))
    low, high = np.quantile([drawn(here) - drawn(there) for _ in range(1000)], (0.025, 0.975))
    return f"{middle:+.2f} ({low:+.2f} to {high:+.2f})"


def verdicts(found: list[Found]) -> str:
    """Count leads, open and none."""
    counts = Counter(one.lead.verdict for one in found)
    return ", ".join(str(counts[verdict]) for verdict in ("lead", "undetermined", "no_lead"))


def main(data: Path) -> None:
    """Print a table by set, one by kind of suspect, and the leads by name; once for each choice of controls."""
    for clean in (False, True):
        print(f"\nControls: {'no students of a candidate' if clean else 'all other models'}\n")
        found = [one for name in SETS for one in pairs(data, name, clean=clean)]
        print("| set | related pairs: lead, open, none | unrelated pairs: lead, open, none |\n|---|---|---|")
        for name in dict.fromkeys(one.data for one in found):
            told = (verdicts([f for f in found if f.data == name and f.related is truth]) for truth in (True, False))
            print(f"| {name} | {' | '.join(told)} |")
        print("\n| suspect | models | related: lead, open, none | unrelated: lead, open, none | lift |")
        print("|---|---|---|---|---|")
        for kind in (*(name for name, _ in KINDS), REST):
            mine = [one for one in found if one.kind == kind]
            models = len({(one.data, one.lead.suspect) for one in mine})
            told = (verdicts([f for f in mine if f.related is truth]) for truth in (True, False))
            print(f"| {kind} | {models} | {' | '.join(told)} | {lift(found, kind)} |")
        print("\n| set | suspect | candidate | surplus (95 %) | rank | known |\n|---|---|---|---|---|---|")
        for one in found:
            if one.lead.verdict == "lead":
                _named(one)


def _named(one: Found) -> None:
    lead = one.lead
    surplus = f"{lead.interaction:+.2f} ({lead.low:+.2f} to {lead.high:+.2f})"
    known = "related" if one.related else "not related"
    print(f"| {one.data} | {lead.suspect} | {lead.teacher} | {surplus} | {lead.above} of {lead.among} | {known} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
