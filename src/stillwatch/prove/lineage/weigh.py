"""How much each pair counts. Any weights are valid that do not depend on the key; these are made to be strong.

The weight of a pair is `(count - expected)` - every draw counts, and what was to be expected anyway adds
no noise - times two factors:

- `1 / (1 + t expected)`: frequent pairs are known precisely, so that there the references' own error
  dominates; `t` is that error's relative variance, estimated from the text.
- `(own / expected) ** 0.75`: a pair that our model says more often than the suspect's other sources would
  carries more of the mark. The power, between none and full trust in the references, was chosen on one
  seed of the lab and is not tuned further.

This is a control variate (the expectation), a random-effects weight, and a score-test weight; none of them
can raise the false-alarm rate. Cost: linear in the pairs.
"""

from __future__ import annotations

import numpy as np

from stillwatch.prove.lineage.tally import Floats, Tally

TRUST = 0.75
"""How far to lean on where our own model would show."""


def weights(tally: Tally, *, trust: float = TRUST) -> Floats:
    """Give the weight of each pair, shape (n,)."""
    return (tally.count - tally.expected) * importance(tally, trust=trust)


def importance(tally: Tally, *, trust: float = TRUST) -> Floats:
    """Give how much a pair's surplus over its expectation counts, shape (n,), positive."""
    lean = np.clip(tally.own / tally.expected, 1e-4, 1e4) ** trust
    share: Floats = lean / (1.0 + misfit(tally) * tally.expected)
    return share


def misfit(tally: Tally) -> float:
    """Estimate the relative variance of the expectation's own error, from pairs that are frequent enough to tell."""
    frequent = tally.expected >= 5.0
    if not frequent.any():
        return 0.01
    count, expected = tally.count[frequent], tally.expected[frequent]
    surplus = float(((count - expected) ** 2 - expected).sum())
    return float(np.clip(surplus / float((expected**2).sum()), 1e-3, 1.0))
