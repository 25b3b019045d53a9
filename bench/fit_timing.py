"""Fit the timing and length figures of the practice ground on two public traces.

    python bench/fit_timing.py DATA > src/stillwatch/sim/timing.toml

DATA holds `trace_servegen_clients/` (alibaba/ServeGen: per-client production arrivals over 14 days in windows
of 600 s, and length quantiles) and `trace_mooncake/` (kvcache-ai/Mooncake: one hour of requests whose prefix
blocks show which request continues which conversation). Both are Apache-2.0. Only the figures are kept, never
the data.

What the traces cannot say and the figures therefore do not: ServeGen's clients are large customers, so its
spread of rates is a lower bound for a whole customer base; day 0 carries no date, so the two quiet days are
taken as the weekend; Mooncake is one hour long, so turns that come later are not seen.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

DAYS, WINDOWS, SHAPES = 14, 144, 6


def arrivals(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return requests per window (clients x 2016) and the windows' coefficient of variation."""
    table = pq.read_table(data / "trace_servegen_clients" / "arrivals.parquet")
    names = np.array([f"{m}/{c}" for m, c in zip(table["model"].to_pylist(), table["client"].to_pylist(), strict=True)])
    clients, row = np.unique(names, return_inverse=True)
    window = table["t"].to_numpy() // 600
    rate = np.zeros((len(clients), DAYS * WINDOWS))
    spread = np.zeros_like(rate)
    rate[row, window] = table["rate"].to_numpy() * 600
    spread[row, window] = table["cv"].to_numpy()
    return rate, spread


def centres(shapes: np.ndarray, how_many: int) -> tuple[np.ndarray, np.ndarray]:
    """Group hour profiles by k-means, best of 30 starts.

    Return the centres (busiest group first) and shares.
    """
    rng = np.random.default_rng(0)
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for _ in range(30):
        centre = shapes[rng.choice(len(shapes), how_many, replace=False)]
        for _ in range(50):
            nearest = ((shapes[:, None] - centre) ** 2).sum(2).argmin(1)
            centre = np.array(
                [shapes[nearest == k].mean(0) if (nearest == k).any() else centre[k] for k in range(how_many)]
            )
        cost = float(((shapes - centre[nearest]) ** 2).sum())
        if best is None or cost < best[0]:
            best = cost, centre, np.bincount(nearest, minlength=how_many) / len(shapes)
    assert best is not None
    order = np.argsort(-best[2])
    return best[1][order], best[2][order]


def conversations(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Follow conversations through shared prefix blocks: turns, gaps in s, input and output tokens."""
    table = pq.read_table(data / "trace_mooncake" / "conversation.parquet")
    at = table["timestamp_ms"].to_numpy() / 1000
    last: dict[tuple[int, ...], int] = {}
    turns = np.ones(len(at), dtype=int)
    continued = np.zeros(len(at), dtype=bool)
    gaps = []
    for row, blocks in enumerate(table["hash_ids"].to_pylist()):
        full = tuple(blocks[:-1])
        for cut in range(len(full), 1, -1):
            before = last.get(full[:cut])
            if before is not None and at[row] > at[before]:
                turns[row] = turns[before] + 1
                continued[before] = True
                gaps.append(at[row] - at[before])
                break
        last[full] = row
    return (
        turns[~continued],
        np.array(gaps),
        table["input_length"].to_numpy(),
        table["output_length"].to_numpy(),
    )


def main(data: Path) -> None:
    rate, spread = arrivals(data)
    busy = rate.sum(1) > DAYS * 20
    rate, spread = rate[busy], spread[busy]
    daily = rate.reshape(-1, DAYS, WINDOWS).sum(2)
    steady = (daily > 0).all(1)
    week = np.median(daily[steady] / daily[steady].mean(1, keepdims=True), axis=0)
    folded = week.reshape(2, 7).mean(0)
    quiet = min(range(7), key=lambda d: folded[d] + folded[(d + 1) % 7])
    weekend = (folded[quiet] + folded[(quiet + 1) % 7]) / 2
    weekday = np.mean([folded[d] for d in range(7) if d not in {quiet, (quiet + 1) % 7}])
    hours = rate.reshape(-1, DAYS, 24, 6).sum((1, 3))
    profiles, shares = centres((hours / hours.sum(1, keepdims=True) * 24)[steady], SHAPES)
    cv = np.array([np.median(s[s > 0]) for s in spread if (s > 0).any()])
    per_day = np.log(daily.mean(1))
    noise = [np.std(np.log(d)) for d in daily[steady]]
    turns, gaps, taken, given = conversations(data)
    lengths = pq.read_table(data / "trace_servegen_clients" / "lengths.parquet").to_pydict()

    def numbers(values: np.ndarray | list[float]) -> str:
        return "[" + ", ".join(f"{v:.3f}" for v in values) + "]"

    def tokens(field: str) -> tuple[float, float, float]:
        rows = [k for k, f in enumerate(lengths["field"]) if f == field and lengths["p50"][k] > 0]
        middle = np.log([lengths["p50"][k] for k in rows])
        within = [np.log(max(lengths["p95"][k], 1) / lengths["p50"][k]) / 1.645 for k in rows]
        return float(middle.mean()), float(middle.std()), float(np.median(within))

    out = [
        "# Fitted on public traces by `python bench/fit_timing.py DATA`; see there for what they cannot say.",
        "",
        "[volume]  # ServeGen: requests per client and day",
        f"clients = {int(busy.sum())}",
        f"log_sd = {per_day.std():.3f}          # spread of the clients' mean daily rates, natural log",
        f"day_log_sd = {np.median(noise):.3f}      # the same client from day to day",
        f"weekend = {weekend / weekday:.3f}         # a quiet day against the others",
        "",
        "[bursts]  # ServeGen: coefficient of variation of gaps inside 600 s windows",
        f"cv_quantiles = {numbers(np.percentile(cv, [5, 25, 50, 75, 95]))}  # 5, 25, 50, 75, 95 % of clients",
        f"active_windows = {numbers(np.percentile((rate > 0).mean(1), [5, 25, 50, 75, 95]))}",
        "",
        "[day]  # ServeGen: share of requests by hour, times 24, grouped by k-means; one row per group",
        f"shares = {numbers(shares)}",
        "hours = [",
        *[f"  {numbers(p)}," for p in profiles],
        "]",
        "",
        "[conversation]  # Mooncake: requests that continue one another",
        f"turns_mean = {turns.mean():.3f}",
        f"single_share = {(turns == 1).mean():.3f}",
        f"turns_quantiles = {numbers(np.percentile(turns, [50, 75, 90, 95, 99]))}  # 50, 75, 90, 95, 99 %",
        f"gap_log_mean = {np.log(gaps).mean():.3f}      # seconds between turns, natural log",
        f"gap_log_sd = {np.log(gaps).std():.3f}",
        f"input_log = {numbers([np.log(taken).mean(), np.log(taken).std()])}  # tokens, log: mean, sd",
        f"output_log = {numbers([np.log(given).mean(), np.log(given).std()])}",
        "",
        "[tokens]  # ServeGen: log of the median over clients, sd between clients, sd inside a client",
        f"input = {numbers(tokens('input_tokens'))}",
        f"output = {numbers(tokens('output_tokens'))}",
    ]
    print("\n".join(out))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python bench/fit_timing.py DATA")
    main(Path(sys.argv[1]))
