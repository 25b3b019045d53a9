from pathlib import Path
from typing import Any

import pytest

from stillwatch.errors import SettingsError
from stillwatch.sim import harvest


def test_each_campaigns_exchanges_are_counted_by_day(demo: Any) -> None:
    counted = harvest.by_day(demo.folder)
    planted = {c.id: c for c in demo.truth.campaigns if c.finding != "account_network"}
    assert set(counted) == set(planted)
    for name, days in counted.items():
        assert sum(days.values()) == planted[name].exchanges
        assert set(days) <= set(range(4))
        assert len(days) == planted[name].days


def test_a_directory_without_a_world_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the traffic"):
        harvest.by_day(tmp_path)
