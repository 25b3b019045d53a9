"""The pages keep step with the code: every verb, option, setting, view, file and exit code has its place in one.

Parts of pages between `<!-- made: NAME -->` and `<!-- end -->` are made from the code. After a change,

    STILLWATCH_EXPECT=1 python -m pytest tests/test_docs.py

writes them anew; look at the difference before you commit it.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click
import msgspec
import pytest

from stillwatch import errors, rooms, settings
from stillwatch.model import case as model
from stillwatch.model.answer import LADDER
from stillwatch.posture.catalogue import AREAS, Practice, catalogue
from stillwatch.prove.lineage import report as lineage
from stillwatch.prove.profile import verdict as profile
from stillwatch.prove.twins import audit as twins
from stillwatch.store import cases

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
VERBS = rooms.names("cli")


def command(verb: str) -> click.Command:
    found: click.Command = rooms.member("cli", verb).command
    return found


# -- parts that are made from the code


def options(verb: str) -> str:
    """Write a verb's usage and its options; of a verb with verbs of its own, those of each."""
    spoken = command(verb)
    if isinstance(spoken, click.Group):
        parts = list(inner(verb, spoken))
        told = [f"### `stillwatch {name}`\n\n{first_sentence(one)}\n\n{table(name, one)}" for name, one in parts]
        return "\n\n".join(told)
    return table(verb, spoken)


def inner(verb: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Give the verbs of a verb, and theirs."""
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        if isinstance(one, click.Group):
            yield from inner(f"{verb} {name}", one)
        elif one is not None:
            yield f"{verb} {name}", one


def first_sentence(spoken: click.Command) -> str:
    return " ".join((spoken.help or "").split("\n\n", maxsplit=1)[0].split())


def table(name: str, spoken: click.Command) -> str:
    with click.Context(spoken, info_name=f"stillwatch {name}") as context:
        usage = " ".join(spoken.collect_usage_pieces(context)).replace("[OPTIONS]", "").strip()
        lines = [" ".join(f"`stillwatch {name} {usage} [OPTIONS]`".split()), "", "| option | meaning |", "|---|---|"]
        for parameter in spoken.get_params(context):
            if isinstance(parameter, click.Option) and "--help" not in parameter.opts:
                names, told = parameter.get_help_record(context) or ("", "")
                lines.append(f"| `{names}` | {told.replace('|', ' or ')} |")
    return "\n".join(lines)


def section(name: str) -> str:
    """Write a section of the settings, with each setting's default and meaning."""
    struct = next(field.type for field in msgspec.structs.fields(settings.Settings) if field.name == name)
    assert isinstance(struct, type)
    says = dict(attributes(struct))
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for field in msgspec.structs.fields(struct):
        value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        default = msgspec.json.encode(msgspec.to_builtins(value)).decode()
        lines.append(f"| `{field.encode_name}` | `{default}` | {says[field.name]} |")
    return "\n".join(lines)


def attributes(struct: type) -> Iterator[tuple[str, str]]:
    """Read what a docstring says of each attribute."""
    text = inspect.getdoc(struct) or ""
    listed = text.partition("Attributes:\n")[2]
    for found in re.finditer(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE):
        yield found[1], " ".join(found[2].split())


def view(module: ModuleType) -> str:
    """Write what a view is, what it needs and how much it may say."""
    text = inspect.getdoc(module) or ""
    place = "looks late, and confirms" if module.LATE else "weighs groups, in the error control"
    facts = [
        ("needs", ", ".join(f"`{column}`" for column in module.NEEDS)), ("adds at most", f"{module.CAP:g} bits"),
        ("hard evidence of one hand", "yes" if module.HARD else "no"),
        ("a tie in it helps to let an owner in", "yes" if module.ADMITS else "no"), ("when", place),
        ("may be innocent", module.INNOCENT),
    ]  # fmt: skip
    return "\n".join([text, "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts)])


def ladder() -> str:
    """Write the rungs, what the gateway is told, and what each place of enforcement does."""
    lines = [
        "| rung | action | proxy and middleware | LiteLLM plugin | nginx `auth_request` |",
        "|---|---|---|---|---|",
    ]
    for rung in LADDER:
        told = rooms.member("act", rung)
        first = (inspect.getdoc(told) or "").splitlines()[0].partition(": ")[2]
        lines.append(f"| **{rung}**: {first} | `{told.ACTION}` | {told.PROXY} | {told.PLUGIN} | {told.NGINX} |")
    return "\n".join(lines)


def practices() -> str:
    """Write the catalogue of practices, area by area."""
    known = catalogue()
    parts = [f"Catalogue {known.version} of {known.dated}: {len(known.practice)} practices."]
    for area, title in AREAS.items():
        parts.append(f"## {title}")
        parts.extend(practice(one) for one in known.practice if one.area == area)
    return "\n\n".join(parts)


def practice(one: Practice) -> str:
    atlas = ", ".join(f"`{number}`" for number in one.mitigation) or "none"
    facts = [
        ("why", one.why), ("ATLAS mitigation", atlas),
        ("recommended by", one.source + (" \\*" if one.secondhand else "")),
        ("in stillwatch", one.here), ("checked by", f"{one.check}; limit {one.limit:g}" if one.limit else one.check),
    ]  # fmt: skip
    table = "\n".join(f"| {name} | {value.replace('|', ' or ')} |" for name, value in facts)
    return f"### {one.id}\n\n{one.what}.\n\n| | |\n|---|---|\n{table}"


def made() -> Iterator[tuple[Path, str, Callable[[], str]]]:
    """Give every part that is made: its page, its name, and what makes it."""
    for verb in VERBS:
        yield DOCS / "reference" / "cli.md", verb, lambda verb=verb: options(verb)  # type: ignore[misc]
    for field in msgspec.structs.fields(settings.Settings):
        yield DOCS / "reference" / "settings.md", field.name, lambda name=field.name: section(name)  # type: ignore[misc]
    yield DOCS / "reference" / "answer.md", "act", ladder
    yield DOCS / "reference" / "practices.md", "practices", practices
    for name, module in rooms.members("link").items():
        yield DOCS / "reference" / "views.md", name, lambda module=module: view(module)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("page", "name", "make"), list(made()), ids=[f"{page.stem}-{name}" for page, name, _ in made()]
)
def test_what_is_made_from_the_code_is_as_the_code_makes_it(page: Path, name: str, make: Callable[[], str]) -> None:
    text = page.read_text("utf-8")
    begin, end = f"<!-- made: {name} -->", "<!-- end -->"
    assert begin in text, f"{page.name} has no part `{begin} … {end}`: write the section, and say what it is for"
    before, _, rest = text.partition(begin)
    stands, _, after = rest.partition(end)
    wanted = f"\n{make()}\n"
    if os.environ.get("STILLWATCH_EXPECT") and stands != wanted:
        page.write_text(f"{before}{begin}{wanted}{end}{after}", "utf-8")
        stands = wanted
    assert stands == wanted, f"{page.name} is behind the code; see the top of {Path(__file__).name}"


# -- what has to have its place


def test_every_verb_says_what_each_of_its_options_is_for() -> None:
    for verb in VERBS:
        spoken = command(verb)
        for one in [told for _, told in inner(verb, spoken)] if isinstance(spoken, click.Group) else [spoken]:
            assert one.help, f"`{verb} {one.name}` says nothing of itself"
            for parameter in one.params:
                if isinstance(parameter, click.Option):
                    assert parameter.help, f"`{one.name} {parameter.opts[0]}` has no help"


def test_every_file_and_field_of_a_case_has_its_line() -> None:
    text = (DOCS / "reference" / "case.md").read_text("utf-8")
    for name in cases.FILES:
        assert f"`{name}`" in text, name
    written = (
        *(model.Case, model.Traffic, model.ErrorControl, model.Entry, model.Axis, model.Evidence, model.Explanation),
        *(model.FamilySummary, model.Cleared, model.Undecided, model.GrantUse, model.Missing, model.ViewTold),
    )
    for struct in written:
        for field in msgspec.structs.fields(struct):
            assert f"`{field.encode_name}`" in text, f"{struct.__name__}.{field.encode_name}"


def test_every_exit_code_has_its_line() -> None:
    text = (DOCS / "reference" / "exit-codes.md").read_text("utf-8")
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.StillwatchError)]
    audits = {*lineage.EXIT.values(), *twins.EXIT.values(), *profile.EXIT.values()}
    codes = {0, 130, *model.GRAVITY.values(), *(one.exit_code for one in kinds), *audits}
    assert {int(code) for code in re.findall(r"^\| `(\d+)` \|", text, re.MULTILINE)} == codes
    for finding in model.GRAVITY:
        assert f"`{finding}`" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?://|mailto:", target):
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{target} in {page.name}"
            if anchor and there.suffix == ".md":
                titles = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.MULTILINE)
                slugs = {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
                assert anchor in slugs, f"{target} in {page.name}"


def test_the_index_names_every_page() -> None:
    text = (DOCS / "README.md").read_text("utf-8")
    for page in DOCS.rglob("*.md"):
        name = str(page.relative_to(DOCS))
        assert name == "README.md" or f"({name})" in text, name
