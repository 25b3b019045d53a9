"""Prompts for a suspect when the auditor brings none: ordinary, key-free, and each worth asking many times.

Many answers to few prompts visit the same words again and again, which is what the test learns from. None of them
mentions a mark, an audit or a provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stillwatch.prove.ask.endpoint import Question

ORDINARY = (
    "Tell a short story about a lighthouse keeper who finds a letter.",
    "Explain how bread rises, for somebody who has never baked.",
    "Describe a walk through a market on a rainy morning.",
    "What should a beginner know before planting tomatoes?",
    "Write a letter to a friend who is moving to another city.",
    "Explain why the sky looks blue and sunsets look red.",
    "Describe how a small town prepares for a summer festival.",
    "Give advice to somebody who wants to sleep better.",
    "Tell a story about two neighbours who share a garden.",
    "Explain how a bicycle stays upright.",
    "Describe a train journey along the coast.",
    "How does one plan a simple dinner for six guests?",
    "Tell a short story about a lost dog that finds its way home.",
    "Explain how vaccines teach the body to defend itself.",
    "Describe an old library and the person who looks after it.",
    "What makes a good teacher?",
    "Write a speech of one minute for a wedding.",
    "Explain how rain forms, step by step.",
    "Describe a winter evening in a mountain village.",
    "How can somebody learn a language without a teacher?",
    "Tell a story about a clock that stops.",
    "Explain what inflation is and whom it hurts.",
    "Describe a football match from the view of a nervous parent.",
    "What should one think about before adopting a cat?",
    "Write a review of an imaginary novel about the sea.",
    "Explain how a computer stores a picture.",
    "Describe the first day at a new job.",
    "How does a river change a landscape over time?",
    "Tell a story about a musician who forgets a tune.",
    "Explain how to keep houseplants alive.",
    "Describe a busy kitchen in a restaurant.",
    "What are good habits for saving money?",
    "Write a diary entry of somebody who has just learnt to swim.",
    "Explain why languages change.",
    "Describe a garden in each of the four seasons.",
    "How should one apologise to a friend?",
    "Tell a story about a bridge and the people who cross it.",
    "Explain how bees make honey.",
    "Describe a day in the life of a postman.",
    "What makes a city pleasant to live in?",
)


def questions(
    prompts: Sequence[str], samples: int, *, temperature: float = 1.0, max_tokens: int = 400
) -> Iterator[Question]:
    """Give each prompt once, then each a second time, and so on; the order depends on nothing that is heard."""
    for sample in range(samples):
        for place, prompt in enumerate(prompts):
            yield Question.plain(f"{place}#{sample}", prompt, temperature=temperature, max_tokens=max_tokens)
