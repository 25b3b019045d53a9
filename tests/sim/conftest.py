import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from stillwatch import sim

SMALL = """
about = "a small world"
days = 4
outages = 2
release = { tier = "large", day = 2 }
"""


@dataclass(frozen=True)
class Written:
    """A world on disk."""

    folder: Path
    truth: sim.Truth

    @property
    def traffic(self) -> pa.Table:
        files = sorted((self.folder / "traffic").glob("day=*/*.parquet"))
        return pa.concat_tables([pq.ParquetFile(file).read() for file in files])

    @property
    def planted(self) -> pa.Table:
        return pq.read_table(self.folder / "truth.parquet")

    @property
    def accounts(self) -> list[dict[str, Any]]:
        return csv.read_csv(self.folder / "accounts.csv").to_pylist()


Make = Callable[..., Written]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Write a world: `make("ordinary", "campus", accounts=..., seed=...)` or `make(world="demo")`."""

    def write(*actors: str, world: str = "", told: dict[str, dict[str, Any]] | None = None, **more: Any) -> Written:
        folder = tmp_path_factory.mktemp("world")
        if actors:
            script = SMALL
            for actor in actors:
                lines = [f"{k} = {v!r}".replace("True", "true") for k, v in (told or {}).get(actor, {}).items()]
                script += "\n".join(["", "[[cast]]", f'actor = "{actor}"', *lines, ""])
            tomllib.loads(script)
            world = str(folder / "small.toml")
            Path(world).write_text(script, encoding="utf-8")
        out = more.pop("out", folder / "out")
        return Written(out, sim.make(world, seed=more.pop("seed", 7), out=out, **more))

    return write


@pytest.fixture(scope="session")
def demo(make: Make) -> Written:
    return make(world="demo", scale=0.3, sets=["days=4"], seed=3)
