"""Private set intersection: CPU of both sides, traffic and exactness. `python bench/psi.py --size 100000`."""

from __future__ import annotations

import argparse
import json
import time

from stillwatch.share.psi.curve import Blinder, hash_all, padding
from stillwatch.share.psi.party import Party, run


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=10_000, help="identifiers on each side; half are on both")
    size = asked.parse_args().size
    Blinder().blind(padding(10))
    hash_all([b"warm"], b"")  # the kernel is compiled once for all time
    points, begin = padding(2000), time.process_time()
    Blinder().blind(points)
    rate = len(points) / (time.process_time() - begin)
    left = [f"user{n}@example.com" for n in range(size)]
    right = [f"User{n}@Example.com" for n in range(size // 2, size + size // 2)]
    begin = time.process_time()
    told = run(Party("inviter", "email", left), Party("responder", "email", right), release=True)
    spent = time.process_time() - begin
    exact = told.inviter == sorted(left[size // 2 :]) and told.count == size - size // 2
    print(json.dumps({"size": size, "cpu_s_both_sides": round(spent, 2), "megabytes": round(told.sent / 1e6, 2),
                      "multiplications_per_s": round(rate),
                      "matches": told.count, "exact": exact}))  # fmt: skip


if __name__ == "__main__":
    main()
