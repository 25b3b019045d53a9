"""Real clients pull from our server, and ours from it."""

from __future__ import annotations

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
    assert [len(first), len(second), *map(len, again)] == [10, 10, 9, 6]  # the last of the first page is dropped
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
