"""As it is: canonical Parquet of the operator's own, used where it lies.

A file is used as it is when no required value is missing (its footer says so, or a look at the column does) and
when each column is of a type that means the same as the canonical one. Anything else is converted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.ingest import _tables
from stillwatch.ingest._writer import FILLED
from stillwatch.model.exchange import EXCHANGES, REQUIRED

ROWS: Final = 65_536
_BATCH: Final = 1 << 18
_SAMPLE: Final = 200


def is_usable(path: Path) -> bool:
    """Tell whether a Parquet file can be used as it is; False too for one that cannot be read."""
    try:
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
    except (pa.ArrowException, OSError, ValueError):
        return False
    if not set(REQUIRED) <= set(schema.names):
        return False
    if any(not _means_the_same(schema.field(name)) for name in schema.names if name in EXCHANGES.names):
        return False
    return _fits(metadata, path.stat().st_size) and _is_complete(path, metadata)


def _means_the_same(field: pa.Field) -> bool:
    """Tell whether a column can be read as the canonical one; lists only as lists with offsets."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    wanted = EXCHANGES.field(field.name).type
    if pa.types.is_list(wanted) and not (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_null(kind)
    ):
        return False
    return _tables.recast(pa.array([], kind), wanted) is not None


def _is_complete(path: Path, metadata: pq.FileMetaData) -> bool:
    """Tell whether no required value is missing: by the statistics, or else by a look at the column itself."""
    places = {metadata.schema.column(index).path: index for index in range(metadata.num_columns)}
    for name in REQUIRED:
        untold = []
        for group in range(metadata.num_row_groups):
            told = _told_complete(metadata.row_group(group).column(places[name]).statistics, name)
            if told is False:
                return False
            if told is None:
                untold.append(group)
        if untold and not _seen_complete(path, name, untold):
            return False
    return True


def _told_complete(statistics: Any, name: str) -> bool | None:
    """Tell whether a column chunk lacks nothing; None when its statistics do not say."""
    if statistics is None or not statistics.has_null_count:
        return None
    if statistics.null_count:
        return False
    if name == "at":
        return True
    return bool(statistics.min != "") if statistics.has_min_max else None


def _seen_complete(path: Path, name: str, groups: list[int]) -> bool:
    """Read one column of some row groups, and tell whether it lacks nothing.

    Cost: decodes that column. A file that breaks off is not complete.
    """
    try:
        coded = [] if name == "exchange" else [name]  # each id stands once: a dictionary of them would cost the most
        with pq.ParquetFile(path, read_dictionary=coded) as file:
            for batch in file.iter_batches(ROWS, row_groups=groups, columns=[name]):
                column = batch.column(0)
                if column.null_count:
                    return False
                values = column.dictionary if pa.types.is_dictionary(column.type) else column
                if name != "at" and pc.any(pc.equal(values, pa.scalar("", values.type))).as_py():
                    return False
    except (pa.ArrowException, OSError, ValueError):
        return False
    return True


def _fits(metadata: pq.FileMetaData, size: int) -> bool:
    """Tell whether all column chunks lie inside the file."""
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            if column.data_page_offset + column.total_compressed_size > size + column.total_compressed_size // 2 + 4096:
                return False
    return True


def columns(paths: Iterable[Path]) -> tuple[str, ...]:
    """Name the canonical columns that at least one file fills somewhere, in canonical order."""
    found: set[str] = set()
    for path in paths:
        metadata = pq.read_metadata(path)
        noted = (metadata.metadata or {}).get(FILLED.encode())
        if noted is not None:
            found |= set(noted.decode().split(","))
            continue
        for index in range(metadata.num_columns):
            name = metadata.schema.column(index).path.partition(".")[0]
            if name in EXCHANGES.names and name not in found and _is_filled(metadata, index, name):
                found.add(name)
    return tuple(name for name in EXCHANGES.names if name in found)


def text_bytes(paths: Iterable[Path]) -> int:
    """Tell how many bytes of conversation files hold, unpacked, from their footers alone."""
    found = 0
    for path in paths:
        metadata = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            for index in range(metadata.num_columns):
                column = metadata.row_group(group).column(index)
                if column.path_in_schema.partition(".")[0] in ("messages", "system"):
                    found += column.total_uncompressed_size
    return found


def _is_filled(metadata: pq.FileMetaData, index: int, name: str) -> bool:
    """Tell whether a column may hold anything; where nothing is noted of it, it may."""
    if pa.types.is_null(metadata.schema.to_arrow_schema().field(name).type):
        return False
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(index)
        statistics = column.statistics
        if statistics is None or not statistics.has_null_count or statistics.null_count < column.num_values:
            return True
    return False


def batches(paths: Iterable[Path], names: Sequence[str], rows: int = ROWS) -> Iterator[pa.RecordBatch]:
    """Read columns of canonical files as canonical types, whatever like types the files use.

    A column that a file lacks is null. Memory: one batch.
    """
    schema = pa.schema([EXCHANGES.field(name) for name in names])
    for path in paths:
        with pq.ParquetFile(path) as file:
            there = [name for name in names if name in file.schema_arrow.names]
            for batch in file.iter_batches(rows, columns=there or ["exchange"]):
                yield pa.RecordBatch.from_arrays([_column(batch, name) for name in names], schema=schema)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    kind = EXCHANGES.field(name).type
    if name not in batch.schema.names:
        return pa.nulls(batch.num_rows, kind)
    made = _tables.recast(batch.column(name), kind)
    return pa.nulls(batch.num_rows, kind) if made is None else made


def select(paths: Sequence[Path], names: Sequence[str]) -> str:
    """Write the DuckDB query that reads columns of canonical files as canonical types.

    `at` comes as a naive UTC timestamp whatever the files hold, so that no setting of the session shifts it.
    """
    alike: dict[tuple[frozenset[str], str], list[Path]] = {}
    for path in paths:
        there = pq.read_schema(path)
        finest = "ns" if there.field("at").type.unit == "ns" else "us"
        alike.setdefault((frozenset(names) & frozenset(there.names), finest), []).append(path)
    parts = []
    for (there_names, unit), files in alike.items():
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        chosen = ", ".join(_expression(name, name in there_names, unit) for name in names)
        source = f"read_parquet([{listed}], union_by_name=true, hive_partitioning=false)"
        parts.append(f"SELECT {chosen} FROM {source}")  # noqa: S608 - names are ours, paths are quoted
    return " UNION ALL ".join(parts)


def _expression(name: str, there: bool, unit: str) -> str:
    if name == "at":
        return f'make_timestamp(epoch_{unit}("at"){" // 1000" if unit == "ns" else ""}) AS "at"'
    return f"CAST({_quoted(name) if there else 'NULL'} AS {_SQL[name]}) AS {_quoted(name)}"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return "STRUCT(" + ", ".join(f'"{field.name}" {_sql_type(field.type)}' for field in kind) + ")"
    if pa.types.is_integer(kind):
        return "INTEGER" if kind == pa.int32() else "BIGINT"
    return {"double": "DOUBLE", "bool": "BOOLEAN"}.get(str(kind), "VARCHAR")


_SQL: Final = {name: _sql_type(EXCHANGES.field(name).type) for name in EXCHANGES.names}


def _accounts(paths: Iterable[Path]) -> Iterator[pa.Array]:
    """Read the accounts as they are coded: to write each name out anew would take three times as long."""
    for path in paths:
        with pq.ParquetFile(path, read_dictionary=["account"]) as file:
            for batch in file.iter_batches(_BATCH, columns=["account"]):
                yield batch.column(0)


def biggest_account(paths: Sequence[Path]) -> tuple[str, float] | None:
    """Find the account that has more than half of all exchanges, and its share; None when there is none.

    Whoever has more than half of all has more than half of some batch, and then hardly ever less than a third of a
    sample of it (200 rows: less than once in a million batches). Only such accounts are counted.
    """
    candidates: set[str] = set()
    total = 0
    chance = np.random.default_rng(0)
    for column in _accounts(paths):
        total += len(column)
        sample = column
        if len(column) > _SAMPLE:
            sample = sample.take(pa.array(chance.integers(0, len(column), _SAMPLE)))
        for account, count in Counter(sample.to_pylist()).most_common(1):
            if 3 * count > len(sample):
                candidates.add(account)
    if not candidates:
        return None
    counts = dict.fromkeys(sorted(candidates), 0)
    for batch in batches(paths, ["account"], rows=_BATCH):
        for account in counts:
            counts[account] += int(pc.sum(pc.equal(batch.column(0), account)).as_py() or 0)
    account, most = max(counts.items(), key=lambda item: item[1])
    return (account, most / total) if 2 * most > total else None
