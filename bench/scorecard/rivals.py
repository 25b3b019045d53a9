"""Rivals: what others publish or do, on the same worlds, each given every benefit of the doubt.

- `mmd account`: the MMD window test (LabRAI, arXiv 2606.05725): how far an account's window of up to 1,500 queries lies
  from benign queries, threshold from benign windows alone at a false-positive rate of 0.3 %. The original embeds with
  bge-small; here hashed four-byte shingles take its place, so that no model has to be downloaded. It is told which
  accounts are ordinary, half of them to compare with and half to set the threshold.
- `mmd cluster`: the same, with windows pooled over accounts that share a card or a device.
- `volume and keywords`: an account with more than 500 requests on a day, or with 20 requests of which 30 % hold a
  phrase of the kind that published detectors list.
- `exact template (SQL)`: accounts whose requests begin with the same 60 characters (figures apart), at least five
  accounts and 50 requests, of which 60 % go on differently.
- `honeypotllm`, with its own defaults, where it is installed (`pip install honeypotllm greenlet`): an account that its
  suspicion score ever marks.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import time
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow.csv as csv

from stillwatch.kit.union import find, join_all

BUCKETS, FEATURES, WINDOW, FPR = 1024, 256, 1500, 0.003
LEAST = 5
KEYWORDS = (
    "step by step|step-by-step|chain of thought|chain-of-thought|show your (?:work|reasoning)|reasoning trace|"
    "think (?:aloud|out loud|carefully)|explain your (?:thinking|reasoning)|thought process|rationale|rubric|"
    "score (?:each|the)|on a scale|which (?:answer|response) is better|system prompt|your instructions|"
    "ignore (?:all|previous)|training data|distil|synthetic data|expert data analyst|internal monologue"
)

Matrix = npt.NDArray[np.float32]


def flags(world: Path) -> dict[str, set[str]]:
    """Name the accounts that each rival flags in a world."""
    with duckdb.connect() as base:
        base.execute(
            """
            create table said as
            select account, "at", (list_filter(messages, lambda m: m.role = 'user')[-1]).content as text
            from read_parquet(?, hive_partitioning = false)
            """,
            [str(world / "traffic" / "*" / "*.parquet")],
        )
        base.execute("delete from said where text is null or text = ''")
        found = {"volume and keywords": _volume(base), "exact template (SQL)": _templates(base)}
        rows = base.execute(
            'select account, text, epoch_ms("at") / 1000.0 as at from said order by account, "at"'
        ).fetchnumpy()
    found |= _honeypot(rows["account"], rows["text"], rows["at"])
    found |= _mmd(world, rows["account"], rows["text"].tolist())
    return found


def _volume(base: duckdb.DuckDBPyConnection) -> set[str]:
    rows = base.execute(
        """
        with daily as (select account, count(*) as many from said group by account, date_trunc('day', "at")),
             busy as (select account from daily group by account having max(many) > 500),
             wordy as (
                 select account from said group by account
                 having count(*) >= 20 and avg(regexp_matches(text, ?, 'i')::int) >= 0.3)
        select account from busy union select account from wordy
        """,
        [KEYWORDS],
    ).fetchall()
    return {account for (account,) in rows}


def _templates(base: duckdb.DuckDBPyConnection) -> set[str]:
    rows = base.execute(
        """
        with began as (select account, text, regexp_replace(left(text, 60), '[0-9]+', '#', 'g') as head from said),
             shared as (
                 select head from began group by head
                 having count(distinct account) >= ? and count(*) >= 50 and count(distinct text) >= 0.6 * count(*))
        select distinct account from began join shared using (head)
        """,
        [LEAST],
    ).fetchall()
    return {account for (account,) in rows}


def _honeypot(accounts: npt.NDArray[Any], texts: npt.NDArray[Any], at: npt.NDArray[Any]) -> dict[str, set[str]]:
    """Replay the traffic through honeypotllm's scorer, by a clock of its own; nothing where it is not installed."""
    try:
        scoring = importlib.import_module("honeypotllm.scoring")
        config = importlib.import_module("honeypotllm.config").ScoringConfig()
    except ImportError:
        return {}
    scorer = scoring.SuspicionScorer(config)
    offset = time.time() + 60.0 - float(at.min())  # a state is born now, so the replay lies in its future
    moment = [0.0]
    scoring.time = SimpleNamespace(time=lambda: moment[0])
    flagged: set[str] = set()
    for account, text, second in zip(accounts, texts, at, strict=True):
        moment[0] = float(second) + offset
        if scorer.score_request(str(account), prompt=text).should_honeypot:
            flagged.add(str(account))
    return {"honeypotllm": flagged}


def _mmd(world: Path, accounts: npt.NDArray[Any], texts: list[str]) -> dict[str, set[str]]:
    names, codes = np.unique(accounts.astype(str), return_inverse=True)
    means, counts = _windows(codes, texts, len(names))
    ordinary = np.isin(names, sorted(_ordinary(world))) & (counts >= LEAST)
    half = np.array([hashlib.blake2b(name.encode(), digest_size=1).digest()[0] % 2 == 0 for name in names])
    compare, held = ordinary & half, ordinary & ~half
    if compare.sum() < 20 or held.sum() < 20:
        return {"mmd account": set(), "mmd cluster": set()}
    reference = means[compare].mean(axis=0)
    apart = _distance(means, counts, reference)
    bar = _bars(apart[held], counts[held])
    flagged = {str(name) for name in names[(counts >= LEAST) & (apart > bar(counts))]}
    return {"mmd account": flagged, "mmd cluster": _clusters(world, names, means, counts, held, reference)}


def _windows(codes: npt.NDArray[np.int64], texts: list[str], accounts: int) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Embed every query (random Fourier features of its shingles) and average the first ones of each account."""
    rng = np.random.default_rng(2606)
    weights = rng.normal(0, 1.2, (BUCKETS, FEATURES)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, FEATURES).astype(np.float32)
    sums = np.zeros((accounts, FEATURES), np.float32)
    counts = np.zeros(accounts, np.int64)
    for start in range(0, len(texts), 4096):
        who = codes[start : start + 4096]
        mapped = np.cos(_shingles(texts[start : start + 4096]) @ weights + phase) * np.float32(np.sqrt(2 / FEATURES))
        fits = counts[who] < WINDOW
        np.add.at(sums, who[fits], mapped[fits])
        np.add.at(counts, who[fits], 1)
    return sums / np.maximum(counts, 1)[:, None].astype(np.float32), counts


def _shingles(texts: list[str]) -> Matrix:
    """Hash the four-byte shingles of each text's first 600 bytes into buckets, and scale to length 1."""
    raw = [text.encode()[:600].ljust(4, b" ") for text in texts]
    data = np.frombuffer(b"".join(raw), np.uint8).astype(np.uint32)
    ends = np.cumsum([len(one) for one in raw])
    rows = np.repeat(np.arange(len(raw)), [len(one) for one in raw])
    code = data[:-3] | data[1:-2] << 8 | data[2:-1] << 16 | data[3:] << 24
    inside = np.arange(len(code)) < ends[rows[:-3]] - 3
    bucket = (code * np.uint32(2654435761)) >> np.uint32(22)
    flat = np.bincount(rows[:-3][inside] * BUCKETS + bucket[inside], minlength=len(raw) * BUCKETS)
    table = np.log1p(flat.reshape(len(raw), BUCKETS).astype(np.float32))
    return np.asarray(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6), np.float32)


def _distance(means: Matrix, counts: npt.NDArray[np.int64], reference: Matrix) -> npt.NDArray[np.float64]:
    """Take the squared distance of mean embeddings, less what chance gives a window of this size."""
    return np.asarray(((means - reference) ** 2).sum(axis=1) - 1.0 / np.maximum(counts, 1), np.float64)


def _bars(null: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> Any:
    """Set the threshold by the size of the window: the quantile of benign windows of about that size."""
    edges = np.quantile(counts, [0.0, 0.25, 0.5, 0.75])
    bars = []
    for number, low in enumerate(edges):
        mine = null[(counts >= low) & ((number == 3) | (counts < edges[min(number + 1, 3)]))]
        bars.append(np.quantile(mine, 1 - FPR) if len(mine) else np.inf)
    return lambda sizes: np.array(bars)[np.clip(np.searchsorted(edges, sizes, "right") - 1, 0, 3)]


def _clusters(
    world: Path, names: npt.NDArray[Any], means: Matrix, counts: npt.NDArray[np.int64],
    held: npt.NDArray[np.bool_], reference: Matrix,
) -> set[str]:  # fmt: skip
    """Pool the windows of accounts that share a card or a device."""
    place = {str(name): number for number, name in enumerate(names)}
    parent = np.arange(len(names), dtype=np.int32)
    shared: dict[str, list[int]] = defaultdict(list)
    for row in csv.read_csv(world / "accounts.csv").select(["account", "payment", "device"]).to_pylist():
        if row["account"] in place:
            for name in ("payment", "device"):
                if row[name]:
                    shared[f"{name} {row[name]}"].append(place[row["account"]])
    pairs = [(some[0], other) for some in shared.values() for other in some[1:]]
    if pairs:
        one, other = np.array(pairs, np.int32).T
        join_all(parent, np.ascontiguousarray(one), np.ascontiguousarray(other))
    root = find(parent)
    rng = np.random.default_rng(606)
    pool = np.flatnonzero(held)
    flagged: set[str] = set()
    for group in np.unique(root):
        members = np.flatnonzero(root == group)
        if len(members) < LEAST:
            continue
        drawn = [rng.choice(pool, min(len(members), len(pool)), replace=False) for _ in range(400)]
        null = [_pooled(means, counts, some, reference) for some in drawn]
        if _pooled(means, counts, members, reference) > np.quantile(null, 1 - FPR):
            flagged |= {str(name) for name in names[members]}
    return flagged


def _pooled(means: Matrix, counts: npt.NDArray[np.int64], members: npt.NDArray[np.int64], reference: Matrix) -> float:
    sizes = counts[members].astype(np.float32)
    mean = (means[members] * sizes[:, None]).sum(axis=0) / max(float(sizes.sum()), 1.0)
    many = min(float(sizes.sum()), WINDOW)
    return float(((mean - reference) ** 2).sum() - 1.0 / max(many, 1.0))


def _ordinary(world: Path) -> set[str]:
    """Name accounts that are nobody's but their own: in no campaign and no crowd but the ordinary one."""
    truth = json.loads((world / "truth.json").read_text("utf-8"))
    return {account for crowd in truth["crowds"] if crowd["kind"] == "ordinary" for account in crowd["accounts"]}
