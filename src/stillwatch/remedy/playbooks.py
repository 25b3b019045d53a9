"""Playbooks: read from YAML and checked to the last word, before anybody goes by one.

A step names a verb of our own command line with options that it has and rungs that there are; whoever renames a verb
learns from the tests which playbook spoke of it. Every mistake is told with its file, its line and what would mend it.

    playbook: suspend
    version: 1
    title: …
    findings: [distillation_campaign]
    steps:
      - id: evidence
        stage: identify
        title: Read the evidence
        verb: explain {case} {campaign}      # or  task: what a person does
        before: the hunt is over
        after: []                            # steps that come first
        undo: nothing was changed            # or  undo_verb: order undo {order} …
"""

from __future__ import annotations

import difflib
import hashlib
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from stillwatch.errors import SettingsError
from stillwatch.model.case import GRAVITY
from stillwatch.model.playbook import STAGES, Playbook, Step

SHIPPED: Final = Path(__file__).parent / "shipped"
VALUES: Final = ("case", "campaign", "order", "state", "by")
"""What `{…}` in a verb may stand for."""
HEAD: Final = ("playbook", "version", "title", "findings", "steps")
STEP: Final = ("id", "stage", "title", "verb", "task", "before", "after", "undo", "undo_verb")
NAME: Final = re.compile(r"^[a-z][a-z0-9-]{1,40}$")
LARGEST: Final = 1 << 20

Spoken = Callable[[list[str]], tuple[str, str] | None]
"""Tells what is wrong with the words of a command, and what next; nothing where they can be spoken."""


class _Told:
    """A node of a YAML file, that knows its place."""

    def __init__(self, path: Path, node: yaml.Node) -> None:
        self.path = path
        self.node = node

    def wrong(self, what: str, hint: str) -> SettingsError:
        return SettingsError(what, where=f"{self.path}, line {self.node.start_mark.line + 1}", hint=hint)

    def fields(self, known: tuple[str, ...], what: str) -> dict[str, _Told]:
        """Take the fields of a mapping; one that is not known, or stands twice, is refused."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong(f"{what} is no mapping", f"write {', '.join(f'`{name}: …`' for name in known[:3])}")
        found: dict[str, _Told] = {}
        for key, value in self.node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean `{close[0]}`?" if close else f"one of: {', '.join(known)}"
                raise _Told(self.path, key).wrong(f"`{name}` means nothing in {what}", hint)
            if name in found:
                raise _Told(self.path, key).wrong(f"`{name}` stands twice in {what}", "keep one of them")
            found[name] = _Told(self.path, value)
        return found

    def text(self, name: str) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.wrong(f"`{name}` is no text", f"write `{name}: …`, in quotes where it holds `: ` or `#`")
        return str(self.node.value).strip()

    def items(self, name: str) -> list[_Told]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong(f"`{name}` is no list", f"write `{name}: [ … ]`")
        return [_Told(self.path, node) for node in self.node.value]


def read(path: Path, spoken: Spoken) -> Playbook:
    """Read one playbook.

    Raises:
        SettingsError: naming the file, the line and what next.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > LARGEST:
            raise SettingsError("a playbook is at most 1 MiB", where=str(path))
        node = yaml.compose(raw.decode("utf-8"), yaml.SafeLoader)
    except OSError as trouble:
        raise SettingsError(f"cannot read the playbook: {trouble.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise SettingsError("the playbook is not UTF-8", where=str(path)) from None
    except (yaml.YAMLError, RecursionError) as trouble:
        mark = getattr(trouble, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        what = getattr(trouble, "problem", None) or "it is nested too deep"
        raise SettingsError(f"not YAML: {what}", where=f"{path}{line}", hint="mind the indentation") from None
    if node is None:
        raise SettingsError("the playbook is empty", where=str(path), hint="see docs/reference/remedy.md")
    return _playbook(_Told(path, node), spoken, hashlib.sha256(raw).hexdigest())


def _playbook(told: _Told, spoken: Spoken, digest: str) -> Playbook:
    head = told.fields(HEAD, "a playbook")
    for name in HEAD:
        if name not in head:
            raise told.wrong(f"`{name}` is missing", f"add `{name}: …`")
    name = head["playbook"].text("playbook")
    if not NAME.match(name):
        raise head["playbook"].wrong(f"`{name}` is no name", "small letters, digits and `-`, a letter first")
    version = head["version"].text("version")
    if not version.isdecimal() or not 0 < int(version) < 1_000_000:
        raise head["version"].wrong(f"version `{version}` is no whole number", "write `version: 1`, and count up")
    findings: list[str] = []
    for one in head["findings"].items("findings"):
        finding = one.text("findings")
        if finding not in GRAVITY:
            raise one.wrong(f"`{finding}` is no finding", f"one of: {', '.join(GRAVITY)}")
        findings.append(finding)
    steps: list[Step] = []
    for one in head["steps"].items("steps"):
        steps.append(_step(one, [step.id for step in steps], spoken))
    if not steps:
        raise head["steps"].wrong("a playbook without steps", "write at least one")
    return Playbook(
        name=name, version=int(version), title=head["title"].text("title"), findings=findings, steps=steps,
        digest=digest,
    )  # fmt: skip


def _step(told: _Told, earlier: list[str], spoken: Spoken) -> Step:
    told_fields = told.fields(STEP, "a step")
    for name in ("id", "stage", "title", "before"):
        if name not in told_fields:
            raise told.wrong(f"`{name}` of the step is missing", f"add `{name}: …`")
    name, stage = told_fields["id"].text("id"), told_fields["stage"].text("stage")
    if not NAME.match(name) or name in earlier:
        raise told_fields["id"].wrong(f"`{name}` is no name, or stands twice", "small letters, digits and `-`")
    if stage not in STAGES:
        raise told_fields["stage"].wrong(f"`{stage}` is no stage", f"one of: {', '.join(STAGES)}")
    after = []
    for one in told_fields["after"].items("after") if "after" in told_fields else []:
        if one.text("after") not in earlier:
            raise one.wrong(
                f"no earlier step is called `{one.text('after')}`", "steps stand in the order they are done"
            )
        after.append(one.text("after"))
    verb = _either(told, told_fields, "verb", "task", "what stillwatch does, or what a person does", spoken)
    undo_verb = _either(told, told_fields, "undo_verb", "undo", "how it is taken back", spoken)
    return Step(
        id=name, stage=stage, title=told_fields["title"].text("title"),
        verb=told_fields["verb"].text("verb") if verb else "", task="" if verb else told_fields["task"].text("task"),
        before=told_fields["before"].text("before"), after=after,
        undo=told_fields["undo_verb" if undo_verb else "undo"].text("undo"), undo_verb=undo_verb,
    )  # fmt: skip


def _either(told: _Told, fields: dict[str, _Told], verb: str, words: str, what: str, spoken: Spoken) -> bool:
    """Check that a step has one of two fields, and that the one that is a verb can be spoken; tells whether it is."""
    if (verb in fields) == (words in fields):
        raise told.wrong(f"a step has one of `{verb}` and `{words}`", f"say {what}, once")
    if verb not in fields:
        return False
    line = fields[verb].text(verb)
    for value in re.findall(r"\{(.*?)\}", line):
        if value not in VALUES:
            raise fields[verb].wrong(f"`{{{value}}}` stands for nothing", f"one of: {', '.join(VALUES)}")
    try:
        told_words = shlex.split(line)
    except ValueError as trouble:
        raise fields[verb].wrong(f"`{line}` cannot be read: {trouble}", "close the quotes") from None
    if (mistake := spoken(told_words)) is not None:
        raise fields[verb].wrong(*mistake)
    return True


def everything(own: Path | None, spoken: Spoken) -> list[tuple[Playbook, Path]]:
    """Read the shipped playbooks and one's own; an own one of the same name takes the place of the shipped one.

    Raises:
        SettingsError: when one of them is wrong, or two of one's own have one name.
    """
    found = {playbook.name: (playbook, path) for playbook, path in _folder(SHIPPED, spoken)}
    if own is not None:
        if not own.is_dir():
            raise SettingsError("there is no directory of playbooks", where=str(own), hint="name one that exists")
        mine: dict[str, Path] = {}
        for playbook, path in _folder(own, spoken):
            if playbook.name in mine:
                raise SettingsError(
                    f"two playbooks are called `{playbook.name}`",
                    where=str(path),
                    hint=f"the other is {mine[playbook.name]}",
                )
            mine[playbook.name] = path
            found[playbook.name] = (playbook, path)
    return [found[name] for name in sorted(found)]


def _folder(folder: Path, spoken: Spoken) -> Iterator[tuple[Playbook, Path]]:
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        yield read(path, spoken), path


def filled(line: str, values: dict[str, Any]) -> list[str]:
    """Put what a run is about into the words of a verb; what is not known yet stays as it is."""
    return [re.sub(r"\{(\w+)\}", lambda found: values.get(found[1]) or found[0], word) for word in shlex.split(line)]
