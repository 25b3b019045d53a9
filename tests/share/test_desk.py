"""Two people stand behind what leaves; versions only go forward; the log cannot be changed unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from stillwatch.errors import ShareError
from stillwatch.model.bulletin import Bulletin
from stillwatch.share.desk import Desk
from stillwatch.share.log import FILE, Line


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def test_who_prepared_it_cannot_release_it(desk: Desk, bulletin: Bulletin) -> None:
    record = desk.prepare(bulletin, "Ada")
    assert not record.released
    with pytest.raises(ShareError, match="second person"):
        desk.release(bulletin.id, " ada ", [])
    assert desk.release(bulletin.id, "Grace", ["peer-b"]).to == ["peer-b"]
    assert desk.find(bulletin.id[:6]).released


def test_only_those_named_may_prepare_and_release(tmp_path: Path, bulletin: Bulletin) -> None:
    desk = Desk(tmp_path, preparers=["Ada"], releasers=["Grace"])
    with pytest.raises(ShareError, match="may not prepare"):
        desk.prepare(bulletin, "Mallory")
    desk.prepare(bulletin, "Ada")
    with pytest.raises(ShareError, match="may not release"):
        desk.release(bulletin.id, "Mallory", [])
    with pytest.raises(ShareError, match="person"):
        desk.release(bulletin.id, "", [])


def test_what_must_not_leave_does_not_even_reach_the_desk(desk: Desk, bulletin: Bulletin) -> None:
    with pytest.raises(ShareError, match="`note` holds an e-mail"):
        desk.prepare(msgspec.structs.replace(bulletin, note="jane@example.com"), "Ada")
    assert desk.records() == []


def test_preparing_the_same_again_changes_nothing(desk: Desk, bulletin: Bulletin) -> None:
    desk.prepare(bulletin, "Ada")
    released = desk.release(bulletin.id, "Grace", [])
    assert desk.prepare(msgspec.structs.replace(bulletin, modified=bulletin.modified + timedelta(1)), "Ada") == released


def test_a_change_is_a_newer_version_that_waits_for_a_release(desk: Desk, bulletin: Bulletin) -> None:
    desk.prepare(bulletin, "Ada")
    released = desk.release(bulletin.id, "Grace", [])
    changed = desk.prepare(msgspec.structs.replace(bulletin, note="Corrected."), "Ada")
    assert not changed.released
    assert changed.bulletin.modified > released.bulletin.modified
    assert changed.bulletin.created == released.bulletin.created
    with pytest.raises(ShareError, match="changed since"):
        desk.release(bulletin.id, "Grace", [], seen=released.digest)


def test_a_newer_version_goes_to_those_who_had_the_older_one(desk: Desk, bulletin: Bulletin) -> None:
    desk.prepare(bulletin, "Ada")
    desk.release(bulletin.id, "Grace", ["peer-b"])
    desk.prepare(msgspec.structs.replace(bulletin, note="Corrected."), "Ada")
    assert desk.release(bulletin.id, "Grace", []).to == ["peer-b"]


def test_red_is_for_those_named(desk: Desk, bulletin: Bulletin) -> None:
    desk.prepare(msgspec.structs.replace(bulletin, marking="red"), "Ada")
    with pytest.raises(ShareError, match="those named"):
        desk.release(bulletin.id, "Grace", [])


def test_a_revocation_takes_one_person_and_is_for_good(desk: Desk, bulletin: Bulletin) -> None:
    desk.prepare(bulletin, "Ada")
    desk.release(bulletin.id, "Grace", ["peer-b"])
    with pytest.raises(ShareError, match="reason"):
        desk.revoke(bulletin.id, "Ada", " ")
    taken = desk.revoke(bulletin.id, "Ada", "It was one customer after all.")
    assert (taken.bulletin.revoked, taken.released, taken.to) == (True, True, ["peer-b"])
    assert taken.bulletin.modified > bulletin.modified
    with pytest.raises(ShareError, match="for good"):
        desk.prepare(bulletin, "Ada")


def test_a_bulletin_changed_on_the_disk_is_noticed(desk: Desk, bulletin: Bulletin) -> None:
    desk.prepare(bulletin, "Ada")
    path = desk.directory / "bulletins" / f"{bulletin.id}.json"
    path.write_bytes(path.read_bytes().replace(b"24 accounts", b"99 accounts"))
    with pytest.raises(ShareError, match="changed on the disk"):
        desk.find(bulletin.id)


def test_the_log_names_who_what_when_whom_and_marking(desk: Desk, bulletin: Bulletin) -> None:
    record = desk.prepare(bulletin, "Ada")
    desk.release(bulletin.id, "Grace", ["peer-b"])
    prepared, released = desk.log.lines()
    assert (prepared.who, prepared.did, prepared.what) == ("Ada", "prepared", bulletin.id)
    assert (released.who, released.did, released.to) == ("Grace", "released", ["peer-b"])
    assert (released.marking, released.digest) == ("amber+strict", record.digest)


def test_long_lines_are_chained_as_well(desk: Desk) -> None:
    for size in (10, 9000, 4096, 1):
        desk.log.add(Line(at=datetime(2026, 5, 4, tzinfo=UTC), who="x" * size, did="served", what="w"))
    assert [len(line.who) for line in desk.log.lines()] == [10, 9000, 4096, 1]


@pytest.mark.parametrize("damage", ["change", "remove", "insert"])
def test_a_line_of_the_log_that_was_touched_is_noticed(desk: Desk, bulletin: Bulletin, damage: str) -> None:
    desk.prepare(bulletin, "Ada")
    desk.release(bulletin.id, "Grace", [])
    desk.revoke(bulletin.id, "Ada", "An error.")
    path = desk.directory / FILE
    lines = path.read_bytes().splitlines(keepends=True)
    size, root = desk.log.root()
    if damage == "change":
        lines[1] = lines[1].replace(b"Grace", b"Nobody")
    elif damage == "remove":
        del lines[1]
    else:
        lines.insert(1, lines[0])
    path.write_bytes(b"".join(lines))
    with pytest.raises(ShareError, match=r"log was changed|log is damaged"):
        desk.log.lines()
    assert desk.log.root() != (size, root)
