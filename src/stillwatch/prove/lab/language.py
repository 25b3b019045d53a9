"""A made-up language, so that the lab needs no corpus: words, a grammar, topics, synonyms, dialects, sums.

Documents are requests with answers. Most ask to tell about a topic and are answered in three to five sentences;
some ask for a sum modulo ten and are answered with running totals (the reasoning) and the result. A *dialect*
prefers some synonyms, topics and constructions over others: the teacher learns one, the rest of the student's
text is in another, so that an auditor never has the student's exact source.

Words are drawn with Zipf weights inside a class, nouns depend on topic and verb, adjectives on their noun,
determiners agree with the noun: a bigram model does not exhaust it. One token is one word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.kit.jit import kernel

PAD, BOS, EOS, COLON, SEMI, STOP, COMMA, ASK, ADD, AND = range(10)
FIRST_DIGIT = 10
_SPECIAL = ("<pad>", "<bos>", "<eos>", ":", ";", ".", ",", "ask", "add", "and")
_FUNCTION = 44  # 2 genders x 4 determiners, 8 prepositions, 8 connectives, 4 request words, 16 pronouns/fillers
DETERMINERS, PREPOSITIONS, CONNECTIVES, REQUESTS = 0, 8, 16, 24
MEANINGS = {"noun": 220, "verb": 110, "adjective": 80, "adverb": 30}
SYNONYMS = 3
TOPICS = 40
NAMES = 40

Tokens = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lexicon:
    """The words: their spelling, and for each meaning the ids of its synonyms (-1 where it has fewer)."""

    words: tuple[str, ...]
    synonyms: dict[str, NDArray[np.int32]]
    function: int
    names: int
    gender: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.words)

    def text(self, ids: NDArray[np.integer[Any]]) -> str:
        """Spell a row of token ids; special tokens but the marks between words are left out."""
        return " ".join(self.words[i] for i in ids if i not in (PAD, BOS, EOS))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Give the one lexicon of the lab."""
    rng = np.random.default_rng(20_260_101)
    starts = [c + v for c in "b d f g k l m n p r s t v z".split() for v in "a e i o u".split()]
    taken: set[str] = set(_SPECIAL)

    def word(low: int, high: int) -> str:
        while True:
            made = "".join(rng.choice(starts) for _ in range(rng.integers(low, high + 1)))
            if made not in taken:
                taken.add(made)
                return made

    words = [*_SPECIAL, *"0123456789"]
    function = len(words)
    words += [word(1, 1) for _ in range(_FUNCTION)]
    names = len(words)
    words += [word(2, 3).capitalize() for _ in range(NAMES)]
    synonyms = {}
    for kind, count in MEANINGS.items():
        table = np.full((count, SYNONYMS), -1, dtype=np.int32)
        for meaning in range(count):
            for j in range(int(rng.integers(1, SYNONYMS + 1))):
                table[meaning, j] = len(words)
                words.append(word(2, 3))
        synonyms[kind] = table
    gender = rng.integers(0, 2, MEANINGS["noun"]).astype(np.int32)
    return Lexicon(tuple(words), synonyms, function, names, gender)


@dataclass(frozen=True)
class Dialect:
    """A way to use the language: cumulative probability tables for the writer.

    Attributes:
        tables: noun|topic, noun|verb, verb|topic, adjective|noun, adverb, topic, synonym choice per class.
        habits: chances of an opener, an adjective, an adverb, a prepositional phrase, a second clause, a name, a
            determiner.
    """

    tables: tuple[NDArray[np.float64], ...]
    habits: NDArray[np.float64]


def _zipf(rng: np.random.Generator, rows: int, size: int, exponent: float, focus: int) -> NDArray[np.float64]:
    """Zipf weights in an own order per row, over `focus` preferred items and faintly over the rest."""
    weights = np.full((rows, size), 0.01 / size)
    for row in weights:
        chosen = rng.permutation(size)[:focus]
        row[chosen] += 0.99 / np.arange(1, focus + 1) ** exponent
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


@lru_cache(maxsize=8)
def dialect(name: str) -> Dialect:
    """Give a dialect by its name: all share the core of the language, and differ as their names do.

    A dialect's distributions are a blend of the common ones and its own.
    """
    shared = np.random.default_rng(7)
    own = np.random.default_rng(int.from_bytes(name.encode()[:7].ljust(7), "little"))
    n, v, a, d = MEANINGS.values()

    def blend(rows: int, size: int, exponent: float, focus: int, share: float = 0.3) -> NDArray[np.float64]:
        common = _zipf(shared, rows, size, exponent, focus)
        mine = _zipf(own, rows, size, exponent, focus)
        return np.cumsum((1 - share) * common + share * mine, axis=1)

    tables = (
        blend(TOPICS, n, 1.6, 14),
        blend(v, n, 1.6, 10),
        blend(TOPICS, v, 1.6, 10),
        blend(n, a, 1.5, 6),
        blend(1, d, 1.3, d),
        blend(1, TOPICS, 0.3, TOPICS),
        *(_synonym_choice(own, table) for table in lexicon().synonyms.values()),
    )
    habits = np.clip(np.array([0.15, 0.4, 0.25, 0.35, 0.2, 0.15, 0.2]) + own.normal(0, 0.04, 7), 0.05, 0.6)
    return Dialect(tables, habits)


def _synonym_choice(rng: np.random.Generator, table: NDArray[np.int32]) -> NDArray[np.float64]:
    weights = rng.dirichlet(np.full(SYNONYMS, 0.7), len(table)) * (table >= 0)
    return np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)


@kernel
def _pick(cumulative: Floats) -> int:
    place = int(np.searchsorted(cumulative, np.random.random(), side="right"))
    return min(place, cumulative.size - 1)


@kernel
def _say(out: Tokens, at: int, token: int) -> int:
    if at < out.size:
        out[at] = token
    return at + 1


@kernel
def _noun_phrase(
    out: Tokens, at: int, noun: int, nouns: Tokens, adjectives: Tokens, adj_of: Floats, syn_n: Floats, syn_a: Floats,
    gender: Tokens, function: int, habits: Floats,
) -> int:  # fmt: skip
    if np.random.random() < habits[6]:
        det = _pick(np.array([0.5, 0.8, 0.92, 1.0]))
        at = _say(out, at, function + gender[noun] * 4 + det)
    if np.random.random() < habits[1]:
        adjective = _pick(adj_of[noun])
        at = _say(out, at, adjectives[adjective, _pick(syn_a[adjective])])
    return _say(out, at, nouns[noun, _pick(syn_n[noun])])


@kernel
def _sentence(
    out: Tokens, at: int, topic: int, tables: tuple[Floats, ...], habits: Floats, words: tuple[Tokens, ...],
    gender: Tokens, function: int, names: int,
) -> int:  # fmt: skip
    noun_topic, noun_verb, verb_topic, adj_of, adverb, _, syn_n, syn_v, syn_a, syn_d = tables
    nouns, verbs, adjectives, adverbs = words
    if np.random.random() < habits[0]:
        at = _say(out, at, function + 16 + np.random.randint(0, 8))
        at = _say(out, at, 6)
    verb = _pick(verb_topic[topic])
    if np.random.random() < habits[5]:
        at = _say(out, at, names + (topic * 5 + np.random.randint(0, 8)) % 40)
    else:
        noun = _pick(noun_topic[topic])
        at = _noun_phrase(out, at, noun, nouns, adjectives, adj_of, syn_n, syn_a, gender, function, habits)
    clauses = 2 if np.random.random() < habits[4] else 1
    for clause in range(clauses):
        if clause == 1:
            at = _say(out, at, 9)
            verb = _pick(verb_topic[topic])
        if np.random.random() < habits[2]:
            d = _pick(adverb[0])
            at = _say(out, at, adverbs[d, _pick(syn_d[d])])
        at = _say(out, at, verbs[verb, _pick(syn_v[verb])])
        noun = _pick(noun_verb[verb]) if np.random.random() < 0.5 else _pick(noun_topic[topic])
        at = _noun_phrase(out, at, noun, nouns, adjectives, adj_of, syn_n, syn_a, gender, function, habits)
    if np.random.random() < habits[3]:
        at = _say(out, at, function + 8 + (verb + np.random.randint(0, 3)) % 8)
        noun = _pick(noun_topic[topic])
        at = _noun_phrase(out, at, noun, nouns, adjectives, adj_of, syn_n, syn_a, gender, function, habits)
    return _say(out, at, 5)


@kernel
def _write(
    seed: int, out: Tokens, sums: float, reasoned: bool, tables: tuple[Floats, ...], habits: Floats,
    words: tuple[Tokens, ...], gender: Tokens, function: int, names: int,
) -> None:  # fmt: skip
    np.random.seed(seed)
    noun_topic, topics, syn_n = tables[0], tables[5], tables[6]
    for row in range(out.shape[0]):
        line = out[row]
        at = _say(line, 0, 1)
        if np.random.random() < sums:
            at = _say(line, at, 8)
            count = np.random.randint(4, 8)
            digits = np.random.randint(0, 10, count)
            for digit in digits:
                at = _say(line, at, 10 + digit)
            at = _say(line, at, 3)
            total = 0
            for digit in digits:
                total = (total + digit) % 10
                if reasoned:
                    at = _say(line, at, 10 + total)
            at = _say(line, at, 4)
            at = _say(line, at, 10 + total)
        else:
            topic = _pick(topics[0])
            at = _say(line, at, 7)
            at = _say(line, at, function + 24 + np.random.randint(0, 4))
            noun = _pick(noun_topic[topic])
            at = _say(line, at, words[0][noun, _pick(syn_n[noun])])
            at = _say(line, at, 3)
            for _ in range(np.random.randint(4, 7)):
                at = _sentence(line, at, topic, tables, habits, words, gender, function, names)
        if at < line.size:
            line[at] = 2


def write(
    name: str, documents: int, seed: int, *, length: int = 64, sums: float = 0.2, reasoned: bool = True
) -> Tokens:
    """Write documents in a dialect; shape (documents, length), padded with PAD, cut at `length`.

    Args:
        name: the dialect.
        documents: how many.
        seed: of the random choices.
        length: longest document, in tokens.
        sums: share of documents that ask for a sum.
        reasoned: whether sums come with their running totals.
    """
    book, way = lexicon(), dialect(name)
    out = np.zeros((documents, length), dtype=np.int32)
    _write(
        seed,
        out,
        sums,
        reasoned,
        way.tables,
        way.habits,
        tuple(book.synonyms.values()),
        book.gender,
        book.function,
        book.names,
    )
    return out


def stream(documents: Tokens, length: int) -> Tokens:
    """Pack documents end to end into rows of `length` + 1 tokens without padding (the last bit is dropped)."""
    flat = documents[documents != PAD]
    rows = len(flat) // (length + 1)
    packed: Tokens = flat[: rows * (length + 1)].reshape(rows, length + 1)
    return packed
