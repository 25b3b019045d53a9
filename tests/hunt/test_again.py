from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stillwatch.errors import UsageError
from stillwatch.hunt.again import Sketched, sketched
from stillwatch.hunt.read import Unheard
from stillwatch.hunt.request import Request
from stillwatch.hunt.run import run
from stillwatch.model.case import Case

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def log(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sketched]:
    case = tmp_path_factory.mktemp("again") / "case"
    with sketched(Request(traffic=(str(world / "traffic"),), case=case, accounts=world / "accounts.csv")) as it:
        yield it
    assert not (case / ".scratch").exists()


def found(case: Case) -> list[tuple[str, str, tuple[str, ...], int]]:
    return [(one.id, one.finding, tuple(one.accounts), one.exchanges) for one in case.campaigns]


def test_a_log_judged_again_gives_what_the_hunt_gave(log: Sketched, hunted: Path, tmp_path: Path) -> None:
    once = msgspec.json.decode((hunted / "case.json").read_bytes(), type=Case)
    assert once.campaigns
    for _ in range(2):
        assert found(log.judge(tmp_path / "again")) == found(once)
    assert (tmp_path / "again" / "exchanges.parquet").is_file()


def test_a_view_that_is_switched_off_says_nothing(log: Sketched, tmp_path: Path) -> None:
    case = log.judge(tmp_path, without=("payment", "signup"))
    views = {view.name: view.silent for view in case.views}
    assert views["payment"]
    assert views["signup"]
    assert not views["network"]
    assert all(one.view not in {"payment", "signup"} for entry in case.campaigns for one in entry.evidence)


def test_a_part_of_a_log_is_judged_as_if_that_part_were_all(log: Sketched, world: Path, tmp_path: Path) -> None:
    first = int(log.traced.traces.crowd.first.min()) // DAY_MS * DAY_MS
    until = first + 3 * DAY_MS
    with log.part(until=until) as part:
        assert part is not None
        early = part.judge(tmp_path / "part")
    asked = Request(
        traffic=(str(world / "traffic"),), case=tmp_path / "case", accounts=world / "accounts.csv", until=until
    )
    whole = run(asked, Unheard())
    assert early.traffic.exchanges == whole.traffic.exchanges
    assert early.traffic.accounts == whole.traffic.accounts


def test_what_happened_later_is_not_known_yet(log: Sketched) -> None:
    first = int(log.traced.traces.crowd.first.min())
    with log.part(until=first + DAY_MS) as part:
        assert part is not None
        facts = part.traced.traces.crowd.facts
        assert int(facts.closed_at.max()) < first + DAY_MS


def test_a_column_that_is_withheld_is_told_as_missing(log: Sketched, tmp_path: Path) -> None:
    with log.part(without=("ip", "payment")) as part:
        assert part is not None
        case = part.judge(tmp_path)
    assert {"ip", "payment"} <= set(case.traffic.columns_missing)
    assert {view.name for view in case.views if view.silent} >= {"payment", "network"}


def test_a_part_without_exchanges_is_none(log: Sketched) -> None:
    with log.part(until=1) as part:
        assert part is None


def test_a_column_without_a_name_is_refused(log: Sketched) -> None:
    with pytest.raises(UsageError, match="no column is called `purse`"), log.part(without=("purse",)):
        pass
