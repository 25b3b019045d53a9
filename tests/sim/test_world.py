from pathlib import Path

import numpy as np
import pytest
from tests.sim.conftest import Make

from stillwatch import rooms
from stillwatch.errors import SettingsError, UsageError
from stillwatch.sim import _texts, _world, catalogue
from stillwatch.sim._parameters import Fixed, Range, settle


@pytest.mark.parametrize("name", _world.worlds())
def test_a_shipped_world_says_what_it_is_and_names_known_actors(name: str) -> None:
    script = _world.read(name)
    assert script.about
    assert {part.actor for part in script.cast} <= set(rooms.names(_world.ACTORS))


def test_the_catalogue_names_every_world_and_actor() -> None:
    listing = catalogue()
    assert all(name in listing for name in [*_world.worlds(), *rooms.names(_world.ACTORS)])


def test_an_unknown_world_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no world `atlantis`") as raised:
        _world.read("atlantis")
    assert "demo" in str(raised.value)


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("reasoning_harvest.acounts=5", "no parameter `acounts`"),
        ("nobody.accounts=5", "no actor `nobody`"),
        ("bulk_campaigns.accounts=5", "has no part in world"),
        ("reasoning_harvest.accounts=many", "must be a number"),
        ("reasoning_harvest.accounts=-3", "must not be negative"),
        ("nonsense", "cannot read the setting"),
        ("weather=fine", "unknown field `weather`"),
    ],
)
def test_a_setting_that_means_nothing_is_refused(setting: str, what: str) -> None:
    with pytest.raises((UsageError, SettingsError), match=what):
        _world.plant(_world.read("demo", [setting]), seed=1, scale=0.1)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("days = ", "cannot read the world"),
        ("days = 3", "a world needs a cast"),
        ('days = 3\n[[cast]]\nactor = "nobody"', "no actor `nobody`"),
        ('days = 0\n[[cast]]\nactor = "ordinary"', r"`\$\.days`"),
        ('start = 5\n[[cast]]\nactor = "ordinary"', r"`\$\.start`"),
        ('release = { tier = "huge", day = 2 }\n[[cast]]\nactor = "ordinary"', r"`\$\.release\.tier`"),
        ('release = { tier = "large" }\n[[cast]]\nactor = "ordinary"', "missing required field `day`"),
        ('scale = 0\n[[cast]]\nactor = "ordinary"', r"`\$\.scale`"),
        ('[[cast]]\nactor = "ordinary"\ncopies = "many"', "copies` must be a number"),
        ('colour = 5\n[[cast]]\nactor = "ordinary"', "unknown field `colour`"),
    ],
)
def test_a_world_file_that_cannot_be_read_says_what_and_where(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((UsageError, SettingsError), match=what):
        _world.read(str(path))


def test_a_missing_world_file_is_refused() -> None:
    with pytest.raises(UsageError, match="no world file"):
        _world.read("/nowhere/mine.toml")


def test_a_texts_directory_must_be_in_the_normal_form(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pytest.raises(SettingsError, match="no directory"):
        _texts.pools(tmp_path / "nowhere", report=False)
    with pytest.raises(SettingsError, match=r"no `prompts\.parquet`"):
        _texts.pools(tmp_path, report=False)
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "prompts.parquet"
    file.write_bytes(b"not parquet")
    with pytest.raises(SettingsError, match="cannot read the texts"):
        _texts.pools(tmp_path, report=False)
    pq.write_table(pa.table({"text": ["x"]}), file)
    with pytest.raises(SettingsError, match="`category` is missing"):
        _texts.pools(tmp_path, report=False)
    pq.write_table(pa.table({"text": ["x"] * 9, "category": ["odd"] * 9}), file)
    with pytest.raises(SettingsError, match="no text of a known category"):
        _texts.pools(tmp_path, report=False)


def test_given_texts_replace_symbols_that_exist() -> None:
    from stillwatch.sim._grammar import load

    names = load(report=False).names
    assert all(symbol in names for symbols in _texts.TAKES.values() for symbol in symbols)


def test_texts_are_divided_between_tuning_and_report_seeds(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [f"text {k}" for k in range(300)]
    pq.write_table(pa.table({"text": texts, "category": ["benign"] * 300}), tmp_path / "prompts.parquet")
    tuned, kept = (set(_texts.pools(tmp_path, report=report)["en.ask"]) for report in (False, True))
    assert not tuned & kept
    assert tuned | kept == set(texts)
    assert 70 < len(kept) < 130


def test_tuning_seeds_never_draw_from_the_reserved_third() -> None:
    rng = np.random.default_rng(0)
    for reserved, inside in (("high", lambda v: v <= 70.1), ("low", lambda v: v >= 39.9)):
        span = Range(10, 100, whole=False, reserved=reserved)
        assert all(inside(span.draw(rng, report=False)) for _ in range(300))
        assert not all(inside(span.draw(rng, report=True)) for _ in range(300))


def test_scale_multiplies_counts_and_nothing_else() -> None:
    known = {"accounts": Fixed(100, scaled=True), "per_day": Fixed(4.0)}
    rng = np.random.default_rng(0)
    assert settle("x", known, {}, rng, report=False, scale=0.5) == {"accounts": 50, "per_day": 4.0}


def test_given_texts_take_the_place_of_own_grammars(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from stillwatch import sim

    texts = [f"given task number {k} of the pool" for k in range(9000)]
    (tmp_path / "set").mkdir()
    pq.write_table(
        pa.table({"text": texts, "category": ["harvest"] * len(texts)}), tmp_path / "set" / "prompts.parquet"
    )
    out = tmp_path / "out"
    told = ["reasoning_harvest.rationale=0", "days=3"]
    sim.make("demo", seed=2, out=out, texts=tmp_path, sets=told)
    planted = pq.read_table(out / "truth.parquet").to_pylist()
    harvest = {row["exchange"] for row in planted if row["campaign"] == "reasoning_harvest-0"}
    rows = [r for f in out.glob("traffic/day=*/*.parquet") for r in pq.ParquetFile(f).read().to_pylist()]
    asked = [r["messages"][-1]["content"] for r in rows if r["exchange"] in harvest and r["status"] < 300]
    assert all("given task number" in text for text in asked)
    assert len(set(asked)) == len(asked) > 300, "every text of a list is asked once"


def test_two_worlds_share_what_has_a_seed_of_its_own_and_nobody_else(make: Make) -> None:
    told = {
        "reasoning_harvest": {"accounts": 24, "seed": 5},
        "tutoring": {"accounts": 20},
        "ordinary": {"accounts": 80},
    }
    cast = ("ordinary", "tutoring", "reasoning_harvest")
    one, other = (make(*cast, told=told, seed=seed, sets=["internet=5", "outages=0"]) for seed in (11, 12))
    theirs = [set(written.truth.campaigns[0].accounts) for written in (one, other)]
    for column in ("payment", "device", "phone", "email"):
        held = [
            [{row[column] for row in written.accounts if (row["account"] in guilty) == side and row[column]}
             for side in (True, False)]
            for written, guilty in zip((one, other), theirs, strict=True)
        ]  # fmt: skip
        assert held[0][0] == held[1][0] != set()
        assert not held[0][1] & held[1][1]
    assert not theirs[0] & theirs[1]
    asked = [
        {
            row["messages"][-1]["content"]
            for row in written.traffic.select(["account", "messages"]).to_pylist() if row["account"] in guilty
        }
        for written, guilty in zip((one, other), theirs, strict=True)
    ]  # fmt: skip
    assert len(asked[0] & asked[1]) > 0.5 * min(map(len, asked))


def test_a_seed_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"`reasoning_harvest\.seed` must be a number from 0, not `-1`"):
        _world.read("demo", ["reasoning_harvest.seed=-1"])
