"""Harden: answers lose what only training wants: log-probabilities, many choices, reasoning, the hidden prompt.

Where the upstream draws tracers, they are marked besides.

Every change is a documented one and is told in `x-stillwatch-transforms`; no false reasoning is ever served.
"""

from __future__ import annotations

from stillwatch.model.answer import Action

ACTION: Action = "harden"
TRANSFORMS: tuple[str, ...] = ("no_logprobs", "cap_n", "no_reasoning", "no_leak", "tracer")
OFFERS: tuple[str, ...] = ("round_logprobs", "summary_only")
"""Milder ones, which an order may name instead."""
NEEDS_PERSON = True
PROXY = "changes the request where the dialect has the knob, and takes the rest out of the answer, streamed or not"
PLUGIN = "the same, in the hooks before and after the call"
NGINX = (
    "`200`, with `x-stillwatch-action: harden`: nginx cannot edit bodies, "
    "so that the configuration shown sends the request to the proxy"
)
