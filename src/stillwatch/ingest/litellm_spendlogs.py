"""LiteLLM spend logs: rows of its Postgres table `LiteLLM_SpendLogs`, exported as JSON, CSV or Parquet.

Content is there only with `store_prompts_in_spend_logs`, and then mostly in `proxy_server_request`. The
column `session_id` is not read: LiteLLM fills it with an id of its own where the customer sent none, and
every call would pass for a conversation. Where your customers do send one, map it: `session =
"session_id"`.
"""

from __future__ import annotations

from typing import Final

from stillwatch.ingest._format import Format, Plain
from stillwatch.ingest._mapping import columns

_ASKED: Final = "proxy_server_request"
_HEADERS: Final = f"{_ASKED}.metadata.headers"
_MORE_HEADERS: Final = f"{_ASKED}.litellm_metadata.headers"


def recognise(record: Plain) -> bool:
    return "request_id" in record and "startTime" in record and "spend" in record and "api_key" in record


FORMAT: Final = Format(
    columns=columns(
        opens_text=True,
        exchange="litellm_call_id | request_id",
        at="startTime",
        account="organization_id | team_id | user | api_key",
        key="api_key",
        channel="custom_llm_provider",
        model="model_group | model",
        operation="call_type",
        system=f"{_ASKED}.system | {_ASKED}.instructions",
        messages=f"{_ASKED}.messages | {_ASKED}.input | {_ASKED}.prompt | messages",
        previous=f"{_ASKED}.previous_response_id",
        tools=f"{_ASKED}.tools | {_ASKED}.functions",
        tools_hash=f"{_ASKED}.tools | {_ASKED}.functions",
        response="response",
        choices="response",
        tool_calls="response",
        reasoning="response",
        finish_reason="response",
        temperature=f"{_ASKED}.temperature",
        top_p=f"{_ASKED}.top_p",
        n=f"{_ASKED}.n",
        max_tokens=f"{_ASKED}.max_tokens | {_ASKED}.max_completion_tokens | {_ASKED}.max_output_tokens",
        top_logprobs=f"{_ASKED}.top_logprobs | {_ASKED}.logprobs | {_ASKED}.include",
        reasoning_effort=f"{_ASKED}.reasoning_effort | {_ASKED}.reasoning.effort | {_ASKED}.output_config.effort",
        stream=f"{_ASKED}.stream",
        input_tokens="prompt_tokens",
        output_tokens="completion_tokens",
        reasoning_tokens="metadata.usage_object.completion_tokens_details.reasoning_tokens"
        " | metadata.additional_usage_values.completion_tokens_details.reasoning_tokens"
        " | response.usage.completion_tokens_details.reasoning_tokens"
        " | response.usage.output_tokens_details.reasoning_tokens",
        status="metadata.error_information.error_code | status",
        ip="requester_ip_address | metadata.requester_ip_address"
        f" | {_ASKED}.metadata.requester_ip_address | {_ASKED}.litellm_metadata.requester_ip_address",
        user_agent=f"metadata.user_agent | {_ASKED}.metadata.user_agent | {_HEADERS}.user-agent"
        f" | {_MORE_HEADERS}.user-agent | request_tags",
        ja4=f"{_HEADERS}.x-ja4 | {_MORE_HEADERS}.x-ja4",
        end_user=f"end_user | {_ASKED}.user | {_ASKED}.metadata.user_id",
        session=f"{_ASKED}.litellm_session_id | {_ASKED}.metadata.session_id"
        f" | {_HEADERS}.x-litellm-session-id | {_MORE_HEADERS}.x-litellm-session-id",
        forwarded_for=f"{_HEADERS}.x-forwarded-for | {_MORE_HEADERS}.x-forwarded-for",
    ),
    recognise=recognise,
    accounts=(
        *(f"{_HEADERS}.x-{name}" for name in ("organization", "org", "tenant", "account", "customer", "team", "user")),
        "end_user",
        "metadata.user_api_key_alias",
        f"{_ASKED}.user",
    ),
)
