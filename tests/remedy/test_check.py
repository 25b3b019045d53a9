"""Check: what is wrong is told by file, place and rule before it goes live, and looking changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stillwatch.cli._spoken import spoken
from stillwatch.model.checked import CheckedFile
from stillwatch.remedy.check import Wanted, check
from stillwatch.store import key as keys
from stillwatch.store.book import open_book
from stillwatch.watch.export import export
from stillwatch.watch.orders import Plan, approve, plan

GRANT = '[[grant]]\nid = "g-1"\nholder = "H"\naccounts = ["a"]\nstarts = 2026-01-01\nends = 2100-01-01\n'
PEER = '[[peer]]\nname = "b"\n'
KNOWN = '[[owner]]\nname = "o"\naccounts = ["a", "b"]\nreason = "declared"\nexpires = 2100-01-01\n'
PLAYBOOK = (
    "playbook: ours\nversion: 1\ntitle: T\nfindings: [open_extraction]\nsteps:\n  - id: look\n    stage: identify\n"
    "    title: Look\n    verb: order plan slwo\n    before: x\n    undo: y\n"
)
COMMAND = '[[hooks.command]]\nname = "k"\ndo = ["{}", "--account={{account}}"]\n'


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def only(found: list[CheckedFile], kind: str) -> CheckedFile:
    (one,) = [each for each in found if each.kind == kind]
    return one


@pytest.mark.parametrize(
    ("kind", "text", "place", "rule"),
    [
        ("settings", "[watch]\n\nslow_per_mintue = 1\n", "line 3", "did you mean `slow_per_minute`"),
        ("settings", "[watch]\nslow_per_minute = 0\n", "[watch]", "above 0"),
        ("settings", '[watch]\nn_most = "many"\n', "line 2", "int"),
        ("settings", '[watch]\nappeal_url = "example.com"\n', "appeal_url", "no address"),
        ("settings", "[watch\n", "settings.toml", "not TOML"),
        ("settings", '[ingest]\ntrusted_proxies = ["10.0.0.0/99"]\n', "trusted", "10.0.0.0/99"),
        ("settings", COMMAND.format("/bin/true") * 2, "[[hooks.command]]", "two commands"),
        ("commands", COMMAND.format("revoke"), "`do`", "whole path"),
        ("commands", COMMAND.format("/nowhere/revoke"), "`do`", "cannot be run"),
        ("commands", '[[hooks.command]]\nname = "k"\ndo = ["/bin/true"]\n', "`do`", "told no account"),
        ("policy", '[[order]]\nrung = "slwo"\naccounts = ["a"]\n', "line 1", "slwo"),
        ("peers", PEER + 'token_sha256 = "x"\n', "peers", "SHA-256"),
        ("playbooks", PLAYBOOK, "ours.yaml, line 9", "slwo"),
        ("prices", 'currency = "EUR"\n[[price]]\nmodel = "m"\ninput = -1\noutput = 1\n', "line 2", "from 0 on"),
        ("grants", GRANT + "exchnages = 3\n", "line 1", "did you mean `exchanges`"),
        ("known", KNOWN.replace("expires", "expiers"), "line 1", "did you mean `expires`"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_file_place_and_rule(tmp_path: Path, kind: str, text: str, place: str, rule: str) -> None:
    name = "books/ours.yaml" if kind == "playbooks" else f"{'settings' if kind == 'commands' else kind}.toml"
    path = written(tmp_path, name, text)
    wanted = {
        "settings": Wanted(settings=path), "commands": Wanted(settings=path), "policy": Wanted(policies=(path,)),
        "peers": Wanted(peers=path), "playbooks": Wanted(playbooks=path.parent), "prices": Wanted(prices=path),
        "grants": Wanted(grants=(path,)), "known": Wanted(known=(path,)),
    }[kind]  # fmt: skip
    wrong = [one for one in check(wanted, spoken) if not one.good]
    assert [one.kind for one in wrong] == [kind]
    said = f"{wrong[0].what} {wrong[0].where} {wrong[0].hint}"
    assert str(tmp_path) in wrong[0].where
    assert place in said
    assert rule in said


def test_good_files_are_good_and_one_wrong_one_hides_no_other(tmp_path: Path) -> None:
    wanted = Wanted(
        settings=written(tmp_path, "s.toml", COMMAND.format("/bin/true")), peers=written(tmp_path, "p.toml", PEER),
        policies=(written(tmp_path, "o.toml", '[[order]]\nrung = "slow"\naccounts = ["a"]\n'),),
        grants=(written(tmp_path, "g.toml", GRANT), tmp_path / "none.toml"),
        known=(written(tmp_path, "k.toml", KNOWN),),
    )  # fmt: skip
    found = check(wanted, spoken)
    assert [one.file for one in found if not one.good] == [str(tmp_path / "none.toml")]
    assert {one.kind for one in found} == {"settings", "commands", "policy", "peers", "playbooks", "grants", "known"}


def test_a_policy_and_orders_are_held_against_the_live_state(case_path: Path, tmp_path: Path) -> None:
    place = tmp_path / "state"
    export(case_path, place, keys.find())
    path = written(tmp_path, "o.toml", '[[order]]\nrung = "slow"\ncampaign = "cam-gone"\n')
    found = check(Wanted(policies=(path,), state=place), spoken)
    assert "knows no campaign" in only(found, "policy").what
    assert only(found, "state").good
    now = datetime.now(UTC)
    book = open_book(place)
    asked = Plan(rung="slow", campaign="cam-gone", reason="r", by="Ada", ends=now + timedelta(days=1))
    made = plan(book, asked, state=None, key=keys.find(), now=now)
    approve(book, made.id, by="Ada Example", why="", now=now)
    lost = only(check(Wanted(state=place), spoken), "state")
    assert not lost.good
    assert "hits nobody now" in lost.hint


def test_looking_makes_and_changes_nothing(case_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "state"
    export(case_path, place, keys.find())
    before = sorted((str(path), path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    check(Wanted(state=place), spoken)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
    monkeypatch.setenv(keys.VARIABLE, str(tmp_path / "no-key"))
    assert "the key is not there" in only(check(Wanted(state=place), spoken), "state").what
    assert not (tmp_path / "no-key").exists()
