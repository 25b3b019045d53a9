"""Harden: take out of requests and answers what only training wants.

- `no_logprobs`: no log-probabilities of answers or prompts, no token ids.
- `cap_n`: no more choices of one answer than `[watch] n_most`.
- `no_reasoning`: no reasoning text, wherever a dialect repeats it, and no log-probabilities, which spell it. What later
  turns need stays: the reasoning item of Responses with its id and `encrypted_content`, the thinking block of Messages
  with its `signature`, and `redacted_thinking`. Nothing is put in its place; a block that comes back blank goes on to
  the upstream with its text (`thoughts`).
- `summary_only`: the same, but that summaries which the upstream makes stay: those of Responses, and in Messages what
  the upstream was asked to summarise.
- `round_logprobs`: log-probabilities to one decimal, of the token alone, everywhere alike.
- `no_leak`: an answer ends before it repeats the system text, or a text of `[proxy] hidden`; see `hidden`.
- `tracer`: the upstream is asked to mark the answer; see `tracer`.

The request is changed where the dialect has the knob, the answer for all that is left: what an answer is, is read from
its shape and not from where it came, so that a stored answer or the results of a batch lose the same. Tool calls,
usage, text and order stay. Field names are those of openai-python, anthropic-sdk-python, DeepSeek, vLLM, OpenRouter,
Gemini and LiteLLM.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from stillwatch.serve.dialects import Dialect
from stillwatch.serve.hidden import Hidden, cut
from stillwatch.serve.thoughts import Keeper
from stillwatch.serve.tracer import Tracer, group_of

Body = dict[str, Any]
REASONING: Final = frozenset(
    {"reasoning_content", "reasoning", "reasoning_details", "reasoning_items", "reasoning_text", "reasoning_summary",
     "thinking", "thinking_blocks", "thoughts", "thought"}
)  # fmt: skip
"""Names under which an answer carries reasoning."""
THOUGHT_PARTS: Final = ("thinking", "reasoning", "reasoning_text", "summary_text", "redacted_thinking")
UNTOUCHED: Final = frozenset({"tool_calls", "function_call", "usage", "input", "arguments", "tools", "metadata"})
"""What is under these names is not the model's reasoning, whatever it is called there."""
TOKEN_FIELDS: Final = ("prompt_logprobs", "prompt_token_ids", "token_ids", "prompt_text_token_ids")
TOKEN_KNOBS: Final = ("prompt_logprobs", "return_token_ids", "return_tokens_as_token_ids", "top_logprobs")
THINK: Final = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>\s*|\Z)", re.DOTALL)
ANSWERED_LATE: Final = re.compile(r"\A.*</(?:think|thinking|reasoning)>\s*", re.DOTALL)


class Hardening:
    """Which transforms one exchange gets.

    Args:
        hidden: what answers may not repeat.
        begun: whether answers begin inside a thought that the prompt opened.
        keeper: keeps blanked blocks of Messages, and puts them back.

    Attributes:
        told: what is done, as the client is told; without what has nothing to act on.
    """

    def __init__(
        self, transforms: list[str], n_most: int, *, hidden: Sequence[Hidden] = (), tracer: Tracer | None = None,
        begun: bool = False, keeper: Keeper | None = None,
    ) -> None:  # fmt: skip
        self.summary = "summary_only" in transforms and "no_reasoning" not in transforms
        self.no_reasoning = self.summary or "no_reasoning" in transforms
        self.no_logprobs = self.no_reasoning or "no_logprobs" in transforms
        self.rounds = "round_logprobs" in transforms and not self.no_logprobs
        self.cap_n = "cap_n" in transforms
        self.hidden = list(hidden) if "no_leak" in transforms else []
        self.n_most = max(n_most, 1)
        self.begun = begun
        self.keeper = keeper if self.no_reasoning and not self.summary else None
        self._knobs = "no_logprobs" in transforms
        self._tracer = tracer
        self._group = group_of(transforms)
        idle = {"no_leak": not self.hidden, "tracer": tracer is None}
        names = [name.partition(":")[0] for name in transforms]
        self.told = ", ".join(name for name in names if not idle.get(name))

    # -- requests

    def request(self, name: Dialect, body: Body) -> Body:
        """Change a request; the one given is left as it is."""
        body = dict(body)
        if self._knobs:
            _no_knobs(name, body)
        if self.cap_n:
            for knob in ("n", "best_of"):
                count = body.get(knob)
                if isinstance(count, int | float) and count > self.n_most:
                    body[knob] = self.n_most
        if self.no_reasoning:
            _quiet(name, body, summary=self.summary)
        if self.keeper is not None and name == "messages" and "messages" in body:
            body["messages"] = self.keeper.put_back(body["messages"])
        if self._tracer is not None:
            body = self._tracer.mark(body, self._group) if self._group else self._tracer.without(body)
        return body

    # -- whole answers

    def answer(self, body: Any) -> Any:
        """Change a whole answer, of whatever shape; the one given may be changed in place."""
        if isinstance(body, list):
            for one in body:
                self.answer(one)
        elif isinstance(body, dict):
            self._object(body)
        return body

    def _object(self, body: Body) -> None:
        if self.no_logprobs:
            for field in TOKEN_FIELDS:
                body.pop(field, None)
        if isinstance(body.get("choices"), list):
            self.choices(body, "message")
        elif isinstance(body.get("output"), list):
            self.response(body)
        elif isinstance(body.get("content"), list):
            self._message(body)
        elif body.get("role") == "assistant" and isinstance(body.get("content"), str):  # a stored message
            body["content"] = self.text(body["content"])[0]
        if self.no_reasoning:
            unreasoned(body, summary=self.summary)
        if self.rounds:
            rounded(body)
        for name in ("data", "response", "body", "result", "message", "error", "candidates"):
            self.answer(body.get(name))

    def choices(self, body: Body, inside: str) -> None:
        """Change the choices of an answer (`message`) or of a chunk of it (`delta`)."""
        choices = body["choices"]
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
        if self.no_reasoning:
            unreasoned(choice, summary=self.summary)
        message = choice.get(inside)
        if inside == "message" and self.say(message if isinstance(message, dict) else choice):
            choice["finish_reason"] = "content_filter"

    def say(self, message: Body) -> bool:
        """Change what a message or a completion says; tells whether it was cut."""
        was_cut = False
        for field in ("content", "text"):
            said = message.get(field)
            if isinstance(said, str):
                message[field], here = self.text(said)
                was_cut |= here
            elif isinstance(said, list):
                was_cut |= self._parts(said)
        return was_cut

    def _parts(self, parts: list[Any]) -> bool:
        """Change parts of a content in place; what follows a part that was cut says nothing."""
        was_cut = False
        for part in parts:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                thought = self.no_reasoning and part.get("type") in THOUGHT_PARTS and not self._summed(part)
                part["text"], here = ("", was_cut) if was_cut or thought else self.text(part["text"])
                was_cut |= here
            if isinstance(part, dict) and self.no_logprobs and part.get("logprobs"):
                part["logprobs"] = []
        return was_cut

    def _summed(self, part: Body) -> bool:
        return self.summary and part.get("type") == "summary_text"

    def text(self, text: str) -> tuple[str, bool]:
        """Give what may be said of a text, and tell whether it was cut."""
        if self.no_reasoning:
            text = without_thoughts(text, begun=self.begun)
        return cut(text, self.hidden) if self.hidden else (text, False)

    def response(self, body: Body) -> None:
        """Change a whole response of the Responses API, also where an event embeds it."""
        output = body.get("output")
        was_cut = [self.item(item) for item in output] if isinstance(output, list) else []
        if any(was_cut):
            body["status"], body["incomplete_details"] = "incomplete", {"reason": "content_filter"}

    def item(self, item: Any) -> bool:
        """Change one item of a response; tells whether it was cut."""
        if not isinstance(item, dict):
            return False
        if item.get("type") == "reasoning" and self.no_reasoning:
            item["summary"] = item.get("summary", []) if self.summary else []
            item.pop("content", None)
        content = item.get("content")
        return self._parts(content) if isinstance(content, list) else False

    def part(self, part: Any) -> None:
        """Change one part of a message of the Responses API."""
        self._parts([part])

    def _message(self, body: Body) -> None:
        """Change a message of the Messages API, or a stored one of another."""
        if self.keeper is not None:
            self.keeper.whole(body["content"])
        if self._parts(body["content"]) and "stop_reason" in body:
            body["stop_reason"] = "refusal"


def _no_knobs(name: Dialect, body: Body) -> None:
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


def _quiet(name: Dialect, body: Body, *, summary: bool) -> None:
    """Ask the upstream for no reasoning text, or for summaries, where it can be asked."""
    reasoning = body.get("reasoning")
    if name == "messages" and isinstance(body.get("thinking"), dict):
        if body["thinking"].get("type") in ("enabled", "adaptive"):
            body["thinking"] = {**body["thinking"], "display": "summarized" if summary else "omitted"}
    elif name == "responses" and isinstance(reasoning, dict) and not summary:
        body["reasoning"] = {k: v for k, v in reasoning.items() if k not in ("summary", "generate_summary")}
    elif name == "chat":
        if isinstance(reasoning, dict):  # OpenRouter
            body["reasoning"] = {**reasoning, "exclude": True}
        if "include_reasoning" in body:
            body["include_reasoning"] = False


def unreasoned(body: Body, *, summary: bool = False) -> None:
    """Take the reasoning out of an answer or a part of it, by its names, at any depth.

    A block of Messages keeps its `thinking`, empty, since clients need it beside the `signature`; a response keeps
    `reasoning`, which tells how it was asked.
    """
    for name in [name for name in body if name in REASONING]:
        if name == "thinking" and body.get("type") == "thinking":
            body[name] = body[name] if summary else ""
        elif not (name == "reasoning" and body.get("object") == "response"):
            del body[name]
    for name, value in body.items():
        if name in UNTOUCHED:
            continue
        if isinstance(value, dict):
            unreasoned(value, summary=summary)
        elif isinstance(value, list):
            body[name] = [one for one in value if not _thought(one, name, body)]
            for one in body[name]:
                if isinstance(one, dict):
                    unreasoned(one, summary=summary)


def rounded(body: Any) -> Any:
    """Round log-probabilities, wherever they stand, and leave no alternatives to the token that was drawn."""
    if isinstance(body, list):
        for one in body:
            rounded(one)
    elif isinstance(body, dict):
        for name, value in body.items():
            if name == "logprob" and isinstance(value, int | float):
                body[name] = round(value, 1)
            elif name == "token_logprobs" and isinstance(value, list):
                body[name] = [round(one, 1) if isinstance(one, int | float) else one for one in value]
            elif name in ("top_logprobs", "prompt_logprobs"):
                body[name] = [] if isinstance(value, list) else None
            else:
                rounded(value)
    return body


def _thought(part: Any, name: str, body: Body) -> bool:
    """Tell whether a part of a list is a thought that nobody needs; blocks of Messages stay, and are blank."""
    if not isinstance(part, dict):
        return False
    if part.get("thought") is True:  # Gemini
        return True
    chat = name == "content" and "type" not in body and part.get("type") in THOUGHT_PARTS
    return chat and "signature" not in part


def without_thoughts(text: str, *, begun: bool = False) -> str:
    """Cut tagged reasoning out of a text, also where its opening tag stood in the prompt."""
    if begun and not ANSWERED_LATE.match(text):
        return ""
    return ANSWERED_LATE.sub("", THINK.sub("", text))


def _index(choice: Body) -> int:
    index = choice.get("index", 0)
    return index if isinstance(index, int) else 0
