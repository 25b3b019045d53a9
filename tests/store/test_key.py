"""The key under which identifiers are hashed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from stillwatch.errors import SettingsError
from stillwatch.store import key


def test_a_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "below" / "key"
    made = key.find(str(file))
    assert len(made.secret) == key.BYTES
    assert key.find(str(file)) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_one_value_looks_different_under_another_key_or_in_another_column(tmp_path: Path) -> None:
    one, other = key.find(str(tmp_path / "a")), key.find(str(tmp_path / "b"))
    assert one.hash("ip", 7) == one.hash("ip", 7)
    assert len({one.hash("ip", 7), one.hash("device", 7), one.hash("ip", 8), other.hash("ip", 7)}) == 4
    assert one.name != other.name
    assert one.marks([5, 5, 6])[0] == one.marks([5])[0] != other.marks([5])[0]


@pytest.mark.parametrize(
    ("content", "mode", "says"), [(b"short", 0o600, "this is no key"), (bytes(32), 0o644, "read by others")]
)
def test_a_key_that_is_none_or_is_open_to_others_is_refused(
    content: bytes, mode: int, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(SettingsError, match=says):
        key.find(str(file))


def test_the_variable_names_the_file_and_the_settings_go_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key.VARIABLE, str(tmp_path / "one"))
    assert key.place() == tmp_path / "one"
    assert key.place(str(tmp_path / "two")) == tmp_path / "two"
    monkeypatch.delenv(key.VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert key.place() == tmp_path / "stillwatch" / "key"
