"""Tally: what the exchanges of each family have in common, as sums over one pass."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from stillwatch.kit.jit import kernel
from stillwatch.kit.scripts import SCRIPTS

FIELDS: Final = (
    "rows", "opening", "follow_up", "user_ends", "tool_ends", "tokens", "answer_tokens", "log_ratio", "answered",
    "input_tokens", "output_tokens", "reasoning_tokens",
    "sampled", "logprobs", "cold", "streamed", "tools", "called", "reasoned", "refused",
)  # fmt: skip
"""Sums per family: exchanges; of them those that open a conversation; exchanges that follow one that the family
opened; those that end with a user or a tool; tokens of the last user turn and of the answer; log2 of answer over
prompt; and the flags of `sketch.knobs`."""

_FLAGS: Final = 12
SIZE: Final = len(FIELDS) + len(SCRIPTS)


@kernel
def tally(
    family: npt.NDArray[np.int32],
    opener: int,
    answers: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.uint8],
    tokens: npt.NDArray[np.uint32],
    script: npt.NDArray[np.uint8],
    answer_tokens: npt.NDArray[np.uint32],
    usage: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint8],
    take: npt.NDArray[np.bool_],
    out: npt.NDArray[np.float64],
) -> None:
    """Add rows to `out`, shape (families, SIZE).

    Args:
        family: families of each row; the column `opener` holds the family of the turn that opened the conversation.
        usage: input, output and reasoning tokens, shape (rows, 3).
        take: rows that count.
    """
    width = family.shape[1]
    for row in range(len(take)):
        if not take[row]:
            continue
        for place in range(width):
            name = family[row, place]
            seen = name == 0
            for before in range(place):
                seen = seen or family[row, before] == name
            if seen:
                continue
            sums = out[name]
            if place == opener:
                sums[2] += 1.0
                continue
            sums[0] += 1.0
            sums[1] += answers[row] == 0
            sums[3] += ends[row] == 0x75
            sums[4] += ends[row] == 0x74
            sums[5] += tokens[row]
            if answer_tokens[row] > 0:
                sums[6] += answer_tokens[row]
                sums[7] += np.log2((answer_tokens[row] + 4.0) / (tokens[row] + 4.0))
                sums[8] += 1.0
            for i in range(3):
                sums[9 + i] += usage[row, i]
            for bit in range(8):
                sums[_FLAGS + bit] += (flags[row] >> np.uint8(bit)) & np.uint8(1)
            sums[_FLAGS + 8 + script[row]] += 1.0
