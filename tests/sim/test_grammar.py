from importlib import resources
from itertools import pairwise

import numpy as np
import pytest

from stillwatch.errors import SettingsError
from stillwatch.sim._expand import texts
from stillwatch.sim._grammar import Grammar, check_groups, load, parse
from stillwatch.sim._keys import keys_from


def say(text: str, symbol: str, n: int = 1, *, report: bool = False, **keys: int) -> list[str]:
    grammar = Grammar(parse(text, "test"), {}, report=report)
    items = keys_from(keys.get("item", 1), n)
    bound = {name: keys_from(keys[name], n) for name in ("words", "whos", "frames") if name in keys}
    offsets, data = texts(grammar, np.full(n, grammar.symbol(symbol)), items, **bound)
    whole = data.tobytes()
    return [whole[a:b].decode() for a, b in pairwise(offsets)]


def test_question_and_answer_of_one_item_agree() -> None:
    text = "= a 3..900\n@ask item\nWhat is {=a} plus 2?\nHalf of {=a}?\n@answer item:ask\n{=a+2}\nhalf of {=a}\n"
    for item in range(30):
        (asked,), (answered,) = say(text, "ask", item=item), say(text, "answer", item=item)
        if asked.startswith("What"):
            assert int(answered) == int(asked.split()[2]) + 2
        else:
            assert answered.split()[-1] == asked.split()[-1].rstrip("?")


def test_a_tag_gives_the_same_text_for_one_item_and_a_who_tag_for_one_person() -> None:
    text = "@x\n{n#a} {n#a} {n%me} {n$app}\n@n\n{0x8}\n"
    first, second = say(text, "x", item=1, whos=5, frames=9)[0], say(text, "x", item=2, whos=5, frames=9)[0]
    a, b, me, app = first.split()
    assert a == b
    assert second.split()[2:] == [me, app]
    assert second.split()[0] != a


def test_repeats_choose_without_repeating_themselves() -> None:
    text = "@x\n{w*4..4|,}\n@w\na\nb\nc\nd\n"
    for item in range(20):
        assert sorted(say(text, "x", item=item)[0].split(",")) == ["a", "b", "c", "d"]


def test_a_json_slot_is_escaped() -> None:
    import json

    text = '@x\n\\{"code":"{\'body}"\\}\n@body\nsay "hi"\\n\\tback\\\\slash\n'
    assert json.loads(say(text, "x")[0]) == {"code": 'say "hi"\n\tback\\slash'}


def test_reserved_alternatives_appear_in_report_worlds_only() -> None:
    text = "@x\nplain\n! reserved\n"
    assert set(say(text, "x", 50)) == {"plain"}
    assert set(say(text, "x", 50, report=True)) == {"reserved"}


def test_an_expression_is_reckoned_left_to_right() -> None:
    assert say("= a 7..7\n= b 3..3\n@x\n{=a*b-1} {=a-b*10}\n", "x") == ["20 40"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("@x\n{nobody}\n", "no symbol `nobody`"),
        ("text before a symbol\n", "before the first symbol"),
        ("@x sideways\na\n", "unknown binding `sideways`"),
        ("= a 3\n", "not a number"),
        ("@x\n{=nope}\n", "no number `nope`"),
        ("@x\n{what is this}\n", "cannot read"),
        ("@x\n@y\na\n", "`x` has no alternative"),
    ],
)
def test_a_line_that_cannot_be_read_says_what_and_where(text: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=hint) as raised:
        Grammar(parse(text, "test.txt"), {}, report=False)
    assert "test.txt" in str(raised.value)


def test_a_symbol_that_calls_itself_is_refused() -> None:
    with pytest.raises(SettingsError, match="nests deeper"):
        say("@x\n{x}{x}\n", "x")


@pytest.mark.parametrize("report", [False, True])
def test_every_shipped_symbol_writes_valid_text(report: bool) -> None:
    grammar = load(report=report)
    for name in grammar.names:
        offsets, data = texts(grammar, np.full(8, grammar.symbol(name)), keys_from(4, 8))
        data.tobytes().decode()
        assert offsets[-1] < 3_000_000


def test_symbols_that_share_a_choice_have_as_many_alternatives() -> None:
    rules = {}
    for file in (resources.files("stillwatch.sim") / "texts").iterdir():
        rules |= parse(file.read_text(encoding="utf-8"), file.name)
    assert check_groups(rules.items()) == []
