"""Settings: read once, strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch import settings
from stillwatch.errors import SettingsError


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.find() == settings.Settings()
    assert "default_user_id" in settings.find().ingest.placeholders


def test_the_file_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(settings.FILE).write_text('[ingest]\ntrusted_proxies = ["10.0.0.0/8"]\n')
    assert settings.find().ingest.trusted_proxies == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[ingest]\ntrusted_proxy = []", "did you mean `trusted_proxies`"),
        ("[ingst]\n", "did you mean `ingest`"),
        ("[ingest]\nnonsense = 1", "known here"),
        ('[ingest]\nmax_record_mib = "many"', "`max_record_mib`: expected `int`, got `str`"),
        ("[ingest", "not TOML"),
    ],
)
def test_a_mistake_is_told_with_the_nearest_right_thing(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as told:
        settings.find(path)
    assert what in str(told.value)
    assert "own.toml" in str(told.value)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the settings"):
        settings.find(tmp_path / "absent.toml")
