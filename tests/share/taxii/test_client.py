"""Real clients pull from our server, and our client copes with servers that do it wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.share.taxii.conftest import TOKENS, Running, an_object

from stillwatch.errors import ShareError
from stillwatch.share.taxii.client import Client, Mark


def test_taxii2_client_finds_reads_and_writes(running: Running) -> None:
    taxii = pytest.importorskip("taxii2client.v21")
    running.fill(25)
    with taxii.Server(running.url.removesuffix("stillwatch/"), user="writer", password=TOKENS["writer"]) as server:
        (root,) = server.api_roots
        assert root.title == "Adversarial distillation"
        by_alias = {one.alias: one for one in root.collections}
        pages = list(taxii.as_pages(by_alias["bulletins"].get_objects, per_request=10))
        assert [len(page["objects"]) for page in pages] == [10, 10, 5]
        inbox = by_alias["inbox-writer"]
        status = inbox.add_objects({"objects": [an_object(1)]}, wait_for_completion=True)
        assert (status.status, status.success_count) == ("complete", 1)
        assert inbox.get_object(an_object(1)["id"])["objects"][0]["name"] == "n1"
        assert inbox.get_manifest()["objects"][0]["id"] == an_object(1)["id"]
        assert inbox.object_versions(an_object(1)["id"])["versions"] == [an_object(1)["modified"]]
        inbox.delete_object(an_object(1)["id"])


def test_a_pull_goes_on_where_it_was(running: Running) -> None:
    running.fill(25)
    client, marks = Client(running.url, TOKENS["reader"], limit=10), [Mark()]
    pages = client.pull("bulletins", marks[-1], marks.append)
    first, second = next(pages), next(pages)
    pages.close()
    again = list(client.pull("bulletins", marks[-1], marks.append))
    assert [len(first), len(second), *map(len, again)] == [10, 10, 10, 5]
    running.fill(1, start=100)
    assert [one["name"] for page in client.pull("bulletins", marks[-1], marks.append) for one in page] == ["n100"]
    assert sum(map(len, client.pull("bulletins", marks[-1]))) == 0


def test_a_push_tells_what_was_taken(running: Running) -> None:
    client = Client(running.url, TOKENS["writer"], user="writer")
    assert {one["alias"] for one in client.collections()} == {"bulletins", "inbox-writer"}
    assert client.push("inbox-writer", [an_object(1), {"id": "x"}])["failure_count"] == 1


def test_a_refusal_names_the_reason(running: Running) -> None:
    with pytest.raises(ShareError, match="answered 401"):
        Client(running.url, "wrong").collections()
    with pytest.raises(ShareError, match="in clear"):
        Client("http://peer.example.com/taxii2/", "secret")


# -- servers that do it wrong

Answer = Callable[[dict[str, list[str]]], tuple[int, dict[str, str], bytes]]


@contextmanager
def wrong_server(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(parse_qs(urlsplit(self.path).query))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pulled(answer: Answer, mark: Mark | None = None) -> list[str]:
    with wrong_server(answer) as url:
        return [one["name"] for page in Client(url, "t").pull("c", mark or Mark()) for one in page]


def page(objects: list[dict[str, Any]], **more: Any) -> bytes:
    return json.dumps({"objects": objects, **more}).encode()


def test_an_inclusive_added_after_does_not_go_round_for_ever() -> None:
    last = {"X-TAXII-Date-Added-Last": "2026-05-04T00:00:00.000001Z"}
    seen = Mark(added_after=last["X-TAXII-Date-Added-Last"], seen=[f"{an_object(1)['id']}@{an_object(1)['modified']}"])
    assert pulled(lambda query: (200, last, page([an_object(1)], more=True, next="a")), seen) == []


def test_a_next_that_repeats_ends() -> None:
    assert pulled(lambda query: (200, {}, page([an_object(1)], more=True, next="same"))) == ["n1"]


def test_more_without_next_goes_on_by_date() -> None:
    def answer(query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        if "added_after" in query:
            return 200, {}, page([an_object(2)])
        return 200, {"X-TAXII-Date-Added-Last": "2026-05-04T00:00:00.000001Z"}, page([an_object(1)], more=True)

    assert pulled(answer) == ["n1", "n2"]


@pytest.mark.parametrize(
    ("body", "because"),
    [(b"<html>", "no envelope"), (b"[" * 200_000, "no envelope"), (b'{"objects": 7}', "expected a list")],
)
def test_what_is_no_envelope_is_refused(body: bytes, because: str) -> None:
    with pytest.raises(ShareError, match=because):
        pulled(lambda query: (200, {}, body))


def test_a_redirect_is_not_followed_since_it_would_carry_the_token() -> None:
    with pytest.raises(ShareError, match="answered 302"):
        pulled(lambda query: (302, {"Location": "http://127.0.0.1:9/"}, b""))
