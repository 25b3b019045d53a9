"""What the lineage audit is worth: are its p-values exact, and how fast is it, beside the detectors of a library?

    pip install 'stillwatch[audit]'
    python bench/audit_lineage.py exact      p-values of keys that nobody used, on four texts (some five minutes);
                                             `--lab DIR`: on a student of the lab, trained and asked if it is not there
    python bench/audit_lineage.py keys       a thousand keys at once: who is found, who is accused wrongly
    python bench/audit_lineage.py speed      many keys against a million tokens, and the library on the same text

Texts are made here from a seed; `--texts FILE` adds one of your own. The library is `transformers`; where it is not
installed its columns are left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stillwatch.kit.evalue import ebh
from stillwatch.prove.lab import pairs as little
from stillwatch.prove.lineage import tally, tokens
from stillwatch.prove.lineage.evidence import Plan, decoys, weigh_keys
from stillwatch.prove.lineage.texts import read_texts
from stillwatch.prove.mark import Mark

MARK = Mark(mode="bias", green=8192, delta=3.0)
ROOT = Path(__file__).parent.parent


def texts(more: Sequence[str]) -> dict[str, list[str]]:
    """Give the texts: unmarked, marked with another key, repeated, plain English."""
    world = little.pairs(1)
    other = decoys(1, 4711)[0]
    learnt = 0.5 * world.other + 0.5 * little.marked(world.teacher, other, MARK)
    made = {
        "unmarked": little.write(world.other, 300, 1),
        "half of it another key's": little.write(learnt, 300, 2),
        "20 answers, each 50 times": little.write(world.other, 20, 3) * 50,
        "English (our own docs)": [p.read_text("utf-8") for p in sorted((ROOT / "docs").rglob("*.md"))],
    }
    return made | {path: read_texts(path) for path in more}


def students(place: Path) -> dict[str, list[str]]:
    """Give what a student of the lab says, 5 % of whose text bore another key, and some of it again and again."""
    from stillwatch.prove.lab.cells import asked
    from stillwatch.prove.lab.language import lexicon
    from stillwatch.prove.lab.world import PROMPT, Recipe, World

    rows = asked(World(place / "made"), Recipe(share=0.05, documents=60_000, seed=1), answers=15_000)
    said = [lexicon().text(row[PROMPT:]) for row in rows]
    return {"trained student, another key's": said, "100 of its answers, each 150 times": said[:100] * 150}


def exact(keys: int, library_keys: int, written: dict[str, list[str]]) -> None:
    """Print, per text and test, how uniform the p-values of unused keys are."""
    print("| text | test | keys | KS p | p < .05 | p < .01 | p < .001 |\n|---|---|---|---|---|---|---|")
    for name, said in written.items():
        ids = [tokens.words(text) for text in said]
        plan = Plan.of(tally.compare(ids), MARK)
        ln_e, p = weigh_keys(plan, plan.sums(decoys(keys, 7)))
        _line(name, f"this audit (mean e {np.exp(ln_e).mean():.2f})", p)
        for once in (False, True) if library_keys else ():
            p = library(ids, library_keys, once=once)
            if p is not None:
                _line(name, "transformers, repeats counted once" if once else "transformers as shipped", p)


def _line(text: str, test: str, p: np.ndarray) -> None:
    from scipy.stats import kstest

    shares = " | ".join(f"{(p < level).mean():.4f}" for level in (0.05, 0.01, 0.001))
    print(f"| {text} | {test} | {len(p):,} | {kstest(p, 'uniform').pvalue:.2g} | {shares} |", flush=True)


def library(ids: Sequence[np.ndarray], keys: int, *, once: bool, most: int = 20_000) -> np.ndarray | None:
    """Give the p-values of the library's detector for many of its keys, up to `most` tokens as one passage."""
    try:
        import torch
        from transformers import PretrainedConfig, WatermarkDetector, WatermarkingConfig
    except ImportError:
        return None
    torch.set_num_threads(1)
    joined = np.concatenate(ids)[:most]
    words, small = np.unique(joined, return_inverse=True)
    passage = torch.from_numpy(small + 2)[None]  # token 0 has one list for all keys, and 1 begins a text
    config = PretrainedConfig(vocab_size=len(words) + 2, bos_token_id=1)
    found = []
    for key in np.random.default_rng(5).integers(2, 2**31, keys):
        wanted = WatermarkingConfig(greenlist_ratio=MARK.gamma, bias=MARK.delta, hashing_key=int(key))
        detector = WatermarkDetector(config, "cpu", wanted, ignore_repeated_ngrams=once)
        found.append(float(detector(passage, return_dict=True).p_value[0]))
    return np.array(found)


def attributed(keys: int, students: int, share: float, answers: int) -> None:
    """Print who is found and accused among many keys, for suspects that inherit a share of one mark, or of none.

    Suspects are tables of word pairs, made and not trained: what they inherit is set, so that there can be many.
    """
    print(
        "| suspect | suspects | keys | found | accused wrongly | FDR | suspects with a wrong accusation | median ln e |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, inside in (("of one of the keys", True), ("of another key", False), ("of nobody", None)):
        hits, wrong, shares, bad, told = 0, 0, [], 0, []
        for seed in range(students):
            world, ring = little.pairs(seed), decoys(keys, 10_000 + seed)
            key = ring[seed % keys] if inside else decoys(1, 20_000 + seed)[0]
            learnt = world.other if inside is None else (
                (1 - share) * world.other + share * little.marked(world.teacher, key, MARK))  # fmt: skip
            suspect = [tokens.words(text) for text in little.write(learnt, answers, seed)]
            own = [tokens.words(text) for text in little.write(world.teacher, answers, 50_000 + seed)]
            base = [tokens.words(text) for text in little.write(world.other, answers, 60_000 + seed)]
            plan = Plan.of(tally.compare(suspect, own, [base]), MARK)
            ln_e, _ = weigh_keys(plan, plan.sums(ring))
            rejected = ebh(ln_e, 0.05, log=True)
            right = bool(inside and rejected[seed % keys])
            false = int(rejected.sum()) - right
            hits, wrong, bad = hits + right, wrong + false, bad + bool(false)
            shares.append(false / max(1, int(rejected.sum())))
            told.append(float(ln_e[seed % keys]))
        print(
            f"| {name} | {students} | {keys:,} | {hits if inside else '-'} | {wrong} | {np.mean(shares):.3f} | {bad} |"
            f" {np.median(told):.1f} |", flush=True,
        )  # fmt: skip


def speed(keys: int, size: int, library_keys: int) -> None:
    """Print seconds per key for a text of so many tokens, beside the library on a part of it."""
    world = little.pairs(1)
    written = little.write(world.other, size // 60, 1)
    begun_all = time.perf_counter()
    ids = [tokens.words(text) for text in written]
    read = time.perf_counter()
    found = tally.compare(ids)
    plan = Plan.of(found, MARK)
    made = time.perf_counter()
    sums = plan.sums(decoys(keys, 3))
    weigh_keys(plan, sums)
    done = time.perf_counter()
    total = sum(len(one) for one in ids)
    print(f"text: {total:,} tokens, {found.distinct:,} different pairs, {keys:,} keys")
    print(
        f"words to tokens {read - begun_all:.1f} s, tally and weights {made - read:.1f} s, all keys {done - made:.2f} s"
    )
    print(f"whole audit: {done - begun_all:.1f} s")
    if library_keys:
        part = np.concatenate(ids)
        begun = time.perf_counter()
        if library([part], library_keys, once=False, most=len(part)) is None:
            return
        each = (time.perf_counter() - begun) / library_keys
        print(f"library: {each:.2f} s per key on the same tokens, {library_keys} keys tried")
        ratio = each * keys / (done - begun_all)
        print(f"per key {each / ((done - made) / keys):,.0f} times faster; all keys with everything {ratio:,.0f} times")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["exact", "keys", "speed"])
    parser.add_argument("--keys", type=int, default=0, help="exact 100000, keys and speed 1000")
    parser.add_argument("--library-keys", type=int, default=-1, help="exact 100, speed 1; 0 leaves it out")
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--students", type=int, default=20, help="keys: suspects of each kind")
    parser.add_argument("--share", type=float, default=0.05, help="keys: what a suspect inherits")
    parser.add_argument("--answers", type=int, default=2000, help="keys: answers of 60 tokens each")
    parser.add_argument("--texts", nargs="*", default=[])
    parser.add_argument("--lab", type=Path, help="exact: the directory of a lab, whose student is scored instead")
    asked = parser.parse_args()
    if asked.what == "exact":
        written = students(asked.lab) if asked.lab else texts(asked.texts)
        exact(asked.keys or 100_000, 100 if asked.library_keys < 0 else asked.library_keys, written)
    elif asked.what == "keys":
        attributed(asked.keys or 1000, asked.students, asked.share, asked.answers)
    else:
        speed(asked.keys or 1000, asked.tokens, 1 if asked.library_keys < 0 else asked.library_keys)


if __name__ == "__main__":
    main()
