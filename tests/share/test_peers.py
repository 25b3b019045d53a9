"""Who the peers are: read strictly, and nothing in the file gives access."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stillwatch.errors import SettingsError
from stillwatch.share import peers

HASHED = hashlib.sha256(b"secret").hexdigest()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "peers.toml"
    path.write_text(text)
    return path


def test_a_token_is_its_owners_and_nobody_elses(tmp_path: Path) -> None:
    found = peers.read(written(tmp_path, f'[[peer]]\nname = "b"\ntoken_sha256 = "{HASHED}"\n[[peer]]\nname = "c"\n'))
    one = found.by_token("secret")
    assert one is not None
    assert (one.name, one.rank) == ("b", 3)
    assert found.by_token("secret", "c") is None
    assert found.by_token("") is None
    assert found.by_token(HASHED) is None
    assert found.by_certificate(b"") is None


def test_where_there_is_no_file_there_is_no_peer(tmp_path: Path) -> None:
    assert list(peers.read(tmp_path / "absent.toml")) == []


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("[[peer]]\n", "name"),
        ('[[peer]]\nname = "a|b"\n', "holds"),
        ('[[peer]]\nname = "a"\n[[peer]]\nname = "a"\n', "there twice"),
        ('[[peer]]\nname = "a"\ntoken_sha256 = "secret"\n', "no SHA-256"),
        ('[[peer]]\nname = "a"\nclearance = "purple"\n', "purple"),
        ('[[peer]]\nname = "a"\nadmin = true\n', "admin"),
        ("not toml", "cannot read"),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, text: str, because: str) -> None:
    with pytest.raises(SettingsError, match=because):
        peers.read(written(tmp_path, text))
