"""The checks: each one idea, its source, and whether the standard asks for it or the field does.

Written anew from: the TAXII 2.1 standard and the OASIS interoperability test document; the tests of medallion,
OpenTAXII and arango_taxii_server; and what users of servers wrote in oasis-tcs/cti-taxii2, OpenCTI and taxii2-client.
Each check makes objects of its own and asks for these alone, so that it can be run on a server that holds others.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.share.taxii.suite.target import MEDIA, NotApplicable, Target, basic


class Check(NamedTuple):
    """One question to a server; `asked_by` is `standard` or `field`."""

    name: str
    asked_by: str
    source: str
    run: Callable[[Target], None]


CHECKS: list[Check] = []


def check(asked_by: str, source: str) -> Callable[[Callable[[Target], None]], Callable[[Target], None]]:
    def keep(run: Callable[[Target], None]) -> Callable[[Target], None]:
        CHECKS.append(Check(run.__name__.replace("_", " "), asked_by, source, run))
        return run

    return keep


def listed(objects: list[dict[str, Any]]) -> str:
    return ",".join(one["id"] for one in objects)


def same(found: list[str], wanted: list[str]) -> None:
    missing, doubled = len(set(wanted) - set(found)), len(found) - len(set(found))
    assert not missing, f"{missing} of {len(wanted)} lost"
    assert not doubled, f"{doubled} doubled"


def is_status(status: int, *wanted: int) -> None:
    assert status in wanted, f"answered {status} where {' or '.join(map(str, wanted))} is expected"


# -- discovery, roots and collections


@check("standard", "4.1")
def discovery_names_its_roots(target: Target) -> None:
    told = target.ask("GET", "/taxii2/", root=True)
    is_status(told.status, 200)
    assert told.json["title"]
    assert told.json["api_roots"]


@check("standard", "4.2")
def a_root_tells_its_versions_and_its_largest_request(target: Target) -> None:
    told = target.ask("GET").json
    assert MEDIA in [one.replace(" ", "") for one in told["versions"]]
    assert isinstance(told["max_content_length"], int)


@check("standard", "content negotiation")
def answers_are_of_the_media_type_with_its_version(target: Target) -> None:
    for told in (target.ask("GET"), target.get(), target.get("objects/", {"limit": "1"})):
        assert told.headers["content-type"].replace(" ", "").startswith(MEDIA), told.headers["content-type"]


@check("standard", "5.1")
def collections_have_ids_titles_and_rights(target: Target) -> None:
    for one in target.ask("GET", "collections/").json["collections"]:
        assert {"id", "title", "can_read", "can_write"} <= one.keys()


@check("field", "interoperability document: sorted by id")
def collections_are_sorted_by_id(target: Target) -> None:
    ids = [one["id"] for one in target.ask("GET", "collections/").json["collections"]]
    assert ids == sorted(ids)


@check("standard", "5.2")
def one_collection_is_told_by_its_id(target: Target) -> None:
    first = target.ask("GET", "collections/").json["collections"][0]
    assert target.ask("GET", f"collections/{first['id']}/").json["id"] == first["id"]


@check("standard", "5.2")
def a_collection_that_is_not_there_is_404(target: Target) -> None:
    is_status(target.ask("GET", "collections/9c1b4a4e-0000-4000-8000-000000000000/").status, 404)


# -- who asks


@check("standard", "authentication")
def without_a_login_it_is_401_and_says_how(target: Target) -> None:
    told = target.get("objects/", Authorization=None)
    is_status(told.status, 401)
    assert "www-authenticate" in told.headers


@check("standard", "authentication")
def a_wrong_password_is_401(target: Target) -> None:
    is_status(target.get("objects/", Authorization=basic("nobody", "wrong")).status, 401)


# -- media types and methods


@check("field", "cti-taxii-server#137")
def a_media_type_without_version_is_accepted(target: Target) -> None:
    is_status(target.ask("GET", Accept="application/taxii+json").status, 200)


@check("standard", "content negotiation")
def another_media_type_is_406(target: Target) -> None:
    is_status(target.ask("GET", Accept="text/html").status, 406)


@check("standard", "content negotiation")
def another_version_is_406(target: Target) -> None:
    is_status(target.ask("GET", Accept="application/taxii+json;version=2.0").status, 406)


@check("standard", "5.5")
def another_content_type_is_415(target: Target) -> None:
    told = target.ask("POST", f"collections/{target.collection}/objects/", b"{}", Content_Type="text/plain")
    is_status(told.status, 415)


@check("standard", "error messages")
def an_error_is_told_as_an_error_message(target: Target) -> None:
    told = target.get("objects/indicator--00000000-0000-4000-8000-000000000001/")
    assert told.json["title"]


@check("field", "OpenTAXII tests")
def another_method_is_405(target: Target) -> None:
    told = target.ask("PUT", f"collections/{target.collection}/objects/", {})
    is_status(told.status, 405)


# -- adding


@check("standard", "5.5, 4.3")
def adding_gives_a_status_that_counts(target: Target) -> None:
    status = target.push([target.an_object(), target.an_object()])
    assert status["status"] in ("complete", "pending")
    assert status["total_count"] == 2
    assert status["success_count"] + status["pending_count"] == 2


@check("standard", "4.3")
def a_status_can_be_read_again(target: Target) -> None:
    status = target.push([target.an_object()])
    told = target.ask("GET", f"status/{status['id']}/")
    is_status(told.status, 200)
    assert told.json["id"] == status["id"]


@check("standard", "4.3")
def a_status_that_is_not_there_is_404(target: Target) -> None:
    is_status(target.ask("GET", "status/9c1b4a4e-0000-4000-8000-000000000000/").status, 404)


@check("standard", "5.6")
def an_object_comes_back_as_it_was_sent(target: Target) -> None:
    (sent,) = target.new(1, name="Zürich 東京 \U0001f980", description='a "quotation" and a \\', labels=["x"])
    assert target.get(f"objects/{sent['id']}/").objects == [sent]


@check("standard", "5.5")
def what_is_added_twice_is_there_once(target: Target) -> None:
    (sent,) = target.new(1)
    target.push([sent])
    assert len(target.get(f"objects/{sent['id']}/", {"match[version]": "all"}).objects) == 1


@check("standard", "4.3")
def a_wrong_object_fails_alone(target: Target) -> None:
    good, wrong = target.an_object(), {"type": "indicator", "name": "without an id"}
    status = target.push([wrong, good])
    assert status["failure_count"] == 1, f"{status['failure_count']} failures are counted"
    assert target.get(f"objects/{good['id']}/").ids == [good["id"]]


@check("standard", "5.5")
def what_is_no_envelope_is_refused(target: Target) -> None:
    for body in (b"", b"[1]", b'{"objects":', b"\xff\xfe", b'{"objects": 7}'):
        told = target.ask("POST", f"collections/{target.collection}/objects/", body)
        is_status(told.status, 400, 422)


@check("field", "hostile peers")
def deep_nesting_breaks_nothing(target: Target) -> None:
    body = b'{"objects":[' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"]}"
    told = target.ask("POST", f"collections/{target.collection}/objects/", body)
    assert told.status < 500, f"answered {told.status}"


@check("standard", "5.5")
def writing_where_one_may_only_read_is_403(target: Target) -> None:
    closed = [one["id"] for one in target.ask("GET", "collections/").json["collections"] if not one["can_write"]]
    if not closed:
        raise NotApplicable("every collection may be written to")
    is_status(target.ask("POST", f"collections/{closed[0]}/objects/", {"objects": [target.an_object()]}).status, 403)


# -- reading


@check("standard", "5.6")
def an_object_that_is_not_there_is_404(target: Target) -> None:
    is_status(target.get("objects/indicator--00000000-0000-4000-8000-000000000001/").status, 404)


@check("field", "cti-taxii-server#140")
def nothing_found_is_an_empty_answer_and_no_error(target: Target) -> None:
    for path in ("objects/", "manifest/"):
        told = target.get(path, {"match[id]": "indicator--00000000-0000-4000-8000-000000000001"})
        is_status(told.status, 200)
        assert not told.objects
        assert not told.json.get("more")


@check("standard", "filtering")
def match_id_takes_several(target: Target) -> None:
    made = target.new(4)
    assert sorted(target.get("objects/", {"match[id]": listed(made[:2])}).ids) == sorted(one["id"] for one in made[:2])


@check("standard", "filtering")
def match_type(target: Target) -> None:
    made = target.new(2)
    assert not target.get("objects/", {"match[id]": listed(made), "match[type]": "campaign"}).ids
    assert len(target.get("objects/", {"match[id]": listed(made), "match[type]": "campaign,indicator"}).ids) == 2


@check("standard", "filtering")
def match_spec_version(target: Target) -> None:
    made = target.new(2)
    assert not target.get("objects/", {"match[id]": listed(made), "match[spec_version]": "2.0"}).ids
    assert len(target.get("objects/", {"match[id]": listed(made), "match[spec_version]": "2.0,2.1"}).ids) == 2


STAMPS = ["2026-05-04T00:00:00.000Z", "2026-05-05T00:00:00.000Z", "2026-05-06T00:00:00.000Z"]


def versions(target: Target) -> str:
    first = target.an_object()
    for stamp in STAMPS:
        target.push([{**first, "modified": stamp}])
    found: str = first["id"]
    return found


@check("standard", "filtering")
def the_last_version_is_given_when_none_is_named(target: Target) -> None:
    name = versions(target)
    assert [one["modified"] for one in target.get(f"objects/{name}/").objects] == STAMPS[-1:]
    assert [one["modified"] for one in target.get("objects/", {"match[id]": name}).objects] == STAMPS[-1:]


@check("standard", "filtering")
def match_version_first_last_all_and_by_time(target: Target) -> None:
    name = versions(target)
    for asked, wanted in (("first", STAMPS[:1]), ("last", STAMPS[-1:]), ("all", STAMPS), (STAMPS[1], STAMPS[1:2]),
                          (f"first,{STAMPS[1]}", STAMPS[:2])):  # fmt: skip
        found = sorted(one["modified"] for one in target.get(f"objects/{name}/", {"match[version]": asked}).objects)
        assert found == wanted, f"`{asked}` gives {found}"


@check("standard", "5.8")
def versions_lists_all(target: Target) -> None:
    assert sorted(target.get(f"objects/{versions(target)}/versions/").json["versions"]) == STAMPS


@check("field", "cti-taxii2#21")
def versions_of_one_object_come_in_pages_too(target: Target) -> None:
    name = versions(target)
    pages = list(target.pages({"match[version]": "all", "limit": "2"}, f"objects/{name}/"))
    assert [len(one.objects) for one in pages] == [2, 1]


@check("field", "STIX: times of any precision")
def versions_are_compared_as_times(target: Target) -> None:
    one = target.an_object(modified="2026-05-04T00:00:00Z")
    target.push([one])
    target.push([{**one, "modified": "2026-05-04T00:00:00.500Z"}])
    assert target.get(f"objects/{one['id']}/").objects[0]["modified"].startswith("2026-05-04T00:00:00.5")


@check("standard", "5.3")
def the_manifest_names_id_date_version_and_media_type(target: Target) -> None:
    (made,) = target.new(1)
    (one,) = target.get("manifest/", {"match[id]": made["id"]}).objects
    assert {"id", "date_added", "version"} <= one.keys()
    assert one["version"] == made["modified"]


@check("standard", "filtering: 400 for what cannot be read")
def a_limit_that_is_none_is_400(target: Target) -> None:
    for limit in ("0", "-1", "many"):
        is_status(target.get("objects/", {"limit": limit}).status, 400)


@check("standard", "filtering: 400 for what cannot be read")
def an_added_after_that_is_no_time_is_400(target: Target) -> None:
    is_status(target.get("objects/", {"added_after": "yesterday"}).status, 400)


@check("field", "OpenTAXII#272")
def a_limit_beyond_the_largest_is_no_error(target: Target) -> None:
    made = target.new(2)
    is_status(target.get("objects/", {"match[id]": listed(made), "limit": "999999"}).status, 200)


# -- pages


@check("standard", "pagination")
def pages_hold_everything_once(target: Target) -> None:
    made = target.new(10)
    pages = list(target.pages({"match[id]": listed(made), "limit": "3"}))
    assert max(len(one.objects) for one in pages) <= 3
    same([name for one in pages for name in one.ids], [one["id"] for one in made])


@check("standard", "5.3")
def the_manifest_comes_in_pages_too(target: Target) -> None:
    made = target.new(7)
    found = [name for one in target.pages({"match[id]": listed(made), "limit": "3"}, "manifest/") for name in one.ids]
    same(found, [one["id"] for one in made])


@check("field", "medallion's popped list")
def a_page_asked_for_twice_is_the_same_page(target: Target) -> None:
    asked = {"match[id]": listed(target.new(10)), "limit": "3"}
    cursor = target.get("objects/", asked).json["next"]
    first, second = (target.get("objects/", {**asked, "next": cursor}) for _ in range(2))
    assert first.ids == second.ids, "the second answer is another page"


@check("field", "cti-taxii2#50: bulk adds share one date")
def objects_added_together_have_dates_of_their_own(target: Target) -> None:
    made = target.new(5)
    dates = [one["date_added"] for one in target.get("manifest/", {"match[id]": listed(made)}).objects]
    assert len(set(dates)) == 5, f"{len(set(dates))} dates for 5 objects"


@check("standard", "filtering: strictly after")
def added_after_is_strictly_after(target: Target) -> None:
    made = target.new(3)
    last = target.get("objects/", {"match[id]": listed(made)}).headers["x-taxii-date-added-last"]
    found = target.get("objects/", {"match[id]": listed(made), "added_after": last}).ids
    assert not found, f"{len(found)} are given again: a client goes round for ever"


@check("standard", "headers X-TAXII-Date-Added")
def the_headers_name_the_first_and_the_last_date(target: Target) -> None:
    made = target.new(4)
    told = target.get("objects/", {"match[id]": listed(made)})
    dates = sorted(one["date_added"] for one in target.get("manifest/", {"match[id]": listed(made)}).objects)
    names = ("x-taxii-date-added-first", "x-taxii-date-added-last")
    assert [told.headers.get(name) for name in names] == [dates[0], dates[-1]]


@check("field", "OpenCTI#4537: clients that page by date alone")
def paging_by_added_after_alone_loses_nothing(target: Target) -> None:
    made = target.new(10)
    asked, found = {"match[id]": listed(made), "limit": "3"}, []
    for _ in range(8):
        told = target.get("objects/", asked)
        found += told.ids
        if not told.ids or not told.json.get("more"):
            break
        asked = {**asked, "added_after": told.headers["x-taxii-date-added-last"]}
    same(found, [one["id"] for one in made])


@check("field", "OpenCTI#5681: both at once")
def next_and_added_after_go_together(target: Target) -> None:
    before = target.get("objects/", {"match[id]": listed(target.new(1))}).headers["x-taxii-date-added-last"]
    made = target.new(7)
    pages = target.pages({"match[id]": listed(made), "limit": "3", "added_after": before})
    same([name for one in pages for name in one.ids], [one["id"] for one in made])


@check("standard", "pagination: 400 when the filters change")
def a_next_with_other_filters_is_400(target: Target) -> None:
    asked = {"match[id]": listed(target.new(6)), "limit": "2"}
    cursor = target.get("objects/", asked).json["next"]
    is_status(target.get("objects/", {**asked, "match[type]": "campaign", "next": cursor}).status, 400)


@check("field", "hostile peers")
def a_next_that_was_tampered_with_is_400(target: Target) -> None:
    asked = {"match[id]": listed(target.new(6)), "limit": "2"}
    cursor: str = target.get("objects/", asked).json["next"]
    is_status(target.get("objects/", {**asked, "next": cursor[:-4] + "AAAA"}).status, 400)


@check("field", "cti-taxii2#23: paging on changing data")
def a_writer_between_pages_loses_and_doubles_nothing(target: Target) -> None:
    made = target.new(9)
    asked, found, cursor = {"match[type]": "indicator", "match[id]": listed(made), "limit": "3"}, [], ""
    for _ in range(8):
        told = target.get("objects/", {**asked, "next": cursor} if cursor else asked)
        found += told.ids
        target.new(2)
        target.push([{**made[0], "modified": f"2026-05-0{4 + len(found) // 3}T01:00:00.000Z"}])
        if not told.json.get("more"):
            break
        cursor = told.json["next"]
    missing = {one["id"] for one in made[1:]} - set(found)
    assert not missing, f"{len(missing)} of 8 lost"
    rest = [name for name in found if name != made[0]["id"]]
    assert len(rest) == len(set(rest)), "doubled"


@check("standard", "filtering")
def a_new_version_comes_to_who_polls(target: Target) -> None:
    (made,) = target.new(1)
    last = target.get("objects/", {"match[id]": made["id"]}).headers["x-taxii-date-added-last"]
    target.push([{**made, "modified": STAMPS[-1], "revoked": True}])
    (found,) = target.get("objects/", {"match[id]": made["id"], "added_after": last}).objects
    assert found["revoked"] is True


# -- deleting


@check("standard", "5.7")
def deletes_delete(target: Target) -> None:
    (made,) = target.new(1)
    is_status(target.ask("DELETE", f"collections/{target.collection}/objects/{made['id']}/").status, 200)
    is_status(target.get(f"objects/{made['id']}/").status, 404)
    assert not target.get("manifest/", {"match[id]": made["id"]}).ids


@check("standard", "5.7")
def one_version_can_be_deleted(target: Target) -> None:
    name = versions(target)
    path = f"collections/{target.collection}/objects/{name}/?match[version]={STAMPS[-1]}"
    is_status(target.ask("DELETE", path).status, 200)
    assert [one["modified"] for one in target.get(f"objects/{name}/").objects] == STAMPS[1:2]


@check("standard", "5.7")
def deleting_what_is_not_there_is_404(target: Target) -> None:
    path = f"collections/{target.collection}/objects/indicator--00000000-0000-4000-8000-000000000001/"
    is_status(target.ask("DELETE", path).status, 404)


def as_json(results: list[tuple[Check, str]]) -> str:
    return json.dumps([{"check": one.name, "asked_by": one.asked_by, "source": one.source, "result": result}
                       for one, result in results])  # fmt: skip
