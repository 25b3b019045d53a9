"""How many prompts does a profile need, and how often is it wrong? Two models are drawn by lot from given rates.

python bench/audit_profile.py        1,000 repetitions of each row, at alpha 1e-3
"""

from __future__ import annotations

import sys

import numpy as np

from stillwatch.prove.profile.compare import Comparison

ROWS = (
    ("compliance 94 % against 8 %", 0.06, 0.92),
    ("refusals 80 % against 90 %", 0.80, 0.90),
    ("refusals 50 % against 90 %", 0.50, 0.90),
    ("no gap: 92 % both", 0.92, 0.92),
    ("no gap: 50 % both", 0.50, 0.50),
)


def main(repetitions: int, items: int) -> None:
    """Print a row for each pair of models, for a margin of none and of a tenth."""
    print("| models | margin | lost | kept | open | prompts until lost: median, most |\n|---|---|---|---|---|---|")
    for margin in (0.0, 0.1):
        for name, suspect, reference in ROWS:
            games = [play(suspect, reference, seed, items, margin) for seed in range(repetitions)]
            after = [game.decided_after or 0 for game in games if game.decision == "lost"]
            counts = [sum(game.decision == what for game in games) for what in ("lost", "kept", "undecided")]
            told = f"{np.median(after):.0f}, {max(after)}" if after else "-"
            print(f"| {name} | {margin} | {counts[0]} | {counts[1]} | {counts[2]} | {told} |", flush=True)


def play(suspect: float, reference: float, seed: int, items: int, margin: float) -> Comparison:
    """Compare two models, item by item, until it is decided."""
    rng = np.random.default_rng(seed)
    made = Comparison("harmful", margin, 1e-3)
    for _ in range(items):
        made.add(float(rng.random() < suspect), float(rng.random() < reference))
        if made.decision != "undecided":
            break
    return made


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, 300)
