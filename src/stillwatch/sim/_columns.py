"""Columns: a chunk of planned exchanges as canonical Arrow columns.

What varies little (models, clients, system prompts) stays dictionary-coded on its way to Parquet, where it is
read back as plain strings; readers see the canonical schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.model.exchange import EXCHANGES
from stillwatch.sim import _render as render
from stillwatch.sim._expand import texts
from stillwatch.sim._grammar import Grammar
from stillwatch.sim._keys import Keys, below, join, key, unit
from stillwatch.sim._network import Network, addresses
from stillwatch.sim._people import CHANNELS, People, hexed
from stillwatch.sim._plan import Plan, Stream
from stillwatch.sim._scenes import (
    ARGS,
    NAME,
    REASON,
    SYSTEM,
    SYSTEM_ITEM,
    SYSTEM_WHO,
    Scene,
    SceneTable,
    compile_scenes,
)

FINISH: Final = ("stop", "tool_calls", "refusal", "length")
_CLOUD_AGENT: Final = {1: "cloud", 2: "cloud", 3: "cloud"}


def _salt(name: str) -> np.uint64:
    return key("column", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A model that is released while the world runs."""

    tier: str
    at: int  # ms since the start of the world


class Columns:
    """Everything that turns planned rows into columns; shared by all threads and never changed by them."""

    def __init__(
        self,
        *,
        seed: int,
        start_ms: int,
        grammar: Grammar,
        scenes: list[Scene],
        streams: list[Stream],
        people: People,
        network: Network,
        clients: tuple[Sequence[str], Sequence[str]],
        release: Release | None,
        lean: bool,
    ) -> None:
        self.seed, self.start_ms, self.grammar, self.people, self.release = (
            seed,
            start_ms,
            grammar,
            people,
            release,
        )
        self.scenes, self.streams, self.lean = scenes, streams, lean
        self.table: SceneTable = compile_scenes(scenes, grammar)
        self.rules, self.homes = network.table()
        self.agents, self.agent_codes = _distinct(clients[0])
        self.ja4s, self.ja4_codes = _distinct(clients[1])
        self.names = people.names()
        self.salt = key("world", seed)
        self._account_keys = join(np.arange(len(people), dtype=np.uint64), key("egress", seed))
        self.tiers = [f"demo-{t}" for t in ("large", "mini", "reason")] + [
            f"demo-{t}-2" for t in ("large", "mini", "reason")
        ]
        tier_code = {"large": 0, "mini": 1, "reason": 2}
        self.scene_tier = np.array([tier_code[s.tier] for s in scenes], np.int64)
        self.operations, self.scene_operation = _distinct([s.operation for s in scenes])
        self.efforts, self._effort = _options([s.effort for s in scenes])
        self._temperature = _numbers([s.temperature for s in scenes])
        self._top_p = _numbers([s.top_p for s in scenes])
        self._limit = _numbers([s.limit for s in scenes])
        self.toolsets: list[tuple[str, ...]] = [()]
        self._tools = self._toolset_codes()
        self.scene_n = np.array([s.n for s in scenes], np.int64)
        self.scene_logprobs = np.array([s.logprobs for s in scenes], np.int64)
        self.shares = {
            name: np.array([getattr(s, name) for s in scenes]) for name in ("streams", "session", "users", "doubling")
        }
        self.stream_users = np.array([s.users for s in streams], np.int64)
        self.stream_sends = np.array([s.send_users for s in streams])
        self.stream_channel = np.array([s.channel for s in streams], np.int64)

    def _toolset_codes(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        first, many = [], []
        for scene in self.scenes:
            first.append(len(self.toolsets) if scene.toolset else 0)
            many.append(len(scene.toolset))
            self.toolsets += scene.toolset
        return np.array(first, np.int64), np.array(many, np.int64)

    def build(self, plan: Plan, bench: render.Bench) -> dict[str, pa.Array]:
        """Write the columns of a chunk; dictionary-coded where that is smaller."""
        n = len(plan.at)
        scene = plan.scene.astype(np.int64)
        answered = plan.status < 300
        doubled = answered & (unit(plan.conversation, _salt("doubled")) < self.shares["doubling"][scene])
        rows = render.Rows(
            scene=scene,
            conversation=plan.conversation,
            item=plan.item,
            who=plan.who,
            frame=np.ascontiguousarray(plan.frame),
            aux=plan.aux,
            turn=plan.turn.astype(np.int64),
            turns=plan.turns.astype(np.int64),
            answered=answered,
            doubled=doubled,
        )
        out: dict[str, pa.Array] = {
            "exchange": hexed("x", exchange_keys(self.salt, plan.conversation, plan.turn, plan.attempt)),
            "at": pa.array(plan.at + self.start_ms, pa.int64()).cast(EXCHANGES.field("at").type),
            "account": _coded(plan.account, self.names),
        }
        self._asked(out, rows, bench)
        self._answered(out, rows, bench, n)
        self._sent(out, plan, rows)
        self._origin(out, plan, n)
        out["status"] = pa.array(plan.status.astype(np.int32))
        return {name: out[name] for name in EXCHANGES.names if name in out}

    def _asked(self, out: dict[str, pa.Array], rows: render.Rows, bench: render.Bench) -> None:
        lists, offsets, data, roles = render.messages(bench, self.grammar.program, self.table, rows)
        content = pa.Array.from_buffers(
            pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        )
        role = pa.DictionaryArray.from_arrays(pa.array(roles), pa.array(render.ROLES))
        turns = pa.StructArray.from_arrays([role, content], ["role", "content"])
        out["messages"] = pa.ListArray.from_arrays(pa.array(lists), turns)
        out["system"], system_sizes = self._systems(rows)
        sizes = (offsets[lists[1:]] - offsets[lists[:-1]]) + system_sizes
        out["input_tokens"] = _tokens(sizes, np.diff(lists) * 4 + 3, rows.answered)

    def _systems(self, rows: render.Rows) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        """Write each different system prompt once."""
        symbol = self.table.symbols[rows.scene, SYSTEM]
        if symbol.max(initial=-1) < 0:
            none = pa.nulls(len(symbol), pa.int32())
            coded = pa.DictionaryArray.from_arrays(none, pa.array([], pa.string()))  # as in chunks that have some
            return coded, np.zeros(len(symbol), np.int64)
        flags = self.table.flags[rows.scene]
        by = np.where(flags & SYSTEM_WHO, rows.who, np.where(flags & SYSTEM_ITEM, rows.conversation, np.uint64(0)))
        same = join(join(rows.frame, by), symbol.astype(np.uint64))
        _, first, code = np.unique(same, return_index=True, return_inverse=True)
        offsets, data = texts(
            self.grammar,
            symbol[first],
            items=join(rows.frame, by)[first],
            words=rows.frame[first],
            whos=rows.who[first],
            frames=rows.frame[first],
        )
        values = pa.Array.from_buffers(
            pa.string(), len(first), [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
        )
        indices = pa.array(code.astype(np.int32), mask=symbol < 0)
        return pa.DictionaryArray.from_arrays(indices, values), np.diff(offsets)[code].astype(np.int64)

    def _answered(self, out: dict[str, pa.Array], rows: render.Rows, bench: render.Bench, n: int) -> None:
        program = self.grammar.program
        calling, refused = np.zeros(n, bool), np.zeros(n, bool)
        render.facts(self.table, rows, calling, refused)
        offsets, data = render.answers(bench, program, self.table, rows, np.zeros(n, np.int64))
        spoken = rows.answered & ((np.diff(offsets) > 0) | ~calling)
        out["response"] = _strings(offsets, data, spoken)
        finish = np.where(calling, 1, np.where(refused, 2, 0))
        out["finish_reason"] = _coded(np.where(rows.answered, finish, -1), pa.array(FINISH))
        sizes = np.diff(offsets).astype(np.int64)
        if self.lean:
            out["output_tokens"] = _tokens(sizes, np.zeros(n, np.int64), rows.answered)
            return
        sizes += self._calls(out, rows, bench, calling)
        sizes += self._choices(out, rows, bench, n)
        thought, thought_data = render.parts(bench, program, self.table, rows, REASON)
        thinking = np.diff(thought).astype(np.int64)
        shown = rows.answered & (thinking > 0)
        out["reasoning"] = _strings(thought, thought_data, shown)
        extra = np.where(shown, thinking * (2 + below(rows.conversation, _salt("thought"), np.uint64(9))) // 5, 0)
        out["reasoning_tokens"] = pa.array((extra // 4).astype(np.int32), mask=~shown)
        out["output_tokens"] = _tokens(sizes + extra, np.zeros(n, np.int64), rows.answered)

    def _calls(
        self, out: dict[str, pa.Array], rows: render.Rows, bench: render.Bench, calling: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Write the tools called."""
        where = np.flatnonzero(calling)
        some = render.some(rows, where)
        names, name_data = render.parts(bench, self.grammar.program, self.table, some, NAME)
        args, args_data = render.parts(bench, self.grammar.program, self.table, some, ARGS)
        calls = pa.StructArray.from_arrays(
            [_strings(names, name_data), _strings(args, args_data)], ["name", "arguments"]
        )
        lists = np.concatenate([[0], np.cumsum(calling)]).astype(np.int32)
        out["tool_calls"] = _lists(lists, calls, calling)
        sizes = np.zeros(len(calling), np.int64)
        sizes[where] = np.diff(args) + np.diff(names)
        return sizes

    def _choices(
        self, out: dict[str, pa.Array], rows: render.Rows, bench: render.Bench, n: int
    ) -> npt.NDArray[np.int64]:
        """Write all choices of the requests that ask for several."""
        several = np.where(rows.answered, self.scene_n[rows.scene], 0)
        several[several <= 1] = 0
        owner = np.repeat(np.arange(n), several)
        lists = np.concatenate([[0], np.cumsum(several)])
        nth = np.arange(len(owner)) - lists[owner]
        some = render.some(rows, owner)
        offsets, data = render.answers(bench, self.grammar.program, self.table, some, nth, "choices")
        out["choices"] = _lists(lists.astype(np.int32), _strings(offsets, data), several > 0)
        return np.asarray(offsets[lists[1:]] - offsets[lists[:-1]], np.int64)

    def _sent(self, out: dict[str, pa.Array], plan: Plan, rows: render.Rows) -> None:
        """Write how the request was sent: model, operation, parameters, tools, identifiers."""
        scene, app = rows.scene, rows.frame
        tier = self.scene_tier[scene]
        if self.release is not None:
            new = (plan.at >= self.release.at) & (plan.at >= self.people.column("adopt")[plan.account])
            tier = np.where(new & (tier == {"large": 0, "mini": 1, "reason": 2}[self.release.tier]), tier + 3, tier)
        out["model"] = _coded(tier, pa.array(self.tiers))
        out["operation"] = _coded(self.scene_operation[scene], self.operations)
        keys = self.people.column("keys")[plan.account].astype(np.uint64)
        nth = below(join(plan.who, app), _salt("key"), keys)
        out["key"] = hexed("key_", join(join(plan.account.astype(np.uint64), nth), key("key", self.seed)))
        sends = self.stream_sends[plan.stream]
        sends = np.where(sends < 0, self.shares["users"][scene], sends)
        named = (unit(app, _salt("user")) < sends) & (self.stream_users[plan.stream] > 0)
        out["end_user"] = hexed("u_", np.where(named, plan.who, np.uint64(0)))
        session = unit(app, _salt("session")) < self.shares["session"][scene]
        out["session"] = hexed("s_", np.where(session, join(plan.conversation, _salt("session")), np.uint64(0)))
        if self.lean:
            return
        held = np.array([s.held for s in self.scenes])[scene] & (plan.turn > 0)
        before = exchange_keys(self.salt, plan.conversation, plan.turn - 1, np.zeros_like(plan.attempt))
        out["previous"] = hexed("x", np.where(held, before, np.uint64(0)))
        out["temperature"] = self._choose(self._temperature, scene, app, "temperature", pa.float64())
        out["top_p"] = self._choose(self._top_p, scene, app, "top_p", pa.float64())
        out["max_tokens"] = self._choose(self._limit, scene, app, "limit", pa.int32())
        out["reasoning_effort"] = _coded(_drawn(self._effort, scene, app, "effort"), self.efforts)
        many = self.scene_n[scene]
        out["n"] = pa.array(many.astype(np.int32), mask=many <= 1)
        asked = self.scene_logprobs[scene]
        out["top_logprobs"] = pa.array(asked.astype(np.int32), mask=asked < 0)
        out["stream"] = pa.array(unit(app, _salt("stream")) < self.shares["streams"][scene])
        self._offered(out, scene, app)

    def _choose(
        self,
        options: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
        scene: npt.NDArray[np.int64],
        app: Keys,
        name: str,
        kind: pa.DataType,
    ) -> pa.Array:
        values, edges = options
        nth = (unit(app, _salt(name))[:, None] >= edges[scene]).sum(1)
        number = values[scene, nth]
        return pa.array(number, pa.float64(), mask=np.isnan(number)).cast(kind)

    def _offered(self, out: dict[str, pa.Array], scene: npt.NDArray[np.int64], app: Keys) -> None:
        """Write the tools offered."""
        first, many = self._tools
        code = first[scene] + below(app, _salt("tools"), np.maximum(many, 1)[scene].astype(np.uint64)).astype(np.int64)
        code = np.where(many[scene] > 0, code, 0)
        sizes = np.array([len(t) for t in self.toolsets])
        flat = [name for tools in self.toolsets for name in tools] or [""]
        begin = np.concatenate([[0], np.cumsum(sizes)])
        count = sizes[code]
        lists = np.concatenate([[0], np.cumsum(count)])
        owner = np.repeat(np.arange(len(code)), count)
        index = begin[code][owner] + np.arange(len(owner)) - lists[owner]
        names = pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(flat))
        out["tools"] = _lists(lists.astype(np.int32), names, count > 0)
        hashes = pa.array([f"{int(key('tools', *tools)):016x}" for tools in self.toolsets])
        out["tools_hash"] = _coded(np.where(count > 0, code, -1), hashes)

    def _origin(self, out: dict[str, pa.Array], plan: Plan, n: int) -> None:
        """Write where the request came from: channel, address, network, client."""
        column = self.people.column
        channel = np.where(
            self.stream_channel[plan.stream] >= 0,
            self.stream_channel[plan.stream],
            column("channel")[plan.account],
        )
        out["channel"] = _coded(channel, pa.array(CHANNELS))
        place = unit(plan.conversation, _salt("place"))
        second, third = column("second")[plan.account], column("third")[plan.account]
        rule = np.where(
            place < third,
            column("egress_2")[plan.account],
            np.where(place < third + second, column("egress_1")[plan.account], column("egress_0")[plan.account]),
        )
        rule = np.where(channel > 0, -1, rule)  # a cloud does not tell where its customer is
        data = np.empty(40 * n, np.uint8)
        offsets = np.zeros(n + 1, np.int32)
        asn = np.empty(n, np.int64)
        size = addresses(
            self.rules,
            self.homes,
            rule.astype(np.int64),
            self._account_keys[plan.account],
            plan.conversation,
            plan.at,
            data,
            offsets,
            asn,
        )
        out["ip"] = _strings(offsets, data[:size], rule >= 0)
        out["asn"] = pa.array(asn, mask=asn < 0)
        client = np.where(
            plan.at >= column("upgrade")[plan.account],
            column("client_1")[plan.account],
            column("client_0")[plan.account],
        )
        out["user_agent"] = _coded(self.agent_codes[client], self.agents)
        out["ja4"] = _coded(np.where(channel > 0, -1, self.ja4_codes[client]), self.ja4s)


def exchange_keys(salt: np.uint64, conversation: Keys, turn: npt.NDArray[Any], attempt: npt.NDArray[Any]) -> Keys:
    """Name exchanges: the same conversation, turn and attempt always give the same id."""
    nth = turn.astype(np.uint64) * np.uint64(16) + attempt.astype(np.uint64)
    return join(join(conversation, nth), salt)


def _strings(
    offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(offsets) - 1, [bits, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    )


def _lists(offsets: npt.NDArray[np.int32], values: pa.Array, valid: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.Array.from_buffers(
        pa.list_(values.type),
        len(offsets) - 1,
        [pa.py_buffer(np.packbits(valid, bitorder="little")), pa.py_buffer(offsets)],
        children=[values],
    )


def _coded(codes: npt.NDArray[Any], values: pa.Array) -> pa.Array:
    """Code a column by a dictionary of the values that it really has; a code below 0 is null."""
    used = np.zeros(len(values) + 1, bool)
    used[codes] = True  # the last place stands for -1
    known = np.flatnonzero(used[:-1]).astype(np.int32)
    compact = np.zeros(len(values) + 1, np.int32)
    compact[known] = np.arange(len(known), dtype=np.int32)
    indices = pa.array(compact[codes], mask=codes < 0 if used[-1] else None)
    return pa.DictionaryArray.from_arrays(indices, values.take(pa.array(known)))


def _distinct(values: Sequence[str]) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    names, codes = np.unique(np.array(list(values) or [""], dtype=object).astype(str), return_inverse=True)
    return pa.array(names.tolist(), pa.string()), codes.astype(np.int64)


def _tokens(sizes: npt.NDArray[Any], extra: npt.NDArray[Any], answered: npt.NDArray[np.bool_]) -> pa.Array:
    """Bill about four bytes to a token; failed requests are not billed."""
    return pa.array((sizes // 4 + extra).astype(np.int32), mask=~answered)


def _numbers(
    options: list[tuple[tuple[float | None, float], ...]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    width = max(len(o) for o in options)
    values = np.full((len(options), width), np.nan)
    edges = np.ones((len(options), width))
    for row, some in enumerate(options):
        total = sum(weight for _, weight in some)
        edges[row, : len(some)] = np.cumsum([weight / total for _, weight in some])
        values[row, : len(some)] = [np.nan if value is None else value for value, _ in some]
    edges[:, -1] = 1.0
    return values, edges


def _options(
    options: list[tuple[tuple[str | None, float], ...]],
) -> tuple[pa.Array, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    names = sorted({value for some in options for value, _ in some if value is not None})

    def code(value: str | None) -> float | None:
        return None if value is None else float(names.index(value))

    return pa.array(names or [""], pa.string()), _numbers([tuple((code(v), w) for v, w in some) for some in options])


def _drawn(
    options: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    scene: npt.NDArray[np.int64],
    app: Keys,
    name: str,
) -> npt.NDArray[np.int64]:
    values, edges = options
    number = values[scene, (unit(app, _salt(name))[:, None] >= edges[scene]).sum(1)]
    return np.where(np.isnan(number), -1, number).astype(np.int64)
