"""Answers that argue, by what was asked: what `judge/arguing.py` finds in answers of real models.

    python bench/arguing.py --texts DIR

DIR holds `lineage_*/outputs.parquet`: answers of open models to public questions, by model or, where the number of
the question tells it, by the sort of question (Vicuna). Printed is the share of answers that argue, of those of three
sentences and more, and how likely a family of twelve exemplars is to score fully on it (`solutions`). Some of these
were looked at while the marks were chosen: they show what the marks tell apart, not what they will find elsewhere.
Without the texts it says so and ends.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from math import comb
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from stillwatch.hunt.exemplify import EXEMPLARS
from stillwatch.judge.arguing import argues
from stillwatch.judge.intent import KINDS

VICUNA: Final = {
    10: "advice", 20: "knowledge", 30: "roleplay", 40: "common sense", 50: "estimates (Fermi)", 60: "what if",
    67: "code", 70: "mathematics", 80: "writing",
}  # fmt: skip
"""Sorts of question by the last number of each."""
SOURCES: Final = {
    "lineage_mmlu_pro": "exam, thought aloud",
    "lineage_vicuna_blog": "",
    "lineage_wildbench": "chat as it comes",
    "lineage_self_instruct": "office tasks",
}


def groups(texts: Path) -> Iterator[tuple[str, list[str]]]:
    """Give answers by what was asked or who answers."""
    for name, told in SOURCES.items():
        place = texts / name / "outputs.parquet"
        if not place.exists():
            continue
        held: dict[str, list[str]] = defaultdict(list)
        for row in pq.read_table(place, columns=["prompt_id", "model", "output"]).to_pylist():
            if name == "lineage_vicuna_blog":
                label = next(sort for last, sort in VICUNA.items() if int(row["prompt_id"]) <= last)
            else:
                label = f"{told}: {row['model']}" if name == "lineage_mmlu_pro" else told
            held[label].append(row["output"] or "")
        yield from held.items()


def likely(share: float, need: int) -> float:
    """Reckon how likely at least `need` of EXEMPLARS argue."""
    return sum(comb(EXEMPLARS, k) * share**k * (1 - share) ** (EXEMPLARS - k) for k in range(need, EXEMPLARS + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True)
    texts: Path = parser.parse_args().texts
    need = -int(-KINDS["solutions"].ramps["argues"][1] * EXEMPLARS // 1)
    print(f"{'answers':48} {'many':>6} {'argue':>6} {f'{need} of {EXEMPLARS}':>9}")
    seen = False
    for label, answers in groups(texts):
        long = [answer for answer in answers if sum(answer.count(mark) for mark in ".!?\n") >= 3]
        if long:
            share, seen = float(argues(long).mean()), True
            print(f"{label:48} {len(long):6} {share:6.2f} {likely(share, need):9.3f}")
    if not seen:
        print(f"not measured: no answers of models in {texts}")


if __name__ == "__main__":
    main()
