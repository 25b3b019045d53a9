"""A pull that breaks goes on where it was: no page is lost, and nothing is applied twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.share.taxii.conftest import an_object
from tests.share.taxii.test_faults import Query, Scripted, Told, wrong_server

from stillwatch.errors import ShareError
from stillwatch.share.taxii import pending as pendings
from stillwatch.share.taxii.client import Client, Mark
from stillwatch.share.taxii.pending import Pending


def pull(url: str, pending: Pending) -> int:
    return sum(pending.add(page) for page in Client(url, "t", limit=5).pull("c", pending.mark(), pending.reached))


def test_a_server_that_falls_over_in_the_middle_is_asked_for_the_rest_alone(tmp_path: Path) -> None:
    right, asked = Scripted().answer(), list[Query]()

    def answer(query: Query, headers: dict[str, str]) -> Told:
        asked.append(query)
        return (500, {}, b"{}") if len(asked) == 2 else right(query, headers)

    with wrong_server(answer) as url:
        with pytest.raises(ShareError, match="answered 500"):
            pull(url, Pending(tmp_path, "b"))
        again = Pending(tmp_path, "b")
        assert pull(url, again) == 7
    assert [one["name"] for one in again.objects().values()] == [f"n{n}" for n in range(12)]
    assert "added_after" in asked[2]


def test_what_was_taken_in_is_not_pending_any_more(tmp_path: Path) -> None:
    pending = Pending(tmp_path, "b")
    maker = {"type": "identity", "id": "identity--1", "name": "Other Lab"}
    pending.add([maker, an_object(1)])
    pending.done(pending.objects())
    assert list(Pending(tmp_path, "b").objects()) == ["identity--1"], "what has no marking is referred to again"
    assert list(Pending(tmp_path, "c").objects()) == []


def test_of_an_object_the_last_version_counts_in_whatever_order_they_come(tmp_path: Path) -> None:
    pending = Pending(tmp_path, "b")
    pending.add([an_object(1, version=2)])
    pending.add([an_object(1, version=1)])
    (one,) = pending.objects().values()
    assert one["modified"].endswith("002Z")


def test_a_line_that_a_kill_has_cut_costs_no_other(tmp_path: Path) -> None:
    pending = Pending(tmp_path, "b")
    pending.add([an_object(1)])
    (file,) = tmp_path.glob("marks/*.jsonl")
    file.write_bytes(file.read_bytes() + b'{"id": "indicator--cut')
    pending.add([an_object(2)])
    assert [one["name"] for one in pending.objects().values()] == ["n1", "n2"]


def test_damaged_files_are_begun_again(tmp_path: Path) -> None:
    pending = Pending(tmp_path, "b")
    pending.reached(Mark(added_after="2026-05-04T00:00:00Z"))
    pending.done({"identity--1": {"id": "identity--1"}})
    for file in tmp_path.glob("marks/*.json"):
        file.write_bytes(b"{")
    assert (pending.mark(), pending.objects()) == (Mark(), {})


def test_what_is_nested_too_deeply_or_nameless_is_left_out_and_named(tmp_path: Path) -> None:
    pending = Pending(tmp_path, "b")
    deep: dict[str, object] = an_object(3)
    inner: dict[str, object] = deep
    for _ in range(3000):
        inner["x"] = inner = {}
    assert pending.add([an_object(1), deep, {"type": "indicator"}]) == 1
    assert [(one.what, one.where) for one in pending.refused] == [
        ("it is nested too deeply", an_object(3)["id"]), ("`id`: is missing", "an object without an id")
    ]  # fmt: skip


def test_a_peer_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pendings, "MOST_BYTES", 1000)
    pending = Pending(tmp_path, "b")
    pending.add([an_object(1), an_object(2)])
    with pytest.raises(ShareError, match="more than 1,000 bytes"):
        pending.add([an_object(3)])
    assert len(pending.objects()) == 2
