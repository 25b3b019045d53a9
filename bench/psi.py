"""Private set intersection: CPU of both sides, traffic and exactness. `python bench/psi.py --size 100000`.

Half of each side's identifiers are on the other's. `floor_cpu_s` is the multiplications alone, at the rate measured
just before: two for each identifier and one for each point of padding that the peer doubles; what is above it is
hashing, padding, committing, sorting and comparing. With `STILLWATCH_OPENMINED=ENVIRONMENT` (`python -m venv X;
X/bin/pip install openmined-psi`) its protocol runs on the same sets, without padding or commitments, revealing the
intersection to one side only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

from stillwatch.share.psi.curve import Blinder, hash_all, padding
from stillwatch.share.psi.party import Party, run

OPENMINED = "STILLWATCH_OPENMINED"
_RIVAL = """
import json, sys, time
import private_set_intersection.python as psi
size = int(sys.argv[1])
left = [f"user{n}@example.com" for n in range(size)]
right = [f"user{n}@example.com" for n in range(size // 2, size + size // 2)]
begin = time.process_time()
server, client = psi.server.CreateWithNewKey(True), psi.client.CreateWithNewKey(True)
setup = server.CreateSetupMessage(1e-9, size, right, psi.DataStructure.GCS)
request = client.CreateRequest(left)
response = server.ProcessRequest(request)
found = client.GetIntersection(setup, response)
spent = time.process_time() - begin
sent = sum(len(one.SerializeToString()) for one in (setup, request, response))
print(json.dumps({"rival": "openmined-psi", "size": size, "cpu_s_both_sides": round(spent, 2),
                  "megabytes": round(sent / 1e6, 2), "exact": sorted(found) == list(range(size // 2, size))}))
"""


def rate() -> float:
    """Measure multiplications a second of CPU."""
    points, begin = padding(4000), time.process_time()
    Blinder().blind(points)
    return len(points) / (time.process_time() - begin)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--size", type=int, default=10_000, help="identifiers on each side; half are on both")
    size = asked.parse_args().size
    hash_all([b"warm"], b"")  # the kernel is compiled once for all time
    rate()
    per_s = rate()
    left = [f"user{n}@example.com" for n in range(size)]
    right = [f"User{n}@Example.com" for n in range(size // 2, size + size // 2)]
    begin = time.process_time()
    inviter, responder = Party("inviter", "email", left), Party("responder", "email", right)
    told = run(inviter, responder, release=True)
    spent = time.process_time() - begin
    exact = told.inviter == sorted(left[size // 2 :]) and told.count == size - size // 2
    print(json.dumps({
        "size": size, "padded": inviter.size, "cpu_s_both_sides": round(spent, 2),
        "floor_cpu_s": round(2 * (size + inviter.size) / per_s, 2), "multiplications_per_s": round(per_s),
        "megabytes": round(told.sent / 1e6, 2), "matches": told.count, "exact": exact,
    }), flush=True)  # fmt: skip
    if home := os.environ.get(OPENMINED):
        subprocess.run([Path(home) / "bin" / "python", "-c", _RIVAL, str(size)], check=True)


if __name__ == "__main__":
    main()
