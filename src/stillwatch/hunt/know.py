"""Know: number the accounts, take in what the operator knows of them, and find the owners behind them.

Accounts are numbered by a hash of their name, and owners by their first account: the numbers say nothing
about time, size or order, so a test that goes through them in order cannot profit from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.engine.scratch import Scratch
from stillwatch.kit.arrow import numbers, texts
from stillwatch.kit.codes import Codes
from stillwatch.kit.hashes import hash_column
from stillwatch.link._owners import Declared, find_owners
from stillwatch.model import mail
from stillwatch.model.crowd import Crowd, Facts


def number_accounts(scratch: Scratch) -> tuple[npt.NDArray[np.uint64], Codes]:
    """Collect the account hashes of the traffic, ascending, with the table that numbers them."""
    seen = Codes(1 << 14)
    for _, piece in scratch.pieces("account"):
        seen.encode(piece["account"])
    hashes = np.sort(seen.keys())
    codes = Codes(len(hashes))
    codes.encode(hashes)
    return hashes, codes


def name_accounts(files: Sequence[Path], hashes: npt.NDArray[np.uint64], codes: Codes) -> list[str]:
    """Read the account names again and give each its place; only the dictionaries of the column are looked at."""
    names = [""] * len(hashes)
    named = np.zeros(len(hashes), np.bool_)
    for file in files:
        if named.all():
            break
        with pq.ParquetFile(file, read_dictionary=["account"]) as opened:
            for batch in opened.iter_batches(1 << 16, columns=["account"]):
                column = batch.column(0)
                values = column.dictionary if pa.types.is_dictionary(column.type) else pc.unique(column)
                found = codes.lookup(hash_column(values))
                fresh = np.flatnonzero(found >= 0)
                fresh = fresh[~named[found[fresh]]]
                for number, name in zip(found[fresh].tolist(), values.take(pa.array(fresh)).to_pylist(), strict=True):
                    names[number] = name
                named[found[fresh]] = True
                if named.all():
                    break
    return names


def take_facts(table: pa.Table | None, codes: Codes, count: int) -> Facts:
    """Bring the accounts table into the order of the account numbers; accounts without traffic are left out."""
    place = np.zeros(0, np.int64)
    rows = np.zeros(0, np.int64)
    columns: set[str] = set()
    if table is not None:
        found = codes.lookup(hash_column(table.column("account")))
        rows = np.flatnonzero(found >= 0)
        place = found[rows].astype(np.int64)
        columns = {name for name in table.column_names if table.column(name).null_count < len(table)}

    def hashed(name: str) -> npt.NDArray[np.uint64]:
        out = np.zeros(count, np.uint64)
        if table is not None and name in columns:
            out[place] = hash_column(pc.utf8_trim_whitespace(table.column(name).cast(pa.string())))[rows]
        return out

    def when(name: str) -> npt.NDArray[np.int64]:
        out = np.zeros(count, np.int64)
        if table is not None and name in columns:
            out[place] = numbers(table.column(name), np.int64, 0)[rows]
        return out

    domain, kind = np.zeros(count, np.uint64), np.zeros(count, np.uint8)
    if table is not None and "email" in columns:
        domains, kinds = _mail(table.column("email"))
        domain[place], kind[place] = domains[rows], kinds[rows]
    verification = np.zeros(count, np.uint8)
    if table is not None and "verification" in columns:
        ranks = {"none": 1, "email": 2, "phone": 3, "card": 4, "kyc": 5}
        given = table.column("verification").combine_chunks().dictionary_encode()
        known = np.array([ranks.get(str(g).lower(), 0) for g in given.dictionary.to_pylist()] + [0], np.uint8)
        verification[place] = known[pc.fill_null(given.indices, -1).to_numpy(zero_copy_only=False)[rows]]
    return Facts(
        created_at=when("created_at"), closed_at=when("closed_at"), payment=hashed("payment"),
        payment_bin=hashed("payment_bin"), device=hashed("device"), referrer=hashed("referrer"),
        phone=hashed("phone"), mail_domain=domain, mail_kind=kind, organisation=hashed("organisation"),
        programme=hashed("programme"), verification=verification, plan=hashed("plan"),
        columns=frozenset(columns - {"billing_country"}),
    )  # fmt: skip


def _mail(column: Any) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string())))
    domains = pc.replace_substring_regex(lower, r"^.*@", "").combine_chunks()
    coded = domains.dictionary_encode()
    kinds = np.array([mail.kind(d.as_py()) for d in coded.dictionary] or [mail.NONE], np.uint8)
    indices = pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)
    there = domains.is_valid().to_numpy(zero_copy_only=False) & (np.diff(texts(domains).offsets) > 0)
    return hash_column(domains) * there, np.where(there, kinds[indices], mail.NONE).astype(np.uint8)


def count_traffic(scratch: Scratch, codes: Codes, count: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Count the exchanges of each account, with the first and the last time; write the column `who`, its number."""
    scratch.begin("who", "int32")
    exchanges = np.zeros(count, np.int64)
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    for start, piece in scratch.pieces("account", "at"):
        account = codes.lookup(piece["account"])
        scratch.fill("who", start, account)
        exchanges += np.bincount(account, minlength=count)
        np.minimum.at(first, account, piece["at"])
        np.maximum.at(last, account, piece["at"])
    return exchanges, first, last


def meet(scratch: Scratch, files: Sequence[Path], table: pa.Table | None, declared: Sequence[Declared]) -> Crowd:
    """Do all of this: the crowd of a log."""
    hashes, codes = number_accounts(scratch)
    names = name_accounts(files, hashes, codes)
    facts = take_facts(table, codes, len(hashes))
    owners = find_owners(facts, declared, {name: i for i, name in enumerate(names)})
    exchanges, first, last = count_traffic(scratch, codes, len(hashes))
    return Crowd(
        accounts=names, exchanges=exchanges, first=first, last=last, facts=facts, owner=owners.owner,
        declared=owners.declared, reasons=owners.reasons,
    )  # fmt: skip
