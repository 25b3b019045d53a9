"""Bedrock: model-invocation logs of Amazon Bedrock, from S3 or CloudWatch.

Converse and ConverseStream, and InvokeModel with the bodies of the providers. There is no client address:
it can be joined from CloudTrail by `requestId`. Bodies above 100 kB lie in objects of their own and are not
read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from stillwatch.ingest import _sse, _text
from stillwatch.ingest._format import Format, Plain
from stillwatch.ingest._mapping import columns

_ASKED: Final = "input.inputBodyJson"
_SAID: Final = "output.outputBodyJson"


def recognise(record: Plain) -> bool:
    return (
        record.get("schemaType") == "ModelInvocationLog"
        or {"modelId", "requestId", "input", "operation"} <= record.keys()
    )


def unwrap(raw: bytes) -> Iterable[Plain]:
    """Put an answer together that was logged as the events of its stream."""
    record = _text.decode_any(raw)
    for one in record if isinstance(record, list) else [record]:
        output = one.get("output") if isinstance(one, dict) else None
        if isinstance(output, dict) and isinstance(output.get("outputBodyJson"), list):
            yield {
                **one,
                "output": {**output, "outputBodyJson": _sse.whole(_sse.objects(output["outputBodyJson"]))},
            }
        else:
            yield one


FORMAT: Final = Format(
    columns=columns(
        opens_text=True,
        constants={"channel": "bedrock", "status": "success"},
        exchange="requestId",
        at="timestamp",
        account="identity.arn | accountId",
        model="modelId",
        operation="operation",
        system=f"{_ASKED}.system",
        messages=f"{_ASKED}.messages | {_ASKED}.prompt | {_ASKED}.inputText",
        tools=f"{_ASKED}.toolConfig.tools | {_ASKED}.tools",
        tools_hash=f"{_ASKED}.toolConfig.tools | {_ASKED}.tools",
        response=_SAID,
        choices=_SAID,
        tool_calls=_SAID,
        reasoning=_SAID,
        finish_reason=_SAID,
        temperature=f"{_ASKED}.inferenceConfig.temperature | {_ASKED}.temperature"
        f" | {_ASKED}.textGenerationConfig.temperature",
        top_p=f"{_ASKED}.inferenceConfig.topP | {_ASKED}.top_p | {_ASKED}.textGenerationConfig.topP",
        max_tokens=f"{_ASKED}.inferenceConfig.maxTokens | {_ASKED}.max_tokens | {_ASKED}.max_gen_len"
        f" | {_ASKED}.textGenerationConfig.maxTokenCount",
        reasoning_effort=f"{_ASKED}.output_config.effort | {_ASKED}.additionalModelRequestFields.output_config.effort",
        stream="operation",
        input_tokens=f"input.inputTokenCount | {_SAID}.usage.inputTokens | {_SAID}.usage.input_tokens",
        output_tokens=f"output.outputTokenCount | {_SAID}.usage.outputTokens | {_SAID}.usage.output_tokens",
        status="errorCode | status",
        end_user=f"{_ASKED}.metadata.user_id",
    ),
    recognise=recognise,
    unwrap=unwrap,
    accounts=tuple(
        f"requestMetadata.{name}" for name in ("organization", "tenant", "account", "customer", "team", "user")
    ),
)
