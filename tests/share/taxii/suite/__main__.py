"""Question a TAXII 2.1 server: `python -m tests.share.taxii.suite URL --collection ID --user NAME --password-file FILE`

URL is an API root. The suite adds some 150 small objects to the collection and leaves most of them there: give it one
of its own. It ends with 1 when a check fails. `--compare` starts ours, and medallion where STILLWATCH_MEDALLION names
an environment that has it, on loopback, and prints both results as one Markdown table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.share.taxii.suite.checks import CHECKS, Check, as_json
from tests.share.taxii.suite.target import NotApplicable, Target, basic

PASSED = "passed"


def question(target: Target, one: Check) -> str:
    """Run a check; gives `passed`, `not applicable: …`, or what was wrong."""
    try:
        one.run(target)
    except NotApplicable as why:
        return f"not applicable: {why}"
    except AssertionError as wrong:
        return str(wrong).partition("\n")[0] or "not as expected"
    except Exception as trouble:  # noqa: BLE001 - whatever a server does to a check is a result
        return f"{type(trouble).__name__}: {trouble}".partition("\n")[0]
    return PASSED


def compared() -> str:
    """Question ours and medallion, and write the table of both."""
    from bench.taxii_servers import MAKER, medallion, own

    results: dict[str, list[str]] = {}
    for start in (own, medallion):
        with tempfile.TemporaryDirectory() as folder:
            server = start(Path(folder))
            if server is None:
                continue
            try:
                target = Target(server.url, server.authorization, server.collection, MAKER)
                results[server.name] = [question(target, one) for one in CHECKS]
            finally:
                server.kill()
    names = list(results)
    passed = [str(sum(one == PASSED for one in results[name])) for name in names]
    lines = [f"| check | asked for by | {' | '.join(names)} |", "|---" * (2 + len(names)) + "|"]
    for number, one in enumerate(CHECKS):
        cells = [results[name][number].replace("|", "/") for name in names]
        lines.append(f"| {one.name} | {one.asked_by}: {one.source} | {' | '.join(cells)} |")
    return "\n".join([*lines, f"| **passed, of {len(CHECKS)}** | | {' | '.join(passed)} |"])


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("url", nargs="?", help="an API root")
    asked.add_argument("--collection", default="", help="id of a collection to read, write and delete in")
    asked.add_argument("--user", default="", help="user for Basic; without it the password is a Bearer token")
    asked.add_argument("--password-file", type=Path, help="a file that holds the password or token")
    asked.add_argument("--maker", default=Target.maker, help="`created_by_ref` of what is pushed")
    asked.add_argument("--json", action="store_true", help="print one JSON array")
    asked.add_argument("--compare", action="store_true", help="ours beside medallion, as a Markdown table")
    given = asked.parse_args()
    if given.compare:
        print(compared())
        return 0
    if not given.url or not given.collection:
        asked.error("a URL and --collection are needed")
    secret = given.password_file.read_text().strip() if given.password_file else ""
    login = basic(given.user, secret) if given.user else f"Bearer {secret}"
    url = given.url if given.url.endswith("/") else given.url + "/"
    target = Target(url, login, given.collection, given.maker)
    results = [(one, question(target, one)) for one in CHECKS]
    if given.json:
        print(as_json(results))
    else:
        for one, result in results:
            print(f"{'ok  ' if result == PASSED else '    '}{one.name} ({one.asked_by}: {one.source})"
                  + ("" if result == PASSED else f": {result}"))  # fmt: skip
    failed = [result for _, result in results if result != PASSED and not result.startswith("not applicable")]
    print(f"{len(results) - len(failed)} of {len(results)} checks passed or not applicable", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
