"""The fingerprint kernel of a hunt, in MB/s on one core, beside its floors and its rivals in the same run.

    python bench/kernel.py [--megabytes 64] [--rounds 5]

Ours is what a hunt runs on the messages of a batch (`stillwatch.sketch.turns`): folding of all scripts, slots, exact
hash, order-free sum, winnowed fingerprints. Texts are some 450 bytes long: ASCII words with digits and quotations,
Chinese, and a mixture of scripts. Floors: a copy of the bytes, and xxh3 over all of them. Rivals make sketches of other
kinds, of 64 minima over shingles of three words (of three characters where there are no words): rensa, datasketch, and
DuckDB in SQL with the 16 least hashes. They are given fewer texts, since they take so long. A rival that is not
installed is told so: `pip install rensa datasketch xxhash`. CPU seconds of the best round.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import duckdb
import numpy as np
import pyarrow as pa

from stillwatch import sketch
from stillwatch.model.exchange import MESSAGE
from stillwatch.sketch import turns

ASKED = 400
FEW = 4000
PERMUTATIONS = 64


def words(chance: random.Random, kind: str) -> list[str]:
    if kind == "ascii":
        parts = ["ka", "to", "ri", "men", "sol", "ber", "ing", "tion", "al", "the", "of", "and"]
        return ["".join(chance.choices(parts, k=chance.randint(1, 3))) for _ in range(20_000)]
    if kind == "cjk":
        return [
            "".join(chr(chance.randint(0x4E00, 0x8FFF)) for _ in range(chance.randint(4, 12))) for _ in range(20_000)
        ]
    letters = ["абвгдежз", "ابتثجحخد", "กขฃคฅฆง", "あいうえおか", "αβγδεζηθ", "abcdefghijkl"]
    return ["".join(chance.choices(chance.choice(letters), k=chance.randint(3, 9))) for _ in range(20_000)]


def texts(kind: str, size: int) -> list[str]:
    """Write prompts of some 450 bytes; one word in thirty is a number, one text in ten quotes something."""
    chance = random.Random(kind)
    pool, made, written = words(chance, kind), [], 0
    apart = "，" if kind == "cjk" else " "
    each = {"ascii": 70, "cjk": 17, "mixed": 38}[kind]
    while written < size:
        some = chance.choices(pool, k=chance.randint(each // 2, each * 3 // 2))
        some = [str(chance.randrange(10_000)) if chance.random() < 1 / 30 else word for word in some]
        if chance.random() < 0.1:
            some[3:9] = [f'"{" ".join(some[3:9])}"']
        made.append(apart.join(some))
        written += len(made[-1].encode())
    return made


def batch(prompts: list[str]) -> pa.RecordBatch:
    pairs = pa.StructArray.from_arrays([pa.array(["user"] * len(prompts)), pa.array(prompts)], fields=list(MESSAGE))
    offsets = pa.array(np.arange(len(prompts) + 1, dtype=np.int32))
    return pa.record_batch({"messages": pa.ListArray.from_arrays(offsets, pairs, type=pa.list_(MESSAGE))})


def rate(run: Callable[[], object], size: int, rounds: int) -> float:
    """Give megabytes per CPU second, of the best round."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        run()
        best = min(best, time.process_time() - begun)
    return size / best / 1e6


def shingles(text: str) -> list[str]:
    some = text.split()
    if len(some) < 3:
        return [text[at : at + 3] for at in range(max(len(text) - 2, 1))]
    return [" ".join(some[at : at + 3]) for at in range(len(some) - 2)]


def with_rensa(rensa: ModuleType, prompts: list[str]) -> None:
    for text in prompts:
        made = rensa.RMinHash(num_perm=PERMUTATIONS, seed=1)
        made.update(shingles(text))
        made.digest()


def with_datasketch(datasketch: ModuleType, prompts: list[str]) -> None:
    for text in prompts:
        made = datasketch.MinHash(num_perm=PERMUTATIONS)
        made.update_batch([one.encode() for one in shingles(text)])


def with_duckdb(prompts: list[str]) -> None:
    base = duckdb.connect(config={"threads": 1})
    base.register("t", pa.table({"text": prompts}))
    base.execute(
        """select list_sort(list_transform(range(1, greatest(len(w) - 1, 2)),
        lambda i: hash(array_to_string(w[i:i + 2], ' '))))[:16] from (select string_split(lower(text), ' ') w from t)"""
    ).fetchall()


def contenders(prompts: list[str], rounds: int) -> Iterator[tuple[str, float | None]]:
    whole = batch(prompts)
    data = np.frombuffer("".join(prompts).encode(), np.uint8)
    target, work = np.empty_like(data), sketch.work()
    yield "a copy of the bytes", rate(lambda: np.copyto(target, data), len(data), rounds)
    hashing = optional("xxhash")
    yield "xxh3 over all bytes", hashing and rate(lambda: hashing.xxh3_64_intdigest(data), len(data), rounds)
    turns.columns(whole.slice(0, 100), work)  # compiled, or loaded from the cache
    yield "stillwatch, fingerprints", rate(lambda: turns.columns(whole, work), len(data), rounds)
    some = prompts[:FEW]
    size = sum(len(one.encode()) for one in some)
    for name, run in (("rensa", with_rensa), ("datasketch", with_datasketch)):
        module = optional(name)
        least = some if name == "rensa" else some[: FEW // 8]
        part = size * len(least) // len(some)
        yield f"{name}, {PERMUTATIONS} minima", module and rate(lambda: run(module, least), part, 2)  # noqa: B023
    yield "DuckDB in SQL, 16 least", rate(lambda: with_duckdb(some), size, 2)


def optional(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for kind in ("ascii", "cjk", "mixed"):
        prompts = texts(kind, options.megabytes * 1_000_000)
        print(f"{kind}: {len(prompts)} texts, {options.megabytes} MB")
        for what, told in contenders(prompts, options.rounds):
            line = "not installed" if told is None else f"{told:10.1f} MB/s"
            asked = f" (asked: {ASKED})" if what.startswith("stillwatch") and kind == "ascii" else ""
            print(f"  {what:28} {line}{asked}")
    print(f"load: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
