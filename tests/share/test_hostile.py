"""What a hostile peer may send in bundles: it is refused with object, field and rule, and keeps nothing else out."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share.exchange import Exchange
from stillwatch.share.formats import stix
from stillwatch.share.formats._objects import TLP

Heap = dict[str, dict[str, Any]]


@pytest.fixture
def heap(bulletin: Bulletin) -> Heap:
    """The objects of a bulletin as a peer serves them, by id."""
    return {one["id"]: one for one in json.loads(stix.write([bulletin]))["objects"]}


def main_of(heap: Heap) -> dict[str, Any]:
    return next(one for one in heap.values() if one["type"] == "campaign")


def refused(heap: Heap) -> str:
    with pytest.raises(ShareError) as told:
        stix.assemble(heap)
    assert told.value.where == main_of(heap)["id"]
    return told.value.what


def test_what_was_served_is_what_was_written(heap: Heap, bulletin: Bulletin) -> None:
    assert stix.assemble(heap) == [bulletin]


@pytest.mark.parametrize(
    "markings", [None, [], [TLP["clear"], TLP["red"]], "marking-definition--x", [7]],
    ids=["stripped", "empty", "two", "no list", "no ids"],
)  # fmt: skip
def test_a_bulletin_whose_marking_was_stripped_is_refused(heap: Heap, markings: Any) -> None:
    main = main_of(heap)
    main["object_marking_refs"] = markings
    if markings is None:
        del main["object_marking_refs"]
    assert "object_marking_refs" in refused(heap)


@pytest.mark.parametrize("field", ["created_by_ref", "first_seen", "confidence", "modified", "name"])
def test_a_field_that_was_taken_out_is_named(heap: Heap, field: str) -> None:
    del main_of(heap)[field]
    assert f"`{field}`" in refused(heap)


def test_in_anothers_name_nobody_speaks(heap: Heap, tmp_path: Path) -> None:
    forged = copy.deepcopy(heap)
    forged[main_of(forged)["created_by_ref"]]["name"] = "Victim Lab"
    (outcome,) = Exchange(tmp_path).take(stix.assemble(forged), "peer-b", "Example Lab")
    assert (outcome.became, "`producer`" in outcome.because) == ("refused", True)


def test_nobody_hangs_an_indicator_or_a_note_on_anothers_bulletin(heap: Heap, bulletin: Bulletin) -> None:
    other = "identity--00000000-0000-4000-8000-000000000666"
    ranged = next(one for one in heap.values() if one["type"] == "indicator" and "ipv4" in one["pattern"])
    extra = {**copy.deepcopy(ranged), "id": "indicator--00000000-0000-4000-8000-000000000666", "created_by_ref": other,
             "pattern": "[ipv4-addr:value = '198.51.100.0/24']"}  # fmt: skip
    link = {"type": "relationship", "id": "relationship--00000000-0000-4000-8000-000000000666",
            "relationship_type": "indicates", "source_ref": extra["id"], "target_ref": main_of(heap)["id"]}  # fmt: skip
    note = {"type": "note", "id": "note--00000000-0000-4000-8000-000000000666", "content": "It is all wrong.",
            "object_refs": [main_of(heap)["id"]], "created_by_ref": other}  # fmt: skip
    for maker in (other, main_of(heap)["created_by_ref"]):
        hung = {**heap, extra["id"]: extra, link["id"]: {**link, "created_by_ref": maker}, note["id"]: note}
        assert stix.assemble(hung) == [bulletin]


def test_a_malformed_object_keeps_no_bulletin_out(heap: Heap, bulletin: Bulletin) -> None:
    heap |= {
        "relationship--1": {"type": "relationship", "id": "relationship--1"},
        "relationship--2": {"type": "relationship", "id": "relationship--2", "source_ref": 7, "target_ref": []},
        "note--1": {"type": "note", "id": "note--1", "object_refs": [[], 7, None]},
        "campaign--1": {"type": "campaign", "id": "campaign--1", "extensions": 7},
    }
    assert stix.assemble(heap) == [bulletin]


def test_an_old_version_that_is_replayed_changes_nothing(heap: Heap, bulletin: Bulletin, tmp_path: Path) -> None:
    exchange, later = Exchange(tmp_path), bulletin.modified + timedelta(1)
    newer = msgspec.structs.replace(bulletin, modified=later, note="Seen by three teams.")
    assert exchange.take([newer], "peer-b", "Example Lab")[0].became == "new"
    (outcome,) = exchange.take(stix.assemble(heap), "peer-b", "Example Lab")
    assert (outcome.became, "`modified`" in outcome.because) == ("refused", True)
    assert exchange.all()[0].bulletin == newer


def test_what_was_withdrawn_does_not_come_back_by_taking_the_revocation_out(
    heap: Heap, bulletin: Bulletin, tmp_path: Path
) -> None:
    exchange, later = Exchange(tmp_path), bulletin.modified + timedelta(1)
    gone = msgspec.structs.replace(bulletin, modified=later, revoked=True, revoked_because="It was one customer.")
    exchange.take([bulletin, gone], "peer-b", "Example Lab")
    for one in heap.values():
        one["modified"] = "2027-01-01T00:00:00.000Z"
    (outcome,) = exchange.take(stix.assemble(heap), "peer-b", "Example Lab")
    assert (outcome.became, "`revoked`" in outcome.because) == ("refused", True)


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=5,
)  # fmt: skip


def paths(thing: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a heap at which something stands."""
    inner = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    return [(*here, name) for name, _ in inner] + [path for name, one in inner for path in paths(one, (*here, name))]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_changed_it_is_taken_or_refused_and_never_breaks(
    heap: Heap, tmp_path: Path, data: st.DataObject
) -> None:
    changed = copy.deepcopy(heap)
    places = [path for path in paths(changed) if len(path) > 1]
    for path in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        _change(changed, path, data)
    told: list[ShareError] = []
    for outcome in Exchange(tmp_path).take(stix.assemble(changed, told), "peer-b", "Example Lab"):
        assert outcome.because or outcome.became != "refused"


def _change(thing: Any, path: tuple[Any, ...], data: st.DataObject) -> None:
    for name in path[:-1]:
        try:
            thing = thing[name]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(thing, dict | list) and data.draw(st.booleans()):
        try:
            del thing[path[-1]]
        except (KeyError, IndexError, TypeError):
            return
    elif isinstance(thing, dict) or (isinstance(thing, list) and isinstance(path[-1], int) and path[-1] < len(thing)):
        thing[path[-1]] = data.draw(JUNK)
