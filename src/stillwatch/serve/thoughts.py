"""Thoughts: what was blanked in answers of the Messages API, put back when the client sends the block again.

An upstream that thinks while it uses tools wants its thinking blocks back exactly as they were. One that was asked to
leave their text out (`display: omitted`) knows them by their `signature`; another one needs the text, which a hardened
client never got. So it is kept here by account and signature, in memory alone, and put back on the way to the upstream.

A block that is not known here (after a restart, at another replica, forgotten) goes on blank, as the client sent it.
Memory: MOST_BYTES; what was not asked for longest is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

MOST_BYTES: Final = 32 << 20


class Kept:
    """What was blanked; one of them serves one process."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._held: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._most = most
        self._size = 0

    def keep(self, account: str, block: Any) -> None:
        """Keep the text of a thinking block that will be blanked."""
        if not isinstance(block, dict) or block.get("type") != "thinking":
            return
        signature, text = block.get("signature"), block.get("thinking")
        if not (isinstance(signature, str) and isinstance(text, str) and signature and text):
            return
        self._drop((account, signature))
        self._held[account, signature] = text
        self._size += _size(signature, text)
        while self._size > self._most:
            self._drop(next(iter(self._held)))

    def _drop(self, name: tuple[str, str]) -> None:
        text = self._held.pop(name, None)
        if text is not None:
            self._size -= _size(name[1], text)

    def put_back(self, account: str, messages: Any) -> Any:
        """Give messages with the texts of their blank blocks; those given are left as they are."""
        if not isinstance(messages, list) or not self._held:
            return messages
        return [self._message(account, one) if isinstance(one, dict) else one for one in messages]

    def _message(self, account: str, message: dict[str, Any]) -> dict[str, Any]:
        content = message.get("content")
        if message.get("role") != "assistant" or not isinstance(content, list):
            return message
        return {**message, "content": [self._block(account, block) for block in content]}

    def _block(self, account: str, block: Any) -> Any:
        if not isinstance(block, dict) or block.get("type") != "thinking" or block.get("thinking"):
            return block
        name = (account, str(block.get("signature")))
        if name not in self._held:
            return block
        self._held.move_to_end(name)
        return {**block, "thinking": self._held[name]}


def _size(signature: str, text: str) -> int:
    return len(signature) + 4 * len(text) + 200


class Keeper:
    """Keeps the blocks of one answer, whole or streamed, for one account."""

    def __init__(self, kept: Kept, account: str) -> None:
        self._kept = kept
        self._account = account
        self._begun: dict[str, dict[str, Any]] = {}

    def whole(self, content: Any) -> None:
        """Keep the blocks of a whole message."""
        for block in content if isinstance(content, list) else ():
            self._kept.keep(self._account, block)

    def event(self, told: dict[str, Any]) -> None:
        """Keep what an event of a stream adds to a block, and the block when its signature comes."""
        place, block, delta = str(told.get("index")), told.get("content_block"), told.get("delta")
        if isinstance(block, dict) and block.get("type") == "thinking":
            self._begun[place] = dict(block)
        held = self._begun.get(place)
        if held is None or not isinstance(delta, dict):
            return
        for name in ("thinking", "signature"):
            if isinstance(delta.get(name), str):
                held[name] = str(held.get(name) or "") + delta[name]
        if delta.get("type") == "signature_delta":
            self._kept.keep(self._account, held)

    def put_back(self, messages: Any) -> Any:
        """Give messages with the texts of their blank blocks."""
        return self._kept.put_back(self._account, messages)
