"""Deliver: answers that the proxy did not deliver, taken from a log, onto the record of a grant.

Where another gateway serves, its log tells what a licensed distiller was given. Each exchange goes through the code
that meters live: the grant's accounts, dates, models, families and cap decide, by the instant of the exchange. One
that is on record already is passed over, so that a log may be read twice and a killed run begun again. The leaf is
the hash of the answer's text as the log has it; some gateways log a streamed answer otherwise than they delivered it,
and then the receipt does not cover what the holder has.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa

from stillwatch.errors import BookError
from stillwatch.ingest import Gathered
from stillwatch.kit.merkle import leaf_hash
from stillwatch.model.answer import Asked
from stillwatch.settings import Watch as WatchSettings
from stillwatch.store.book import Book
from stillwatch.store.key import Key
from stillwatch.store.licences import Delivered, deliver, grants, leaves, used
from stillwatch.store.live import State
from stillwatch.watch.live import Watch
from stillwatch.watch.standing import laid_out

BATCH: Final = 500
WRITER: Final = "log"
COLUMNS: Final = ("exchange", "at", "account", "model", "system", "messages", "response", "status")


class FromLog(msgspec.Struct, kw_only=True, frozen=True):
    """What came of a log.

    Attributes:
        exchanges: those of the grant's accounts in the log.
        delivered: put on record now; `known` were there already.
        outside: answered, and not covered: another model or family, outside the dates, or beyond the cap.
        unanswered: failed, or without an answer's text.
    """

    schema: int = 1
    grant: str
    exchanges: int
    delivered: int
    known: int
    outside: int
    unanswered: int


def from_log(book: Book, name: str, traffic: Gathered, *, state: State | None, key: Key) -> FromLog:
    """Put the answers of a log that a grant covers on record.

    Raises:
        BookError: when there is no such grant, it is revoked, or the book cannot be written.
    """
    issued = next((one for one in grants(book) if one.grant.id == name), None)
    if issued is None or issued.revoked_at is not None:
        what = f"no grant is called `{name}`" if issued is None else f"grant `{name}` is revoked"
        raise BookError(what, hint="`stillwatch grant list` names them")
    now = 0.0
    stands = laid_out([], [], [issued], used(book))
    watch = Watch(key, state, stands, WatchSettings(), enforce=True, clock=lambda: now)
    there = {exchange for exchange, _ in leaves(book, name)}
    counts = dict.fromkeys(("exchanges", "delivered", "known", "outside", "unanswered"), 0)
    waiting: list[Delivered] = []
    for row in _rows(traffic, sorted(issued.grant.accounts)):
        counts["exchanges"] += 1
        now = row["at"].replace(tzinfo=UTC).timestamp()
        text = row["response"] or ""
        body = {"model": row["model"], "system": row["system"] or "", "messages": row["messages"] or []}
        if row["exchange"] in there:
            counts["known"] += 1
        elif not text or not (row["status"] is None or 200 <= row["status"] < 300):
            counts["unanswered"] += 1
        elif watch.covering(Asked(account=row["account"], model=row["model"] or "", body=body)) is None:
            counts["outside"] += 1
        else:
            counts["delivered"] += 1
            watch.used[name] += 1
            there.add(row["exchange"])
            waiting.append(Delivered(grant=name, exchange=row["exchange"], leaf=leaf_hash(text.encode())))
            if len(waiting) >= BATCH:
                deliver(book, WRITER, waiting)
                waiting = []
    deliver(book, WRITER, waiting)
    return FromLog(grant=name, **counts)


def _rows(traffic: Gathered, accounts: list[str]) -> Any:
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        base.register("holders", pa.table({"account": pa.array(accounts, pa.string())}))
        statement = f"SELECT * FROM ({traffic.select(COLUMNS)}) SEMI JOIN holders USING (account)"  # noqa: S608
        reader = base.execute(f'{statement} ORDER BY "at", exchange')
        names = [str(column[0]) for column in reader.description or ()]
        while rows := reader.fetchmany(BATCH):
            yield from (dict(zip(names, row, strict=True)) for row in rows)
