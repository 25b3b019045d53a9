"""Text only: which of its twins would a model of the suspect's own replies rather have written?

The suspect is asked the same prompts, once or a few times. All its replies together train a small model of how it
writes: which word follows which one or two words. All samples together, served and secret alike, train another of what
was to be expected of either; a request's own samples are left out of it. The score of a sample is how much likelier the
first model finds it than the second. One reply hardly shows what one prompt taught; thousands of replies show what
thousands of served samples taught together. What is said again to the very prompt that it answered counts besides.

Any score is valid, as long as it does not know the lot; this one needs no weights and no model of anybody's.

Source: context-tree smoothing after MacKay & Peto 1995, "A hierarchical Dirichlet language model".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stillwatch.prove.lineage.tokens import words

LONGEST = 3
"""A word is foreseen from at most two words before it."""
STRENGTH = 100.0
"""How many sightings of a context outweigh what shorter contexts say. On students of the lab, 50 to 200 do as well."""
_END = -1

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Texts:
    """Samples and replies laid end to end; each ends with a mark of its own.

    Attributes:
        word: numbered from 0.
        text: which text each word stands in.
        place: which place in its text.
        request: which request its text belongs to.
        said: whether it stands in a reply of the suspect, and not in a sample of ours.
    """

    word: Ints
    text: Ints
    place: Ints
    request: Ints
    said: NDArray[np.bool_]

    @classmethod
    def lay(cls, texts: Sequence[str], requests: Sequence[int], said: Sequence[bool]) -> Texts:
        """Cut texts into words and lay them end to end."""
        cut = [np.append(words(text), _END) for text in texts]
        lengths = np.array([len(one) for one in cut])
        text = np.repeat(np.arange(len(cut)), lengths)
        place = np.arange(len(text)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        word = np.unique(np.concatenate(cut), return_inverse=True)[1].astype(np.int64)
        return cls(word, text, place, np.array(requests)[text], np.array(said)[text])


@dataclass(frozen=True)
class Seen:
    """How often something that stands at each place of our samples was seen: by the suspect, by us, in its own request.

    Attributes:
        said: in all replies.
        ours: in the samples of all other requests.
        here: in the replies to this request.
    """

    said: Ints
    ours: Ints
    here: Ints

    @classmethod
    def of(cls, names: Ints, at: Texts) -> Seen:
        """Count names, one at each place."""
        sample = np.flatnonzero(~at.said)
        said, all_ours = (np.bincount(names[kind], minlength=names.max() + 1) for kind in (at.said, ~at.said))
        own = np.unique(at.request * (names.max() + 1) + names, return_inverse=True)[1]
        here, own_ours = (np.bincount(own[kind], minlength=own.max() + 1) for kind in (at.said, ~at.said))
        spot, own_spot = names[sample], own[sample]
        return cls(said[spot], all_ours[spot] - own_ours[own_spot], here[own_spot])


def scores(twins: Mapping[str, Sequence[str]], replies: Mapping[str, Sequence[str]]) -> dict[str, list[float]]:
    """Score each request's samples: nats by which the suspect's habits foretell it better than ours do.

    Args:
        twins: samples by request id.
        replies: the suspect's replies by request id; requests without one are scored by the other replies.

    Returns:
        Scores by request id; none at all when the suspect said nothing.

    Cost: a dozen sorts of all words; some 5 s and 0.9 GB for 4.5 million of them.
    """
    laid = [(i, text, False) for i, name in enumerate(twins) for text in twins[name]]
    told = [(i, text, True) for i, name in enumerate(twins) for text in replies.get(name, ()) if text.strip()]
    if not told:
        return {}
    requests, texts, said = zip(*laid, *told, strict=True)
    at = Texts.lay(texts, requests, said)
    sums = np.bincount(at.text[~at.said], _gain(at), minlength=len(texts))[: len(laid)]
    ends = np.cumsum([len(samples) for samples in twins.values()])[:-1]
    return {name: part.tolist() for name, part in zip(twins, np.split(sums, ends), strict=True)}


def common(twins: Mapping[str, Sequence[str]], replies: Mapping[str, Sequence[str]]) -> float:
    """Give the share of the replies' word pairs that stand in any sample: hardly any where the suspect talks noise."""
    ours = {pair for samples in twins.values() for text in samples for pair in _pairs(text)}
    said = [pair for texts in replies.values() for text in texts for pair in _pairs(text)]
    return sum(pair in ours for pair in said) / len(said) if said else 0.0


def _pairs(text: str) -> Iterator[tuple[int, int]]:
    return pairwise(words(text).tolist())


def _gain(at: Texts) -> Floats:
    """Give, at each place of our samples, the logarithm of the suspect's chance over the one expected of either."""
    steps = list(_steps(at))
    theirs = ours = np.full(int((~at.said).sum()), 1.0 / (at.word.max() + 1))
    for context, pair in steps:
        theirs = _smoothed(pair.said, context.said, theirs)
        ours = _smoothed(pair.ours, context.ours, ours)
    for context, pair in steps[1:]:
        theirs = _smoothed(pair.here, context.here, theirs)
    gain: Floats = np.log(theirs / ours)
    return gain


def _smoothed(pair: Ints, context: Ints, shorter: Floats) -> Floats:
    smoothed: Floats = (pair + STRENGTH * shorter) / (context + STRENGTH)
    return smoothed


def _steps(at: Texts) -> Iterator[tuple[Seen, Seen]]:
    """Count contexts, and contexts with the word after them, from no word of context to two."""
    size = int(at.word.max()) + 1
    context = np.zeros(len(at.word), dtype=np.int64)
    for _ in range(LONGEST):
        pair = np.unique(context * size + at.word, return_inverse=True)[1].astype(np.int64)
        yield Seen.of(context, at), Seen.of(pair, at)
        context = np.where(at.place == 0, 0, np.roll(pair, 1) + 1)
