"""Shapes: messages, answers and tools as they are written in every dialect that we read.

One type holds the union of the dialects' fields, so that decoding skips all else and no dialect has to be
told before. Chat completions, Responses, Anthropic Messages, Bedrock Converse and the OpenTelemetry message
schema differ in the names of their fields, never in the meaning of one name.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

Scalar = str | int | float | bool | None
NOTHING: Final = msgspec.Raw()


class Function(msgspec.Struct, gc=False):
    """What a tool call names."""

    name: str | None = None
    arguments: msgspec.Raw = NOTHING


class Call(msgspec.Struct, gc=False):
    """A tool call: nested (chat), flat (Responses, OpenTelemetry) or a block (Anthropic, Converse)."""

    function: Function | None = None
    custom: Function | None = None
    name: str | None = None
    arguments: msgspec.Raw = NOTHING
    input: msgspec.Raw = NOTHING


class ReasoningText(msgspec.Struct, gc=False):
    """Bedrock Converse: the text inside `reasoningContent`."""

    text: str | None = None


class ReasoningContent(msgspec.Struct, gc=False):
    """Bedrock Converse: a part that holds reasoning."""

    reasoningText: ReasoningText | None = None  # noqa: N815 - the wire's own name


class ToolResult(msgspec.Struct, gc=False):
    """Bedrock Converse: a part that holds a tool's result."""

    content: str | list[Part] | None = None


class Part(msgspec.Struct, gc=False):
    """One part of a message's content."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    thinking: str | None = None
    content: str | list[Part] | None = None
    name: str | None = None
    arguments: msgspec.Raw = NOTHING
    input: msgspec.Raw = NOTHING
    json: msgspec.Raw = NOTHING
    result: msgspec.Raw = NOTHING
    response: msgspec.Raw = NOTHING
    toolUse: Call | None = None  # noqa: N815
    toolResult: ToolResult | None = None  # noqa: N815
    reasoningContent: ReasoningContent | None = None  # noqa: N815
    image_url: msgspec.Raw = NOTHING
    source: msgspec.Raw = NOTHING
    input_audio: msgspec.Raw = NOTHING
    image: msgspec.Raw = NOTHING
    document: msgspec.Raw = NOTHING
    video: msgspec.Raw = NOTHING
    audio: msgspec.Raw = NOTHING
    file: msgspec.Raw = NOTHING
    file_id: msgspec.Raw = NOTHING
    file_data: msgspec.Raw = NOTHING
    file_url: msgspec.Raw = NOTHING
    data: msgspec.Raw = NOTHING
    uri: msgspec.Raw = NOTHING
    modality: str | None = None


class Message(msgspec.Struct, gc=False):
    """One message of a conversation, one item of a Responses input or output, or one choice spelt out."""

    role: str | None = None
    content: str | list[str | Part] | Part | None = None
    tool_calls: list[Call] | None = None
    type: str | None = None
    parts: list[Part] | None = None
    function_call: Call | None = None
    name: str | None = None
    arguments: msgspec.Raw = NOTHING
    input: msgspec.Raw = NOTHING
    output: msgspec.Raw = NOTHING
    summary: list[Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking_blocks: list[Part] | None = None
    refusal: str | None = None
    finish_reason: str | None = None
    function: Function | None = None


class Choice(msgspec.Struct, gc=False):
    """One choice of a chat completion or of a completion."""

    message: Message | None = None
    finish_reason: str | None = None
    index: int | None = None
    text: str | None = None


class TokenDetails(msgspec.Struct, gc=False):
    """Usage in detail."""

    reasoning_tokens: int | None = None
    thinking_tokens: int | None = None


class Usage(msgspec.Struct, gc=False):
    """Usage as billed, in the words of every dialect."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    inputTokens: int | None = None  # noqa: N815
    outputTokens: int | None = None  # noqa: N815
    completion_tokens_details: TokenDetails | None = None
    output_tokens_details: TokenDetails | None = None


class Incomplete(msgspec.Struct, gc=False):
    """Why a Responses answer stopped."""

    reason: str | None = None


class ConverseOutput(msgspec.Struct, gc=False):
    """Bedrock Converse: the envelope of the answer."""

    message: Message | None = None


class Result(msgspec.Struct, gc=False):
    """One of several answers of the older models on Bedrock."""

    text: str | None = None
    outputText: str | None = None  # noqa: N815
    completionReason: str | None = None  # noqa: N815
    stop_reason: str | None = None
    finish_reason: str | None = None


class Answer(msgspec.Struct, gc=False):
    """A whole answer in any dialect."""

    id: str | None = None
    choices: list[Choice] | None = None
    usage: Usage | None = None
    output: list[Message] | ConverseOutput | str | None = None
    content: str | list[Part] | None = None
    message: Message | None = None
    stop_reason: str | None = None
    stopReason: str | None = None  # noqa: N815
    status: str | int | None = None
    incomplete_details: Incomplete | None = None
    results: list[Result] | None = None
    outputs: list[Result] | None = None
    generations: list[Result] | None = None
    generation: str | None = None
    outputText: str | None = None  # noqa: N815
    completion: str | None = None


Turns = str | list[str | Message] | Message | None
"""What may stand where a conversation is expected."""

Said = str | list[str | Message] | Answer | None
"""What may stand where an answer is expected; a list holds texts, choices spelt out, or tool calls."""

COMPOSITE: Final[dict[str, Any]] = {"turns": Turns, "said": Said}
"""The types behind the kinds of columns that read more than one scalar."""

CLASS: Final[dict[str, type[msgspec.Struct]]] = {"turns": Message, "said": Answer}
"""The struct of a kind, for paths that go on below it."""
