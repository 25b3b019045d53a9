"""Clients: which programs speak to the service, as user agent and TLS fingerprint.

A few SDK builds hold most traffic and a long tail the rest. The fingerprint (JA4, FoxIO, BSD-3-Clause part)
belongs
to the TLS stack and not to the SDK: one stack serves many programs, one program is met on several stacks. The
user agents are those of public SDKs and tools; stacks and shares are made up, in the shape of such logs.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.sim._keys import key, mix

SDKS: Final = {  # family: share, user agents with `{}` for a version, number of versions in use
    "python": (30, "OpenAI/Python {}", ("1.{}.{}", 40, 9), 38),
    "python_async": (9, "AsyncOpenAI/Python {}", ("1.{}.{}", 40, 9), 30),
    "anthropic_py": (8, "Anthropic/Python 0.{}", ("{}.{}", 70, 3), 26),
    "node": (12, "OpenAI/JS {}", ("4.{}.{}", 90, 4), 34),
    "axios": (4, "axios/1.{}", ("{}.{}", 12, 6), 12),
    "requests": (7, "python-requests/2.{}", ("{}.{}", 33, 4), 14),
    "httpx": (3, "python-httpx/0.{}", ("{}.{}", 28, 2), 8),
    "aiohttp": (3, "Python/3.{} aiohttp/3.11", ("{}", 13, 0), 5),
    "langchain": (4, "langchain-openai/0.{}", ("{}.{}", 4, 20), 22),
    "litellm": (2, "litellm/1.{}", ("{}.{}", 80, 14), 30),
    "go": (4, "Go-http-client/{}", ("{}.{}", 2, 1), 2),
    "java": (2, "okhttp/4.{}", ("{}.{}", 12, 1), 5),
    "rust": (2, "reqwest/0.{}", ("{}.{}", 12, 9), 7),
    "dotnet": (2, "OpenAI/.NET 2.{}", ("{}.{}", 5, 2), 8),
    "php": (1, "openai-php/client/0.{}", ("{}.{}", 12, 3), 8),
    "ruby": (1, "ruby-openai/7.{}", ("{}.{}", 4, 3), 6),
    "curl": (2, "curl/8.{}", ("{}.{}", 14, 1), 12),
    "cloud": (0, "Boto3/1.{}", ("{}.{}", 40, 90), 24),
}
_WEB: Final = "Mozilla/5.0"
_KIT: Final = "AppleWebKit/"
BROWSERS: Final = (
    f"{_WEB} (Windows NT 10.0; Win64; x64) {_KIT}537.36 (KHTML, like Gecko) Chrome/{{}}.0.0.0 Safari/537.36",
    f"{_WEB} (Macintosh; Intel Mac OS X 10_15_7) {_KIT}605.1 (KHTML, like Gecko) Version/{{}}.1 Safari/605.1",
    f"{_WEB} (X11; Linux x86_64; rv:{{}}.0) Gecko/20100101 Firefox/{{}}.0",
    f"{_WEB} (iPhone; CPU iPhone OS 18_{{}} like Mac OS X) {_KIT}605.1 (KHTML, like Gecko) Mobile/15E148",
)
_STACKS: Final = 46


class Clients:
    """A table of builds; rows are numbered and never change."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 0xC11E])
        self._tail: list[int] = []
        self.user_agents: list[str] = []
        self.ja4s: list[str] = []
        self._stacks = [self._stack(key("stack", k)) for k in range(_STACKS)]
        self._of: dict[str, tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]] = {}
        for family, (_, shape, version, how_many) in SDKS.items():
            self._of[family] = self._family(shape, version, how_many)
        browsers = [self._family(shape, ("{}", 128, 0), 14) for shape in BROWSERS]
        self._of["browser"] = (
            np.concatenate([rows for rows, _ in browsers]),
            np.concatenate([share / len(browsers) for _, share in browsers]),
        )

    @staticmethod
    def _stack(of: np.uint64) -> str:
        h = int(mix(of))
        hashes = f"{int(mix(of + np.uint64(1))):016x}"[:12], f"{int(mix(of + np.uint64(2))):016x}"[:12]
        alpn = "h2" if h & 1 else "h1"
        return f"t13d{8 + h % 23:02}{9 + h // 64 % 8:02}{alpn}_{hashes[0]}_{hashes[1]}"

    def build(self, user_agent: str, ja4: str | None = None) -> int:
        """Add a build of one's own; without a fingerprint it gets a rare one."""
        self.user_agents.append(user_agent)
        self.ja4s.append(ja4 or self._stack(key("own", user_agent, len(self.ja4s))))
        return len(self.ja4s) - 1

    def _family(
        self, shape: str, version: tuple[str, int, int], how_many: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Add a family: newest versions hold most, each on one to three stacks."""
        pattern, major, minor = version
        rows: list[int] = []
        share: list[float] = []
        home = self._rng.integers(0, _STACKS, 6)
        for age in range(how_many):
            minor_now = minor - age
            number = pattern.format(major - max(0, -minor_now) // (minor + 1), minor_now % (minor + 1))
            agent = shape.format(number, number)
            stacks = self._rng.choice(home, int(self._rng.integers(1, 4)), replace=False)
            for rank, stack in enumerate(stacks):
                rows.append(self.build(agent, self._stacks[stack]))
                share.append(1.0 / (1 + age) ** 1.3 / (1 + rank) ** 1.5)
        total = sum(share)
        return np.array(rows, np.int32), np.array(share) / total

    def some(self, rng: np.random.Generator, n: int, family: str = "sdk") -> npt.NDArray[np.int32]:
        """Choose builds for n accounts: of one family, or of all SDKs (`sdk`) by their shares."""
        if family in self._of:
            rows, share = self._of[family]
            return rng.choice(rows, n, p=share / share.sum()).astype(np.int32)
        names = [f for f, row in SDKS.items() if row[0]]
        weights = np.array([SDKS[f][0] for f in names], float)
        chosen = rng.choice(len(names), n, p=weights / weights.sum())
        out = np.zeros(n, np.int32)
        for number, name in enumerate(names):
            mine = np.flatnonzero(chosen == number)
            out[mine] = self.some(rng, len(mine), name)
        return out

    def tail(self, rng: np.random.Generator, n: int, people: int) -> npt.NDArray[np.int32]:
        """Choose builds of the long tail for n accounts.

        Patched proxies, own stacks, odd versions, a few users each.
        """
        if not self._tail:
            self._tail = [self.rare() for _ in range(24 + people // 60)]
        rank = (len(self._tail) * rng.random(n) ** 1.4).astype(np.int64)
        return np.array(self._tail, np.int32)[rank]

    def rare(self, family: str = "sdk") -> int:
        """Make a rare build: a popular user agent on a stack that hardly anybody else has."""
        agent = self.user_agents[int(self.some(self._rng, 1, family)[0])]
        return self.build(agent)
