import importlib.util

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # compiled code pays its compilation in the first example
settings.load_profile("patient")

EXTRAS = {"audit": ("torch", "transformers"), "inspect": ("inspect_ai",), "vllm": ("vllm",)}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs an extra where it is not installed, and say so once for each."""
    for extra, names in EXTRAS.items():
        if all(importlib.util.find_spec(name) for name in names):
            continue
        heavy = [item for item in items if item.get_closest_marker(extra)]
        if heavy:
            items[:] = [item for item in items if item not in heavy]
            config.hook.pytest_deselected(items=heavy)
            wanted = "vllm" if extra == "vllm" else f"'.[{extra}]'"
            print(f"\n{len(heavy)} tests left out: they need `pip install {wanted}` ({' and '.join(names)})")
