"""Harden: take out of requests and answers what only training wants.

- `no_logprobs`: no log-probabilities of answers or prompts, no token ids.
- `cap_n`: no more choices of one answer than `[watch] n_most`.
- `no_reasoning`: no reasoning text, wherever a dialect repeats it. What later turns need stays: the reasoning item of
  Responses with its id and `encrypted_content`, the thinking block of Messages with its `signature`, and
  `redacted_thinking`. Nothing is put in its place.

The request is changed where the dialect has the knob, the answer for all that is left. Tool calls, usage, text and
order stay. Field names are those of openai-python, anthropic-sdk-python, DeepSeek, vLLM, OpenRouter and LiteLLM.
"""

from __future__ import annotations

import re
from typing import Any, Final

from stillwatch.serve.dialects import Dialect

Body = dict[str, Any]
REASONING: Final = (
    "reasoning_content", "reasoning", "reasoning_details", "reasoning_items", "reasoning_text", "thinking",
    "thinking_blocks", "thoughts",
)  # fmt: skip
"""Names under which a chat message or delta carries reasoning."""
TOKEN_FIELDS: Final = ("prompt_logprobs", "prompt_token_ids", "token_ids", "prompt_text_token_ids")
TOKEN_KNOBS: Final = ("prompt_logprobs", "return_token_ids", "return_tokens_as_token_ids", "top_logprobs")
THINK: Final = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>\s*|\Z)", re.DOTALL)
ANSWERED_LATE: Final = re.compile(r"\A.*</(?:think|thinking|reasoning)>\s*", re.DOTALL)


class Hardening:
    """Which transforms one exchange gets."""

    def __init__(self, transforms: list[str], n_most: int) -> None:
        self.no_logprobs = "no_logprobs" in transforms
        self.cap_n = "cap_n" in transforms
        self.no_reasoning = "no_reasoning" in transforms
        self.n_most = max(n_most, 1)

    # -- requests

    def request(self, name: Dialect, body: Body) -> Body:
        """Change a request; the one given is left as it is."""
        body = dict(body)
        if self.no_logprobs:
            self._no_knobs(name, body)
        if self.cap_n:
            for knob in ("n", "best_of"):
                count = body.get(knob)
                if isinstance(count, int | float) and count > self.n_most:
                    body[knob] = self.n_most
        if self.no_reasoning:
            self._quiet(name, body)
        return body

    def _no_knobs(self, name: Dialect, body: Body) -> None:
        for knob in TOKEN_KNOBS:
            body.pop(knob, None)
        if "logprobs" in body:
            if name == "chat":
                body["logprobs"] = False
            else:
                del body["logprobs"]
        include = body.get("include")
        if isinstance(include, list):
            body["include"] = [one for one in include if not (isinstance(one, str) and "logprobs" in one)]

    def _quiet(self, name: Dialect, body: Body) -> None:
        if name == "messages" and isinstance(body.get("thinking"), dict):
            if body["thinking"].get("type") in ("enabled", "adaptive"):
                body["thinking"] = {**body["thinking"], "display": "omitted"}
        elif name == "responses" and isinstance(body.get("reasoning"), dict):
            body["reasoning"] = {k: v for k, v in body["reasoning"].items() if k not in ("summary", "generate_summary")}
        elif name == "chat" and "include_reasoning" in body:
            body["include_reasoning"] = False

    # -- whole answers

    def answer(self, name: Dialect, body: Any) -> Any:
        """Change a whole answer; the one given may be changed in place."""
        if not isinstance(body, dict):
            return body
        if name in ("chat", "completions"):
            self.choices(body, "message")
        elif name == "responses":
            self.response(body)
        else:
            self._content(body)
        return body

    def choices(self, body: Body, inside: str) -> None:
        """Change the choices of an answer (`message`) or of a chunk of it (`delta`)."""
        choices = body.get("choices")
        if self.no_logprobs:
            for field in TOKEN_FIELDS:
                body.pop(field, None)
        if not isinstance(choices, list):
            return
        if self.cap_n:
            choices = [one for one in choices if not (isinstance(one, dict) and _index(one) >= self.n_most)]
            body["choices"] = choices
        for choice in choices:
            if isinstance(choice, dict):
                self.choice(choice, inside)

    def choice(self, choice: Body, inside: str) -> None:
        """Change one choice, or one chunk of it."""
        if self.no_logprobs:
            if "logprobs" in choice:
                choice["logprobs"] = None
            for field in TOKEN_FIELDS:
                choice.pop(field, None)
        message = choice.get(inside)
        if self.no_reasoning and isinstance(message, dict):
            unreasoned(message)
            if inside == "message":
                message.update(_thoughtless(message))
        if self.no_reasoning and inside == "message" and isinstance(choice.get("text"), str):
            choice["text"] = without_thoughts(choice["text"])

    def response(self, body: Body) -> None:
        """Change a whole response of the Responses API, also where an event embeds it."""
        output = body.get("output")
        for item in output if isinstance(output, list) else []:
            self.item(item)
        data = body.get("data")  # input_items
        for item in data if isinstance(data, list) else []:
            self.item(item)

    def item(self, item: Any) -> None:
        """Change one item of a response."""
        if not isinstance(item, dict):
            return
        if item.get("type") == "reasoning" and self.no_reasoning:
            item["summary"] = []
            item.pop("content", None)
        content = item.get("content")
        for part in content if isinstance(content, list) else []:
            self.part(part)

    def part(self, part: Any) -> None:
        """Change one part of a message of the Responses API."""
        if isinstance(part, dict) and self.no_logprobs and part.get("logprobs"):
            part["logprobs"] = []
        if isinstance(part, dict) and self.no_reasoning and isinstance(part.get("text"), str):
            part["text"] = "" if part.get("type") == "reasoning_text" else without_thoughts(part["text"])

    def _content(self, body: Body) -> None:
        content = body.get("content")
        for block in content if isinstance(content, list) and self.no_reasoning else []:
            if isinstance(block, dict):
                if block.get("type") == "thinking":
                    block["thinking"] = ""
                elif block.get("type") == "text" and isinstance(block.get("text"), str):
                    block["text"] = without_thoughts(block["text"])


def unreasoned(message: Body) -> None:
    """Take the reasoning out of a chat message or delta."""
    for field in REASONING:
        message.pop(field, None)
    for field in ("provider_specific_fields", "model_extra"):
        if isinstance(message.get(field), dict):
            unreasoned(message[field])
    content = message.get("content")
    if isinstance(content, list):
        message["content"] = [
            part for part in content
            if not (isinstance(part, dict) and part.get("type") in ("thinking", "reasoning", "redacted_thinking"))
        ]  # fmt: skip


def _thoughtless(message: Body) -> Body:
    content = message.get("content")
    if isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                part["text"] = without_thoughts(part["text"])
    return {"content": without_thoughts(content)} if isinstance(content, str) else {}


def without_thoughts(text: str) -> str:
    """Cut tagged reasoning out of a text, also where its opening tag stood in the prompt."""
    return ANSWERED_LATE.sub("", THINK.sub("", text))


def _index(choice: Body) -> int:
    index = choice.get("index", 0)
    return index if isinstance(index, int) else 0
