"""OpenTelemetry GenAI: OTLP JSON, traces and logs, in three dialects.

`openai-v2` (the semantic conventions), OpenLLMetry (Traceloop) and OpenInference (Arize). A call that
stands in a trace and in a log is one exchange: both name it by trace and span. Spans that are not calls of
a model are passed over. Content is there only where the operator has turned it on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from stillwatch.ingest import _otlp, _text
from stillwatch.ingest._format import Format, Plain
from stillwatch.ingest._mapping import columns
from stillwatch.ingest._otlp import Attributes, Span

_CALLS: Final = frozenset(
    {
        "chat",
        "generate_content",
        "text_completion",
        "completion",
        "embeddings",
        "embedding",
        "responses",
        "messages",
    }
)
_KINDS: Final = frozenset({"LLM", "EMBEDDING"})
_NAMES: Final = {
    "ChatCompletion": "chat",
    "Completion": "completion",
    "Response": "responses",
    "CreateEmbeddings": "embeddings",
    "openai.chat": "chat",
    "openai.completion": "completion",
    "openai.response": "responses",
    "openai.embeddings": "embeddings",
}
_LISTS: Final = (
    "llm.input_messages",
    "llm.output_messages",
    "llm.tools",
    "gen_ai.prompt",
    "gen_ai.completion",
)
_CODE: Final = re.compile(r"(?:error|status)[ _]code:? ?(\d{3})", re.IGNORECASE)
_ERRORS: Final = (2, "STATUS_CODE_ERROR", "ERROR")
_WHO: Final = ("organization.id", "tenant.id", "account.id", "team.id", "enduser.id", "user.id")
_IN: Final = 'attributes."input.value"'
_SAID: Final = (
    'attributes.gen_ai.output.messages | attributes."output.value" | attributes.llm.output_messages'
    " | attributes.gen_ai.completion"
)


def recognise(record: Plain) -> bool:
    return "resourceSpans" in record or "resourceLogs" in record


def unwrap(raw: bytes) -> Iterable[Plain]:
    """Give the calls of a model out of one export request."""
    for span, own, resource in _otlp.spans(raw):
        if _is_call(own):
            yield _call(span, own, resource)


def _is_call(own: Attributes) -> bool:
    kind = own.get("openinference.span.kind")
    if kind is not None:
        return kind in _KINDS
    return (own.get("gen_ai.operation.name") or own.get("llm.request.type")) in _CALLS


def _call(span: Span, own: Attributes, resource: Attributes) -> Plain:
    trace, number = _otlp.hex_id(span.traceId, 16), _otlp.hex_id(span.spanId, 8)
    for name in _LISTS:
        if name not in own and any(key.startswith(f"{name}.") for key in own):
            own[name] = _LIST_READERS.get(name, _messages)(_nested(own, name))
    return {
        "id": f"{trace}:{number}" if trace and number else None,
        "at": span.startTimeUnixNano or span.timeUnixNano or span.observedTimeUnixNano,
        "operation": _NAMES.get(span.name or ""),
        "http_status": _http_status(span),
        "outcome": "failure" if span.status is not None and span.status.code in _ERRORS else "success",
        "attributes": own,
        "resource": resource,
    }


def _http_status(span: Span) -> int | None:
    """Find the HTTP status in what a failed call left behind."""
    if span.status is None or span.status.code not in _ERRORS:
        return None
    texts = [span.status.message or ""]
    texts += [str(_otlp.attributes(event.attributes).get("exception.message", "")) for event in span.events or ()]
    for text in texts:
        if found := _CODE.search(text):
            return int(found[1])
    return None


def _nested(own: Attributes, prefix: str) -> list[Plain]:
    """Make a list of objects of attributes such as `llm.input_messages.0.message.role`."""
    found: dict[int, Plain] = {}
    for key, value in own.items():
        if not key.startswith(f"{prefix}."):
            continue
        number, _, rest = key[len(prefix) + 1 :].partition(".")
        if number.isdecimal() and rest:
            found.setdefault(int(number), {})[rest] = value
    return [found[number] for number in sorted(found)]


def _messages(items: list[Plain]) -> list[Plain]:
    return [_message(item) for item in items]


def _message(item: Plain) -> Plain:
    """Make a chat message of the flat names of OpenInference or of the older OpenLLMetry."""
    item = {key.removeprefix("message."): value for key, value in item.items()}
    told: Plain = {key: item[key] for key in ("role", "content", "finish_reason") if key in item}
    if isinstance(told.get("content"), str) and told["content"].startswith('[{"type"'):
        told["content"] = _opened(told["content"])
    parts = [_part(part) for part in _nested(item, "contents")]
    if parts and "content" not in told:
        told["content"] = parts
    calls = [
        {"function": {"name": _either(call, "name"), "arguments": _either(call, "arguments")}}
        for call in _nested(item, "tool_calls")
    ]
    return told | ({"tool_calls": calls} if calls else {})


def _either(call: Plain, name: str) -> Any:
    return call.get(f"tool_call.function.{name}", call.get(name))


def _part(part: Plain) -> Plain:
    part = {key.removeprefix("message_content."): value for key, value in part.items()}
    if "image.image.url" in part:
        return {"type": "image_url", "image_url": {"url": part["image.image.url"]}}
    return {"type": part.get("type", "text"), "text": part.get("text")}


def _tools(items: list[Plain]) -> list[Any]:
    return [_opened(item.get("tool.json_schema")) for item in items]


def _opened(value: Any) -> Any:
    return _text.opened(value) if isinstance(value, str) else value


_LIST_READERS: Final = {"llm.tools": _tools}


def _who() -> Iterator[str]:
    for place in ("attributes", "resource"):
        yield from (f"{place}.{name}" for name in _WHO)


FORMAT: Final = Format(
    columns=columns(
        flat=("attributes", "resource"),
        opens_text=True,
        exchange="id",
        at="at",
        account=" | ".join(_who()),
        channel="attributes.gen_ai.provider.name | attributes.gen_ai.system | attributes.llm.provider"
        " | attributes.llm.system",
        model=f"attributes.gen_ai.request.model | {_IN}.model | attributes.llm.model_name"
        " | attributes.embedding.model_name",
        operation="operation | attributes.gen_ai.operation.name | attributes.llm.request.type",
        system=f"attributes.gen_ai.system_instructions | {_IN}.instructions | {_IN}.system",
        messages=f"attributes.gen_ai.input.messages | {_IN}.messages | {_IN}.input | {_IN}.prompt"
        " | attributes.llm.input_messages | attributes.gen_ai.prompt",
        previous=f"{_IN}.previous_response_id",
        tools=f"attributes.gen_ai.tool.definitions | {_IN}.tools | attributes.llm.tools",
        tools_hash=f"attributes.gen_ai.tool.definitions | {_IN}.tools | attributes.llm.tools",
        response=_SAID,
        choices=_SAID,
        tool_calls=_SAID,
        reasoning=_SAID,
        temperature=f"attributes.gen_ai.request.temperature | {_IN}.temperature",
        top_p=f"attributes.gen_ai.request.top_p | {_IN}.top_p",
        n=f"attributes.gen_ai.request.choice.count | {_IN}.n",
        max_tokens=f"attributes.gen_ai.request.max_tokens | {_IN}.max_tokens | {_IN}.max_completion_tokens"
        f" | {_IN}.max_output_tokens",
        top_logprobs=f"{_IN}.top_logprobs | {_IN}.logprobs | {_IN}.include",
        reasoning_effort="attributes.gen_ai.request.reasoning_effort"
        f" | {_IN}.reasoning_effort | {_IN}.reasoning.effort",
        stream="attributes.gen_ai.request.stream | attributes.gen_ai.is_streaming"
        f" | attributes.llm.is_streaming | {_IN}.stream",
        input_tokens="attributes.gen_ai.usage.input_tokens | attributes.gen_ai.usage.prompt_tokens"
        " | attributes.llm.token_count.prompt",
        output_tokens="attributes.gen_ai.usage.output_tokens | attributes.gen_ai.usage.completion_tokens"
        " | attributes.llm.token_count.completion",
        reasoning_tokens="attributes.gen_ai.usage.reasoning.output_tokens"
        " | attributes.gen_ai.usage.reasoning_tokens"
        " | attributes.llm.token_count.completion_details.reasoning",
        status="attributes.http.response.status_code | http_status | attributes.error.type | outcome",
        finish_reason=f"attributes.gen_ai.response.finish_reasons | attributes.llm.finish_reason | {_SAID}",
        ip="attributes.client.address",
        user_agent="attributes.user_agent.original",
        ja4="attributes.http.request.header.x-ja4",
        end_user=f"attributes.gen_ai.user | {_IN}.safety_identifier | {_IN}.user",
        session="attributes.gen_ai.conversation.id | attributes.session.id",
        forwarded_for="attributes.http.request.header.x-forwarded-for",
    ),
    recognise=recognise,
    unwrap=unwrap,
    accounts=(
        "attributes.gen_ai.user",
        f"{_IN}.user",
        "resource.service.namespace",
        "resource.service.name",
    ),
)
