from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.prove.ask.scripted import Handler, serving

from stillwatch import cli
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.twins.store import Twins


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A store of sixty requests with an index that is committed to; gives what was served to each prompt."""
    monkeypatch.setenv("STILLWATCH_PASSPHRASE", "a passphrase for tests")
    monkeypatch.chdir(tmp_path)
    ring = rings.create(Path("keys"), "a passphrase for tests", scrypt_n=1 << 10)
    kept = Twins(Path("twins.db"), ring)
    for i in range(60):
        samples = [f"the {i} answer says alpha{i} beta{i}", f"another {i} answer says gamma{i} delta{i}"]
        kept.keep(f"r{i}", "acct-1", f"question {i}", samples)
    served = {twin.prompt: twin.samples[twin.served] for twin in kept.records()}
    kept.close()
    say("tracer", "twin-index", "--keys", "keys", "--store", "twins.db", "--out", "index.json")
    say("tracer", "commit", "--keys", "keys", "--with", "index.json")
    return served


def say(*words: str) -> Result:
    done = CliRunner().invoke(cli.stillwatch, [*words], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


def audit(*words: str) -> tuple[int, dict[str, Any]]:
    done = say("audit", "twins", "--store", "twins.db", "--keys", "keys", "--index", "index.json", *words, "--json")
    return done.return_value, msgspec.json.decode(done.stdout)


def test_a_suspect_behind_an_endpoint_is_asked_the_same_prompts(store: dict[str, str]) -> None:
    def parrot(handler: Handler, asked: dict[str, Any]) -> None:
        handler.say(store[asked["messages"][-1]["content"]], asked=asked)

    with serving(parrot) as server:
        code, report = audit("--endpoint", server.url, "--model", "rival", "--each", "1")
        assert (code, report["verdict"]) == (10, "trained_on_served_answers")
        assert report["everything"]["served_best"] == 1.0
        assert len(server.asked) == 60


def test_replies_and_scores_come_from_files_too(store: dict[str, str]) -> None:
    lines = [msgspec.json.encode({"id": f"r{i}", "text": store[f"question {i}"]}) for i in range(60)]
    Path("replies.jsonl").write_bytes(b"\n".join(lines))
    assert audit("--replies", "replies.jsonl")[0] == 10
    Path("scores.jsonl").write_text("\n".join(f'{{"id": "r{i}", "scores": [0.5, 0.5]}}' for i in range(60)))
    code, report = audit("--scores", "scores.jsonl")
    assert (code, report["verdict"]) == (4, "undetermined")
    assert "0 requests tell their twins apart" in report["because"][0]
    done = say("audit", "twins", "--store", "twins.db", "--keys", "keys", "--replies", "replies.jsonl")
    assert "verdict  void" in done.stdout


@pytest.mark.parametrize(
    ("line", "why"),
    [('{"id": "r1", "scores": [1]}', "1 scores and 2 samples"), ('{"id": "r1", "scores": ["x", 2]}', "no numbers")],
)
def test_scores_that_do_not_fit_are_told(line: str, why: str) -> None:
    Path("scores.jsonl").write_text(line)
    with pytest.raises(Exception, match=why):
        audit("--scores", "scores.jsonl")


def test_a_suspect_has_to_be_named_once() -> None:
    with pytest.raises(Exception, match="name the suspect"):
        audit()


def test_a_dry_run_says_whose_prompts_would_be_sent_and_asks_nothing(store: dict[str, str]) -> None:
    def never(handler: Handler, _asked: dict[str, Any]) -> None:
        raise AssertionError(handler)

    with serving(never) as server:
        words = ("--endpoint", server.url, "--model", "rival", "--each", "2", "--price", "10", "--dry-run")
        done = say("audit", "twins", "--store", "twins.db", "--keys", "keys", "--index", "index.json", *words)
        assert (done.return_value, server.asked) == (0, [])
    assert "120 questions, the prompts of 60 requests of your customers" in done.stderr
    assert "about 0.01 at 10 per million" in done.stderr


def test_a_suspect_with_one_answer_is_asked_no_further(store: dict[str, str]) -> None:
    def constant(handler: Handler, asked: dict[str, Any]) -> None:
        handler.say("the same to everybody", asked=asked)

    with serving(constant) as server:
        code, report = audit("--endpoint", server.url, "--model", "rival", "--each", "20")
        assert (code, report["verdict"]) == (4, "undetermined")
        assert len(server.asked) < 300
