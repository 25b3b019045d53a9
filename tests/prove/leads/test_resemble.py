import numpy as np
import pytest

from stillwatch.errors import UsageError
from stillwatch.prove.leads.resemble import Lead, interactions, leads

PROMPTS = 60


def models(copied: float, *, teachers: int = 4, controls: int = 6) -> dict[str, dict[str, str]]:
    """Models with habits of their own; the suspect takes a share of its phrases from the first teacher's answer."""
    rng = np.random.default_rng(3)
    names = [*(f"t{i}" for i in range(teachers)), *(f"c{i}" for i in range(controls)), "suspect"]
    made: dict[str, dict[str, str]] = {name: {} for name in names}
    for prompt in range(PROMPTS):
        topic = [f"topic{prompt}w{i}" for i in range(60)]
        for name in names:
            said = [*rng.choice(topic, 60), *(f"habit{name}{i}" for i in rng.integers(0, 30, 10))]
            made[name][str(prompt)] = " ".join(rng.permutation(said))
        source = made["t0"][str(prompt)].split()
        own = made["suspect"][str(prompt)].split()
        keep = round(copied * len(own))
        made["suspect"][str(prompt)] = " ".join(source[:keep] + own[keep:])
    return made


def of(found: list[Lead], teacher: str) -> Lead:
    return next(one for one in found if one.teacher == teacher)


def names(made: dict[str, dict[str, str]], letter: str) -> list[str]:
    return [name for name in made if name.startswith(letter)]


def test_a_student_is_led_to_its_teacher_and_to_no_other() -> None:
    made = models(0.4)
    found = leads(made, "suspect", names(made, "t"), names(made, "c"))
    assert {one.teacher for one in found if one.verdict == "lead"} == {"t0"}
    assert of(found, "t0").low > of(found, "t0").largest


def test_a_stranger_is_led_nowhere() -> None:
    made = models(0.0)
    assert not [one for one in leads(made, "suspect", names(made, "t"), names(made, "c")) if one.verdict == "lead"]


def test_too_few_controls_leave_it_undetermined() -> None:
    made = models(0.8)
    found = leads(made, "suspect", ["t0", "t1"], ["c0", "c1", "c2"])
    assert {one.verdict for one in found} == {"undetermined"}


def test_interactions_forget_who_is_talkative_and_who_is_popular() -> None:
    rng = np.random.default_rng(1)
    rows, columns = rng.uniform(0.5, 2, (5, 1)), rng.uniform(0.5, 2, (1, 4))
    assert np.abs(interactions(rows * columns)).max() < 1e-12
    bent = rows * columns
    bent[2, 1] *= 1.5
    assert interactions(bent)[2, 1] == pytest.approx(np.log(1.5))


def test_models_that_cannot_be_compared_are_told() -> None:
    made = models(0.0)
    with pytest.raises(UsageError, match="no answers of `nobody`"):
        leads(made, "nobody", ["t0", "t1"], ["c0", "c1"])
    with pytest.raises(UsageError, match="two candidate teachers"):
        leads(made, "suspect", ["t0"], ["c0", "c1"])
    made["suspect"] = {"other": "words"}
    with pytest.raises(UsageError, match="no answered prompt"):
        leads(made, "suspect", ["t0", "t1"], ["c0", "c1"])


def test_claims_to_be_the_teacher_are_counted() -> None:
    made = models(0.0)
    made["suspect"]["0"] += " I am t0 and glad to help"
    assert of(leads(made, "suspect", ["t0", "t1"], names(made, "c")), "t0").names_itself == 1
