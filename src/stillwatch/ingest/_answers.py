"""Answers: what was delivered, in any dialect: text, choices, tool calls, reasoning, the reason to stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from stillwatch.ingest import _text
from stillwatch.ingest._shapes import Answer, Choice, ConverseOutput, Message, Part, Result
from stillwatch.ingest._turns import call, text_of

Calls = list[tuple[str | None, str | None]]


class Delivered(NamedTuple):
    """An answer taken apart; `choices` only when there are several, all else of the first choice."""

    response: str | None = None
    choices: list[str | None] | None = None
    tool_calls: Calls | None = None
    reasoning: str | None = None
    finish_reason: str | None = None


NOTHING: Final = Delivered()
_EMPTY: Final = Answer()


Columns = tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]


def columns(values: Sequence[Any]) -> Columns:
    """Take many answers apart into the columns of `Delivered`. The common shape goes the short way."""
    responses: list[Any] = [None] * len(values)
    choices, calls, thoughts, finishes = (
        responses.copy(),
        responses.copy(),
        responses.copy(),
        responses.copy(),
    )
    for place, value in enumerate(values):
        if value is None:
            continue
        if type(value) is Answer:
            several = value.choices
            if several is None:
                if value.id is None and value.output is None and value.content is None and value == _EMPTY:
                    continue  # what a failed call leaves behind
            elif len(several) == 1:
                message = several[0].message
                if message is not None and type(message.content) is str and message.tool_calls is None:
                    thought = message.reasoning_content
                    if thought is not None or (message.reasoning is None and message.thinking_blocks is None):
                        responses[place] = message.content
                        thoughts[place] = thought or None
                        finishes[place] = several[0].finish_reason
                        continue
        responses[place], choices[place], calls[place], thoughts[place], finishes[place] = read(value)
    return responses, choices, calls, thoughts, finishes


def read(value: object) -> Delivered:
    """Take an answer apart.

    Args:
        value: text, an `Answer`, or a list of texts, of choices spelt out as messages, or of tool calls.
    """
    if type(value) is Answer:
        if value.choices is not None:
            return _choices(value.choices)
        return _whole(value)
    if isinstance(value, str):
        return Delivered(value)
    if isinstance(value, list) and value:
        return _list(value)
    return NOTHING


def _choices(choices: list[Choice]) -> Delivered:
    if len(choices) == 1:
        return _choice(choices[0])
    if not choices:
        return NOTHING
    told = [_choice(choice) for choice in sorted(choices, key=lambda choice: choice.index or 0)]
    return told[0]._replace(choices=[one.response for one in told])


def _choice(choice: Choice) -> Delivered:
    message = choice.message
    if message is None:
        return Delivered(choice.text, finish_reason=choice.finish_reason)
    return _message(message, choice.finish_reason)


def _message(message: Message, finish: str | None) -> Delivered:
    """Take one answering message apart, as a choice or as the output of an instrumentation."""
    content = message.content
    calls: Calls | None = [call(one) for one in message.tool_calls] if message.tool_calls else None
    if message.function_call is not None:
        calls = [*(calls or []), call(message.function_call)]
    thought = message.reasoning_content or message.reasoning
    if isinstance(content, str):
        text: str | None = content
    else:
        text = None
        parts = message.parts if message.parts is not None else content
        if parts is not None:
            called, thoughts, text = _parts(parts if isinstance(parts, list) else [parts])
            calls = [*(calls or []), *called] or None
            thought = thought or thoughts
        elif message.refusal is not None:
            text = message.refusal
    if thought is None and message.thinking_blocks:
        thought = _thoughts(message.thinking_blocks)
    return Delivered(text if text or not calls else None, None, calls, thought or None, finish or message.finish_reason)


def _parts(parts: Sequence[str | Part]) -> tuple[Calls, str | None, str | None]:
    """Sort an answer's parts into calls, thoughts and text."""
    calls = [
        call(part.toolUse or part)
        for part in parts
        if isinstance(part, Part) and (part.type in _text.CALL_PARTS or part.toolUse is not None)
    ]
    rest = [
        part
        for part in parts
        if isinstance(part, str) or not (part.type in _text.CALL_PARTS or part.toolUse is not None)
    ]
    return calls, _thoughts([part for part in parts if isinstance(part, Part)]), text_of(rest)


def _thoughts(parts: list[Part]) -> str | None:
    """Join the texts of the reasoning parts."""
    texts: list[str] = []
    for part in parts:
        if part.reasoningContent is not None:
            inner = part.reasoningContent.reasoningText
            texts.append((inner.text if inner else None) or "")
        elif part.type in _text.THOUGHT_PARTS:
            texts.append(
                _summaries(part.thinking or part.text or (part.content if isinstance(part.content, str) else ""))
            )
    return "\n".join(text for text in texts if text) or None


def _summaries(text: str) -> str:
    """Open a list of summaries that an instrumentation wrote as text."""
    if not text.startswith('[{"'):
        return text
    held = _text.loose_text(text)
    if isinstance(held, list) and all(isinstance(one, dict) and isinstance(one.get("text"), str) for one in held):
        return "\n".join(one["text"] for one in held)
    return text


def _whole(answer: Answer) -> Delivered:
    """Take apart an answer that is not a list of choices: Responses, Messages, Converse, or a bare text."""
    finish = answer.stop_reason or answer.stopReason
    if isinstance(answer.output, list):
        return _items(answer.output, _stopped(answer))
    if isinstance(answer.output, ConverseOutput) and answer.output.message is not None:
        return _message(answer.output.message, finish)
    if answer.content is not None:
        return _message(Message(content=answer.content), finish)  # type: ignore[arg-type]
    if answer.message is not None:
        return _message(answer.message, finish)
    if several := answer.results or answer.outputs or answer.generations:
        return _choices([_as_choice(one) for one in several])
    for text in (answer.output, answer.generation, answer.outputText, answer.completion):
        if isinstance(text, str):
            return Delivered(text, finish_reason=finish)
    return Delivered(finish_reason=finish)


def _as_choice(result: Result) -> Choice:
    finish = result.completionReason or result.stop_reason or result.finish_reason
    return Choice(text=result.text or result.outputText, finish_reason=finish)


def _stopped(answer: Answer) -> str | None:
    if answer.incomplete_details is not None and answer.incomplete_details.reason:
        return answer.incomplete_details.reason
    return answer.status if isinstance(answer.status, str) else None


def _items(items: list[Message], finish: str | None) -> Delivered:
    """Take apart the output items of the Responses API."""
    texts, thoughts, calls = [], [], []
    for item in items:
        if item.type == "reasoning":
            parts = [*(item.summary or ()), *(item.content if isinstance(item.content, list) else ())]
            thoughts += [part.text for part in parts if isinstance(part, Part) and part.text]
        elif item.type is not None and item.type.endswith("_call"):
            if item.name is not None:
                calls.append(call(item))
        elif (text := text_of(item.content)) is not None:
            texts.append(text)
    return Delivered("\n".join(texts) if texts else None, None, calls or None, "\n".join(thoughts) or None, finish)


def _list(values: list[object]) -> Delivered:
    """Take apart a list: texts are choices, named things are tool calls, messages are choices spelt out."""
    if all(value is None or isinstance(value, str) for value in values):
        texts: list[str | None] = [value for value in values if value is None or isinstance(value, str)]
        return Delivered(texts[0], texts)
    messages = [value for value in values if isinstance(value, Message)]
    if any(message.type in {"message", "reasoning"} for message in messages):
        return _items(messages, None)
    if all(
        message.role is None and message.parts is None and (message.name or message.function) for message in messages
    ):
        return Delivered(tool_calls=[call(message) for message in messages])
    told = [_message(message, None) for message in messages]
    if not told:
        return NOTHING
    return told[0]._replace(choices=[one.response for one in told]) if len(told) > 1 else told[0]
