"""The pages of this room say what the code does."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

import pytest

from stillwatch import rooms, settings
from stillwatch.ingest import _format, read_grants, read_known
from stillwatch.model.account import ACCOUNTS
from stillwatch.model.exchange import EXCHANGES

DOCS = Path(__file__).parents[2] / "docs"
HEAD = """# Log formats

Each format below is one file in `src/stillwatch/ingest/`. Its table says which field fills which column: of several
fields, the first that holds something. A `--map` file overrides single rows; see
[Ingest your logs](../how-to/ingest-your-logs.md). What the columns mean is told in [columns](columns.md).

The columns `response`, `choices`, `tool_calls`, `reasoning` and `finish_reason` are each read from the whole answer
that stands in the field named, `messages` from the whole conversation, and `tools` from the list of tool schemas.
`forwarded_for` is no column: it is the header that finds `ip` behind your proxies.

This page is made from the code: `STILLWATCH_EXPECT=1 python -m pytest tests/ingest/test_docs.py`.
"""


def page() -> str:
    parts = [HEAD]
    for name in rooms.names("ingest"):
        parts.append(f"\n## `{name}`\n\n{_words(name)}\n\n| column | field |\n|---|---|\n")
        columns = _format.load(name).columns
        for row in columns:
            fields = [f"`{path}`" for path in columns.said(row.column)]
            if row.constant is not None:
                fields.append(f"always `{row.constant}`" if not fields else f"else `{row.constant}`")
            if row.digest:
                fields.append("else a hash of the record")
            parts.append(f"| `{row.column}` | {', '.join(fields)} |\n")
    return "".join(parts)


def _words(name: str) -> str:
    return inspect.cleandoc(rooms.member("ingest", name).__doc__ or "")


def test_the_page_of_formats_is_made_from_the_code() -> None:
    path = DOCS / "reference" / "formats.md"
    if os.environ.get("STILLWATCH_EXPECT"):
        path.write_text(page())
    assert path.read_text() == page()


def test_the_page_of_columns_has_every_column_with_its_type() -> None:
    text = (DOCS / "reference" / "columns.md").read_text()
    table = text.partition("## How content is written")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE))
    for field in EXCHANGES:
        kind = str(field.type).replace("item: ", "").replace("element: ", "")
        assert told[field.name].removesuffix(", required") == kind, field.name
        assert field.nullable == (", required" not in told[field.name])
    assert all(f"`{name}`" in text for name in ACCOUNTS.names)


def test_the_files_in_the_docs_can_be_read(tmp_path: Path) -> None:
    grants, known = re.findall(r"```toml\n(.*?)```", (DOCS / "reference" / "columns.md").read_text(), re.DOTALL)
    (tmp_path / "grants.toml").write_text(grants)
    (tmp_path / "known.toml").write_text(known)
    assert [grant.id for grant in read_grants(tmp_path / "grants.toml")] == ["g-2026-014"]
    assert [one.kind for one in read_known(tmp_path / "known.toml")] == ["owner", "test", "benign"]


def test_the_maps_and_settings_in_the_docs_can_be_read(tmp_path: Path) -> None:
    from stillwatch.ingest._mapping import read_map

    map_file, own = re.findall(r"```toml\n(.*?)```", (DOCS / "how-to" / "ingest-your-logs.md").read_text(), re.DOTALL)
    (tmp_path / "map.toml").write_text(map_file)
    (tmp_path / "own.toml").write_text(own)
    assert set(read_map(tmp_path / "map.toml").rows) == {"account", "session", "channel", "at"}
    assert len(settings.read(tmp_path / "own.toml").ingest.trusted_proxies) == 2


@pytest.mark.parametrize("name", settings.Ingest.__struct_fields__)
def test_every_setting_is_told(name: str) -> None:
    assert f"`{name}`" in (DOCS / "how-to" / "ingest-your-logs.md").read_text() or name == "trusted_proxies"


def test_the_format_in_the_docs_is_a_format() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "how-to" / "add-a-format.md").read_text(), re.DOTALL)
    made: dict[str, object] = {}
    exec(compile(code, "add-a-format.md", "exec"), made)
    assert isinstance(made["FORMAT"], _format.Format)
