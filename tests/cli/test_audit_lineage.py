import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.prove.ask.scripted import Handler, Reply, flood, serving, stall

from stillwatch import cli
from stillwatch.prove.keys import commit, ring
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.lab import pairs as little
from stillwatch.prove.lineage import readings, tally, tokens

PAIRS = little.pairs(1)
PASS = "a passphrase for tests"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STILLWATCH_PASSPHRASE", PASS)
    monkeypatch.chdir(tmp_path)


def make_keys(place: Path, *, committed: bool = True, groups: int = 5) -> Ring:
    keys = ring.create(place, PASS, scrypt_n=1 << 10)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    keys.make(ring.card("house", "house", now, mode="free", layers=4))
    for i in range(groups):
        keys.make(ring.card(f"g{i}", "group", now, mode="bias", group=f"C-{i}", order="ORD-1"))
    if committed:
        commit.commit(keys, now=now)
    return keys


def student(keys: Ring, share: float) -> np.ndarray:
    """The table of a suspect that learnt a share of its text from campaign C-2."""
    tracer = keys.tracer("g2")
    return (1 - share) * PAIRS.other + share * little.marked(PAIRS.teacher, tracer.current, tracer.card.mark)


def write_texts(path: Path, texts: list[str]) -> str:
    path.write_bytes(b"".join(msgspec.json.encode({"text": text}) + b"\n" for text in texts))
    return str(path)


def audit(*words: str) -> tuple[Result, dict[str, Any]]:
    done = CliRunner().invoke(cli.stillwatch, ["audit", "lineage", *words, "--json"], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done, msgspec.json.decode(done.stdout)


def test_a_student_is_found_with_its_campaign_and_no_other(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    texts = write_texts(tmp_path / "t.jsonl", little.write(student(keys, 0.2), 900, 5))
    own = write_texts(tmp_path / "own.jsonl", little.write(PAIRS.teacher, 400, 6))
    done, report = audit("--texts", texts, "--own", own, "--keys", str(tmp_path / "keys"))
    assert done.return_value == 10
    assert report["verdict"] == "trained_on_marked_answers"
    assert [k["group"] for k in report["campaigns"] if k["attributed"]] == ["C-2"]
    first = report["campaigns"][0]
    assert first["p"] < 1e-5
    assert first["decoys"]["above"] == 0
    assert first["commitment"]["committed"]
    assert first["lift_interval"][0] > 0
    secrets = [s.secret for t in keys.tracers() for s in t.secrets] + [
        s.salt for t in keys.tracers() for s in t.secrets
    ]
    assert not any(secret in done.stdout for secret in secrets)


def test_a_report_is_told_in_words_too(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    texts = write_texts(tmp_path / "t.jsonl", little.write(student(keys, 0.3), 900, 5))
    done = CliRunner().invoke(cli.stillwatch, ["audit", "lineage", "--texts", texts, "--keys", str(tmp_path / "keys")])
    assert "verdict  trained on marked answers" in done.stdout
    assert "FOUND" in done.stdout
    assert "not who gave it that text" in done.stdout


def test_an_innocent_text_leaves_no_trace(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    texts = write_texts(tmp_path / "t.jsonl", little.write(PAIRS.other, 900, 5))
    done, report = audit("--texts", texts, "--keys", str(tmp_path / "keys"))
    assert (done.return_value, report["verdict"]) == (0, "no_trace")
    assert not any(k["attributed"] for k in report["campaigns"])


def test_uncommitted_keys_make_the_verdict_void(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", committed=False)
    texts = write_texts(tmp_path / "t.jsonl", little.write(student(keys, 0.5), 900, 5))
    done, report = audit("--texts", texts, "--keys", str(tmp_path / "keys"))
    assert (done.return_value, report["verdict"]) == (5, "void")
    assert "is in no signed commitment" in report["campaigns"][0]["void"]


def test_keys_committed_to_after_the_release_are_void(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    texts = write_texts(tmp_path / "t.jsonl", little.write(student(keys, 0.5), 900, 5))
    _, report = audit("--texts", texts, "--keys", str(tmp_path / "keys"), "--released", "2026-02-01")
    assert report["verdict"] == "void"
    assert "not older than the suspect" in report["campaigns"][0]["void"]


def test_an_exchanged_key_is_void_and_accuses_and_clears_nobody(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    texts = write_texts(tmp_path / "t.jsonl", little.write(student(keys, 0.5), 900, 5))
    tracer = keys.tracer("g2")
    keys._keep(msgspec.structs.replace(tracer.card, delta=2.5), tracer.secrets)
    _, report = audit("--texts", texts, "--keys", str(tmp_path / "keys"))
    assert (report["verdict"], report["house"]["void"]) == ("undetermined", "")
    assert report["because"][0].startswith("the void key `g2` has ")
    (exchanged,) = [k for k in report["campaigns"] if k["void"]]
    assert exchanged["key"] == "g2"
    assert exchanged["p"] < 1e-5
    assert not exchanged["attributed"]


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["the same words"] * 50, "same answer to more than half"),
        ([f"one two three {i}" for i in range(5)], "5 different answers"),
        ([f"hello number {i}" for i in range(60)], "different pairs of words"),
    ],
)
def test_too_little_text_gives_no_verdict(tmp_path: Path, texts: list[str], why: str) -> None:
    make_keys(tmp_path / "keys")
    done, report = audit("--texts", write_texts(tmp_path / "t.jsonl", texts), "--keys", str(tmp_path / "keys"))
    assert (done.return_value, report["verdict"]) == (4, "undetermined")
    assert why in report["because"][0]


def test_a_reading_of_the_same_texts_is_used_and_of_others_refused(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    written = little.write(student(keys, 0.1), 500, 5)
    texts = write_texts(tmp_path / "t.jsonl", written)
    windows, _ = tally.pairs([tokens.words(t) for t in written], 1)
    place = {int(w): i for i, w in enumerate(little.IDS)}
    rows = np.array([place[int(w)] for w in windows])
    top = np.argsort(-PAIRS.teacher - PAIRS.other, axis=1)[:, :40]
    chances = np.stack([np.take_along_axis(t, top, axis=1)[rows] for t in (PAIRS.teacher, PAIRS.other)])
    reading = tally.Reading(candidates=little.IDS[top][rows], chances=chances, ours=True)
    readings.save(tmp_path / "r.npz", texts, reading, ["ours", "other"])
    _, report = audit("--texts", texts, "--reading", str(tmp_path / "r.npz"), "--keys", str(tmp_path / "keys"))
    assert report["verdict"] == "trained_on_marked_answers"
    assert report["reference_shares"][0] == pytest.approx(0.1, abs=0.06)
    other = write_texts(tmp_path / "u.jsonl", written[:-1])
    with pytest.raises(Exception, match="reading of other texts"):
        audit("--texts", other, "--reading", str(tmp_path / "r.npz"), "--keys", str(tmp_path / "keys"))
    (tmp_path / "bad.npz").write_bytes(b"PK nonsense")
    with pytest.raises(Exception, match="is no reading"):
        audit("--texts", texts, "--reading", str(tmp_path / "bad.npz"), "--keys", str(tmp_path / "keys"))


def test_a_text_that_could_show_nothing_clears_nobody(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    texts = write_texts(tmp_path / "t.jsonl", little.write(PAIRS.other, 25, 5))
    done, report = audit("--texts", texts, "--keys", str(tmp_path / "keys"))
    assert (done.return_value, report["verdict"]) == (4, "undetermined")
    assert "too little to clear it" in report["because"][0]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "name the suspect"),
        (["--endpoint", "http://h/v1"], "needs a model"),
        (["--endpoint", "nowhere", "--model", "m"], "no address"),
        (["--endpoint", "http://h", "--model", "m", "--reading", "-"], "goes with `--texts`"),
    ],
)
def test_a_command_that_means_nothing_is_told(tmp_path: Path, words: list[str], why: str) -> None:
    with pytest.raises(Exception, match=why):
        audit(*words, "--keys", str(tmp_path / "keys"))


def parrot(table: np.ndarray) -> Reply:
    """A model behind an endpoint that answers from a table."""
    texts = little.write(table, 3000, 12)
    lock = threading.Lock()

    def reply(handler: Handler, asked: dict[str, Any]) -> None:
        with lock:
            text = texts.pop() if texts else "nothing more to say"
        handler.say(text, asked=asked)

    return reply


def ask(tmp_path: Path, reply: Reply, *more: str) -> tuple[Result, dict[str, Any], int]:
    with serving(reply) as server:
        done, report = audit(
            "--endpoint", server.url, "--model", "rival", "--keys", str(tmp_path / "keys"), "--budget", "50000",
            "--timeout", "30", *more,
        )  # fmt: skip
        return done, report, len(server.asked)


def test_an_endpoint_is_asked_only_until_it_is_decided(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    with serving(parrot(student(keys, 0.5))) as server:
        words = ("--endpoint", server.url, "--model", "rival", "--keys", str(tmp_path / "keys"), "--budget", "50000")
        done, report = audit(*words)
        assert report["verdict"] == "trained_on_marked_answers"
        assert report["text"]["tokens"] < 40_000
        assert report["survey"]["models"] == ["rival"]
        assert "up to 50,000 tokens" in done.stderr
        asked = len(server.asked)
        _, again = audit(*words)
        assert again["verdict"] == "trained_on_marked_answers"
        assert len(server.asked) == asked


def refuse(handler: Handler, _asked: dict[str, Any]) -> None:
    handler.send(403, b'{"error": "no"}')


def garble(handler: Handler, _asked: dict[str, Any]) -> None:
    handler.send(200, b"data: {\xff\xfe\n\n", "text/event-stream")


def repeat(handler: Handler, asked: dict[str, Any]) -> None:
    handler.say("I am a helpful assistant and I cannot say more.", asked=asked)


def fail(handler: Handler, _asked: dict[str, Any]) -> None:
    handler.send(400, b"bad request")


def decline(handler: Handler, asked: dict[str, Any]) -> None:
    words = asked["messages"][-1]["content"].split()
    place = len(handler.server.asked)
    handler.say(f"I'm sorry, but I can't help with {' '.join(words[: 3 + place % 5])}, number {place}.", asked=asked)


def mute(handler: Handler, asked: dict[str, Any]) -> None:
    handler.say("", asked=asked)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (decline, "the suspect refused"),
        (mute, "the suspect gave no answer"),
        (refuse, "the suspect gave no answer"),
        (garble, "the suspect gave no answer"),
        (fail, "the suspect gave no answer"),
        (flood, "the suspect gave no answer"),
        (repeat, "same answer to more than half"),
    ],
)
def test_a_bad_suspect_gives_no_verdict(tmp_path: Path, reply: Callable[..., None], why: str) -> None:
    make_keys(tmp_path / "keys")
    done, report, _ = ask(tmp_path, reply)
    assert (done.return_value, report["verdict"]) == (4, "undetermined")
    assert why in report["because"][0]


def test_a_stalling_suspect_gives_no_verdict_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stillwatch.prove.ask import endpoint

    monkeypatch.setattr(endpoint.Endpoint, "retries", 0)
    make_keys(tmp_path / "keys")
    speak = parrot(PAIRS.other)

    def tire(handler: Handler, asked: dict[str, Any]) -> None:
        (speak if len(handler.server.asked) < 30 else stall)(handler, asked)

    _, report, _ = ask(tmp_path, tire, "--at-once", "20", "--timeout", "1")
    assert report["verdict"] == "undetermined"
    assert any("failed 20 times in a row: stalled" in sentence for sentence in report["because"])
    assert report["text"]["answers"] == report["survey"]["outcomes"]["answered"] > 0


def test_a_suspect_that_lies_about_its_name_is_told(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    speak = parrot(student(keys, 0.5))

    def lie(handler: Handler, asked: dict[str, Any]) -> None:
        speak(handler, {"model": ["rival", "another"][len(handler.server.asked) % 2]})

    _, report, _ = ask(tmp_path, lie)
    assert any("gave itself 2 names" in sentence for sentence in report["because"])


def test_a_suspect_that_calls_itself_something_else_is_told(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    speak = parrot(PAIRS.other)
    _, report, _ = ask(tmp_path, lambda handler, _asked: speak(handler, {"model": "small-1"}), "--budget", "4000")
    assert any("was asked for `rival` and called itself `small-1`" in why for why in report["because"])
    _, report, _ = ask(tmp_path, lambda handler, _asked: speak(handler, {"model": "rival-2026-03-01"}), "--budget",
                       "4000", "--journal", str(tmp_path / "other.jsonl"))  # fmt: skip
    assert not any("called itself" in why for why in report["because"])


def test_a_suspect_that_says_nothing_is_not_asked_for_ever(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    _, report, asked = ask(tmp_path, mute)
    assert asked < 250
    assert any("empty" in why for why in report["because"])


def test_a_dry_run_asks_nothing(tmp_path: Path) -> None:
    words = [
        "audit",
        "lineage",
        "--endpoint",
        "http://h/v1",
        "--model",
        "m",
        "--keys",
        "k",
        "--dry-run",
        "--price",
        "10",
    ]
    done = CliRunner().invoke(cli.stillwatch, words, standalone_mode=False)
    assert done.return_value == 0
    assert "about 3.00 at 10 per million" in done.stderr
