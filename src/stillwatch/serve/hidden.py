"""Hidden: a text that answers may not repeat, and how an answer that does is cut, also when it comes in pieces.

An answer is cut before the first of RUN words in a row that stand so in the hidden text, whatever stands between them
and whatever their case; in scripts without spaces a character is a word. To know that in time, the last RUN - 1 words
of a piece are held back until the next. A hidden text shorter than RUN words is not watched.

What it does not see: a text told in other words, translated, or encoded. What it cuts besides: an answer that rightly
quotes RUN words of the text (a disclaimer that the text asks for); that is why it needs an order.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Final

RUN: Final = 12
"""Words in a row that nobody repeats by chance; 13 are the usual bound for a benchmark that leaked."""
EACH: Final = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
"""Thai, kana, Han and Hangul: a character is a word."""
WORD: Final = re.compile(rf"[{EACH}]|(?:(?![{EACH}])\w)+")


class Hidden:
    """One text that may not be repeated, as hashes of its runs."""

    __slots__ = ("runs",)

    def __init__(self, runs: frozenset[int]) -> None:
        self.runs = runs

    @classmethod
    def of(cls, text: str) -> Hidden:
        """Take in a text."""
        words = [found.group().casefold() for found in WORD.finditer(text)]
        return cls(frozenset(hash(tuple(words[at : at + RUN])) for at in range(len(words) - RUN + 1)))


class Cut:
    """Cuts one answer; once cut, nothing more leaves."""

    def __init__(self, watched: list[Hidden]) -> None:
        self.cut = False
        self._runs = [hidden.runs for hidden in watched if hidden.runs]
        self._held = ""
        self._words: deque[str] = deque(maxlen=RUN)
        self._starts: deque[int] = deque(maxlen=RUN)
        self._read = 0

    def feed(self, text: str, *, ending: bool = False) -> str:
        """Take a piece; gives what may leave."""
        if self.cut or not self._runs:
            return "" if self.cut else text
        self._held += text
        while (found := WORD.search(self._held, self._read)) is not None:
            if found.end() == len(self._held) and not ending:
                break  # the word may go on
            self._words.append(found.group().casefold())
            self._starts.append(found.start())
            self._read = found.end()
            if len(self._words) == RUN and self._repeats():
                self.cut = True
                return self._held[: self._starts[0]]
        return self._release(ending)

    def _repeats(self) -> bool:
        run = hash(tuple(self._words))
        return any(run in runs for runs in self._runs)

    def _release(self, ending: bool) -> str:
        """Let go of what no run can begin in any more."""
        full = len(self._starts) == RUN
        safe = len(self._held) if ending else self._starts[1] if full else self._starts[0] if self._starts else 0
        if not self._starts and not ending:
            begun = WORD.search(self._held)
            safe = begun.start() if begun is not None else len(self._held)
        out, self._held = self._held[:safe], self._held[safe:]
        self._read -= safe
        self._starts = deque((start - safe for start in self._starts), maxlen=RUN)
        return out


def cut(text: str, watched: list[Hidden]) -> tuple[str, bool]:
    """Cut a whole text; tells whether there was anything to cut."""
    cutter = Cut(watched)
    return cutter.feed(text, ending=True), cutter.cut
