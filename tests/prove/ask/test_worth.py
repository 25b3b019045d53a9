import pytest

from stillwatch.prove.ask import worth

VARIED = [f"an answer about number {i}" for i in range(250)]
REFUSAL = "I'm sorry, but I can't help with that."


@pytest.mark.parametrize(
    ("texts", "asked", "end"),
    [
        (VARIED, 250, False),
        ([], 199, False),
        ([], 200, True),
        (["same"] * 199, 199, False),
        (["same"] * 101 + VARIED[:99], 200, True),
        (["same"] * 100 + VARIED[:100], 200, False),
    ],
)
def test_asking_ends_early_where_nothing_is_to_be_heard(texts: list[str], asked: int, end: bool) -> None:
    assert worth.hopeless(texts, asked) is end


def test_silence_one_answer_and_refusals_are_told_apart() -> None:
    assert worth.nothing_said([]) == "the suspect gave no answer"
    assert "the same answer" in worth.nothing_said(["same"] * 3)
    assert worth.nothing_said(["one"]) == worth.nothing_said(VARIED) == worth.declined(VARIED) == ""
    assert worth.declined([REFUSAL] * 3 + ["a"] * 2) == "the suspect refused 3 of 5 questions"
    assert worth.declined([]) == ""
