"""Texts from files: a suspect's answers, our own, those of other models, and prompts.

- `.jsonl` (also `.gz`, `.zst`): one object per line; the text is the first of `text`, `response`, `output`, `answer`,
  `completion`, `content`, or the first choice of an OpenAI answer. For prompts: `prompt`, `question`, `text`.
- `.parquet`: the same names as columns.
- anything else: plain text, one text per paragraph (separated by empty lines); prompts one per line.

`-` is stdin, as JSON lines.
"""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from stillwatch.errors import NothingToRead, UsageError

TEXT_FIELDS = ("text", "response", "output", "answer", "completion", "content")
PROMPT_FIELDS = ("prompt", "question", "text", "input", "instruction")


def read_texts(path: str) -> list[str]:
    """Read texts.

    Raises:
        UsageError: when the file cannot be read.
        NothingToRead: when it holds no text.
    """
    return _found(path, [text for row in rows(path) if (text := _text(row))], "text")


def read_prompts(path: str) -> list[dict[str, Any]]:
    """Read prompts with whatever else their rows say; each has a `prompt`.

    Raises:
        UsageError: when the file cannot be read.
        NothingToRead: when it holds no prompt.
    """
    kept = []
    for row in rows(path, lines=True):
        prompt = next((row[name] for name in PROMPT_FIELDS if isinstance(row.get(name), str)), None)
        if prompt and prompt.strip():
            kept.append({**row, "prompt": prompt})
    return _found(path, kept, "prompt")


def _found(path: str, kept: list[Any], what: str) -> list[Any]:
    if not kept:
        raise NothingToRead(f"no {what} in `{path}`", hint=f"JSON lines with a field `{what}`, or plain text")
    return kept


def rows(path: str, *, lines: bool = False) -> Iterator[dict[str, Any]]:
    """Read rows of any of the formats; a line that is no JSON object is skipped in JSON lines.

    Raises:
        UsageError: when the file cannot be read, or is no text.
    """
    try:
        if path.endswith(".parquet"):
            table = pq.read_table(path)
            yield from (row for batch in table.to_batches(8192) for row in batch.to_pylist())
            return
        raw = sys.stdin.buffer.read() if path == "-" else _unpacked(Path(path))
        plain = raw.decode("utf-8", "replace")
    except (OSError, pa.ArrowException, zstandard.ZstdError, EOFError) as why:
        raise UsageError(f"cannot read `{path}`: {why}") from why
    name = path.removesuffix(".gz").removesuffix(".zst")
    if path == "-" or name.endswith((".jsonl", ".ndjson", ".json")):
        yield from _objects(plain)
    elif lines:
        yield from ({"prompt": line.strip()} for line in plain.splitlines() if line.strip())
    else:
        yield from ({"text": part.strip()} for part in plain.replace("\r\n", "\n").split("\n\n") if part.strip())


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            return packed.read()
    if path.suffix == ".zst":
        with path.open("rb") as packed:
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed.read())).read()
    return path.read_bytes()


def _objects(plain: str) -> Iterator[dict[str, Any]]:
    if plain.lstrip().startswith("["):
        try:
            yield from (row for row in msgspec.json.decode(plain) if isinstance(row, dict))
        except msgspec.DecodeError as why:
            raise UsageError(f"the JSON array cannot be read: {why}") from why
        return
    for line in plain.splitlines():
        try:
            row = msgspec.json.decode(line) if line.strip() else None
        except msgspec.DecodeError:
            continue
        if isinstance(row, dict):
            yield row


def _text(row: dict[str, Any]) -> str:
    for name in TEXT_FIELDS:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
    choices = row.get("choices")
    first = choices[0] if isinstance(choices, Sequence) and not isinstance(choices, str) and choices else None
    if isinstance(first, dict):
        message = first.get("message")
        value = message.get("content") if isinstance(message, dict) else first.get("text")
        return value if isinstance(value, str) else ""
    return ""
