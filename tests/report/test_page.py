"""The report: one file, no network, and nothing that a prompt could run."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.model.case import Case
from stillwatch.report.page import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

HOSTILE = [
    "<script>document.title='owned'</script>",
    "</style><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "</bdi></p><iframe src='https://example.com'></iframe>",
    "{{ 7 * 7 }} {% for x in [] %}",
    "<!-- <meta http-equiv=refresh content='0;url=https://example.com'>",
    "javascript:document.title='owned'",
    "\u202e\u2066 turned round \u0000 \x1b[31m",
    "{…}<b>{…}</b>",
]


class Seen(HTMLParser):
    """Collects the tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def look(html: str) -> Seen:
    seen = Seen()
    seen.feed(html)
    return seen


def with_text(case: Case, text: str) -> Case:
    """Put one text wherever a log can put any."""
    entry = case.campaigns[1]
    family = msgspec.structs.replace(entry.families[0], id=text, template=text, kinds=[text])
    evidence = msgspec.structs.replace(entry.evidence[0], because=text, innocent_reading=text)
    reading = msgspec.structs.replace(entry.explanations[0], name=text, because=[text])
    axis = msgspec.structs.replace(entry.deception, because=[text])
    bad = msgspec.structs.replace(
        entry, id=text, accounts=[text] * 20, families=[family], evidence=[evidence], explanations=[reading],
        deception=axis, targets=[text], part_of=text, merged=[text], split_from=text, grant=text,
    )  # fmt: skip
    return msgspec.structs.replace(
        case, campaigns=[bad],
        cleared=[msgspec.structs.replace(case.cleared[0], accounts=[text], because=text, explanation=text)],
        undecided=[msgspec.structs.replace(case.undecided[0], accounts=[text], missing=text)],
        grants=[msgspec.structs.replace(case.grants[0], id=text, holder=text)],
        warnings=[text], asked={"traffic": [text], "map": text},
    )  # fmt: skip


def test_the_page_asks_no_network_and_its_policy_names_its_own_script_and_style(case: Case) -> None:
    html = page(case)
    seen = look(html)
    assert not {"iframe", "object", "embed", "link", "img", "base", "form"} & set(seen.tags)
    assert seen.tags.count("script") == seen.tags.count("style") == 1
    assert not [
        (name, value) for name, value in seen.attributes if name in ("src", "style", "srcset") or name.startswith("on")
    ]
    assert all((value or "").startswith("#") for name, value in seen.attributes if name == "href")
    policy = dict(seen.attributes).get("content") and next(v for n, v in seen.attributes if n == "content")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for tag in ("script", "style"):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert inside is not None
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_breaks_out_nowhere(text: str, case: Case) -> None:
    bare, seen = look(page(with_text(case, "harmless"))), look(page(with_text(case, text)))
    extra = [tag for tag in seen.tags if tag != "span"]  # slots of a template are spans
    assert extra == [tag for tag in bare.tags if tag != "span"] or "{…}" in text
    assert seen.tags.count("script") == 1
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "\u202e" not in "".join(seen.text)


@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_breaks_out_nowhere(text: str) -> None:
    from stillwatch.model.case import ErrorControl, Traffic

    case = Case(
        traffic=Traffic(exchanges=1, accounts=1, from_=None, to=None, rejected=0, columns_missing=[]),
        error_control=ErrorControl(fdr=0.05, method="", groups_examined=0), campaigns=[], cleared=[], undecided=[],
        warnings=[text], asked={"traffic": [text]},
    )  # fmt: skip
    assert (
        look(page(case)).tags
        == look(page(msgspec.structs.replace(case, warnings=["w"], asked={"traffic": ["t"]}))).tags
    )


def test_a_person_finds_everything_on_the_page(case: Case) -> None:
    text = " ".join(" ".join(look(page(case)).text).split())
    for said in (
        "1 distillation campaign, 1 account network, 1 grant exceeded, 1 open extraction", "one office", "a course",
        "one purse behind strangers", "Show every step. Question:", "AML.T0024.002", "Extract AI Model",
        "a course or school", "hard evidence of one hand", "At most 5 % of the findings",
        "owners that pay with one purse",
        "7 records that stood twice were left out", "Example Robotics", "one account, “shop”, has 67% of all traffic",
        "grown by 5 accounts", "merged with", "split from", "1,234 exchanges lie beyond the grant",
    ):  # fmt: skip
        assert said in text, said


def test_a_case_without_findings_has_a_page(case: Case) -> None:
    html = page(msgspec.structs.replace(case, campaigns=[], cleared=[], undecided=[], grants=[], warnings=[]))
    assert "Nothing was found" in html


def test_the_page_stands_on_headings_and_names_its_drawings(case: Case) -> None:
    html = page(case)
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert html.count('role="img"') == html.count('<svg class="timeline"') == len(case.campaigns)
    assert all("aria-" in tag for tag in re.findall(r"<svg [^>]*>|<svg>", html))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_a_real_browser_runs_nothing_that_a_prompt_brought(case: Case, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    file = tmp_path / "report.html"
    file.write_text(page(with_text(case, " ".join(HOSTILE))), "utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    dumped = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", f"file://{file}"], capture_output=True, timeout=120, check=True
    ).stdout.decode()
    assert "<title>stillwatch:" in dumped
    assert "<title>owned" not in dumped
    assert '<button type="button" id="fold" class="fold">' in dumped, "the page's own script must run"
    assert dumped.count("<script>") == 1
