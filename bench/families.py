"""Families of peers on real prompts: recall at no false match, keyed winnowing beside MinHash.

`python bench/families.py --texts DIR`, where DIR holds `*/prompts.parquet` with a column `text`. Templates are real
prompts of 40 to 150 words; a slot of other words stands in the middle; a share of the template's words is replaced by
words of other prompts. The threshold of each method is the largest value that any unrelated text reaches.
MinHash is given the bare template to compare with, which is the best case for it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from stillwatch.share.families import THRESHOLD, Matcher, Reader, control_marks, publish

GROUP = bytes(range(32))
TEMPLATES, UNRELATED, EACH = 100, 1500, 3


def texts(folder: Path, name: str) -> list[str]:
    found = pq.read_table(folder / name / "prompts.parquet", columns=["text"]).column("text").to_pylist()
    return list(dict.fromkeys(one for one in found if one))


def instance(words: list[str], pool: list[str], slot: int, edits: float, draw: random.Random) -> str:
    edited = [draw.choice(pool) if draw.random() < edits else word for word in words]
    at, start = len(words) // 2, draw.randrange(len(pool) - slot)
    return " ".join([*edited[:at], *pool[start : start + slot], *edited[at:]])


_SEEDS = np.random.default_rng(1).integers(1, 2**61 - 1, (128, 2), dtype=np.uint64)


def minhash(text: str) -> npt.NDArray[np.uint64]:
    words = text.lower().split()
    grams = {" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2))}
    hashed = np.array(
        [int.from_bytes(hashlib.blake2b(g.encode(), digest_size=8).digest(), "big") for g in grams], np.uint64
    )
    mixed: npt.NDArray[np.uint64] = (hashed[:, None] * (_SEEDS[:, 0] | np.uint64(1)) + _SEEDS[:, 1]).min(axis=0)
    return mixed


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--texts", type=Path, required=True)
    folder, draw = asked.parse_args().texts, random.Random(7)
    templates = [one.split() for one in texts(folder, "awesome_chatgpt_prompts") if 40 <= len(one.split()) <= 150]
    templates = draw.sample(templates, TEMPLATES)
    others = [one for name in ("gsm8k", "self_instruct", "banking77", "oasst_sample") for one in texts(folder, name)]
    draw.shuffle(others)
    control, unrelated, fill = others[:2000], others[2000 : 2000 + UNRELATED], others[2000 + UNRELATED :]
    pool = " ".join(fill).split()[:200_000]
    marks, count = control_marks(control)
    reader, families, kept = Reader(), [], []
    for words in templates:
        exemplars = [instance(words, pool, draw.choice([10, 50, 200]), 0.0, draw) for _ in range(5)]
        outcome = publish(exemplars, marks, controls=count, group=GROUP, epoch="2026-W20", accounts=9, exchanges=90,
                          reader=reader)  # fmt: skip
        if outcome.family is not None:
            families.append(outcome.family)
            kept.append((words, outcome.family.id, minhash(" ".join(words))))
    matcher = Matcher([msgspec.structs.replace(one, threshold=0.0) for one in families], GROUP)
    signatures = np.stack([one[2] for one in kept])
    rival_least = max(float((signatures == minhash(text)).mean(axis=1).max()) for text in unrelated)
    least = max((max(matcher.match(text).values(), default=0.0) for text in unrelated), default=0.0)
    largest = {"winnowing": round(least, 3), "minhash": round(rival_least, 3)}
    told = {"templates": len(templates), "published": len(kept), "unrelated": len(unrelated)}
    print(json.dumps({**told, "largest_of_unrelated": largest, "shipped_threshold": THRESHOLD}), flush=True)
    for slot in (10, 50, 200, 400):
        for edits in (0.0, 0.05, 0.1, 0.2, 0.3):
            hits = {"at_shipped_threshold": 0, "winnowing": 0, "minhash": 0}
            for number, (words, name, _) in enumerate(kept):
                for _ in range(EACH):
                    text = instance(words, pool, slot, edits, draw)
                    share = matcher.match(text).get(name, 0.0)
                    hits["winnowing"] += share > least
                    hits["at_shipped_threshold"] += share >= THRESHOLD
                    hits["minhash"] += float((signatures[number] == minhash(text)).mean()) > rival_least
            cell = {method: round(held / (EACH * len(kept)), 3) for method, held in hits.items()}
            print(json.dumps({"slot_words": slot, "edits": edits, "recall": cell}), flush=True)


if __name__ == "__main__":
    main()
