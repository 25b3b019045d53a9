"""What a trail learns is bounded, whatever comes; that it changes nothing is tested in `test_json_walk`."""

from __future__ import annotations

import json

import numpy as np

from stillwatch.kit import json_found, json_plan, json_trail, json_walk
from stillwatch.kit.json_scan import TEXT
from stillwatch.kit.json_walk import MARGIN, SLOW

PLAN = json_plan.plan([{"name": (0, -1, False, TEXT, SLOW, 0)}], [0])


def walked(lines: list[bytes], trail: json_trail.Trail) -> list[bytes]:
    data = b"\n".join(lines) + b"\n"
    found = json_found.room(1, 1, lines=len(lines), rows=1)
    json_walk.walk(np.frombuffer(data + bytes(MARGIN), np.uint8), 0, len(data), 0, PLAN, found, trail, True)
    assert found.counts[0] == len(lines)
    return [data[start:end] for start, end in found.places[0, : len(lines)].tolist()]


def test_a_log_in_which_no_key_comes_twice_fills_no_memory() -> None:
    trail = json_trail.trail(1)
    lines = [b'{"k%d": {"a": "%s"}, "name": "n%d"}' % (n, b"x" * 900, n) for n in range(2 * json_trail.STEPS)]
    assert walked(lines, trail) == [b'"n%d"' % n for n in range(len(lines))]
    assert trail.counts[0] == json_trail.STEPS
    assert trail.counts[1] <= json_trail.KEPT


def test_objects_that_come_again_are_kept_once_and_others_not_for_ever() -> None:
    trail = json_trail.trail(1)
    prices = [json.dumps({"model": f"m{n}", "prices": [n] * 200}).encode() for n in range(3)]
    lines = [b'{"map": %s, "own": {"n": "%s%d"}, "name": "n"}' % (prices[n % 3], b"-" * 200, n) for n in range(600)]
    assert walked(lines, trail) == [b'"n"'] * 600
    assert trail.counts[1] < 3 * len(prices[0]) + json_trail.WAYS * 300
