"""Families of peers on real prompts: recall at no false match, keyed winnowing beside MinHash.

`python bench/families.py --texts DIR`, where DIR holds `*/prompts.parquet` with a column `text`. Templates are real
prompts of 40 to 150 words of one collection; a slot of other words stands in the middle; a share of the template's
words is replaced by words of other prompts. The clean control set is 2,000 prompts of ten other collections and half of
the prompts of the templates' own, as ordinary customers send them. `unrelated` are 10,000 further prompts of the ten;
`same_collection` is the other half of their own: hard ones, whose authors copied turns of phrase from each other. The
threshold at no false match is the largest value that any of the unrelated reaches. MinHash is given the bare template
to compare with, which is the best case for it. Lines: what each threshold lets in, then recall in each cell.
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

from stillwatch.share.control import gather
from stillwatch.share.families import THRESHOLD, Matcher, Reader, publish

GROUP = bytes(range(32))
TEMPLATES, UNRELATED, CONTROL, EACH = 100, 10_000, 2000, 3
OWN = "awesome_chatgpt_prompts"
OTHERS = ("gsm8k", "self_instruct", "banking77", "oasst_sample", "gpteacher", "fabric_patterns", "bbh", "snips",
          "promptsource", "taskmaster4")  # fmt: skip
THRESHOLDS = (0.1, 0.15, 0.2, 0.3)


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


def say(**told: object) -> None:
    print(json.dumps(told), flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--texts", type=Path, required=True)
    folder, draw = asked.parse_args().texts, random.Random(7)
    own = texts(folder, OWN)
    templates = draw.sample([one for one in own if 40 <= len(one.split()) <= 150], TEMPLATES)
    same = [one for one in own if one not in set(templates)]
    draw.shuffle(same)
    seen, same = same[: len(same) // 2], same[len(same) // 2 :]
    others = [one for name in OTHERS for one in texts(folder, name)]
    draw.shuffle(others)
    control, unrelated, fill = others[:CONTROL], others[CONTROL : CONTROL + UNRELATED], others[CONTROL + UNRELATED :]
    pool = " ".join(fill).split()[:200_000]
    clean = gather(("", text) for text in (*control, *seen))
    reader, families, kept = Reader(), [], []
    for words in (one.split() for one in templates):
        exemplars = [instance(words, pool, draw.choice([10, 50, 200]), 0.0, draw) for _ in range(5)]
        outcome = publish(exemplars, clean.marks, controls=clean.texts, group=GROUP, epoch="2026-W20", accounts=9,
                          exchanges=90, reader=reader)  # fmt: skip
        if outcome.family is not None:
            families.append(msgspec.structs.replace(outcome.family, threshold=0.0))
            kept.append((words, outcome.family.id, minhash(" ".join(words))))
    matcher, signatures = Matcher(families, GROUP), np.stack([one[2] for one in kept])

    def shares(some: list[str]) -> npt.NDArray[np.float64]:
        """Give the largest share of any family in each text, and after it MinHash's largest likeness."""
        found = [max(matcher.match(text).values(), default=0.0) for text in some]
        return np.array([found, [float((signatures == minhash(text)).mean(axis=1).max()) for text in some]])

    strange, near = shares(unrelated), shares(same)
    least, rival_least = strange.max(axis=1)
    say(templates=TEMPLATES, published=len(kept), unrelated=len(unrelated), same_collection=len(same),
        largest_of_unrelated={"winnowing": round(least, 3), "minhash": round(rival_least, 3)})  # fmt: skip
    for threshold in (*THRESHOLDS, float(least)):
        hit = {"unrelated": int((strange[0] > threshold).sum()), "same_collection": int((near[0] > threshold).sum())}
        say(threshold=round(threshold, 3), shipped=threshold == THRESHOLD, texts_let_in=hit)
    for slot in (10, 50, 200, 400):
        for edits in (0.0, 0.05, 0.1, 0.2, 0.3):
            told = [
                (matcher.match(text).get(name, 0.0), float((signatures[number] == minhash(text)).mean()))
                for number, (words, name, _) in enumerate(kept)
                for text in (instance(words, pool, slot, edits, draw) for _ in range(EACH))
            ]
            ours, rival = (np.array(column) for column in zip(*told, strict=True))
            cell = {str(one): round(float((ours >= one).mean()), 3) for one in THRESHOLDS}
            cell |= {"no_false": round(float((ours > least).mean()), 3)}
            say(slot_words=slot, edits=edits, winnowing=cell, minhash=round(float((rival > rival_least).mean()), 3))


if __name__ == "__main__":
    main()
