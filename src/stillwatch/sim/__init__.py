"""The practice ground: simulated traffic with planted truth, one file to an actor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from stillwatch.sim._truth import Campaign, Crowd, Truth

__all__ = ["Campaign", "Crowd", "Truth", "catalogue", "make"]


def make(
    world: str,
    *,
    seed: int,
    out: Path,
    texts: Path | None = None,
    scale: float = 1.0,
    sets: Sequence[str] = (),
    litellm: bool = False,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Truth:
    """Write a practice world to `out` and return its truth.

    Args:
        world: the name of a world, or the path of a TOML file.
        seed: the same seed gives the same rows, on any number of threads; from 1000 on with the reserved
            ranges.
        out: the directory to write; an earlier practice world in it is replaced.
        texts: a directory of real prompts (`*/prompts.parquet` in the normal form) to take the place of own
            grammars.
        scale: multiplies numbers of accounts.
        sets: settings `actor.parameter=value`.
        litellm: write LiteLLM records besides.
        threads: how many days are written at the same time.
        progress: called with days done and days in all.

    Raises:
        UsageError: for a world, actor or parameter that does not exist, or a place that cannot be used.
        SettingsError: for a world file or a texts directory that cannot be read.
        ResourceError: when the disk is full.
    """
    from stillwatch.sim import _build, _texts, _world

    script = _world.read(world, sets)
    pools = None if texts is None else _texts.pools(texts, report=seed >= 1000)
    planted = _world.plant(script, seed=seed, scale=scale, pools=pools)
    return _build.build(
        planted,
        script,
        out,
        scale=scale,
        threads=threads,
        litellm=litellm,
        texts=None if texts is None else texts.name,
        progress=progress,
    )


def catalogue() -> str:
    """List worlds and actors, a line each."""
    from stillwatch import rooms
    from stillwatch.sim import _world

    lines = ["worlds"]
    lines += [f"  {name:<22} {_world.read(name).about}" for name in _world.worlds()]
    lines.append("actors")
    for name, module in rooms.members(_world.ACTORS).items():
        first = (module.__doc__ or "").strip().splitlines()[0]
        lines.append(f"  {name:<22} {first.partition(': ')[2]}")
    return "\n".join(lines)
