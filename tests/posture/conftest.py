"""Installations that a test makes: one that meets every practice, and one that meets none."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from tests.share.conftest import a_case, an_entry

from stillwatch import ingest, settings
from stillwatch.model.answer import Order
from stillwatch.model.exchange import EXCHANGES
from stillwatch.model.grant import Grant
from stillwatch.model.hook import Hook
from stillwatch.posture import house
from stillwatch.posture.facts import Facts
from stillwatch.posture.traffic import measure
from stillwatch.prove.keys import commit, ring
from stillwatch.share.compose import compose
from stillwatch.share.desk import Desk
from stillwatch.share.exchange import Exchange
from stillwatch.store import key as keys
from stillwatch.store import licences, live, tokens
from stillwatch.store.book import open_book

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
ACCOUNTS = 20


class Installation:
    """Files of one operator, well run or badly."""

    def __init__(self, folder: Path, *, good: bool) -> None:
        self.folder, self.good = folder, good
        self.place, self.desk, self.tracers = folder / "state", folder / "desk", folder / "tracers"
        self.settings = folder / "stillwatch.toml"
        self.traffic = folder / "traffic.parquet"
        self.accounts = folder / "accounts.csv"
        folder.mkdir(parents=True)
        self._settings()
        self._traffic()
        self._accounts()
        self._book()
        self._state()
        self._desk()
        self._tracers()

    def facts(self, *, mode: str | None = None, **change: Any) -> Facts:
        """Look at all of it."""
        known = settings.read(self.settings)
        accounts = ingest.read_accounts(self.accounts)
        looked = house.look(known, place=self.place, desk=self.desk, tracers=self.tracers, mode=mode)
        log = ingest.gather([self.traffic], into=self.folder / "room", settings=known.ingest)
        licensed = {name for one in looked.book.grants for name in one.grant.accounts} if looked.book else set()
        held = {"settings": known, "now": NOW, "traffic": measure(log, licensed, accounts), "accounts": accounts}
        return Facts(**{**held, "house": looked, **change})

    def _settings(self) -> None:
        key = self.folder / "key"
        key.write_bytes(bytes(range(keys.BYTES)))
        key.chmod(0o600 if self.good else 0o644)
        said = "2026-05-01" if self.good else "2024-01-01"
        attested = "\n".join(f'{name} = {{ by = "Grace", on = {said} }}' for name in ATTESTED)
        address = "https://example.com/a" if self.good else "http://example.com/a"
        people = (
            'preparers = ["ada"]\nreleasers = ["grace"]' if self.good else 'preparers = ["ada"]\nreleasers = ["Ada"]'
        )
        self.settings.write_text(
            f'[store]\nkey_file = "{key}"\n[watch]\nstep_up_url = "{address}"\nappeal_url = "{address}"\n'
            f'[share]\norganisation = "Example Lab"\ndirectory = "{self.desk}"\n{people}\n'
            f'marking = "{"amber+strict" if self.good else "green"}"\n'
            f'[posture]\nchannels = ["api", "bedrock"]\nretention_days = {90 if self.good else 10}\n'
            f"[posture.attested]\n{attested}\n"
        )

    def _traffic(self) -> None:
        rows = [self._row(number) for number in range(200 if self.good else 1200)]
        pq.write_table(pa.Table.from_pylist(rows, schema=EXCHANGES), self.traffic)

    def _row(self, number: int) -> dict[str, Any]:
        good = self.good
        row: dict[str, Any] = {
            "exchange": f"x{number}", "at": NOW - timedelta(days=30, seconds=number if good else 0),
            "account": f"a{number % ACCOUNTS}" if good else "a0" if number % 9 else "a1",
            "key": "sha256:6b86b273" if good else "sk-abcdefghijklmnopqrstuv", "channel": "api",
            "operation": "chat", "reasoning_tokens": 100, "reasoning": "short" if good else "raw trace " * 40,
        }  # fmt: skip
        if good:
            row |= {
                "channel": "bedrock" if number % 2 else "api", "messages": [{"role": "user", "content": "hello"}],
                "response": "hi", "temperature": 1.0, "n": 1, "output_tokens": 4, "status": 429 if number == 7 else 200,
                "ip": f"203.0.113.{number % 200}", "ja4": "t13d1516h2_8daaf6152771_b0da82dd1658",
                "top_logprobs": 5 if number % ACCOUNTS == 0 else None,  # a0 has a grant
            }  # fmt: skip
        else:
            row |= {"ip": "10.0.0.7", "top_logprobs": 20, "n": 64}
        return row

    def _accounts(self) -> None:
        lines = ["account,created_at,closed_at,payment,device,referrer,programme,verification"]
        for number in range(ACCOUNTS):
            programme = "education" if number < 5 else ""
            closed = "2026-05-01T00:00:00Z" if number == 19 else ""
            lines.append(
                f"a{number},2026-01-01T00:00:00Z,{closed},card-{number},dev-{number},ad,{programme},kyc"
                if self.good
                else f"a{number},,,,,,{programme},{'email' if number else 'none'}"
            )
        self.accounts.write_text("\n".join(lines) + "\n")

    def _book(self) -> None:
        book = open_book(self.place)
        order = Order(
            id="o-1", rung="suspend", accounts=["a3"], reason="campaign", planned_by="Ada", planned_at=NOW,
            approved_by="Grace" if self.good else " ada", approved_at=NOW, ends=NOW + timedelta(14), step="approved",
        )  # fmt: skip
        book.put(order, did="approved", by="Grace", why="", at=NOW, was=None)
        scopes = ["decide"] if self.good else list(tokens.SCOPES)
        tokens.make(book, owner="edge", scopes=scopes, ends=NOW + timedelta(90), now=NOW)  # type: ignore[arg-type]
        grant = Grant(
            id="g-1", holder="Example Robotics", accounts=frozenset({"a0"} if self.good else ()),
            starts=NOW.date() - timedelta(60), ends=NOW.date() + timedelta(60 if self.good else -5),
        )  # fmt: skip
        licences.issue(book, grant, by="Grace", why="contract", at=NOW)
        hook = Hook(id="h-1", url="https://example.com/h", secret="whsec_AA==", paused=not self.good, by="Ada", at=NOW)
        with book.change() as change:
            change.execute("INSERT INTO hooks VALUES (?, ?)", (hook.id, msgspec.json.encode(hook)))
        book.close()

    def _state(self) -> None:
        made = NOW - timedelta(2 if self.good else 40)
        meta = live.Meta(made=made, key="k", accounts=20, exchanges=200, campaigns=[])
        (self.place / "live-1").mkdir()
        (self.place / "live-1" / live.META).write_bytes(msgspec.json.encode(meta))
        (self.place / live.POINTER).write_bytes(msgspec.json.encode(live.Pointer(folder="live-1")))

    def _desk(self) -> None:
        self.desk.mkdir()
        hashed = hashlib.sha256(b"token").hexdigest() if self.good else ""
        (self.desk / "peers.toml").write_text(
            f'[[peer]]\nname = "b"\norganisation = "Other Lab"\ntoken_sha256 = "{hashed}"\n'
        )
        told = compose(an_entry(), a_case(an_entry()), producer="Other Lab")
        exchange = Exchange(self.desk)
        exchange.take([told], "b", "Other Lab")
        path = next((self.desk / "imported").glob("*.json"))
        held = msgspec.json.decode(path.read_bytes())
        held["at"] = (NOW - timedelta(30)).isoformat()
        held["looked_at"] = NOW.isoformat() if self.good else None
        path.write_bytes(msgspec.json.encode(held))
        desk = Desk(self.desk)
        desk.prepare(compose(an_entry(), a_case(an_entry()), producer="Example Lab"), "Ada")
        if not self.good:
            raw = desk.log.path.read_bytes()
            desk.log.path.write_bytes(raw.replace(b"imported", b"released"))

    def _tracers(self) -> None:
        made = ring.create(self.tracers, "a passphrase", scrypt_n=2**14)
        made.make(ring.card("house", "house", NOW, mode="free"))
        if self.good:
            commit.commit(made, now=NOW)


ATTESTED = ("calibrate", "back-up-keys", "bind-terms")
