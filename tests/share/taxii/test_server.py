"""The TAXII server: nothing lost, nothing doubled, nothing seen that a marking forbids."""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.share.taxii.conftest import TOKENS, Running, an_object

from stillwatch.share.door import Request, Response
from stillwatch.share.peers import Peers
from stillwatch.share.taxii import MEDIA
from stillwatch.share.taxii.answer import BULLETINS
from stillwatch.share.taxii.rules import item
from stillwatch.share.taxii.store import Query, Store

API = "/taxii2/stillwatch/"
OBJECTS = f"{API}collections/{BULLETINS}/objects/"
INBOX = f"{API}collections/inbox-writer/objects/"


def ask(
    running: Running, path: str, peer: str = "reader", method: str = "GET", body: Any = None, **more: str
) -> Response:
    path, _, query = path.partition("?")
    headers = {"authorization": f"Bearer {TOKENS[peer]}", "accept": MEDIA, "content-type": MEDIA, **more}
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return running.server.answer(Request(method=method, path=path, query=query, headers=headers, body=data))


def told(response: Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.body)
    return found


def ids(response: Response) -> list[str]:
    return [one["id"] for one in told(response).get("objects", [])]


def everything(running: Running, query: str = "", peer: str = "reader", limit: int = 7) -> list[str]:
    found, cursor = [], ""
    while True:
        page = ask(running, f"{OBJECTS}?limit={limit}{query}{cursor}", peer)
        found += ids(page)
        if not told(page)["more"]:
            return found
        cursor = f"&next={told(page)['next']}"


# -- pages


def test_pages_hold_everything_once_and_in_order(running: Running) -> None:
    running.fill(50)
    assert everything(running) == [an_object(n)["id"] for n in range(50)]


def test_a_page_read_twice_is_the_same_page(running: Running) -> None:
    running.fill(20)
    cursor = told(ask(running, f"{OBJECTS}?limit=5"))["next"]
    pages = [ids(ask(running, f"{OBJECTS}?limit=5&next={cursor}")) for _ in range(3)]
    assert pages[0] == pages[1] == pages[2] == [an_object(n)["id"] for n in range(5, 10)]


def test_a_writer_in_between_only_adds_behind(running: Running) -> None:
    running.fill(20)
    first = ask(running, f"{OBJECTS}?limit=10")
    running.fill(5, start=100)
    rest = ask(running, f"{OBJECTS}?limit=100&next={told(first)['next']}")
    assert ids(first) + ids(rest) == [an_object(n)["id"] for n in (*range(20), *range(100, 105))]


def test_added_after_is_strictly_after_and_dates_are_unique(running: Running) -> None:
    running.fill(10)
    page = ask(running, f"{OBJECTS}?limit=4")
    last = page.headers["X-TAXII-Date-Added-Last"]
    assert page.headers["X-TAXII-Date-Added-First"] < last
    assert everything(running, f"&added_after={last}") == [an_object(n)["id"] for n in range(4, 10)]
    manifest = told(ask(running, f"{API}collections/{BULLETINS}/manifest/"))["objects"]
    assert len({one["date_added"] for one in manifest}) == 10


def test_next_and_added_after_go_together(running: Running) -> None:
    running.fill(20)
    after = ask(running, f"{OBJECTS}?limit=4").headers["X-TAXII-Date-Added-Last"]
    assert len(everything(running, f"&added_after={after}", limit=3)) == 16


@pytest.mark.parametrize("change", ["&match[type]=campaign", "&added_after=2020-01-01T00:00:00Z"])
def test_a_cursor_with_other_filters_is_refused(running: Running, change: str) -> None:
    running.fill(20)
    cursor = told(ask(running, f"{OBJECTS}?limit=5"))["next"]
    assert ask(running, f"{OBJECTS}?limit=5&next={cursor}{change}").status == 400
    assert ask(running, f"{OBJECTS}?limit=5&next={cursor}", "writer").status == 400


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40))
def test_a_cursor_that_was_tampered_with_is_refused(running: Running, data: bytes) -> None:
    cursor = base64.urlsafe_b64encode(data).decode()
    assert ask(running, f"{OBJECTS}?next={cursor}").status == 400


def test_a_cursor_outlives_the_server(running: Running, place: Path | str) -> None:
    running.fill(10)
    cursor = told(ask(running, f"{OBJECTS}?limit=5"))["next"]
    again = running._replace(server=type(running.server)(Store(place), running.server.door.peers, "X"))
    assert ids(ask(again, f"{OBJECTS}?limit=5&next={cursor}")) == [an_object(n)["id"] for n in range(5, 10)]


def test_many_writers_at_once_lose_nothing_and_share_no_date(running: Running) -> None:
    threads = [threading.Thread(target=running.fill, args=(25, 1000 * n)) for n in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(everything(running, limit=9))) == 100


def test_what_is_added_twice_is_there_once(running: Running) -> None:
    running.fill(5)
    running.fill(5)
    assert len(everything(running)) == 5


# -- versions


def test_a_new_version_comes_to_who_polls_and_the_old_ones_can_be_asked_for(running: Running) -> None:
    running.fill(3)
    after = ask(running, OBJECTS).headers["X-TAXII-Date-Added-Last"]
    running.fill(1, version=2)
    running.fill(1, version=1)
    (one,) = told(ask(running, f"{OBJECTS}?added_after={after}"))["objects"]
    assert one["modified"].endswith("002Z")
    name = an_object(0)["id"]
    assert told(ask(running, f"{OBJECTS}{name}/versions/"))["versions"] == [
        f"2026-05-04T00:00:00.00{n}Z" for n in (0, 2, 1)
    ]
    stamps = {
        ask_for: [
            row["modified"][-4:-1]
            for row in told(ask(running, f"{OBJECTS}{name}/?match[version]={ask_for}"))["objects"]
        ]
        for ask_for in ("first", "last", "all", "2026-05-04T00:00:00.001Z")
    }
    assert stamps == {
        "first": ["000"],
        "last": ["002"],
        "all": ["000", "002", "001"],
        "2026-05-04T00:00:00.001Z": ["001"],
    }


def test_filters(running: Running) -> None:
    running.fill(6)
    assert everything(running, f"&match[id]={an_object(2)['id']},{an_object(4)['id']}") == [
        an_object(2)["id"], an_object(4)["id"]
    ]  # fmt: skip
    assert everything(running, "&match[type]=campaign") == []
    assert everything(running, "&match[spec_version]=2.0") == []
    assert len(everything(running, "&match[spec_version]=2.0,2.1")) == 6


# -- who may see and do what


def test_a_marking_above_the_clearance_is_as_if_it_were_not_there(running: Running) -> None:
    running.fill(3)
    running.fill(3, start=10, marking="amber")
    running.fill(3, start=20, marking="red")
    assert len(everything(running)) == 6
    assert len(everything(running, peer="outsider")) == 3
    name = an_object(20)["id"]
    for path in (f"{OBJECTS}{name}/", f"{OBJECTS}{name}/versions/"):
        assert ask(running, path).status == ask(running, path.replace("14", "99")).status == 404


def test_what_was_released_to_others_is_as_if_it_were_not_there(running: Running) -> None:
    running.fill(2, audience="|writer|")
    assert everything(running) == []
    assert len(everything(running, peer="writer")) == 2


@pytest.mark.parametrize(
    "header", ["", "Bearer wrong", "Basic " + base64.b64encode(b"reader:wrong").decode(), "Basic !!!",
               "Basic " + base64.b64encode(f"writer:{TOKENS['reader']}".encode()).decode()],
)  # fmt: skip
def test_without_a_token_of_ones_own_there_is_nothing(running: Running, header: str) -> None:
    answer = ask(running, API, authorization=header)
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers


def test_basic_works_too(running: Running) -> None:
    shown = base64.b64encode(f"reader:{TOKENS['reader']}".encode()).decode()
    assert ask(running, API, authorization=f"Basic {shown}").status == 200


def test_the_inbox_of_another_is_not_there(running: Running) -> None:
    assert ask(running, INBOX).status == 404
    assert ask(running, INBOX, "writer").status == 200
    assert ask(running, OBJECTS, "writer", "POST", {"objects": []}).status == 403


def test_a_quota_ends_and_says_when_to_come_back(running: Running) -> None:
    running.server.door.peers = Peers(
        [msgspec.structs.replace(one, requests_per_hour=3) for one in running.server.door.peers]
    )
    assert [ask(running, API).status for _ in range(4)] == [200, 200, 200, 429]
    assert int(ask(running, API).headers["Retry-After"]) > 3000


# -- writing


def test_each_object_is_taken_or_refused_by_itself(running: Running) -> None:
    forged = an_object(2, maker="Example Lab")
    wrong = {**an_object(3), "id": "indicator--1"}
    deep: Any = an_object(4)
    deep["x"] = nested = []
    for _ in range(80):
        nested.append(nested := [])
    sent = [an_object(1), forged, wrong, "text", {**an_object(5), "type": "campaign"}, deep]
    status = told(ask(running, INBOX, "writer", "POST", {"objects": sent}))
    assert (status["total_count"], status["success_count"], status["failure_count"]) == (6, 1, 5)
    reasons = " ".join(one["message"] for one in status["failures"])
    for word in ("`created_by_ref`", "`id`", "an object is expected", "`type`", "nested too deeply"):
        assert word in reasons
    assert ids(ask(running, INBOX, "writer")) == [an_object(1)["id"]]
    assert told(ask(running, f"{API}status/{status['id']}/", "writer")) == status
    assert ask(running, f"{API}status/{status['id']}/").status == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"objects": 1}', b'{"objects":' + b"[" * 100_000, b"\xff"])
def test_what_is_no_envelope_is_refused(running: Running, body: bytes) -> None:
    assert ask(running, INBOX, "writer", "POST", body).status == 422


def test_deletes_delete(running: Running) -> None:
    running.store.add("inbox-writer", [item(an_object(1, version=n), "*") for n in (1, 2, 3)])
    name = an_object(1)["id"]
    assert ask(running, f"{INBOX}{name}/?match[version]=last", "writer", "DELETE").status == 200
    assert told(ask(running, f"{INBOX}{name}/", "writer"))["objects"][0]["modified"].endswith("002Z")
    assert ask(running, f"{INBOX}{name}/", "writer", "DELETE").status == 200
    assert ask(running, f"{INBOX}{name}/", "writer").status == 404
    assert ask(running, f"{OBJECTS}{name}/", "reader", "DELETE").status == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [("?limit=0", 400), ("?limit=x", 400), ("?added_after=yesterday", 400), ("?added_after=2026-13-01T00:00:00Z", 400),
     ("?limit=999999", 200), ("nothing--1/", 404)],
)  # fmt: skip
def test_bad_parameters_are_refused(running: Running, path: str, status: int) -> None:
    running.fill(1)
    assert ask(running, OBJECTS + path).status == status


@pytest.mark.parametrize(
    ("header", "status"),
    [("application/taxii+json", 200), ("*/*", 200), (MEDIA, 200), ("application/taxii+json; version=2.1", 200),
     ("application/taxii+json;version=2.0", 406), ("text/html", 406)],
)  # fmt: skip
def test_media_types(running: Running, header: str, status: int) -> None:
    assert ask(running, API, accept=header).status == status


def test_other_media_types_and_methods_are_refused(running: Running) -> None:
    assert ask(running, INBOX, "writer", "POST", {}, **{"content-type": "text/plain"}).status == 415
    assert ask(running, OBJECTS, method="PUT").status == 405
    assert ask(running, "/elsewhere/").status == 404


def test_what_was_added_survives_a_kill(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.sqlite")
    store.add(BULLETINS, [item(an_object(n), "*") for n in range(10)])
    other = sqlite3.connect(tmp_path / "t.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM objects")
    other.close()  # as a killed process would: without a commit
    rows, _ = Store(tmp_path / "t.sqlite").page(Query(collection=BULLETINS, peer="p", rank=4), 100)
    assert len(rows) == 10
