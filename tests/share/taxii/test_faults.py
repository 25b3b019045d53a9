"""Our client copes with servers that do it wrong; each fault is one that somebody met in the wild."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.share.taxii.conftest import an_object

from stillwatch.errors import ShareError
from stillwatch.share import link
from stillwatch.share.taxii import client as clients
from stillwatch.share.taxii.client import Client, Mark

Query = dict[str, str]
Told = tuple[int, dict[str, str], bytes]
Answer = Callable[[Query, dict[str, str]], Told]


@contextmanager
def wrong_server(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            status, headers, body = answer(query, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pulled(answer: Answer, mark: Mark | None = None, limit: int = 1000) -> list[str]:
    with wrong_server(answer) as url:
        client = Client(url, "t", limit=limit)
        found = [one["name"] for page in client.pull("c", mark or Mark()) for one in page]
        client.close()
        return found


def page(objects: list[dict[str, Any]], **more: Any) -> bytes:
    return json.dumps({"objects": objects, **more}).encode()


def stamp(number: int) -> str:
    return f"2026-05-04T00:00:{number:02d}.000000Z"


class Scripted(NamedTuple):
    """A server of 12 objects that is right but for the faults named."""

    inclusive: bool = False
    one_date: bool = False
    no_next: bool = False
    no_headers: bool = False
    pops: bool = False
    ignores_limit: bool = False

    def answer(self) -> Answer:
        dates = [stamp(30 if self.one_date else number) for number in range(12)]
        kept: dict[str, list[int]] = {}

        def answer(query: Query, headers: dict[str, str]) -> Told:
            after, limit = query.get("added_after", ""), 12 if self.ignores_limit else int(query["limit"])
            if "next" in query and self.pops:
                rest = kept[query["next"]]
            elif "next" in query:
                rest = list(range(int(query["next"]), 12))
            else:
                rest = [n for n in range(12) if dates[n] > after or (self.inclusive and dates[n] == after)]
            chosen, left = rest[:limit], rest[limit:]
            told: dict[str, Any] = {"more": bool(left)}
            if left and not self.no_next:
                told["next"] = query.get("next", "list") if self.pops else str(left[0])
                kept["list"] = left
            dated = {"X-TAXII-Date-Added-Last": dates[chosen[-1]]} if chosen and not self.no_headers else {}
            return 200, dated, page([an_object(n) for n in chosen], **told)

        return answer


ALL = [f"n{n}" for n in range(12)]


@pytest.mark.parametrize(
    "server",
    [
        Scripted(), Scripted(inclusive=True), Scripted(one_date=True), Scripted(inclusive=True, no_next=True),
        Scripted(no_next=True), Scripted(no_next=True, one_date=True), Scripted(no_headers=True),
        Scripted(ignores_limit=True), Scripted(inclusive=True, one_date=True, no_next=True),
    ],
    ids=lambda one: "-".join(name for name, on in one._asdict().items() if on) or "right",
)  # fmt: skip
def test_everything_comes_once_from_a_server_with_these_faults(server: Scripted) -> None:
    assert pulled(server.answer(), limit=5) == ALL


@pytest.mark.parametrize(
    "server", [Scripted(one_date=True), Scripted(inclusive=True), Scripted(), Scripted(no_headers=True)],
    ids=lambda one: "-".join(name for name, on in one._asdict().items() if on) or "right",
)  # fmt: skip
def test_a_pull_that_broke_goes_on_and_loses_nothing(server: Scripted) -> None:
    marks: list[Mark] = [Mark()]
    with wrong_server(server.answer()) as url:
        client = Client(url, "t", limit=5)
        pages = client.pull("c", Mark(), marks.append)
        first, second = next(pages), next(pages)
        pages.close()
        rest = [one for page in Client(url, "t", limit=5).pull("c", marks[-1], marks.append) for one in page]
        again = [one for page in Client(url, "t", limit=5).pull("c", marks[-1]) for one in page]
        client.close()
    assert len(marks[1].seen) == 5, "the second page was not worked on"
    assert [one["name"] for one in [*first, *rest]] == ALL
    assert [one["name"] for one in second] == ALL[5:10]
    assert again == []


def test_a_list_that_is_popped_is_read_once_and_never_asked_for_again() -> None:
    assert pulled(Scripted(pops=True).answer(), limit=7) == ALL


def test_an_inclusive_added_after_does_not_go_round_for_ever() -> None:
    last = {"X-TAXII-Date-Added-Last": stamp(1)}
    seen = Mark(added_after=stamp(1), seen=[f"{an_object(1)['id']}@{an_object(1)['modified']}"])
    assert pulled(lambda query, headers: (200, last, page([an_object(1)], more=True, next="a")), seen) == []


def test_a_next_that_repeats_ends() -> None:
    assert pulled(lambda query, headers: (200, {}, page([an_object(1)], more=True, next="same"))) == ["n1"]


def test_a_page_without_anything_is_not_the_end() -> None:
    def answer(query: Query, headers: dict[str, str]) -> Told:
        at = int(query.get("next", "0"))
        return 200, {}, page([an_object(1)]) if at == 3 else page([], more=True, next=str(at + 1))

    assert pulled(answer) == ["n1"]


def test_a_server_that_goes_round_is_told_so() -> None:
    def answer(query: Query, headers: dict[str, str]) -> Told:
        return 200, {}, page([an_object(1)], more=True, next=str(int(query.get("next", "0")) + 1))

    with pytest.raises(ShareError, match="pages without anything new"):
        pulled(answer)


def test_pages_without_end_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_PAGES", 5)

    def answer(query: Query, headers: dict[str, str]) -> Told:
        at = int(query.get("next", "0"))
        return 200, {}, page([an_object(at)], more=True, next=str(at + 1))

    with pytest.raises(ShareError, match="more than 5 pages"):
        pulled(answer)


def test_a_server_that_knows_no_versions_of_media_types_is_asked_without() -> None:
    def answer(query: Query, headers: dict[str, str]) -> Told:
        good = headers["accept"] == "application/taxii+json"
        return (200, {"Content-Type": "application/json"}, page([an_object(1)])) if good else (406, {}, b"{}")

    assert pulled(answer) == ["n1"]


def test_what_has_no_id_or_is_no_object_harms_nothing() -> None:
    body = json.dumps({"objects": [7, None, "x", [], {"name": "nameless"}, an_object(1)]}).encode()
    assert pulled(lambda query, headers: (200, {}, body)) == ["nameless", "n1"]


@pytest.mark.parametrize("last", ["yesterday", "9999-99-99T99:99:99Z", "", "2026-05-04"])
def test_a_date_that_is_none_is_not_believed(last: str) -> None:
    marks: list[Mark] = []
    with wrong_server(lambda query, headers: (200, {"X-TAXII-Date-Added-Last": last}, page([an_object(1)]))) as url:
        list(Client(url, "t").pull("c", Mark(), marks.append))
    assert marks[-1].added_after == ""


@pytest.mark.parametrize(
    ("body", "because"),
    [(b"<html>", "no envelope"), (b"[" * 200_000, "no envelope"), (b'{"objects": 7}', "expected a list"),
     (b"[1]", "no envelope"), (b"\xff\xfe", "no envelope")],
)  # fmt: skip
def test_what_is_no_envelope_is_refused(body: bytes, because: str) -> None:
    with pytest.raises(ShareError, match=because):
        pulled(lambda query, headers: (200, {}, body))


def test_a_redirect_is_not_followed_since_it_would_carry_the_token() -> None:
    with pytest.raises(ShareError, match="answered 302"):
        pulled(lambda query, headers: (302, {"Location": "http://127.0.0.1:9/"}, b""))


def test_an_answer_that_is_too_large_or_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "LARGEST", 1000)
    with pytest.raises(ShareError, match="larger than 1,000 bytes"):
        pulled(lambda query, headers: (200, {}, b" " * 5000))
    monkeypatch.setattr(link, "WHOLE_S", -1)
    with pytest.raises(ShareError, match="no end after"):
        pulled(lambda query, headers: (200, {}, b" " * 500))


def test_an_answer_that_stops_in_the_middle_is_said_so() -> None:
    with pytest.raises(ShareError, match=r"no envelope|cannot be reached"):
        pulled(lambda query, headers: (200, {"Content-Length": "4000", "Connection": "close"}, b'{"objects": ['))


def test_a_quota_that_is_used_up_says_when_to_come_back() -> None:
    with pytest.raises(ShareError, match="answered 429") as told:
        pulled(lambda query, headers: (429, {"Retry-After": "1800"}, b"{}"))
    assert "in 1,800 s" in str(told.value)
