from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from stillwatch import cli
from stillwatch.cli import _passphrase


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("STILLWATCH_PASSPHRASE", raising=False)


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli.stillwatch, ["tracer", *words])
    return done.exit_code, done.stdout, done.stderr or str(done.exception)


def test_a_key_is_made_committed_rotated_revoked_and_listed(tmp_path: Path) -> None:
    keys = str(tmp_path / "keys")
    code, _, told = run("make", "house", "--house", "--keys", keys)
    assert code == 0
    assert "made a passphrase" in told
    assert _passphrase.own_file().stat().st_mode & 0o077 == 0
    assert run("make", "c1", "--group", "C-1", "--order", "ORD-1", "--keys", keys)[0] == 0
    code, shown, _ = run("list", "--keys", keys)
    assert shown.count("NOT COMMITTED") == 2
    assert run("commit", "--keys", keys)[0] == 0
    assert run("rotate", "c1", "--keys", keys)[0] == 0
    assert run("revoke", "c1", "--keys", keys)[0] == 0
    code, shown, _ = run("list", "--keys", keys, "--json")
    listed = msgspec.json.decode(shown)["keys"]
    assert [(k["id"], k["mode"], k["commitment"]["committed"]) for k in listed] == [
        ("house", "free", True),
        ("c1", "bias", False),
    ]
    assert "sealed" not in shown


def test_a_key_is_for_the_house_or_for_a_group(tmp_path: Path) -> None:
    for words in ([], ["--house", "--group", "x"]):
        code, _, told = run("make", "k", *words, "--keys", str(tmp_path / "keys"))
        assert code != 0
        assert "either for the house or for a group" in told
    assert not (tmp_path / "keys").exists()


def test_without_keys_the_next_step_is_told(tmp_path: Path) -> None:
    code, _, told = run("list", "--keys", str(tmp_path / "none"))
    assert code != 0
    assert "tracer make" in told


def test_a_passphrase_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, secret = str(tmp_path / "keys"), tmp_path / "pass"
    secret.write_text("open sesame\n")
    assert run("make", "house", "--house", "--keys", keys, "--passphrase-file", str(secret))[0] == 0
    assert not _passphrase.own_file().exists()
    assert "no passphrase was given" in run("list", "--keys", keys)[2]
    monkeypatch.setenv("STILLWATCH_PASSPHRASE", "open sesame")
    assert run("list", "--keys", keys)[0] == 0
    monkeypatch.setenv("STILLWATCH_PASSPHRASE", "wrong")
    assert "does not open" in run("list", "--keys", keys)[2]


def test_an_empty_or_absent_passphrase_file_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for path, why in ((empty, "is empty"), (tmp_path / "absent", "cannot read the passphrase file")):
        assert why in run("make", "h", "--house", "--keys", str(tmp_path / "k"), "--passphrase-file", str(path))[2]
    assert not (tmp_path / "k").exists()
