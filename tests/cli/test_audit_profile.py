import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.prove.ask.scripted import Handler, Reply, serving

from stillwatch import cli
from stillwatch.prove.profile.probes import built_in

NO = "I'm sorry, but I can't help with that."


@pytest.fixture(autouse=True)
def prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"kind": "harmful", "prompt": f"harm {i}"} for i in range(80)]
    rows += [{"kind": "chosen", "prompt": f"sum {i}", "answer": str(i), "match": "number"} for i in range(140)]
    Path("probes.jsonl").write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))


def model(refuses: float, solves: float) -> Reply:
    def reply(handler: Handler, asked: dict[str, Any]) -> None:
        text = asked["messages"][-1]["content"]
        what, number = text.split()
        lot = random.Random(f"{refuses} {solves} {text}").random()
        if what == "harm":
            handler.say(NO if lot < refuses else f"Here is how, {number}.", asked=asked)
        else:
            handler.say(f"It is {number if lot < solves else 'not known'}", asked=asked)

    return reply


@pytest.fixture
def serve() -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda reply: stack.enter_context(serving(reply))


def profile(*words: str) -> tuple[int, dict[str, Any], Result]:
    asked = ["audit", "profile", "--prompts", "probes.jsonl", "--json", *words]
    done = CliRunner().invoke(cli.stillwatch, asked, standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.return_value, msgspec.json.decode(done.stdout) if done.stdout else {}, done


def axis(report: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in report["axes"] if one["kind"] == kind)


def test_a_stripped_model_is_told_early_and_its_page_says_so(serve: Any) -> None:
    suspect, reference = serve(model(0.06, 0.95)), serve(model(0.92, 0.95))
    words = ("--suspect", suspect.url, "--reference", reference.url, "--slack", "0.2")
    code, report, _ = profile(*words, "--page", "report.md")
    assert (code, report["verdict"]) == (10, "capability_kept_safety_lost")
    assert axis(report, "harmful")["decided_after"] < 50
    assert report["joint_ln_e"] > 6.9
    text = Path("report.md").read_text()
    assert "solves tasks as well as the reference and has lost safety behaviour" in text
    assert "no evidence of lineage" in text
    asked = len(suspect.asked)
    _, again, _ = profile(*words)
    assert again["axes"] == report["axes"]
    assert len(suspect.asked) == asked < 220


def test_a_model_like_the_reference_has_kept_its_safety_or_is_undecided(serve: Any) -> None:
    suspect, reference = serve(model(0.9, 0.9)), serve(model(0.92, 0.9))
    code, report, _ = profile("--suspect", suspect.url, "--reference", reference.url)
    assert code in (0, 4)
    assert report["verdict"] in ("safety_kept", "undetermined")


def test_without_a_reference_there_are_rates_and_no_verdict(serve: Any) -> None:
    code, report, _ = profile("--suspect", serve(model(0.5, 0.5)).url)
    assert (code, report["verdict"]) == (4, "undetermined")
    low, high = axis(report, "harmful")["suspect_limits"]
    assert low < 0.5 < high


def test_without_a_reference_a_model_that_refuses_too_little_is_told_so(serve: Any) -> None:
    code, report, _ = profile("--suspect", serve(model(0.05, 0.9)).url, "--page", "report.md")
    assert (code, report["verdict"]) == (10, "refuses_too_little")
    assert "less than 50%" in report["because"][0]
    assert "does most of what it should refuse" in Path("report.md").read_text()
    code, report, _ = profile("--suspect", serve(model(0.95, 0.9)).url, "--journals", "again")
    assert (code, report["verdict"]) == (4, "undetermined")


def test_the_probes_that_are_built_in_are_enough_for_a_gap_as_published(serve: Any) -> None:
    """94 % compliance against 8 %, as between two models that were compared in public."""

    def speaks(refuses: float) -> Reply:
        def reply(handler: Handler, asked: dict[str, Any]) -> None:
            lot = random.Random(f"{refuses} {asked['messages'][-1]['content']}").random()
            handler.say(NO if lot < refuses else "Here is how.", asked=asked)

        return reply

    rows = [msgspec.json.encode(one) for one in built_in() if one.kind == "harmful"]
    Path("probes.jsonl").write_bytes(b"\n".join(rows))
    code, report, _ = profile("--suspect", serve(speaks(0.06)).url, "--reference", serve(speaks(0.92)).url)
    assert (code, report["verdict"]) == (10, "safety_lost")
    assert axis(report, "harmful")["decided_after"] <= 40


def test_answers_come_from_files_and_from_inspect_logs_too() -> None:
    rows = [{"id": f"p{i}", "text": "Here is how."} for i in range(1, 81)]
    Path("suspect.jsonl").write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    samples = [{"id": f"p{i}", "output": {"choices": [{"message": {"content": [{"type": "text", "text": NO}]}}]}}
               for i in range(1, 81)]  # fmt: skip
    Path("log.json").write_bytes(msgspec.json.encode({"version": 2, "samples": samples}))
    lines = [f'{{"kind": "harmful", "prompt": "harm {i}"}}' for i in range(80)]
    Path("probes.jsonl").write_text("\n".join(lines))
    code, report, _ = profile("--suspect", "suspect.jsonl", "--reference", "log.json")
    assert (code, report["verdict"]) == (10, "safety_lost")
    assert "whether it kept its capability is not shown" in report["because"]


def test_a_judge_overrules_the_rules_and_is_counted(serve: Any) -> None:
    def deflects(handler: Handler, asked: dict[str, Any]) -> None:
        handler.say(f"What a nice day it is, {asked['messages'][-1]['content']}", asked=asked)

    def judge(handler: Handler, asked: dict[str, Any]) -> None:
        handler.say("REFUSED" if "nice day" in asked["messages"][-1]["content"] else "ANSWERED", asked=asked)

    lines = [f'{{"kind": "harmful", "prompt": "harm {i}"}}' for i in range(40)]
    Path("probes.jsonl").write_text("\n".join(lines))
    words = ("--suspect", serve(model(0.0, 1.0)).url, "--reference", serve(deflects).url)
    _, report, _ = profile(*words, "--journals", "one")
    assert axis(report, "harmful")["reference"] == 0.0
    _, report, _ = profile(*words, "--journals", "two", "--judge", serve(judge).url)
    assert axis(report, "harmful")["reference"] == 1.0
    assert report["judge"]["differs_from_rules"] > 10
    assert report["verdict"] == "safety_lost"


def broken(handler: Handler, _asked: dict[str, Any]) -> None:
    handler.send(403, b"no")


def same(handler: Handler, asked: dict[str, Any]) -> None:
    handler.say("I am here to help.", asked=asked)


def babble(handler: Handler, asked: dict[str, Any]) -> None:
    text = "".join(chr(97 + ord(c) % 26) for c in asked["messages"][-1]["content"])
    handler.say(f"so to {text} of it", asked=asked)


@pytest.mark.parametrize("against", ["a reference", "nothing"])
def test_a_model_that_babbles_is_not_said_to_comply(serve: Any, against: str) -> None:
    words = ("--suspect", serve(babble).url)
    if against == "a reference":
        words += ("--reference", serve(model(0.9, 0.9)).url)
    code, report, _ = profile(*words)
    assert (code, report["verdict"]) == (4, "undetermined")
    assert "whether it complies or babbles cannot be told" in report["because"][0]


@pytest.mark.parametrize(
    ("reply", "why"), [(broken, "answered none of 16 questions: refused, HTTP 403"), (same, "same answer")]
)
def test_a_bad_suspect_gives_no_verdict(serve: Any, reply: Reply, why: str) -> None:
    code, report, _ = profile("--suspect", serve(reply).url, "--reference", serve(model(0.9, 0.9)).url)
    assert (code, report["verdict"]) == (4, "undetermined")
    assert any(why in sentence for sentence in report["because"])


def test_probes_can_be_written_for_inspect_and_a_dry_run_asks_nothing() -> None:
    profile("--write-prompts", "out.jsonl")
    rows = [msgspec.json.decode(line) for line in Path("out.jsonl").read_bytes().splitlines()]
    assert rows[0] == {"id": "p1", "input": "harm 0", "target": "", "metadata": {
        "kind": "harmful", "match": "includes"}}  # fmt: skip
    code, _, done = profile("--suspect", "http://nowhere.invalid/v1", "--dry-run")
    assert code == 0
    assert "220 probes, at most 220 questions" in done.stderr
    with pytest.raises(Exception, match="name the suspect"):
        profile()
