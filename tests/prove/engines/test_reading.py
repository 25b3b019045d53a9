"""A suspect's texts are read by models made here, and the audit finds the key with what they read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from stillwatch import cli
from stillwatch.errors import StillwatchError
from stillwatch.prove.keys import commit
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.lineage import readings, tally, tokens

pytestmark = pytest.mark.audit
SIZE = 120
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def save_model(folder: Path, seed: int, *, words: int = SIZE) -> Any:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    torch.set_num_threads(1)
    shape = GPT2Config(
        vocab_size=words, n_positions=512, n_embd=32, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    made = GPT2LMHeadModel(shape).eval()
    with torch.no_grad():
        made.transformer.wte.weight.mul_(4.0)
    made.save_pretrained(folder)
    told = Tokenizer(models.WordLevel({f"w{i}": i for i in range(words)}, unk_token="w0"))
    told.pre_tokenizer = pre_tokenizers.Whitespace()
    told.save(str(folder / "tokenizer.json"))
    return made


def say(*words: str) -> Any:
    done = CliRunner().invoke(cli.stillwatch, words, standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


def generate(model: Any, steps: list[Any], answers: int = 120) -> Any:
    import torch
    from transformers import LogitsProcessorList

    torch.manual_seed(4)
    with torch.no_grad():
        return model.generate(
            torch.randint(1, SIZE, (answers, 2)), attention_mask=torch.ones(answers, 2), do_sample=True, top_k=0,
            max_new_tokens=50, min_new_tokens=50, pad_token_id=0, logits_processor=LogitsProcessorList(steps),
        )  # fmt: skip


def write(path: Path, rows: Any) -> None:
    told = [msgspec.json.encode({"text": " ".join(f"w{i}" for i in row)}) for row in rows[:, 1:].tolist()]
    path.write_bytes(b"\n".join(told))


@pytest.fixture
def traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Our model, and its answers under the key of a group; models and keys lie in the working directory."""
    from stillwatch.prove.engines.huggingface import TracerProcessor
    from stillwatch.prove.engines.tracers import Tracers

    monkeypatch.setenv("STILLWATCH_PASSPHRASE", "p")
    monkeypatch.chdir(tmp_path)
    model = save_model(tmp_path / "ours", 1)
    save_model(tmp_path / "other", 2)
    keys = rings.create(tmp_path / "keys", "p", scrypt_n=1 << 10)
    spec = tokens.adopt(f"tokenizer:{tmp_path}/ours/tokenizer.json", tmp_path / "keys" / "tokens")
    keys.make(rings.card("c1", "group", NOW, mode="bias", group="C-1", order="O", delta=1.0, tokens=spec))
    commit.commit(keys, now=NOW)
    return model, generate(model, [TracerProcessor(Tracers(keys, SIZE, group="c1", house=False, skip=2))])


def test_a_reading_makes_the_audit_find_what_was_marked(tmp_path: Path, traced: tuple[Any, Any]) -> None:
    write(tmp_path / "texts.jsonl", traced[1])
    done = say("audit", "read", "--texts", "texts.jsonl", "--ours", "ours", "--reference", "other", "--out", "r.npz")
    assert "6,000 positions read with 2 models" in done.stdout
    done = say("audit", "lineage", "--texts", "texts.jsonl", "--reading", "r.npz", "--keys", "keys", "--json")
    report = msgspec.json.decode(done.stdout)
    assert report["verdict"] == "trained_on_marked_answers"
    assert report["campaigns"][0]["log10_p"] < -10
    assert report["reference_shares"][0] > 0.8


def test_open_weights_are_audited_at_our_unmarked_texts(tmp_path: Path, traced: tuple[Any, Any]) -> None:
    import torch

    ours, answers = traced
    write(tmp_path / "unmarked.jsonl", generate(ours, []))
    suspect = save_model(tmp_path / "suspect", 2).train()
    steps = torch.optim.Adam(suspect.parameters(), 3e-3)
    for _ in range(60):
        steps.zero_grad()
        suspect(answers, labels=answers).loss.backward()
        steps.step()
    suspect.eval().save_pretrained(tmp_path / "suspect")
    save_model(tmp_path / "innocent", 3)
    verdicts = {}
    for name in ("suspect", "innocent"):
        say("audit", "read", "--texts", "unmarked.jsonl", "--ours", "ours", "--reference", "other", "--suspect", name,
            "--out", f"{name}.npz")  # fmt: skip
        done = say("audit", "lineage", "--texts", "unmarked.jsonl", "--reading", f"{name}.npz", "--keys", "keys",
                   "--json")  # fmt: skip
        verdicts[name] = msgspec.json.decode(done.stdout)
    assert verdicts["suspect"]["verdict"] == "trained_on_marked_answers"
    assert verdicts["suspect"]["campaigns"][0]["log10_p"] < -5
    assert verdicts["innocent"]["verdict"] != "trained_on_marked_answers"
    assert verdicts["innocent"]["campaigns"][0]["log10_p"] > -3


def test_probabilities_are_the_models_own_also_in_long_texts(tmp_path: Path) -> None:
    import torch

    from stillwatch.prove.engines import reading

    model = save_model(tmp_path / "ours", 1)
    ids = np.random.default_rng(3).integers(1, SIZE, 700)
    found = reading.read([" ".join(f"w{i}" for i in ids)], [tmp_path / "ours"])
    assert len(found.candidates) == 699
    with torch.no_grad():
        own = torch.softmax(model(torch.from_numpy(ids[:100])[None]).logits[0], dim=-1).numpy()
    there = np.take_along_axis(own[:99], found.candidates[:99], axis=1)
    assert np.abs(found.chances[0, :99] - there).max() < 1e-5
    windows, _ = tally.pairs([ids], 1)
    assert len(windows) == 699


def test_models_that_cannot_read_are_told(tmp_path: Path) -> None:
    from stillwatch.prove.engines import reading

    save_model(tmp_path / "ours", 1)
    save_model(tmp_path / "small", 1, words=50)
    (tmp_path / "empty").mkdir()
    for others, why in ((["small"], "another tokeniser"), (["empty"], "no `tokenizer.json`")):
        with pytest.raises(StillwatchError, match=why):
            reading.read(["w1 w2 w3"], [tmp_path / "ours", *(tmp_path / name for name in others)])
    with pytest.raises(StillwatchError, match="too short"):
        reading.read(["w1"], [tmp_path / "ours"])
    assert readings.stamp(str(tmp_path / "ours" / "config.json"))
