"""Cutting a stream into records: the same records however it is read, split or laid out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.ingest import _records
from stillwatch.ingest._records import Block, PassedOver

LINES = st.lists(st.binary(max_size=30).map(lambda line: line.translate(None, b"\n\xef")), max_size=20)


def pieces(data: bytes, size: int, start: int = 0) -> Iterator[bytes]:
    return (data[place : place + size] for place in range(start, len(data), size))


def read(stream: Iterator[bytes], **how: int) -> list[tuple[int, bytes]]:
    found = []
    for block in _records.cut(stream, **{"limit": 1 << 20, **how}):
        assert isinstance(block, Block)
        assert b"".join(bytes(buffer) for buffer in block.buffers()).split(b"\n")
        found += block.one_by_one()
    return found


@given(lines=LINES, size=st.integers(1, 50), last=st.booleans())
def test_lines_are_the_same_whatever_the_pieces(lines: list[bytes], size: int, last: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if last else b"")
    expected = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line and not line.isspace()]
    assert read(pieces(data, size)) == expected


@given(lines=LINES, size=st.integers(1, 50), edges=st.lists(st.integers(0, 400), max_size=4), last=st.booleans())
def test_stretches_of_a_file_have_each_line_once(lines: list[bytes], size: int, edges: list[int], last: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if last else b"")
    marks = sorted({0, len(data), *(edge for edge in edges if edge < len(data))})
    found: list[bytes] = []
    for begin, end in itertools.pairwise(marks):
        stream = pieces(data, size, max(begin - 1, 0))
        found += [line for _, line in read(stream, counted=False, begin=begin, end=end)]
    assert found == [line for line in data.split(b"\n") if line and not line.isspace()]


@given(lines=LINES, size=st.integers(1, 50))
def test_the_offset_of_a_block_tells_its_line(lines: list[bytes], size: int) -> None:
    data = b"\n".join(lines) + b"\n"
    for block in _records.cut(pieces(data, size), limit=1 << 20, counted=False):
        assert isinstance(block, Block)
        assert data[block.offset :].startswith(b"".join(bytes(buffer) for buffer in block.buffers()))


@given(
    values=st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3), max_size=8), data=st.data()
)
def test_records_spread_over_lines_are_found_whatever_the_pieces(
    values: list[dict[str, str]], data: st.DataObject
) -> None:
    indent = data.draw(st.sampled_from([None, 1]))
    texts = [json.dumps(values, indent=indent), "\n".join(json.dumps(value, indent=1) for value in values)]
    for text in texts:
        stream = pieces(text.encode(), data.draw(st.integers(1, 40)))
        found = list(_records.cut(stream, limit=1 << 20, spread=True))
        records = [json.loads(raw) for block in found if isinstance(block, Block) for _, raw in block.one_by_one()]
        assert records == values
        assert not any(isinstance(block, PassedOver) for block in found)


def test_a_line_above_the_limit_is_passed_over_and_not_held() -> None:
    held = 0

    def stream() -> Iterator[bytes]:
        nonlocal held
        yield b"first\n"
        for _ in range(1000):
            held += 1
            yield b"x" * 1000
        yield b"\nlast\n"

    found = list(_records.cut(stream(), limit=5000))
    assert [type(one) for one in found] == [Block, PassedOver, Block]
    assert held == 1000
    passed = found[1]
    assert isinstance(passed, PassedOver)
    assert (passed.line, len(passed.head)) == (2, 4096)
    assert isinstance(found[2], Block)
    assert found[2].one_by_one() == [(3, b"last")]


def test_a_spread_record_that_never_ends_costs_itself_alone() -> None:
    data = b'{\n "a": [' + b"1,\n" * 4000 + b'\n{"b": 1}\n'
    found = list(_records.cut(pieces(data, 500), limit=5000, spread=True))
    assert any(isinstance(one, PassedOver) for one in found)
    records = [raw for one in found if isinstance(one, Block) for _, raw in one.one_by_one()]
    assert records == [b'{"b": 1}']
