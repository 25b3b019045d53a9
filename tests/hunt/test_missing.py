"""What cannot be seen is said, with what it costs."""

from __future__ import annotations

import pyarrow as pa

from stillwatch import rooms
from stillwatch.hunt.missing import ELSE, missing, sentences
from stillwatch.hunt.read import Declared
from stillwatch.model.account import ACCOUNTS
from stillwatch.model.exchange import EXCHANGES


def test_every_column_that_a_view_needs_is_told_where_it_is_missing() -> None:
    needed = {column for view in rooms.members("link").values() for column in view.NEEDS} | set(ELSE)
    told = missing((), (), no_content=False)
    assert {one.column for one in told} == needed
    assert needed <= {*EXCHANGES.names, *ACCOUNTS.names}
    assert all(one.lost for one in told)


def test_a_view_that_has_some_of_its_columns_sees_less_and_one_that_has_none_sees_nothing() -> None:
    lost = {one.column: one.lost for one in missing(EXCHANGES.names, ["device"], no_content=False)}
    assert "sees less" in lost["created_at"]
    assert "sees nothing" in lost["payment"]


def test_nothing_is_missing_where_everything_is_there() -> None:
    assert missing(EXCHANGES.names, ACCOUNTS.names, no_content=False) == []


def test_why_a_column_is_missing_is_told() -> None:
    lost = {one.column: one.lost for one in missing(EXCHANGES.names, None, no_content=True)}
    assert lost["messages"].startswith("closed by --no-content: ")
    assert lost["payment"].startswith("no --accounts file: ")


def test_columns_that_cost_the_same_are_named_in_one_sentence() -> None:
    told = missing(EXCHANGES.names, ["payment"], no_content=False)
    said = sentences(told)
    assert len(said) < len(told)
    assert all(sum(f"`{one.column}`" in sentence for sentence in said) == 1 for one in told)


def test_accounts_that_were_let_go_still_tell_which_columns_held_anything() -> None:
    table = pa.table({"account": ["a", "b"], "device": [None, "d"], "phone": pa.nulls(2, pa.string())})
    for accounts in (table, table.slice(0, 0), None):
        declared = Declared(accounts=accounts, grants=(), known=(), previous=None)
        spent = declared.spent()
        assert spent.columns == declared.columns
        assert spent.accounts is None or len(spent.accounts) == 1
