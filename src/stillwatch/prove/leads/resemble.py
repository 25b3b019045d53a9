"""Answer resemblance: does a suspect answer more like one candidate teacher than unrelated models do?

All models answered the same prompts. The resemblance of two answers is the cosine of their runs of one to three words,
rare runs counting more, over the same number of words from each. Every good model resembles every other good model:
what is looked at is therefore the *interaction*, how much more a suspect resembles this teacher than its resemblance to
the other teachers, and the other models' resemblance to this teacher, lead one to expect (on a logarithmic scale).

The null is real: the same interactions of control models. The suspect's has to be larger than nearly all of theirs,
and its lower bound, over prompts drawn again, larger than the largest. With too few controls nothing can be said, and
`undetermined` is a verdict. Siblings (same vendor, same data, same base) resemble each other too, and controls may be
students themselves: a lead names a direction to look in, and nothing else.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import UsageError
from stillwatch.prove.lineage.tokens import words

Floats = NDArray[np.float64]
Answers = Mapping[str, Mapping[str, str]]
"""Answer by prompt, by model."""
Verdict = Literal["lead", "undetermined", "no_lead"]
Run = tuple[int, ...]

RUNS = (1, 2, 3)
MOST_WORDS = 150
REDRAWN = 400
LEAST_NULL = 19
"""Control interactions needed for a rank of 5 %."""
LEAST_PROMPTS = 30
LEVEL = 0.05


class Lead(msgspec.Struct, kw_only=True, frozen=True):
    """What resemblance says of one suspect and one candidate teacher.

    Attributes:
        resemblance: mean cosine of their answers.
        interaction: how much more than expected, logarithm; `low` and `high` bound it over prompts drawn again (95 %).
        among: how many control interactions it was ranked with; `above` of them are at least as large.
        rank: (1 + above) / (1 + among).
        largest: the largest control interaction.
    """

    suspect: str
    teacher: str
    verdict: Verdict
    resemblance: float
    interaction: float
    low: float
    high: float
    rank: float
    above: int
    among: int
    largest: float
    prompts: int
    names_itself: int


def table(answers: Answers, rows: Sequence[str], columns: Sequence[str], prompts: Sequence[str]) -> Floats:
    """Give the resemblance of rows to columns, prompt by prompt; shape (prompts, rows, columns).

    Cost: linear in the text times the smaller of the two numbers of models.
    """
    models = list(dict.fromkeys([*rows, *columns]))
    cut = {(p, m): words(answers[m][p]).tolist() for p in prompts for m in models}
    seen: Counter[Run] = Counter()
    for ids in cut.values():
        seen.update(_runs(ids[:MOST_WORDS]))
    found = np.zeros((len(prompts), len(rows), len(columns)))
    for place, prompt in enumerate(prompts):
        for r, row in enumerate(rows):
            for c, column in enumerate(columns):
                found[place, r, c] = _cosine(cut[prompt, row], cut[prompt, column], seen, len(cut))
    return found


def _cosine(one: list[int], other: list[int], seen: Counter[Run], total: int) -> float:
    """Compare as many words of one answer as of the other: long answers would resemble everything."""
    length = min(len(one), len(other), MOST_WORDS)
    first, second = _runs(one[:length]), _runs(other[:length])
    weight = {run: math.log((1 + total) / seen[run]) ** 2 * len(run) if run in seen else 1.0 for run in first | second}
    norms = [sum(weight[run] for run in runs) for runs in (first, second)]
    if not norms[0] or not norms[1]:
        return 0.0
    return sum(weight[run] for run in first & second) / math.sqrt(norms[0] * norms[1])


def _runs(ids: list[int]) -> set[Run]:
    return {tuple(ids[i : i + n]) for n in RUNS for i in range(len(ids) - n + 1)}


def interactions(means: Floats) -> Floats:
    """Give each entry's surplus over what the others in its row and its column lead one to expect.

    Args:
        means: shape (..., rows, columns), at least two of each; positive.
    """
    logs = np.log(np.maximum(means, 1e-6))
    r, c = logs.shape[-2:]
    row, column = logs.sum(axis=-1, keepdims=True), logs.sum(axis=-2, keepdims=True)
    whole = logs.sum(axis=(-2, -1), keepdims=True)
    rest = (whole - row - column + logs) / ((r - 1) * (c - 1))
    surplus: Floats = logs - (row - logs) / (c - 1) - (column - logs) / (r - 1) + rest
    return surplus


def leads(
    answers: Answers, suspect: str, teachers: Sequence[str], controls: Sequence[str], *, seed: int = 1,
    known: Floats | None = None,
) -> list[Lead]:  # fmt: skip
    """Compare one suspect with candidate teachers.

    Args:
        answers: of all models.
        suspect: who is looked at.
        teachers: the candidates, two at least: resemblance to one alone has nothing to be compared with.
        controls: models that are not known to come from any of the candidates, two at least.
        seed: of the prompts drawn again.
        known: the `table` of (suspect, controls) against teachers, if it was made already.

    Raises:
        UsageError: when there are too few models, or they have no prompts in common.
    """
    if len(teachers) < 2 or len(controls) < 2:
        raise UsageError("resemblance needs two candidate teachers and two controls at least")
    rows = [suspect, *controls]
    prompts = shared(answers, [*rows, *teachers])
    cosines = table(answers, rows, teachers, prompts) if known is None else known
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(prompts), np.full(len(prompts), 1 / len(prompts)), REDRAWN) / len(prompts)
    redrawn = interactions(np.tensordot(weights, cosines, axes=1))[:, 0]
    means = cosines.mean(axis=0)
    own = interactions(means)[0]
    null = interactions(means[1:]).ravel() if len(controls) > 1 else np.zeros(0)
    found = []
    for place, teacher in enumerate(teachers):
        low, high = (float(x) for x in np.quantile(redrawn[:, place], (0.025, 0.975)))
        above, largest = int((null >= own[place]).sum()), float(null.max())
        rank = (1 + above) / (1 + len(null))
        found.append(
            Lead(
                suspect=suspect, teacher=teacher,
                verdict=_verdict(float(own[place]), low, rank, null, len(prompts)),
                resemblance=float(means[0, place]), interaction=float(own[place]), low=low, high=high, rank=rank,
                above=above, among=len(null), largest=largest, prompts=len(prompts),
                names_itself=_names_itself(answers[suspect].values(), teacher),
            )
        )  # fmt: skip
    return found


def _verdict(own: float, low: float, rank: float, null: Floats, prompts: int) -> Verdict:
    if prompts < LEAST_PROMPTS or len(null) < LEAST_NULL:
        return "undetermined"
    if rank <= LEVEL and low > float(null.max()):
        return "lead"
    return "no_lead" if own <= float(np.quantile(null, 0.75)) else "undetermined"


def shared(answers: Answers, models: Sequence[str]) -> list[str]:
    """Give the prompts that all models answered with something.

    Raises:
        UsageError: naming a model that is missing, or when there is none.
    """
    for model in models:
        if model not in answers:
            raise UsageError(f"there are no answers of `{model}`", hint=f"there are: {', '.join(sorted(answers))}")
    found = [p for p in answers[models[0]] if all(answers[m].get(p, "").strip() for m in models)]
    if not found:
        raise UsageError("the models have no answered prompt in common")
    return found


def _names_itself(answers: Iterable[str], teacher: str) -> int:
    """Count answers that say to be the teacher; people write about models, so that this too is a lead only."""
    brand = teacher.split("-", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1].casefold()
    claims = (f"i am {brand}", f"i'm {brand}", f"my name is {brand}", f"as {brand},")
    return sum(any(claim in text.casefold() for claim in claims) for text in answers)
