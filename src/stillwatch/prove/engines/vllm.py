"""The tracer as a custom logits processor of vLLM's V1 model runner.

It was run in vLLM 0.33's own loader, batch of requests and sampler, on a CPU and with logits that the test made; not in
a serving engine, and on no GPU. Before use, compare a thousand answers with `mark.reweigh`. What is known to matter:

- The class is the one of `vllm.v1.sample.logits_processor`. The runner V2 has another interface and refuses this class:
  set `VLLM_USE_V2_MODEL_RUNNER=0`. V1 takes no custom processors together with speculative decoding.
- Processors that call themselves argmax-invariant run after the temperature, before top-k and top-p, and are passed
  over for greedy requests; the tracer needs the first and loses nothing by the last, so that it says so of itself. Mode
  `free` keeps the distribution of what it sees: with top-k or top-p, what is cut off is cut off afterwards.
- A request names its group in `SamplingParams(extra_args={"stillwatch_group": "C-0417"})`, over HTTP in the field
  `vllm_xargs.stillwatch_group`; without it, or with a group that has no key, the house key marks alone. Whoever can set
  that field chooses who is marked: let only the gateway reach the engine.

    export STILLWATCH_KEYS=/etc/stillwatch/keys STILLWATCH_PASSPHRASE=... VLLM_USE_V2_MODEL_RUNNER=0
    vllm serve MODEL --logits-processors stillwatch.prove.engines.vllm:TracerProcessor

Source: docs.vllm.ai, "Custom Logits Processors" (0.32), and `vllm/v1/sample/logits_processor/interface.py` (0.33).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from vllm.v1.sample.logits_processor import LogitsProcessor

from stillwatch.prove.engines.tracers import Tracers
from stillwatch.prove.keys import ring as rings


class TracerProcessor(LogitsProcessor):
    """Follows the rows of the batch, each with its keys and its tokens so far."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        del is_pin_memory
        self._device = device
        self._size = vllm_config.model_config.get_vocab_size()
        self._ring = rings.open_ring(Path(os.environ["STILLWATCH_KEYS"]), os.environ["STILLWATCH_PASSPHRASE"])
        self._rows: dict[int, tuple[Tracers, list[int], list[int]]] = {}

    def is_argmax_invariant(self) -> bool:
        """Say that it runs after the temperature; see the module."""
        return True

    def update_state(self, batch_update: Any) -> None:
        """Take rows in, out and to other places, as the engine says."""
        if batch_update is None:
            return
        for row in batch_update.removed:
            self._rows.pop(row, None)
        for row, params, prompt, written in batch_update.added:
            asked = (params.extra_args or {}).get("stillwatch_group")
            group = asked if isinstance(asked, str) and self._ring.key_for(asked) else None
            keys = Tracers(self._ring, self._size, group=group, skip=len(prompt or ()))
            self._rows[row] = (keys, list(prompt or ()), written)
        for one, other, way in batch_update.moved:
            here, there = self._rows.pop(one, None), self._rows.pop(other, None)
            if here is not None:
                self._rows[other] = here
            if there is not None and getattr(way, "name", "") == "SWAP":
                self._rows[one] = there

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Reweigh the next token of each row that it knows."""
        for row, (keys, prompt, written) in self._rows.items():
            ids = torch.tensor([[*prompt, *written]], device=self._device)
            logits[row : row + 1] = keys(logits[row : row + 1], ids)
        return logits
