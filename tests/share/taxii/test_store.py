"""The store, on each database: many writers at once, versions by time, and what happens when it cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from tests.share.taxii.conftest import Running, an_object
from tests.share.taxii.test_server import OBJECTS, ask, everything, ids, told

from stillwatch.errors import ResourceError, UsageError
from stillwatch.share.taxii import store as stores
from stillwatch.share.taxii.answer import BULLETINS
from stillwatch.share.taxii.bases import base
from stillwatch.share.taxii.rules import item
from stillwatch.share.taxii.store import Query, Store
from stillwatch.share.taxii.times import shown, wide

ALL = Query(collection=BULLETINS, peer="p", rank=4)


def test_who_follows_many_writers_gets_everything_once(place: Path | str) -> None:
    def write(start: int) -> None:
        own = Store(place)
        for at in range(start, start + 60, 5):
            own.add(BULLETINS, [item(an_object(n), "*") for n in range(at, at + 5)])
        own.close()

    reader = Store(place)
    threads = [threading.Thread(target=write, args=(1000 * n,)) for n in range(3)]
    for one in threads:
        one.start()
    followed: list[str] = []
    after, going = 0, True
    while going:
        going = any(one.is_alive() for one in threads)  # asked before the page: what is written later is on the next
        rows, _ = reader.page(Query(collection=BULLETINS, peer="p", rank=4, after=after), 7)
        followed += [row.id for row in rows]
        after, going = (rows[-1].added, True) if rows else (after, going)
    assert len(followed) == len(set(followed)) == 180
    assert followed == [row.id for row in reader.page(ALL, 1000)[0]]
    reader.close()


def test_a_page_ends_at_its_bytes_too_and_loses_nothing(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    running.fill(20)
    monkeypatch.setattr(stores, "PAGE_BYTES", 1500)
    page = ask(running, f"{OBJECTS}?limit=1000")
    assert len(ids(page)) < 8
    assert told(page)["more"]
    assert everything(running, limit=1000) == [an_object(n)["id"] for n in range(20)]


def test_versions_are_compared_as_times_whatever_their_precision(running: Running) -> None:
    texts = ["2026-05-04T00:00:00Z", "2026-05-04T00:00:00.500Z", "2026-05-04T00:00:00.5001Z", "2026-05-04T00:00:00.5Z"]
    new = [running.store.add(BULLETINS, [item({**an_object(1), "modified": text}, "*")]) for text in texts]
    assert new == [1, 1, 1, 0]
    name = an_object(1)["id"]
    (latest,) = told(ask(running, f"{OBJECTS}{name}/"))["objects"]
    assert latest["modified"] == texts[2]
    versions = told(ask(running, f"{OBJECTS}{name}/versions/"))["versions"]
    assert versions == ["2026-05-04T00:00:00.000Z", "2026-05-04T00:00:00.500Z", "2026-05-04T00:00:00.5001Z"]
    (first,) = told(ask(running, f"{OBJECTS}{name}/?match[version]=2026-05-04T00:00:00.0Z"))["objects"]
    assert first["modified"] == texts[0]


@pytest.mark.parametrize("text", ["2026-05-04T00:00:00.000Z", "2026-05-04T00:00:00.123456789Z"])
def test_a_time_is_shown_as_it_was_written(text: str) -> None:
    assert shown(wide(text)) == text


def test_several_versions_in_one_request_are_told_apart(running: Running) -> None:
    sent = [item(an_object(1, version=n), "*") for n in (2, 1, 3, 3)]
    assert running.store.add(BULLETINS, sent) == 3
    (latest,) = told(ask(running, f"{OBJECTS}{an_object(1)['id']}/"))["objects"]
    assert latest["modified"].endswith("003Z")


def test_what_is_released_to_more_comes_again_behind(running: Running) -> None:
    running.fill(3, audience="|writer|")
    running.fill(1, start=9)
    assert everything(running) == [an_object(9)["id"]]
    running.fill(1, start=1, audience="|writer|reader|")
    assert everything(running) == [an_object(9)["id"], an_object(1)["id"]]


def test_a_store_that_cannot_be_used_is_said_so_and_nothing_is_lost(running: Running) -> None:
    running.fill(2)
    with running.store._base.writing() as link:
        link.run("ALTER TABLE objects RENAME TO away")
    answer = ask(running, OBJECTS)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    with running.store._base.writing() as link:
        link.run("ALTER TABLE away RENAME TO objects")
    assert len(everything(running)) == 2


def test_a_change_that_fails_is_undone_wholly(running: Running) -> None:
    running.fill(2)

    def change() -> None:
        with running.store._base.writing() as link:
            link.run("DELETE FROM objects")
            link.run("DELETE FROM nowhere")

    with pytest.raises(ResourceError):
        change()
    assert len(everything(running)) == 2


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_postgresql_that_was_restarted_is_found_again(postgres_server: str, running: Running) -> None:
    import psycopg

    running.fill(2)
    with psycopg.connect(postgres_server, autocommit=True) as link:
        link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                     " AND backend_type = 'client backend'")  # fmt: skip
    statuses = [ask(running, OBJECTS).status for _ in range(3)]
    assert statuses[-1] == 200
    assert set(statuses) <= {200, 503}


def test_a_store_of_before_is_read_and_its_versions_widened(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    Store(path).close()
    old = sqlite3.connect(path)
    old.execute("DELETE FROM kept WHERE name = 'wide'")
    old.execute("INSERT INTO objects VALUES (5, ?, ?, 'indicator', '2026-05-04T00:00:00Z', '2.1', 0, '*', 1, 1, ?)",
                (BULLETINS, an_object(1)["id"], b"{}"))  # fmt: skip
    old.commit()
    old.close()
    again = Store(path)
    again.add(BULLETINS, [item({**an_object(1), "modified": "2026-05-04T00:00:00.100Z"}, "*")])
    assert [row.version for row in again.page(ALL, 9)[0]] == ["2026-05-04T00:00:00.100Z"]


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    Store(tmp_path / "new" / "t.sqlite").close()
    assert (tmp_path / "new" / "t.sqlite").stat().st_mode & 0o77 == 0


def test_an_address_that_is_no_database_is_refused_and_a_password_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`mysql` is no database"):
        base("mysql://u:secret@127.0.0.1/x")
    with pytest.raises(ResourceError) as told_:
        Store("postgresql://u:secret@127.0.0.1:1/x")
    assert "secret" not in str(told_.value)
    with pytest.raises(ResourceError, match="cannot be used"):
        Store(tmp_path)
