from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from stillwatch.errors import SettingsError, UsageError
from stillwatch.kit import merkle
from stillwatch.prove.keys import commit, ring, vault
from stillwatch.prove.keys.ring import Ring

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Ring:
    return ring.create(tmp_path / "keys", "correct horse", scrypt_n=1 << 10)


def add(keys: Ring, name: str, **fields: object) -> None:
    fields = {"mode": "free", "group": name, **fields}
    keys.make(ring.card(name, "group", DAY, **fields))


def test_a_ring_opens_again_with_its_passphrase_and_no_other(keys: Ring) -> None:
    add(keys, "g1")
    again = ring.open_ring(keys.place, "correct horse")
    assert again.tracer("g1").current == keys.tracer("g1").current
    assert again.owner() == keys.owner()
    with pytest.raises(SettingsError, match="passphrase does not open"):
        ring.open_ring(keys.place, "wrong horse")


def test_no_secret_lies_in_clear(keys: Ring) -> None:
    add(keys, "g1")
    secret = keys.tracer("g1").secrets[0]
    on_disk = b"".join(path.read_bytes() for path in keys.place.rglob("*.json"))
    for hidden in (secret.secret, secret.salt):
        assert hidden.encode() not in on_disk
        assert bytes.fromhex(hidden) not in on_disk
    assert all(path.stat().st_mode & 0o077 == 0 for path in keys.place.rglob("*.json"))


def test_a_rotated_key_has_a_new_secret_and_keeps_the_old(keys: Ring) -> None:
    add(keys, "g1")
    before = keys.tracer("g1").current
    card = keys.rotate("g1", DAY + timedelta(days=30))
    after = keys.tracer("g1")
    assert [e.number for e in card.epochs] == [1, 2]
    assert card.epochs[0].until == card.epochs[1].since
    assert after.words(1) == before
    assert after.current != before


def test_a_revoked_key_stays_for_audits_and_is_never_rotated(keys: Ring) -> None:
    add(keys, "g1")
    keys.revoke("g1", DAY)
    assert keys.tracer("g1").card.revoked == DAY
    with pytest.raises(UsageError, match="is revoked"):
        keys.rotate("g1", DAY)
    with pytest.raises(UsageError, match="revoked already"):
        keys.revoke("g1", DAY)


def test_a_group_has_the_newest_of_its_keys_in_use(keys: Ring) -> None:
    assert keys.key_for("C-7") is None
    for day, name in ((2, "second"), (1, "first")):
        keys.make(ring.card(name, "group", datetime(2026, 5, day, tzinfo=UTC), mode="free", group="C-7"))
    assert (keys.key_for("C-7"), keys.key_for("first")) == ("second", "first")
    keys.revoke("second", datetime(2026, 5, 3, tzinfo=UTC))
    assert keys.key_for("C-7") == "first"
    assert keys.key_for("second") is None


def test_a_bias_needs_an_order(keys: Ring) -> None:
    with pytest.raises(UsageError, match="needs an approved order"):
        add(keys, "g1", mode="bias")
    add(keys, "g1", mode="bias", order="ORD-7")
    assert keys.tracer("g1").card.order == "ORD-7"


def test_there_is_one_house_key(keys: Ring) -> None:
    keys.make(ring.card("house", "house", DAY, mode="free"))
    with pytest.raises(UsageError, match="has a house key"):
        keys.make(ring.card("house2", "house", DAY, mode="free"))
    keys.revoke("house", DAY)
    keys.make(ring.card("house2", "house", DAY, mode="free"))


@pytest.mark.parametrize("name", ["../up", "", ".hidden", "a/b", "x" * 65])
def test_a_name_cannot_leave_the_directory(keys: Ring, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a key"):
        add(keys, name)


def test_a_name_is_used_once_and_an_unknown_one_is_told(keys: Ring) -> None:
    add(keys, "g1")
    with pytest.raises(UsageError, match="exists"):
        add(keys, "g1")
    with pytest.raises(UsageError, match="it has g1"):
        keys.tracer("g2")


def test_an_impossible_mark_is_refused(keys: Ring) -> None:
    with pytest.raises(UsageError, match="`layers` is 99"):
        add(keys, "g1", layers=99)


def test_swapped_cards_are_noticed(keys: Ring) -> None:
    add(keys, "g1")
    add(keys, "g2")
    path = keys.place / "keys" / "g1.json"
    stolen = msgspec.json.decode((keys.place / "keys" / "g2.json").read_bytes())
    path.write_bytes(msgspec.json.encode({**stolen, "id": "g1"}))
    with pytest.raises(SettingsError, match="cannot be opened"):
        keys.tracer("g1")


def test_a_damaged_or_missing_file_is_told(keys: Ring) -> None:
    (keys.place / "ring.json").write_text("{")
    with pytest.raises(SettingsError, match="cannot read"):
        ring.open_ring(keys.place, "correct horse")
    with pytest.raises(SettingsError, match="is missing"):
        ring.open_ring(keys.place / "elsewhere", "correct horse")


def test_a_used_directory_is_left_alone(keys: Ring) -> None:
    with pytest.raises(UsageError, match="is not empty"):
        ring.create(keys.place, "x")


def test_a_commitment_covers_every_epoch_and_only_grows(keys: Ring) -> None:
    add(keys, "g1")
    first = commit.commit(keys, now=DAY)
    keys.rotate("g1", DAY)
    add(keys, "g2")
    log = commit.load(keys)
    tracer = keys.tracer("g1")
    assert not commit.standing(tracer, keys, log).committed
    second = commit.commit(keys, now=DAY + timedelta(days=1))
    log = commit.load(keys)
    assert (first.size, second.size) == (1, 3)
    assert commit.standing(tracer, keys, log).at == DAY + timedelta(days=1)
    assert commit.standing(keys.tracer("g2"), keys, log).committed
    proof = log.tree.consistency(1)
    assert merkle.verify_consistency(bytes.fromhex(first.root), bytes.fromhex(second.root), old=1, size=3, proof=proof)
    leaf = tracer.leaf(tracer.secrets[0], keys.id)
    path = [bytes.fromhex(h) for h in log.proof(leaf)]
    assert merkle.verify_inclusion(bytes.fromhex(second.root), leaf, index=0, size=3, proof=path)
    with pytest.raises(UsageError, match="committed to already"):
        commit.commit(keys)


def test_a_commitment_later_than_the_suspect_does_not_count(keys: Ring) -> None:
    add(keys, "g1")
    commit.commit(keys, now=DAY)
    log = commit.load(keys)
    standing = commit.standing(keys.tracer("g1"), keys, log, released=DAY - timedelta(days=1))
    assert not standing.committed
    assert "not older than the suspect" in standing.because
    assert commit.standing(keys.tracer("g1"), keys, log, released=DAY + timedelta(days=1)).committed


def test_an_exchanged_secret_is_no_longer_committed(keys: Ring) -> None:
    add(keys, "g1")
    commit.commit(keys, now=DAY)
    tracer = keys.tracer("g1")
    keys._keep(tracer.card, (msgspec.structs.replace(tracer.secrets[0], secret="00" * 32),))
    assert not commit.standing(keys.tracer("g1"), keys, commit.load(keys)).committed


def test_a_parameter_changed_afterwards_breaks_the_commitment(keys: Ring) -> None:
    add(keys, "g1")
    commit.commit(keys, now=DAY)
    tracer = keys.tracer("g1")
    keys._keep(msgspec.structs.replace(tracer.card, green=1000), tracer.secrets)
    assert not commit.standing(keys.tracer("g1"), keys, commit.load(keys)).committed


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("root", "00" * 32, "its root"),
        ("signature", "00" * 64, "its signature"),
        ("at", "2020-01-01T00:00:00Z", "signature"),
        ("size", 7, "its root"),
    ],
)
def test_a_forged_head_is_refused(keys: Ring, field: str, value: object, why: str) -> None:
    add(keys, "g1")
    commit.commit(keys, now=DAY)
    path = keys.place / "commitments" / "0001.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), field: value}))
    with pytest.raises(SettingsError, match=why):
        commit.load(keys)


def test_a_file_can_be_committed_to(keys: Ring, tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text("test the house key first")
    head = commit.commit(keys, files=(plan,), now=DAY)
    assert [leaf.name for leaf in head.added] == ["plan.md"]
    with pytest.raises(UsageError, match="cannot read"):
        commit.commit(keys, files=(tmp_path / "absent",))


def test_a_vault_refuses_costs_that_would_stall_it() -> None:
    lock, _ = vault.new("x", n=1 << 10)
    with pytest.raises(SettingsError, match="out of range"):
        vault.unlock(msgspec.structs.replace(lock, n=1 << 30), "x")
