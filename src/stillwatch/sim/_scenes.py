"""Scenes: what one kind of conversation looks like, from the first request to the last answer.

A scene names grammar symbols for each part of a conversation and how the request is sent. Actors share scenes
and make their own with `dataclasses.replace`. Options are pairs of a value and its weight; an app (a frame)
settles on one of them, since a program sends the same parameters every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from stillwatch.sim._grammar import Grammar

Options = tuple[tuple[float | None, float], ...]

FIXED_ASK, FIXED_ANSWER, HELD, SYSTEM_WHO, SYSTEM_ITEM = 1, 2, 4, 8, 16

CHAT_TEMPERATURE: Final[Options] = ((None, 6), (1.0, 2), (0.7, 3), (0.2, 1))
TASK_TEMPERATURE: Final[Options] = ((None, 2), (0.0, 4), (0.2, 2), (0.7, 1))
LIMITS: Final[Options] = ((None, 5), (512, 1), (1024, 2), (2048, 2), (4096, 2), (8192, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One kind of conversation; every `str` that is not said otherwise names a grammar symbol.

    Attributes:
        ask, answer: the first user turn and its answer.
        more, answer_more: later user turns and their answers (`ask` and `answer` where empty).
        system: system prompt; `system_by` says what it varies with: `frame`, `who` or `item`.
        tool: a tool's result; `call_name`, `call_args`: the call in the answer; `preface`: text beside a
            call.
        final: the answer that ends a run of tool calls.
        cycle: fewest and most steps from one user turn to the next; (1, 1) is a plain chat.
        turns: mean number of turns beyond the first (geometric); `most` bounds them.
        pause_s, pause_sd: median seconds between turns and the spread of their natural log.
        fixed_ask, fixed_answer: the wording follows the item alone, so equal items give equal texts.
        held: history is held by the server: only the new turn is sent, with `previous`.
        context: how many earlier turns the client sends at most.
        refusals: share of answers that are refusals.
        failures: share of requests that fail (429, 5xx) outside of outages.
        toolset: lists of tool names; an app uses one of them.
        session, users: share of apps that send a session id, or their own end user's id.
    """

    ask: str
    answer: str
    more: str = ""
    answer_more: str = ""
    system: str = ""
    system_by: str = "frame"
    tool: str = ""
    call_name: str = ""
    call_args: str = ""
    preface: str = ""
    final: str = ""
    cycle: tuple[int, int] = (1, 1)
    reasoning: str = ""
    refusal: str = "refusal.plain"
    refusals: float = 0.001
    shots: int = 0
    shot_ask: str = ""
    shot_answer: str = ""
    turns: float = 0.0
    most: int = 40
    pause_s: float = 60.0
    pause_sd: float = 0.98
    fixed_ask: bool = False
    fixed_answer: bool = False
    held: bool = False
    context: int = 200
    failures: float = 0.004
    operation: str = "chat"
    tier: str = "large"
    n: int = 1
    logprobs: int = -1
    toolset: tuple[tuple[str, ...], ...] = ()
    temperature: Options = CHAT_TEMPERATURE
    top_p: Options = ((None, 8), (1.0, 1), (0.95, 1))
    limit: Options = LIMITS
    effort: tuple[tuple[str | None, float], ...] = ((None, 1),)
    streams: float = 0.5
    session: float = 0.3
    users: float = 0.0
    doubling: float = 0.0


class SceneTable(NamedTuple):
    """Scenes as the kernels read them."""

    symbols: npt.NDArray[np.int64]  # scene x part, -1 where there is none
    shots: npt.NDArray[np.int64]
    flags: npt.NDArray[np.int64]
    cycle: npt.NDArray[np.int64]  # scene x (fewest, most)
    context: npt.NDArray[np.int64]
    refusals: npt.NDArray[np.uint64]  # of 2^32


(
    SYSTEM,
    ASK,
    MORE,
    TOOL,
    ANSWER,
    ANSWER_MORE,
    FINAL,
    NAME,
    ARGS,
    PREFACE,
    REASON,
    REFUSE,
    SHOT_ASK,
    SHOT_ANSWER,
) = range(14)
_PARTS: Final = (
    "system",
    "ask",
    "more",
    "tool",
    "answer",
    "answer_more",
    "final",
    "call_name",
    "call_args",
    "preface",
    "reasoning",
    "refusal",
    "shot_ask",
    "shot_answer",
)


def compile_scenes(scenes: list[Scene], grammar: Grammar) -> SceneTable:
    """Number the symbols of the scenes."""

    def parts(scene: Scene) -> list[int]:
        named = {part: getattr(scene, part) for part in _PARTS}
        named["more"] = named["more"] or named["ask"]
        named["answer_more"] = named["answer_more"] or named["answer"]
        named["final"] = named["final"] or named["answer"]
        return [grammar.symbol(named[part]) for part in _PARTS]

    def flags(scene: Scene) -> int:
        by = {"frame": 0, "who": SYSTEM_WHO, "item": SYSTEM_ITEM}[scene.system_by]
        return FIXED_ASK * scene.fixed_ask | FIXED_ANSWER * scene.fixed_answer | HELD * scene.held | by

    return SceneTable(
        symbols=np.array([parts(s) for s in scenes], np.int64).reshape(-1, len(_PARTS)),
        shots=np.array([s.shots for s in scenes], np.int64),
        flags=np.array([flags(s) for s in scenes], np.int64),
        cycle=np.array([s.cycle for s in scenes], np.int64).reshape(-1, 2),
        context=np.array([s.context for s in scenes], np.int64),
        refusals=np.array([round(s.refusals * (1 << 32)) for s in scenes], np.uint64),
    )
