"""`stillwatch audit read`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from stillwatch.errors import SettingsError
from stillwatch.prove.lineage import readings
from stillwatch.prove.lineage.texts import read_texts

_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(name="read")
@click.option("--texts", required=True, type=click.Path(path_type=str, exists=True, dir_okay=False),
              help="The suspect's texts, the same file as for `audit lineage`.")  # fmt: skip
@click.option("--ours", required=True, type=_folder, help="Our own unmarked model, as `save_pretrained` writes it.")
@click.option("--reference", "others", multiple=True, type=_folder, help="A model that did not learn from us.")
@click.option("--suspect", type=_folder,
              help="The suspect's own weights, if open; `--texts` are then unmarked texts of ours.")  # fmt: skip
@click.option("--window", type=click.IntRange(1, 4), default=1, show_default=True, help="The window of the keys.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The reading to write.")
def command(
    texts: str, ours: Path, others: tuple[Path, ...], suspect: Path | None, window: int, out: Path
) -> None:  # fmt: skip
    """Read a suspect's texts with reference models, which makes `audit lineage --reading` stronger.

    With `--suspect` its probabilities take the place of what it wrote, at every place of our own unmarked texts.

    The keys must use the tokens of these models: `tracer make --tokens tokenizer:MODEL/tokenizer.json`.
    """
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        raise SettingsError("reading needs torch and transformers", hint="`pip install 'stillwatch[audit]'`")
    from stillwatch.prove.engines import reading

    found = reading.read(read_texts(texts), [ours, *others], suspect=suspect, window=window)
    readings.save(out, texts, found, [folder.name for folder in (ours, *others)])
    click.echo(f"{len(found.candidates):,} positions read with {1 + len(others)} models: {out}")
