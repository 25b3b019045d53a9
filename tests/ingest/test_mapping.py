"""Mappings: paths, map files, and what is refused in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import SettingsError, UsageError
from stillwatch.ingest import _format, gather
from stillwatch.ingest._mapping import columns, join, read_map, split, toml_line

FLAT = frozenset({"attributes"})


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ('a."b.c".d', ("a", "b.c", "d")),
        ("attributes.gen_ai.request.model", ("attributes", "gen_ai.request.model")),
        ('attributes."input.value".model', ("attributes", "input.value", "model")),
        ("headers.x-tenant", ("headers", "x-tenant")),
    ],
)
def test_a_path_is_read_as_written(path: str, keys: tuple[str, ...]) -> None:
    assert split(path, FLAT) == keys


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", '"a', '"a"b'])
def test_a_path_that_means_nothing_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"key|quote|dot"):
        split(path)


@given(st.lists(st.text(st.characters(exclude_characters='"'), min_size=1, max_size=8), min_size=1, max_size=4))
def test_what_is_joined_splits_into_the_same(keys: list[str]) -> None:
    assert split(join(tuple(keys))) == tuple(keys)


def test_default_stands_for_what_the_format_does_by_itself() -> None:
    base = columns(account="org | team")
    assert base.amended(columns(account="default | tenant")).said("account") == ["org", "team", "tenant"]


def test_a_map_line_is_toml_whatever_the_path() -> None:
    assert toml_line("account", ['a."b.c"']) == "account = 'a.\"b.c\"'"
    assert toml_line("account", ["default", "x"]) == 'account = ["default", "x"]'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("acount = 'x'", "did you mean `account`"),
        ("account = 7", "expected a path"),
        ("account = []", "a field is a dotted path"),
        ("account = 'a..b'", "cannot read the path: a key is empty"),
        ("account = { time = 'iso' }", "`time` means nothing here"),
        ("account = {}", "neither a field nor a constant"),
        ("at = { field = 'ts', time = 'noon' }", "`noon` is no way to write a time"),
        ("exchange = { digest = 'yes' }", "`digest` is true or false"),
        ("account = ", "not TOML"),
        ("format = 7", "`format` must be the name"),
        ("asn = { constant = [1] }", "a constant is text"),
    ],
)
def test_a_mistake_in_a_map_is_told(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as told:
        read_map(path)
    assert what in str(told.value)
    assert "map.toml" in str(told.value)


def test_a_map_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the map file"):
        read_map(tmp_path / "absent.toml")


def test_a_format_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such format") as told:
        _format.load("litelm")
    assert "litellm_spendlogs" in str(told.value)
    with pytest.raises(UsageError, match="no such format"):
        gather([tmp_path], into=tmp_path / "into", format="litelm")


def test_a_path_below_a_whole_answer_reads_what_the_answer_declares_and_what_it_does_not(tmp_path: Path) -> None:
    log, map_file = tmp_path / "log.jsonl", tmp_path / "map.toml"
    log.write_text(
        '{"exchange":"x","at":1777680000,"account":"a","out":{"id":"resp-7","choices":[{"message":{"content":"hi"}}],'
        '"usage":{"prompt_tokens":3},"extra":{"deep":[{"name":"s-1"}]}}}\n'
    )
    map_file.write_text(
        'response = "out"\ninput_tokens = "out.usage.prompt_tokens"\nprevious = "out.id"\n'
        'session = "out.extra.deep.0.name"'
    )
    told = gather([log], into=tmp_path / "into", map_file=map_file)
    (row,) = next(iter(told.batches(["response", "input_tokens", "previous", "session"]))).to_pylist()
    assert row == {"response": "hi", "input_tokens": 3, "previous": "resp-7", "session": "s-1"}


def test_a_map_may_name_its_format(tmp_path: Path) -> None:
    log, map_file = tmp_path / "log.jsonl", tmp_path / "map.toml"
    log.write_text('{"litellm_call_id":"c","startTime":1777680000.5,"tenant":"t","messages":"hi"}\n')
    map_file.write_text('format = "litellm"\naccount = "tenant"\nchannel = { constant = "azure" }')
    told = gather([log], into=tmp_path / "into", map_file=map_file)
    (row,) = next(iter(told.batches(["exchange", "account", "channel"]))).to_pylist()
    assert row == {"exchange": "c", "account": "t", "channel": "azure"}
