import pytest

from stillwatch import rooms


def test_a_room_lists_its_members_and_not_its_furniture() -> None:
    assert all(not name.startswith("_") for name in rooms.names("cli"))


def test_an_unknown_member_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="no member `nobody` in `cli`"):
        rooms.member("cli", "nobody")
