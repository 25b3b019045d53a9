"""LiteLLM: StandardLoggingPayload, as its callbacks write it (webhook, S3, GCS, queues).

One object per record, or a JSON array of them. Read from litellm 1.106.2, `litellm/types/utils.py`. The log
is not always what the customer got: guardrails may double words of streamed answers.
"""

from __future__ import annotations

from typing import Final

from stillwatch.ingest._format import Format, Plain
from stillwatch.ingest._mapping import columns

_HEADERS: Final = "metadata.requester_custom_headers"
_ALL_HEADERS: Final = "metadata.requester_metadata.headers"


def recognise(record: Plain) -> bool:
    return (
        "call_type" in record
        and isinstance(record.get("metadata"), dict)
        and ("litellm_call_id" in record or "model_parameters" in record)
    )


FORMAT: Final = Format(
    columns=columns(
        exchange="litellm_call_id | id",
        at="startTime",
        account="metadata.user_api_key_org_id | metadata.user_api_key_team_id | metadata.user_api_key_user_id"
        " | metadata.user_api_key_hash",
        key="metadata.user_api_key_hash",
        channel="custom_llm_provider",
        model="model_group | model",
        operation="call_type",
        system="model_parameters.system | model_parameters.instructions",
        messages="messages",
        previous="model_parameters.previous_response_id",
        tools="model_parameters.tools | model_parameters.functions",
        tools_hash="model_parameters.tools | model_parameters.functions",
        response="response",
        choices="response",
        tool_calls="response",
        reasoning="response",
        temperature="model_parameters.temperature",
        top_p="model_parameters.top_p",
        n="model_parameters.n",
        max_tokens="model_parameters.max_tokens | model_parameters.max_completion_tokens"
        " | model_parameters.max_output_tokens",
        top_logprobs="model_parameters.top_logprobs | model_parameters.logprobs | model_parameters.include",
        reasoning_effort="model_parameters.reasoning_effort | model_parameters.reasoning.effort"
        " | model_parameters.output_config.effort",
        stream="stream | model_parameters.stream",
        input_tokens="prompt_tokens",
        output_tokens="completion_tokens",
        reasoning_tokens="metadata.usage_object.completion_tokens_details.reasoning_tokens"
        " | response.usage.completion_tokens_details.reasoning_tokens"
        " | response.usage.output_tokens_details.reasoning_tokens",
        status="error_information.error_code | status",
        finish_reason="response",
        ip="requester_ip_address | metadata.requester_ip_address",
        user_agent=f"user_agent | metadata.user_agent | {_ALL_HEADERS}.user-agent",
        ja4=f"{_HEADERS}.x-ja4 | {_ALL_HEADERS}.x-ja4",
        end_user="end_user | metadata.user_api_key_end_user_id | model_parameters.user",
        session="session_id | metadata.requester_metadata.session_id"
        f" | {_HEADERS}.x-litellm-session-id | {_ALL_HEADERS}.x-litellm-session-id",
        forwarded_for=f"{_HEADERS}.x-forwarded-for | {_ALL_HEADERS}.x-forwarded-for",
    ),
    recognise=recognise,
    accounts=(
        *(f"{_HEADERS}.x-{name}" for name in ("organization", "org", "tenant", "account", "customer", "team", "user")),
        "end_user",
        "metadata.requester_metadata.user_id",
        "model_parameters.user",
        "metadata.user_api_key_alias",
    ),
)
