"""Intent, its false alarms by language: honest accounts that speak one language, taken six at a time as if one group.

    python bench/intent_languages.py --seeds 910 911 912 913 [--world quiet] [--scale 0.6]

Public honest prompts are nearly all English, so the texts are the practice ground's own, in English and
nine other languages; what it shows is whether the yard-stick of a log, most of which is English, misjudges those who
write otherwise. Each account outside every licence speaks the language of most of its requests (by script, and by
function words among Latin ones), and each group holds six that nothing ties but that. `passed` is the axis of intent
alone, at its 3 bits (1 in 8 by construction, over all languages together); `read` leaves out what the whole of their
traffic looks like.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow.dataset as ds

from intent import judged
from stillwatch import sim
from stillwatch.kit.intervals import clopper_pearson

HANDS: Final = 6
LEAST: Final = 8
"""Requests of an account whose language is told."""
SCRIPTS: Final = {
    "Japanese": "[\u3040-\u30ff]", "Korean": "[\uac00-\ud7af]", "Chinese": "[\u4e00-\u9fff]",
    "Russian": "[\u0400-\u04ff]", "Arabic": "[\u0600-\u06ff]", "Hindi": "[\u0900-\u097f]", "Thai": "[\u0e00-\u0e7f]",
}  # fmt: skip
WORDS: Final = {
    "English": "the and with for this my is of".split(),
    "Spanish": "el la los que para una con por".split(),
    "French": "le les des est pour une dans que".split(),
    "German": "der die und ist nicht mit ein das".split(),
    "Portuguese": "o os que uma não para com em".split(),
}


def language(text: str) -> str:
    """Tell the language of a request; nothing where none stands out."""
    for name, letters in SCRIPTS.items():
        if len(re.findall(letters, text)) > 0.15 * len(text):
            return name
    words = Counter(re.findall(r"\w+", text.lower()))
    name, count = max(((name, sum(words[word] for word in few)) for name, few in WORDS.items()), key=lambda one: one[1])
    return name if count >= 2 else ""


def spoken(world: Path) -> dict[str, list[str]]:
    """Find the accounts of each language, those that ask most first, the licensed ones left out."""
    truth = json.loads((world / "truth.json").read_text("utf-8"))
    honest = {a for crowd in truth["crowds"] if not crowd["id"].startswith("licensed") for a in crowd["accounts"]}
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for batch in ds.dataset(world / "traffic").to_batches(columns=["account", "messages"]):
        for row in batch.to_pylist():
            if row["account"] in honest and row["messages"]:
                told[row["account"]][language(str(row["messages"][-1]["content"])[:2000])] += 1
    found: dict[str, list[str]] = defaultdict(list)
    for account, counts in sorted(told.items(), key=lambda one: -one[1].total()):
        name, many = counts.most_common(1)[0]
        if name and many >= LEAST and many > 0.5 * counts.total():
            found[name].append(account)
    return found


def groups(world: Path) -> Iterator[tuple[str, bool, list[str]]]:
    """Make groups of HANDS accounts of a language, who have nothing else in common."""
    for name, accounts in spoken(world).items():
        step = len(accounts) // HANDS
        for number in range(step):
            yield name, False, accounts[number : step * HANDS : step]


def main() -> None:
    """Make the worlds, judge the groups, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[910, 911, 912, 913])
    parser.add_argument("--world", default="quiet")
    parser.add_argument("--scale", type=float, default=0.6)
    asked = parser.parse_args()
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            world = Path(folder) / "world"
            sim.make(asked.world, seed=seed, out=world, scale=asked.scale)
            for name, _, axis, read in judged(world, Path(folder), list(groups(world))):
                found[name].append((axis.passed, read.passed))
    print(f"{'language':<14}{'groups':>8}{'passed':>8}{'read':>6}   95 % (exact), of passed")
    for name, passed in [*sorted(found.items()), ("all", [one for some in found.values() for one in some])]:
        hits = sum(one for one, _ in passed)
        low, high = clopper_pearson(hits, len(passed))
        print(f"{name:<14}{len(passed):>8}{hits:>8}{sum(one for _, one in passed):>6}   {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
