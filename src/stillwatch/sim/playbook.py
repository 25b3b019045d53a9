"""Playbook: the scenes that actors share.

An honest product and a campaign can play the same scene; what divides them is who they are and how they
belong together, never the scene alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stillwatch.sim._scenes import TASK_TEMPERATURE, Scene

EDITOR_TOOLS: Final = (
    ("read_file", "edit_file", "run_command", "search_code", "list_files"),
    ("read_file", "edit_file", "run_command", "search_code", "list_files", "web_search"),
    ("edit_file", "list_files", "read_file", "run_command", "search_code", "todo_write"),
    ("list_files", "read_file", "run_command", "search_code", "edit_file", "ask_user"),
)

CHAT: Final = Scene(
    ask="chat.ask", answer="chat.answer", more="chat.more", turns=1.3, pause_s=70, session=0.25, streams=0.7
)
CHAT_ONCE: Final = Scene(ask="chat.ask", answer="chat.answer", streams=0.4)
CHAT_HELD: Final = Scene(
    ask="chat.ask",
    answer="chat.answer",
    more="chat.more",
    turns=1.2,
    pause_s=80,
    held=True,
    operation="responses",
)
LONG_CHAT: Final = Scene(
    ask="chat.ask",
    answer="chat.answer",
    more="chat.more",
    turns=5.0,
    most=24,
    pause_s=90,
    session=0.3,
    context=12,
)
GATEWAY_CHAT: Final = replace(CHAT, doubling=0.5, streams=1.0)  # logged by a gateway that doubles a word
CODE: Final = Scene(
    ask="code.ask", answer="code.answer", more="code.more", turns=1.4, pause_s=100, session=0.2, streams=0.6
)
OFFICE: Final = Scene(ask="office.ask", answer="office.answer", more="office.more", turns=0.6, pause_s=110, streams=0.3)
LONG_READ: Final = Scene(
    ask="doc.long", answer="en.answer", more="en.more", turns=0.8, pause_s=120, tier="large", streams=0.3
)
HOMEWORK: Final = Scene(
    ask="tutor.ask", answer="tutor.answer", more="tutor.more", turns=1.6, pause_s=80, streams=0.6, tier="mini"
)
THINKING: Final = Scene(
    ask="chat.ask",
    answer="chat.answer",
    more="chat.more",
    turns=0.7,
    reasoning="chat.para",
    tier="reason",
    effort=((None, 3), ("low", 1), ("medium", 2), ("high", 2)),
    streams=0.5,
)
CODING_AGENT: Final = Scene(
    ask="agent.task",
    more="agent.more",
    answer="agent.final",
    final="agent.final",
    tool="agent.result",
    call_name="agent.name",
    call_args="agent.args",
    preface="agent.preface",
    system="harness.system",
    system_by="who",
    cycle=(2, 7),
    turns=8.0,
    most=44,
    pause_s=9,
    pause_sd=1.1,
    toolset=EDITOR_TOOLS,
    session=0.5,
    temperature=((None, 3), (1.0, 2), (0.0, 1)),
    streams=0.9,
    refusals=0.0,
)
APP: Final = Scene(
    ask="saas.ask",
    answer="saas.answer",
    system="saas.system",
    turns=0.0,
    temperature=((0.2, 1), (0.7, 2), (None, 2)),
    tier="mini",
    users=0.5,
    session=0.3,
    streams=0.4,
)
APP_PLAIN: Final = Scene(ask="saas.ask", answer="saas.answer", tier="mini", users=0.4, session=0.2, streams=0.3)
APP_CHAT: Final = Scene(
    ask="chat.ask",
    answer="chat.answer",
    more="chat.more",
    system="saas.system",
    turns=2.0,
    pause_s=45,
    users=0.6,
    session=0.7,
    tier="mini",
    streams=0.8,
)
FEW_SHOT_APP: Final = Scene(
    ask="saas.input",
    answer="saas.answer",
    system="saas.system",
    shots=2,
    shot_ask="saas.input",
    shot_answer="saas.answer",
    tier="mini",
    users=0.2,
    streams=0.1,
    temperature=((0.0, 2), (0.2, 1)),
)
BATCH: Final = Scene(
    ask="batch.ask",
    answer="batch.answer",
    temperature=((0.0, 3), (None, 1)),
    tier="mini",
    failures=0.012,
    operation="batch",
    streams=0.0,
    session=0.0,
)
PIPELINE: Final = Scene(
    ask="batch.ask",
    answer="batch.answer",
    temperature=((0.0, 3), (None, 1)),
    tier="mini",
    failures=0.008,
    streams=0.05,
)
EVALUATE: Final = Scene(
    ask="bench.ask",
    answer="bench.answer",
    temperature=TASK_TEMPERATURE,
    fixed_ask=True,
    streams=0.05,
    session=0.0,
    failures=0.01,
)
EVALUATE_LOGPROBS: Final = replace(EVALUATE, logprobs=5, temperature=((0.0, 1),))
JUDGE: Final = Scene(
    ask="judge.ask",
    answer="judge.verdict",
    temperature=((0.0, 4), (None, 1)),
    fixed_ask=True,
    streams=0.0,
    session=0.0,
)
HARVEST: Final = Scene(
    ask="harvest.ask",
    answer="harvest.answer",
    temperature=((0.7, 2), (1.0, 2), (0.6, 1)),
    fixed_ask=True,
    streams=0.2,
    session=0.0,
    limit=((4096, 2), (8192, 2), (None, 1)),
    refusals=0.004,
)
RATIONALE: Final = Scene(
    ask="rationale.ask",
    answer="rationale.answer",
    temperature=((0.7, 2), (1.0, 2)),
    fixed_ask=True,
    streams=0.2,
    session=0.0,
    limit=((4096, 2), (None, 1)),
    refusals=0.008,
)
TUTOR: Final = Scene(
    ask="tutor.ask",
    answer="tutor.answer",
    more="tutor.more",
    system="tutor.system",
    turns=2.2,
    pause_s=70,
    users=0.7,
    session=0.8,
    streams=0.8,
    tier="mini",
)
VIRAL: Final = Scene(ask="viral.ask", answer="en.answer", more="en.more", turns=0.5, pause_s=100, streams=0.7)
