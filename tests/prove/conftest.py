import importlib.util

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # compiled code pays its compilation in the first example
settings.load_profile("patient")

HEAVY = ("torch", "transformers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the extra [audit] where it is not installed, and say so once."""
    if all(importlib.util.find_spec(name) for name in HEAVY):
        return
    heavy = [item for item in items if item.get_closest_marker("audit")]
    if heavy:
        items[:] = [item for item in items if item not in heavy]
        config.hook.pytest_deselected(items=heavy)
        print(f"\n{len(heavy)} tests left out: they need `pip install '.[audit]'` (torch and transformers)")
