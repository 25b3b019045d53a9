"""Reading: what reference models would have said at each token of a suspect's texts. Needs torch and transformers.

Our own unmarked model and models that did not learn from us read the texts; at each position the likeliest tokens and
what each model gives them are kept. That is the best expectation an audit can have, see `lineage.tally.read`. All
models must have one tokeniser, and the keys must use it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stillwatch.errors import UsageError
from stillwatch.prove.lineage.tally import Reading

CANDIDATES = 32
CONTEXT = 512
"""Tokens that a model reads at once; half of them are kept as context for the next piece of a long text."""


def tokenizer_of(folder: Path) -> tuple[Any, str]:
    """Open a model's tokeniser, with a hash of its vocabulary.

    Raises:
        UsageError: when there is none.
    """
    import tokenizers

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise UsageError(f"there is no `tokenizer.json` in `{folder}`", hint="name a directory of `save_pretrained`")
    made = tokenizers.Tokenizer.from_file(str(path))
    known = sorted(made.get_vocab().items())
    return made, hashlib.sha256(repr(known).encode()).hexdigest()


def read(
    texts: Sequence[str], models: Sequence[Path], *, suspect: Path | None = None, window: int = 1,
    candidates: int = CANDIDATES,
) -> Reading:  # fmt: skip
    """Read texts with models, ours first.

    Args:
        texts: in the order in which the audit takes them.
        models: directories of causal language models.
        suspect: the directory of a suspect whose weights are open. The texts must then be unmarked ones of our own:
            a model repeats from its context what leans green there, which the test would take for a trace.
        window: of the keys; the first `window` tokens of each text are no positions.
        candidates: tokens kept per position.

    Raises:
        UsageError: when a model cannot be opened, or their tokenisers differ.

    Cost: one forward pass of each model over the texts.
    """
    made, kind = tokenizer_of(models[0])
    everybody = [*models, *((suspect,) if suspect else ())]
    for other in everybody[1:]:
        if tokenizer_of(other)[1] != kind:
            raise UsageError(f"`{other}` has another tokeniser than `{models[0]}`", hint="choose models that share one")
    encoded = [np.array(made.encode(text, add_special_tokens=False).ids, dtype=np.int64) for text in texts]
    opened = [_open(folder) for folder in everybody]
    kept: list[NDArray[np.int64]] = []
    told: list[NDArray[np.float32]] = []
    for ids in encoded:
        for piece in _chances(opened, ids, window):
            top = piece.mean(dim=0).topk(min(candidates, piece.shape[-1]), dim=-1).indices
            kept.append(top.numpy())
            told.append(piece.gather(2, top.expand(len(opened), -1, -1)).numpy())
    if not kept:
        raise UsageError("the texts are too short to read")
    chances = np.concatenate(told, axis=1).astype(np.float64)
    return Reading(
        candidates=np.concatenate(kept), chances=chances[: len(models)], ours=True,
        suspect=chances[-1] if suspect else None,
    )  # fmt: skip


def _open(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True).eval()
    except (OSError, ValueError) as why:
        raise UsageError(f"`{folder}` is no model that can be opened: {why}") from why


@torch.no_grad()
def _chances(models: Sequence[Any], ids: NDArray[np.int64], window: int) -> Iterator[torch.Tensor]:
    """Give the probabilities of each token from `window` on, piece by piece; shape (models, positions, V)."""
    at = window
    while at < len(ids):
        begin = 0 if at < CONTEXT else at - CONTEXT // 2
        end = min(len(ids), begin + CONTEXT)
        piece = torch.from_numpy(ids[begin:end])[None]
        rows = slice(at - begin - 1, end - begin - 1)
        yield torch.stack([torch.softmax(model(piece).logits[0, rows].float(), dim=-1) for model in models])
        at = end
