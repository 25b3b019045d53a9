"""Shared: what replicas tell one another through Redis, beside the traffic and never in its way.

Every `[shared] every_ms` one pipeline pushes what this replica heard and fetches what others did; orders, grants, the
allowlist, tokens and uses of grants are told when they change. Each replica decides from its own memory and its own
book. A Redis that is lost changes nothing for a request: the replica goes on with what it knows, keeps what it could
not tell, and tells it when Redis is back, also to one that forgot everything. All of it is sealed (`store.seal`).

In Redis: `…:heard` a stream of batches; `…:book` and `…:uses` hashes of items; `…:turn` counts their changes; `…:here`
who is here. Source: redis.io/docs, "Streams", "Pipelining".
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from typing import Any, Final

import msgspec

from stillwatch.errors import StillwatchError, UsageError
from stillwatch.settings import Shared as SharedSettings
from stillwatch.store import replica
from stillwatch.store.book import Book
from stillwatch.store.key import Key
from stillwatch.store.replica import Item, Use
from stillwatch.store.seal import Seal
from stillwatch.watch.heard import Batch, Heard, Once
from stillwatch.watch.live import Watch

VARIABLE: Final = "STILLWATCH_REDIS"
STREAM_KEPT: Final = 20_000
"""Entries that the stream keeps, about; a replica that starts anew counts them all."""
BATCHES: Final = 32
"""Batches sent in one turn."""
READ: Final = 256
"""Entries read in one turn."""
HERE_S: Final = 10
RANK: Final = 26
PUT: Final = f"""
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and string.sub(old, 1, {RANK}) >= string.sub(ARGV[2], 1, {RANK}) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
return 1
"""
"""Put an item where there is none that went further."""


class Shared:
    """The link of one replica to the others."""

    def __init__(
        self, address: str, settings: SharedSettings, *, key: Key, book: Book, watch: Watch, writer: str
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.connected = False
        self.replicas = 1
        self.heard = Heard(writer)
        self.once = Once()
        self._settings = settings
        self._seal = Seal(key)
        self._book = book
        self._watch = watch
        self._root = f"{{stillwatch:{self._seal.field('root').decode()[:8]}}}"
        self._redis = _client(address, settings, self._connected)
        self._forget()

    def _key(self, name: str) -> str:
        return f"{self._root}:{name}"

    def _forget(self) -> None:
        """Assume that Redis holds nothing of ours."""
        self._cursor = "0"
        self._line = 0
        self._told: dict[bytes, int] = {}
        self._turns: dict[bytes, bytes] = {}
        self._here = 0.0
        self.heard.again()

    def _connected(self) -> None:
        self.counts["connections"] += 1
        self._forget()

    async def run(self) -> None:
        """Take turns until cancelled; the last one tells what is left."""
        try:
            while True:
                good = await self.attempt()
                await asyncio.sleep(self._settings.every_ms / 1000 if good else 0.5)
        except asyncio.CancelledError:
            await self.attempt()
            await self.close()
            raise

    async def attempt(self) -> bool:
        """Take a turn; tells whether Redis was there. Never raises for what goes wrong with it."""
        from redis.exceptions import RedisError

        try:
            await self.turn()
        except (RedisError, OSError, TimeoutError, StillwatchError) as trouble:
            self._lost(trouble)
            return False
        if not self.connected:
            print("stillwatch: Redis is there: replicas share what they see", file=sys.stderr)
        self.connected = True
        self._watch.share = 1.0
        return True

    def _lost(self, trouble: Exception) -> None:
        self.counts["failures"] += 1
        self.heard.gather(self._watch.content)
        if self.connected or self.counts["failures"] == 1:
            print(f"stillwatch: Redis is lost, and this replica goes on with what it knows: {trouble}", file=sys.stderr)
        self.connected = False
        self._watch.share = 1.0 / self.replicas  # of the rate of slowed accounts; only where that fails closed

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()

    # -- one turn

    async def turn(self) -> None:
        """Push what is new here, and take in what is new elsewhere.

        Raises:
            redis.exceptions.RedisError: when Redis does not answer.
            BookError: when the book cannot be read or written.
        """
        self.heard.gather(self._watch.content)
        batches, connection = self.heard.unsent(BATCHES), self.counts["connections"]
        news, uses = await asyncio.to_thread(self._look)
        pipe = self._redis.pipeline(transaction=False)
        for batch in batches:
            sealed = self._seal.close(msgspec.msgpack.encode(batch), b"heard")
            pipe.xadd(self._key("heard"), {"b": sealed}, maxlen=STREAM_KEPT, approximate=True)
        self._put(pipe, news.items, uses)
        self._be_here(pipe)
        pipe.hsetnx(self._key("turn"), "life", self.heard.writer)
        pipe.hgetall(self._key("turn"))
        pipe.xread({self._key("heard"): self._cursor}, count=READ)
        told = await pipe.execute()
        self.counts["pushed"] += len(batches)
        if self.counts["connections"] != connection:  # what Redis holds is not known: all is told again
            return
        if self._turns and told[-2].get(b"life") != self._turns.get(b"life"):  # it was emptied under us
            self._forget()
            return
        self.heard.sent(batches)
        self._line = news.last
        self._told = {self._seal.field(use.grant, use.writer): use.exchanges for use in uses}
        await self._take_turns(told[-2])
        await self._take_entries(told[-1])

    def _look(self) -> tuple[replica.Changed, list[Use]]:
        return replica.changed(self._book, self._line), replica.uses(self._book)

    def _put(self, pipe: Any, items: list[Item], uses: list[Use]) -> None:
        for item in items:
            field, rank = self._seal.field(item.kind, item.name), item.rank.encode()
            value = rank + self._seal.close(msgspec.msgpack.encode(item), field + rank)
            pipe.eval(PUT, 2, self._key("book"), self._key("turn"), field, value, "book")
        for use in uses:
            field, rank = self._seal.field(use.grant, use.writer), f"{use.exchanges:0{RANK}d}".encode()
            if self._told.get(field) != use.exchanges:
                value = rank + self._seal.close(msgspec.msgpack.encode(use), field + rank)
                pipe.eval(PUT, 2, self._key("uses"), self._key("turn"), field, value, "uses")

    def _be_here(self, pipe: Any) -> None:
        now = time.time()
        if abs(now - self._here) >= HERE_S / 5:
            self._here = now
            pipe.zadd(self._key("here"), {self.heard.writer: now})
            pipe.zremrangebyscore(self._key("here"), "-inf", now - HERE_S)

    async def _take_turns(self, turns: dict[bytes, bytes]) -> None:
        if turns.get(b"book") != self._turns.get(b"book"):
            items = [item for raw in await self._opened("book") if (item := self._item(raw)) is not None]
            self.counts["adopted"] += await asyncio.to_thread(replica.adopt, self._book, items)
        if turns.get(b"uses") != self._turns.get(b"uses"):
            used = [msgspec.msgpack.decode(raw, type=Use) for raw in await self._opened("uses")]
            await asyncio.to_thread(replica.take_uses, self._book, used)
        self._turns = turns
        self.replicas = max(int(await self._redis.zcard(self._key("here"))), 1)

    def _item(self, raw: bytes) -> Item | None:
        """Read an item; one of a kind that a later version tells is counted and left alone."""
        try:
            return msgspec.msgpack.decode(raw, type=Item)
        except msgspec.ValidationError:
            self.counts["unread"] += 1
            return None

    async def _opened(self, name: str) -> list[bytes]:
        """Fetch a hash; what was not sealed under our key is counted and left alone."""
        found = []
        for field, value in (await self._redis.hgetall(self._key(name))).items():
            plain = self._seal.open(value[RANK:], field + value[:RANK])
            if plain is None:
                self.counts["forged"] += 1
            else:
                found.append(plain)
        return found

    async def _take_entries(self, streams: Any) -> None:
        for entries in dict(streams or {}).values():
            batches = []
            for name, fields in entries:
                self._cursor = name.decode()
                plain = self._seal.open(fields.get(b"b", b""), b"heard")
                if plain is None:
                    self.counts["forged"] += 1
                else:
                    batches.append(msgspec.msgpack.decode(plain, type=Batch))
            others = [batch for batch in batches if batch.writer != self.heard.writer]
            for batch in self.once.new(others):
                self._watch.hear(batch)
                self.counts["applied"] += 1
                await asyncio.sleep(0)  # requests come first


def address(settings: SharedSettings) -> str:
    """Tell where Redis is; empty for nowhere."""
    return settings.redis or os.environ.get(VARIABLE, "")


def _client(address: str, settings: SharedSettings, connected: Any) -> Any:
    """Open a client that neither retries nor waits for long, and tells of each new connection.

    Raises:
        UsageError: when redis-py is not installed, or the address is none.
    """
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise UsageError("replicas share through Redis, and redis-py is missing", hint="stillwatch[redis]") from None

    async def begin(connection: Any) -> None:
        await connection.on_connect()
        connected()

    timeout = settings.timeout_ms / 1000
    try:
        return Redis.from_url(
            address, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0),
            redis_connect_func=begin, max_connections=1, protocol=2,
        )  # fmt: skip
    except ValueError as trouble:
        raise UsageError(
            f"`{address.rpartition('@')[2]}` is no address of Redis: {trouble}", hint="redis://HOST:6379/0"
        ) from None
