"""The tracer as a `LogitsProcessor` of transformers.

    processor = TracerProcessor(Tracers(ring, model.config.vocab_size, group="c1", skip=prompt_length))
    model.generate(**inputs, do_sample=True, temperature=1.0, top_k=0,
                   logits_processor=LogitsProcessorList([TemperatureLogitsWarper(0.8), processor]))

`generate` applies its own temperature and truncation *after* the processors it is given. Mode `free` keeps the
distribution only of what it sees: give the warpers yourself, before the tracer, and leave `generate`'s own at
`temperature=1.0, top_k=0, top_p=1.0`.
"""

from __future__ import annotations

import torch
from transformers import LogitsProcessor

from stillwatch.prove.engines.tracers import Tracers


class TracerProcessor(LogitsProcessor):
    """Reweighs each step by the keys' coins.

    Args:
        tracers: the keys at work; its `skip` is the length of the padded prompt.
    """

    def __init__(self, tracers: Tracers) -> None:
        self._tracers = tracers

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Reweigh the next token of each row."""
        return self._tracers(scores, input_ids)
