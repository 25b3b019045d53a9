import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import SettingsError, StillwatchError, UsageError
from stillwatch.kit import choices
from stillwatch.kit.choices import Choices
from stillwatch.prove.keys import commit
from stillwatch.prove.keys import ring as rings
from stillwatch.prove.keys.ring import Ring
from stillwatch.prove.twins import audit as audits
from stillwatch.prove.twins import habits
from stillwatch.prove.twins.store import Twin, Twins, chosen
from stillwatch.prove.twins.test import _in_steps, _unit, weigh

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return rings.create(tmp_path / "keys", "a passphrase for tests", scrypt_n=1 << 10)


def fill(kept: Twins, requests: int, samples: int = 2, seed: int = 1) -> list[int]:
    rng = np.random.default_rng(seed)
    return [
        kept.keep(
            f"r{i}", f"acct-{i % 10}", f"prompt {i}",
            [" ".join(f"w{w}" for w in rng.integers(0, 400, 30)) for _ in range(samples)], at=NOW,
        )
        for i in range(requests)
    ]  # fmt: skip


def test_the_lot_is_fair_and_what_it_chose_is_served(tmp_path: Path, ring: Ring) -> None:
    kept = Twins(tmp_path / "twins.db", ring)
    lots = fill(kept, 400)
    assert 140 < sum(lots) < 260
    assert [twin.served for twin in kept.records()] == lots
    assert sum(chosen(0.01) for _ in range(5000)) < 120
    assert not any(chosen(0.0) for _ in range(100))
    assert all(chosen(1.0) for _ in range(100))


def test_nothing_on_disk_tells_a_text_an_account_or_a_lot(tmp_path: Path, ring: Ring) -> None:
    kept = Twins(tmp_path / "twins.db", ring)
    kept.keep("r1", "acct-secret", "what is asked", ["one plain sample", "another plain sample"])
    kept.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("twins.db*"))
    for word in (b"acct-secret", b"what is asked", b"plain sample", b"served"):
        assert word not in raw


def test_a_store_of_other_keys_or_of_nothing_is_refused(tmp_path: Path, ring: Ring) -> None:
    Twins(tmp_path / "twins.db", ring).close()
    other = rings.create(tmp_path / "others", "p", scrypt_n=1 << 10)
    with pytest.raises(UsageError, match="belongs to the keys"):
        Twins(tmp_path / "twins.db", other)
    (tmp_path / "bad.db").write_bytes(b"no database at all, but some bytes" * 100)
    with pytest.raises(StillwatchError, match="cannot be used"):
        Twins(tmp_path / "bad.db", ring)


def test_one_sample_is_no_twin_and_a_request_has_twins_once(tmp_path: Path, ring: Ring) -> None:
    kept = Twins(tmp_path / "twins.db", ring)
    with pytest.raises(UsageError, match="at least two"):
        kept.keep("r1", "a", "p", ["alone"])
    kept.keep("r1", "a", "p", ["one", "two"])
    with pytest.raises(UsageError, match="twins already"):
        kept.keep("r1", "a", "p", ["one", "two"])
    assert len(kept) == 1


def test_a_changed_record_is_noticed(tmp_path: Path, ring: Ring) -> None:
    kept = Twins(tmp_path / "twins.db", ring)
    fill(kept, 2)
    kept._db.execute("update twins set sealed = (select sealed from twins where id = 'r1') where id = 'r0'")
    with pytest.raises(SettingsError):
        list(kept.records())


def test_accounts_and_days_can_be_forgotten(tmp_path: Path, ring: Ring) -> None:
    kept = Twins(tmp_path / "twins.db", ring)
    fill(kept, 20)
    assert kept.forget() == 0
    assert kept.forget(account="acct-3") == 2
    assert kept.forget(before=NOW + timedelta(days=1)) == 18


def test_the_p_value_of_two_samples_is_the_binomial_one() -> None:
    scores = [[1.0, 0.0]] * 10
    found = weigh("x", scores, [0] * 8 + [1] * 2)
    assert 10**found.log10_p == pytest.approx(56 / 1024, rel=1e-9)
    assert found.served_best == pytest.approx(0.8)


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_the_p_value_is_valid_for_any_scores(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.standard_cauchy((40, k)).round(1).tolist()
    p = [10 ** weigh("x", scores, rng.integers(0, k, 40)).log10_p for _ in range(60)]
    assert np.mean(np.array(p) < 0.05) < 0.25
    assert np.mean(np.array(p) < 0.5) < 0.8


def test_whoever_is_not_told_the_lot_gets_uniform_p_values_by_size() -> None:
    """The scores of one text are held fast, and the lot is drawn again and again."""
    found, rng = held(300), np.random.default_rng(3)
    said = {twin.id: [twin.samples[0]] for twin in found.twins}
    scored = habits.scores({twin.id: twin.samples for twin in found.twins}, said)
    scores = [scored[twin.id] for twin in found.twins]
    steps = _in_steps(np.array(scores), _unit(scores))
    sums = steps[np.arange(300), rng.integers(0, 2, (4000, 300))].sum(axis=1)
    p = np.sort(choices.tails(Choices.uniform(steps), sums))
    assert np.abs(p - np.arange(1, 4001) / 4000).max() < 1.95 / math.sqrt(4000)
    one = weigh("x", scores, lots := rng.integers(0, 2, 300).tolist(), by_rank=False)
    assert 10**one.log10_p == pytest.approx(choices.tail(Choices.uniform(steps), steps[np.arange(300), lots].sum()))


def test_scores_may_be_weighed_by_size_instead_of_rank() -> None:
    rng = np.random.default_rng(1)
    lots = rng.integers(0, 3, 100)
    scores = rng.normal(size=(100, 3))
    scores[np.arange(100), lots] += 1.0
    found = weigh("x", scores.tolist(), lots.tolist(), by_rank=False)
    other = weigh("x", scores.tolist(), rng.integers(0, 3, 100).tolist(), by_rank=False)
    assert found.log10_p < -6
    assert other.log10_p > -3


def test_by_size_a_request_counts_as_its_samples_differ_whatever_their_number() -> None:
    """Two requests that differ much outweigh ten that hardly do, also where one has more samples."""
    scores = [[9.0, 0.0], [9.0, 0.0, 0.0], *[[0.1, 0.0]] * 10]
    lots = [0, 0, *[1] * 10]
    assert weigh("x", scores, lots, by_rank=False).log10_p == pytest.approx(-math.log10(6), abs=0.02)
    assert weigh("x", scores, lots).log10_p > -0.1


@pytest.mark.parametrize("seed", range(3))
def test_a_small_preference_over_5000_pairs_is_beyond_doubt_and_none_is_not(seed: int) -> None:
    """A model that leans to what it was served by a quarter of the spread between samples."""
    rng = np.random.default_rng(seed)
    lots = rng.integers(0, 2, 5000)
    scores = rng.normal(size=(5000, 2))
    assert weigh("x", scores.tolist(), lots.tolist()).log10_p > -3
    scores[np.arange(5000), lots] += 0.25
    assert weigh("x", scores.tolist(), lots.tolist()).log10_p < -6


def test_requests_of_different_numbers_of_samples_join() -> None:
    found = weigh("x", [[1.0, 0.0]] * 30 + [[0.0, 2.0, 1.0]] * 30, [0] * 30 + [1] * 30)
    assert found.requests == 60
    assert found.log10_p == pytest.approx(-30 * (math.log10(2) + math.log10(3)), abs=0.1)


def test_scores_that_are_no_numbers_are_refused_and_equal_ones_say_nothing() -> None:
    with pytest.raises(ValueError, match="numbers"):
        weigh("x", [[1.0, math.nan]], [0])
    found = weigh("x", [[1.0, 1.0]] * 5, [0] * 5)
    assert (found.used, found.log10_p, found.ln_e) == (0, 0.0, 0.0)


def audit(
    tmp_path: Path, ring: Ring, *, learnt: frozenset[str] = frozenset(), committed: bool = True,
    released: datetime | None = None,
) -> audits.TwinsReport:  # fmt: skip
    """A suspect that repeats part of what it was served, to the accounts it learnt from."""
    kept = Twins(tmp_path / "twins.db", ring)
    fill(kept, 300, samples=3)
    index = tmp_path / "index.json"
    index.write_bytes(kept.index())
    if committed:
        commit.commit(ring, files=(index,), now=NOW)
    kept.keep("late", "acct-1", "p", ["a b c", "d e f"])
    found = audits.committed(kept, ring, (index,), released=released)
    hashed = kept.hashed_accounts([f"acct-{i}" for i in range(10)])
    guilty = {hashed[name] for name in learnt}
    rng = np.random.default_rng(4)
    replies = {}
    for twin in kept.records():
        source = twin.samples[twin.served if twin.account in guilty else rng.integers(0, len(twin.samples))]
        replies[twin.id] = [" ".join(source.split()[:12])]
    scores = habits.scores({twin.id: twin.samples for twin in found.twins}, replies)
    campaigns = {hashed[f"acct-{i}"]: f"C-{i // 2}" for i in range(10)}
    return audits.audit(found, scores, campaigns, suspect="s", replies=replies)


def test_the_campaign_whose_answers_were_learnt_is_named_and_no_other(tmp_path: Path, ring: Ring) -> None:
    report = audit(tmp_path, ring, learnt=frozenset({"acct-4", "acct-5"}))
    assert report.verdict == "trained_on_served_answers"
    assert [one.name for one in report.campaigns if one.attributed] == ["C-2"]
    assert (report.uncommitted, report.missing) == (1, 0)
    assert b"prompt 1" not in msgspec.json.encode(report)


def test_a_suspect_that_saw_nothing_is_not_found_and_few_requests_do_not_clear_it(tmp_path: Path, ring: Ring) -> None:
    report = audit(tmp_path, ring)
    assert report.verdict == "undetermined"
    assert "300 requests are too few to clear it: an effect of 0.1 is seen in 1,912" in report.because[0]
    assert not any(one.attributed for one in report.campaigns)


def held(requests: int) -> audits.Committed:
    """Committed requests that never lay in a store."""
    rng = np.random.default_rng(7)
    kept = [
        Twin(
            id=f"r{i}", at=NOW, account="a", prompt="p", served=int(rng.integers(2)),
            samples=tuple(" ".join(f"w{w}" for w in rng.integers(0, 40, 12)) for _ in range(2)),
        )
        for i in range(requests)
    ]  # fmt: skip
    return audits.Committed(twins=kept, uncommitted=0, missing=0, at=NOW, because="")


def by_text(found: audits.Committed, replies: dict[str, list[str]]) -> audits.TwinsReport:
    scores = habits.scores({twin.id: twin.samples for twin in found.twins}, replies)
    return audits.audit(found, scores, {}, suspect="s", replies=replies)


def test_enough_requests_leave_no_trace_of_a_suspect_that_saw_nothing() -> None:
    found, rng = held(2000), np.random.default_rng(8)
    said = {twin.id: [" ".join(f"w{w}" for w in rng.integers(0, 40, 12))] for twin in found.twins}
    assert by_text(found, said).verdict == "no_trace"


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("the same to everybody", "same answer to more than half"),
        ("I'm sorry, but I can't help with that, w{}.", "refused 2,000 of 2,000"),
        ("x{} y{} z{}", "0.0% of the replies' word pairs"),
        ("", "gave no answer"),
    ],
)
def test_replies_that_show_nothing_clear_nobody(says: str, why: str) -> None:
    found = held(2000)
    report = by_text(found, {twin.id: [says.replace("{}", str(i % 40))] for i, twin in enumerate(found.twins)})
    assert report.verdict == "undetermined"
    assert why in report.because[0]


@pytest.mark.parametrize(
    ("committed", "released", "why"), [(False, None, "no signed commitment"), (True, NOW, "not older than")]
)
def test_without_a_commitment_in_time_the_verdict_is_void(
    tmp_path: Path, ring: Ring, committed: bool, released: datetime | None, why: str
) -> None:
    report = audit(
        tmp_path, ring, learnt=frozenset({"acct-4", "acct-5"}), committed=committed, released=released
    )  # fmt: skip
    assert report.verdict == "void"
    assert why in report.because[0]
    assert not any(one.attributed for one in report.campaigns)


def test_records_that_vanished_are_counted(tmp_path: Path, ring: Ring) -> None:
    kept = Twins(tmp_path / "twins.db", ring)
    fill(kept, 40)
    index = tmp_path / "index.json"
    index.write_bytes(kept.index())
    commit.commit(ring, files=(index,), now=NOW)
    kept.forget(account="acct-1")
    found = audits.committed(kept, ring, (index,))
    assert (len(found.twins), found.missing) == (36, 4)
    (tmp_path / "bad.json").write_bytes(b"{}")
    with pytest.raises(UsageError, match="no index"):
        audits.committed(kept, ring, (tmp_path / "bad.json",))
