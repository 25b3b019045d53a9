"""Ingest of LiteLLM records, beside the floor: typed decoding of the same bytes alone, in the same run.

    python bench/ingest.py [--records 40000] [--copies 4] [--rounds 3]
    python bench/ingest.py --formats [--records 20000]

The records are those that LiteLLM wrote for `tests/data/ingest/litellm` (untrimmed; 7.2 of 13.8 kB are the price map),
varied in what differs from call to call: ids, times, keys, organisations, users, addresses, clients, sessions, costs,
counts, models with their prices, and the texts of users and answers. Prompts have 450 bytes in the middle, answers 900;
one in fifteen has two choices.
The floor decodes the bytes, which are in memory already, with msgspec into typed structs of just the fields that
fill the canonical columns, on one core.
Ingest reads the file, decodes, fills all canonical columns and writes Parquet by day. With several processes it is told
twice: from a Python that has loaded what it takes, as the floor is, and as a command that has to load it first.

With `--formats` the other formats are read, on one core: golden records of real programs under other ids and with texts
of that length, and canonical JSON Lines and Parquet. Their floor is the decoding of the same bytes into plain objects.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow.parquet as pq

from stillwatch import ingest
from stillwatch.ingest import _convert, _format
from stillwatch.ingest._job import How, Job, Stretch
from stillwatch.ingest._tree import Tree

DATA = Path(__file__).parent.parent / "tests/data/ingest"
WHOLE = DATA / "litellm/whole/log.jsonl"
PLACEHOLDERS = ("default_user_id", "litellm_proxy_master_key")
BLOCK = 4 << 20
FLOOR = "msgspec typed decoding alone, 1 core"


class Cost(NamedTuple):
    """Seconds on the clock, and of all cores."""

    wall: float
    cpu: float


def make(path: Path, count: int) -> None:
    """Write records shaped like the real ones."""
    chance = random.Random(7)
    words = [f"{chance.choice('bdfgklmnprstvz')}{chance.choice('aeiou')}{n:x}" for n in range(4000)]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, 4001)))  # as words are used
    shapes = [json.loads(line) for line in WHOLE.read_text().splitlines()]
    with path.open("wb") as file:
        for number in range(count):
            file.write(msgspec.json.encode(_varied(chance.choice(shapes), number, chance, words, weights)) + b"\n")


def _varied(
    shape: dict[str, Any], number: int, chance: random.Random, words: list[str], weights: list[float]
) -> dict[str, Any]:
    def text(least: int, most: int) -> str:
        return " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(least, most)))

    record: dict[str, Any] = json.loads(json.dumps(shape))
    for message in record["messages"]:
        if message["role"] == "user":
            message["content"] = text(5, 150)
    if chance.random() < 0.8:
        del record["response"]["choices"][1:]
    for choice in record["response"]["choices"]:
        choice["message"]["content"] = text(20, 300)
    record["litellm_call_id"] = f"{number:08x}-0000-4000-8000-{chance.getrandbits(48):012x}"
    record["id"] = record["response"]["id"] = f"{record['id'][:4]}-{chance.getrandbits(96):024x}"
    _at(record, number, chance)
    _by(record, chance)
    _costing(record, chance)
    _answered_by(record, chance)
    return record


def _at(record: dict[str, Any], number: int, chance: random.Random) -> None:
    """Give it times of its own."""
    record["startTime"] += number * 0.9 + chance.random()
    record["response_time"] = chance.lognormvariate(1, 1)
    record["endTime"] = record["startTime"] + record["response_time"]
    record["completionStartTime"] = record["startTime"] + record["response_time"] / 5
    record["response"]["created"] = int(record["startTime"])
    record["hidden_params"]["litellm_overhead_time_ms"] = round(chance.lognormvariate(2, 1), 4)


def _by(record: dict[str, Any], chance: random.Random) -> None:
    """Have one of 6,000 keys make it, each of one organisation and one user, from one of the addresses of that user."""
    key, inner = chance.randrange(6000), record["metadata"]
    address = f"198.51.{key % 200}.{chance.randrange(4) + key // 200 * 4}"
    agent = f"OpenAI/Python 2.{key % 60}.{key % 3}"
    inner["user_api_key_hash"] = f"{key:04x}" * 16
    inner["user_api_key_org_id"], inner["user_api_key_user_id"] = f"org-{key % 3000}", f"user-{key}"
    inner["user_api_key_spend"] = round(chance.random() * 900, 6)
    inner["requester_ip_address"] = record["requester_ip_address"] = address
    inner["user_agent"] = record["user_agent"] = agent
    record["request_tags"] = ["User-Agent: OpenAI", f"User-Agent: {agent}"]
    if "headers" in inner["requester_metadata"]:
        told = {"user-agent": agent, "content-length": str(chance.randrange(200, 4000)), "x-forwarded-for": address}
        inner["requester_metadata"]["headers"] |= told
    if "trace_id" in inner["requester_metadata"]:
        session = f"conv-{chance.randrange(90_000)}"
        inner["requester_metadata"] |= {"trace_id": session, "session_id": session}
        record["trace_id"] = session


def _costing(record: dict[str, Any], chance: random.Random) -> None:
    """Have it cost what such a request costs."""
    asked, answered = chance.randrange(20, 3000), chance.randrange(20, 1200)
    cost = {"input_cost": asked * 2.5e-06, "output_cost": answered * 1e-05}
    cost["total_cost"] = cost["original_cost"] = record["response_cost"] = sum(cost.values())
    record["cost_breakdown"] |= cost
    record["hidden_params"]["response_cost"] = record["response_cost"]
    tokens = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
    for place in (record, record["response"]["usage"], record["metadata"]["usage_object"]):
        place |= tokens


def _answered_by(record: dict[str, Any], chance: random.Random) -> None:
    """Have one of a dozen models answer, each with prices of its own."""
    name = f"{record['model']}-{chance.randrange(6)}"
    record["model"] = record["model_map_information"]["model_map_key"] = name
    record["model_map_information"]["model_map_value"] |= {"key": name, "input_cost_per_token": len(name) * 1e-07}
    if record["hidden_params"]["litellm_model_name"]:
        record["hidden_params"]["litellm_model_name"] = name
    asked, headers = f"req_{chance.getrandbits(80):020x}", record["hidden_params"]["additional_headers"]
    headers |= {key: asked for key in headers if key.endswith("request-id")}
    headers["llm_provider-content-length"] = str(chance.randrange(500, 9000))


def spans(shape: dict[str, Any], number: int, text: Callable[[int, int], str]) -> dict[str, Any]:
    """Vary an export request of OpenTelemetry; it holds several calls."""
    record: dict[str, Any] = json.loads(
        json.dumps(shape)
        .replace("What is a neap tide?", text(5, 150))
        .replace("A neap tide is the smallest of the fortnight, when moon and sun pull at right angles.", text(20, 300))
    )
    for place, span in enumerate(one for a in record["resourceSpans"] for b in a["scopeSpans"] for one in b["spans"]):
        span["traceId"], span["spanId"] = f"{number:032x}", f"{number * 100 + place:016x}"
        span["startTimeUnixNano"] = str(int(span["startTimeUnixNano"]) + number * 10**9)
    return record


def pair(shape: dict[str, Any], number: int, text: Callable[[int, int], str]) -> dict[str, Any]:
    """Vary a request with its answer."""
    record: dict[str, Any] = json.loads(json.dumps(shape))
    record["ts"] += number
    record["request"]["headers"]["OpenAI-Organization"] = f"org-{number % 3000}"
    record["request"]["body"]["messages"][-1]["content"] = text(5, 150)
    record["response"]["body"]["id"] = f"chatcmpl-{number}"
    for choice in record["response"]["body"]["choices"]:
        choice["message"]["content"] = text(20, 300)
    return record


def others(top: Path, count: int) -> None:
    """Measure the other formats."""
    chance = random.Random(7)
    words = [f"{chance.choice('bdfgklmnprstvz')}{chance.choice('aeiou')}{n:x}" for n in range(4000)]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, 4001)))

    def text(least: int, most: int) -> str:
        return " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(least, most)))

    def written(name: str, shapes: list[Path], vary: Callable[..., dict[str, Any]], many: int) -> Path:
        lines = [json.loads(line) for path in shapes for line in path.read_text().splitlines()]
        path = top / f"{name}.jsonl"
        with path.open("wb") as file:
            for number in range(many):
                file.write(msgspec.json.encode(vary(chance.choice(lines), number, text)) + b"\n")
        return path

    make(top / "litellm.jsonl", count)
    one_core(top / "litellm.jsonl", top / "first")
    table = pq.read_table(sorted((top / "first").glob("*.part")))
    pq.write_table(table, top / "canonical.parquet", compression="zstd")
    with (top / "canonical.jsonl").open("wb") as file:
        for row in table.to_pylist():
            file.write(msgspec.json.encode({key: value for key, value in row.items() if value is not None}) + b"\n")
    dialects = ("openai_v2", "openllmetry", "openinference")
    paths = [
        written("otel_genai", [DATA / f"otel_genai/{one}/traces.jsonl" for one in dialects], spans, count // 5),
        written("openai_pairs", [DATA / f"openai_pairs/chat-{one}/log.jsonl" for one in ("n2", "tools")], pair, count),
        top / "canonical.jsonl",
        top / "canonical.parquet",
    ]
    for path in paths:
        cost = min((one_core(path, top / f"{path.name}-{number}") for number in range(3)), key=lambda one: one.cpu)
        rows = sum(pq.read_metadata(part).num_rows for part in (top / f"{path.name}-0").glob("*.part"))
        rate = f"{path.stat().st_size / cost.cpu / 1e6:6.0f} MB/s {rows / cost.cpu:8.0f} records/s"
        decode = msgspec.json.Decoder()
        bare = "" if path.suffix == ".parquet" else _plain_share(path.read_bytes(), decode, cost)
        print(f"{path.name:20} {rate} per CPU second, {path.stat().st_size / rows / 1000:.1f} kB a record{bare}")


def _plain_share(data: bytes, decoder: Any, cost: Cost) -> str:
    told = min(_timed(lambda: decoder.decode_lines(data)).cpu for _ in range(3))
    return f", {told / cost.cpu:.2f} x the floor"


def floor(data: bytes, copies: int) -> Cost:
    """Decode as many bytes, and nothing else."""
    decoder = msgspec.json.Decoder(Tree(_format.load("litellm").columns).record)

    def decode() -> None:
        for block in itertools.chain.from_iterable(_blocks(data) for _ in range(copies)):
            decoder.decode_lines(block)

    return _timed(decode)


def _blocks(data: bytes) -> Iterator[memoryview]:
    view, start = memoryview(data), 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + BLOCK) + 1
        yield view[start:end]
        start = end


def one_core(path: Path, folder: Path) -> Cost:
    """Convert the file in this process."""
    stretch = Stretch(name=str(path), path=str(path), size=path.stat().st_size)
    job = Job(unit="bench", stretches=[stretch], how=How(placeholders=PLACEHOLDERS), folder=str(folder))
    return _timed(lambda: _convert.convert(job))


def command(path: Path, folder: Path, threads: int) -> Cost:
    """Run what the command runs."""
    return _timed(lambda: ingest.ingest([path], out=folder, threads=threads))


def anew(path: Path, folder: Path, threads: int) -> Cost:
    """Run the command as a person does: with the start of Python, and the loading of all that it takes."""
    told = [sys.executable, "-m", "stillwatch", "ingest", path, "--out", folder, "--threads", str(threads)]
    return _timed(lambda: subprocess.run(told, check=True, capture_output=True))


def _timed(work: Callable[[], object]) -> Cost:
    begun, used = time.perf_counter(), _cpu()
    work()
    return Cost(time.perf_counter() - begun, _cpu() - used)


def _cpu() -> float:
    """Give the CPU seconds of this process and of those that it has ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=40_000)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--formats", action="store_true", help="the other formats, on one core")
    options = parser.parse_args()
    if options.formats:
        with tempfile.TemporaryDirectory() as name:
            others(Path(name), options.records)
        return
    if options.memory:  # from a small process, since a child begins with the peak of its parent
        command(*options.memory, 2)
        print(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")
        return
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        path = top / "log.jsonl"
        make(path, options.records)
        data = path.read_bytes()
        with path.open("ab") as file:
            for number in range(1, options.copies):
                file.write(data.replace(b"-0000-4000-", b"-%04d-4000-" % number))
        records, size = options.records * options.copies, path.stat().st_size
        print(f"{records} records, {size / records / 1000:.1f} kB each, {size / 1e6:.0f} MB")
        best: dict[str, Cost] = {}
        for number in range(options.rounds):
            for what, run in (
                (FLOOR, lambda: floor(data, options.copies)),
                ("ingest, 1 core", lambda: one_core(path, top / f"one-{number}")),  # noqa: B023 - called at once
                (f"ingest, {cores} processes", lambda: command(path, top / f"all-{number}", cores)),  # noqa: B023
                ("the same, with the start of Python", lambda: anew(path, top / f"new-{number}", cores)),  # noqa: B023
            ):
                cost = run()
                best[what] = Cost(*map(min, cost, best.get(what, cost)))
                for left in (*top.glob("one-*"), *top.glob("all-*"), *top.glob("new-*")):
                    written = sum(part.stat().st_size for part in (*left.rglob("*.part"), *left.rglob("*.parquet")))
                    shutil.rmtree(left)
        base = best[FLOOR]
        for what, cost in best.items():
            rate = f"{size / cost.wall / 1e6:6.0f} MB/s {records / cost.wall:8.0f} records/s"
            share = f"{base.wall / cost.wall:.2f} x the floor, {base.cpu / cost.cpu:.2f} x per CPU second"
            print(f"{what:38} {rate}   {share}")
        print(f"written: {written / 1e6:.0f} MB of Parquet")
        told = subprocess.run(
            [sys.executable, __file__, "--memory", path, top / "memory"], capture_output=True, check=True
        )
        print(f"peak memory of a reading process: {told.stdout.decode().strip()}; load: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
