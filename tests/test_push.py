"""Deliveries from outside, over HTTP: who may, in which shapes, what is refused; nothing is ever half taken."""

import asyncio
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter
from httpx2 import ASGITransport, AsyncClient, Response
from lxml import html

from bench.exchange import Exchange, running, wait_for
from pendler.problem import Problem
from pendler.service import Service
from pendler.settings import Settings
from pendler.speech import LANGUAGES
from pendler.store import open_store
from pendler.web import web_app
from services.ingest import keys
from services.ingest.access import AT_ONCE, OF_ONE, InHand
from services.ingest.links import Links, lasts

MAX_BODY = 400_000
FEEDS = Path(__file__).parent / "feeds"
JOBTECH, EURES = "se_jobtech", "eures_hrxml"


class Sources:
    """Two sources that deliver, their keys, and the transfers they made."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange, self.http = exchange, exchange.http
        self.se = exchange.key("se")
        self.other, self.scoped, self.revoked = asyncio.run(self._keys())
        self.transfers: dict[str, str] = {}

    async def _keys(self) -> tuple[str, str, str]:
        store, now = open_store(f"file:{self.exchange.home / 'store'}", "ingest"), datetime.now(UTC)
        made = [await keys.create(store, *rest, now) for rest in (("other", []), ("se", [EURES]), ("se", []))]
        await keys.revoke(store, made[2].split("_")[1])
        await store.close()
        return made[0], made[1], made[2]

    def note(self, response: Response, key: str = "") -> dict[str, Any]:
        """Keeps in mind what was delivered, for the books at the end; gives the report."""
        report: dict[str, Any] = response.json()
        self.transfers[report["transfer"]] = key or self.se
        return report

    def post(
        self, body: bytes | Iterator[bytes], feed: str = JOBTECH, key: str = "", source: str = "se", **headers: str
    ) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        authorization = {"Authorization": f"Bearer {key or self.se}"}
        path = f"/v1/sources/{source}/feeds/{feed}/records"
        return self.http.post(path, content=body, headers=authorization | named)

    def deliver(self, body: bytes, feed: str = JOBTECH, **headers: str) -> dict[str, Any]:
        """Delivers and waits until all is settled; gives the report."""
        response = self.post(body, feed, Prefer="wait=30", **headers)
        assert response.status_code == 200, response.text
        return self.note(response)

    def follow(self, path: str, key: str = "", **headers: str) -> Response:
        return self.http.get(path, headers={"Authorization": f"Bearer {key or self.se}", **headers})

    def vacancy(self, ref: str) -> dict[str, Any]:
        """A vacancy whole, once it is to be had."""
        wait_for(lambda: bool(self.http.get(f"/v1/vacancies/{ref}").is_success), 20, ref)
        found: dict[str, Any] = self.http.get(f"/v1/vacancies/{ref}").json()
        return found


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Sources]:
    home = tmp_path_factory.mktemp("push") / "home"
    environment = {"PENDLER_MAX_BODY": str(MAX_BODY), "PENDLER_NOW": "2026-11-23T08:00:00Z"}
    with running(home, places_file, **environment) as exchange:
        yield Sources(exchange)


def record(identity: str, headline: str = "Kock", **members: Any) -> bytes:
    return json.dumps({"id": identity, "headline": headline, **members}).encode()


def lines(*records: bytes) -> bytes:
    return b"\n".join(records)


def opening(identity: str, title: str = "Lasser") -> bytes:
    return (
        f'<PositionOpening xmlns="http://www.hr-xml.org/3"><DocumentID>{identity}</DocumentID>'
        "<PositionOpeningStatusCode>Active</PositionOpeningStatusCode><PositionProfile>"
        f"<PositionTitle>{title}</PositionTitle></PositionProfile></PositionOpening>"
    ).encode()


def problem(response: Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"/problems/{kind}"
    assert document["status"] == status
    assert document["detail"]
    return document


# Who may deliver.


@pytest.mark.parametrize("source", ["se", "other", "nobody"])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Bearer pk_",
        "Bearer pk__",
        "Bearer pk_000000000000_secret",
        "Basic c2U6c2U=",
        "Bearer {se}x",
        "Bearer {id}",
        "Bearer {id}_",
        "Bearer {revoked}",
        "Bearer " + "x" * 5000,
        "Bearer åäö",
    ],
    ids=lambda one: ascii(one)[:30],
)
def test_without_a_valid_key_every_answer_is_the_same(sources: Sources, source: str, authorization: str | None) -> None:
    given = (authorization or "").format(se=sources.se, revoked=sources.revoked, id=sources.se.rpartition("_")[0])
    headers = {} if authorization is None else {"Authorization": given.encode("latin-1")}
    response = sources.http.post(f"/v1/sources/{source}/feeds/{JOBTECH}/records", content=record("no"), headers=headers)
    assert problem(response, 401, "no-valid-key") == {
        "type": "/problems/no-valid-key",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Send a valid key as `Authorization: Bearer <key>`.",
    }
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("source", "feed"),
    [
        ("other", JOBTECH),
        ("nobody", JOBTECH),
        ("SE", JOBTECH),
        ("se%00", JOBTECH),
        ("se", "nothing"),
        ("other", "nothing"),
    ],
)
def test_an_unknown_source_a_foreign_one_and_an_unknown_feed_are_one_and_the_same(
    sources: Sources, source: str, feed: str
) -> None:
    expected = problem(sources.post(record("no"), JOBTECH, source="nobody-at-all"), 404, "no-such-feed")
    assert problem(sources.post(record("no"), feed, source=source), 404, "no-such-feed") == expected


def test_a_key_for_one_feed_delivers_to_that_feed_only(sources: Sources) -> None:
    problem(sources.post(record("no"), JOBTECH, key=sources.scoped), 401, "no-valid-key")
    response = sources.post(opening("scoped"), EURES, key=sources.scoped, Prefer="wait=30")
    assert sources.note(response)["summary"] == "1 published"


def test_a_key_is_judged_before_the_body_is_read(sources: Sources) -> None:
    problem(sources.post(b"x" * (MAX_BODY // 2), key="x"), 401, "no-valid-key")


# In which shapes.


@pytest.mark.parametrize(
    ("body", "feed", "summary"),
    [
        (record("s1"), JOBTECH, "1 published"),
        (b"[" + record("s2") + b"," + record("s3") + b"]", JOBTECH, "2 published"),
        (lines(record("s4"), record("s5"), record("s6"), b""), JOBTECH, "3 published"),
        (lines(record("s7"), record("s7")), JOBTECH, "1 published, 1 unchanged"),
        (b"\xef\xbb\xbf" + record("s8"), JOBTECH, "1 published"),
        (b'{"total": {"value": 1}, "hits": [' + record("s9") + b"]}", JOBTECH, "1 published"),
        (record("s10", removed=True), JOBTECH, "1 closed"),
        (record("s11", last_publication_date="2020-01-01"), JOBTECH, "1 closed"),
        (opening("x1"), EURES, "1 published"),
        (b"<all>" + opening("x2") + opening("x3") + b"</all>", EURES, "2 published"),
    ],
    ids=[
        "one", "array", "lines", "one twice", "byte-order mark", "own file", "removal", "past", "XML", "XMLs",
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_records_come_in_many_shapes(sources: Sources, body: bytes, feed: str, summary: str, packed: bool) -> None:
    if packed:  # ids of its own, else all would be unchanged
        body = gzip.compress(re.sub(rb'("id": "|DocumentID>)(?=\w)', rb"\g<1>packed-", body))
    report = sources.deliver(body, feed, **({"Content_Encoding": "gzip"} if packed else {}))
    assert report["summary"] == summary
    assert report["pending"] == 0
    assert report["accepted"] == sum(report["outcomes"].values()) == len(report["records"])


@pytest.mark.parametrize("file", sorted(FEEDS.glob("*.sample.*")), ids=lambda path: path.name)
def test_the_sample_of_each_feed_is_settled_to_the_last_record(sources: Sources, file: Path) -> None:
    report = sources.deliver(file.read_bytes(), file.name.partition(".")[0])
    assert report["accepted"] == len(report["records"]) > 1
    assert report["outcomes"]["published"] > 0
    assert "pending" not in report["outcomes"]


def test_a_delivery_is_answered_at_once_and_can_be_followed(sources: Sources) -> None:
    response = sources.post(lines(record("f1"), record("f2")))
    assert response.status_code == 202
    assert response.json()["accepted"] == 2
    location = response.headers["location"]
    report = sources.follow(location, Prefer="wait=30").json()
    assert location == f"/v1/transfers/{sources.note(response)['transfer']}"
    assert report["summary"] == "2 published"


def test_prefer_wait_is_answered_when_all_is_settled_with_a_summary(sources: Sources) -> None:
    body = lines(record("w1"), record("w2"), record("w3", headline=""), record("w4"))
    response = sources.post(body, Prefer="wait=10")
    assert response.status_code == 200
    report = sources.note(response)
    assert report["summary"] == "3 published, 1 rejected"
    assert (report["source"], report["feed"]) == ("se", JOBTECH)


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=x", "wait=-1", "respond-async", "wait=0"])
def test_a_preference_that_says_nothing_is_no_wait(sources: Sources, prefer: str) -> None:
    response = sources.post(record(f"p-{prefer}"), Prefer=prefer)
    assert response.status_code in (200, 202)
    sources.note(response)


def test_plain_text_begins_with_the_summary_and_has_a_line_for_each_record(sources: Sources) -> None:
    body = lines(record("t1"), b"{broken}", record("t2"))
    response = sources.post(body, Prefer="wait=30", Accept="text/plain")
    assert response.headers["content-type"].startswith("text/plain")
    first, *others = response.text.splitlines()
    assert first == "2 published, 1 rejected"
    assert others[0] == "1\tpublished\tse:t1"
    assert others[1].startswith("2\trejected\t-\tjson-syntax\tline 1 column 2\t")
    assert others[2] == "3\tpublished\tse:t2"
    sources.transfers[response.headers["location"].rpartition("/")[2]] = sources.se


# As a stream of any length.

STREAM = {"Content_Type": "application/x-ndjson"}


def streamed(count: int, prefix: str, size: int = 0, **members: Any) -> Iterator[bytes]:
    for n in range(count):
        yield record(f"{prefix}{n}", description={"text": "x" * size}, **members) + b"\n"


@pytest.mark.parametrize("packed", [False, True])
def test_a_stream_may_be_longer_than_a_body_may(sources: Sources, packed: bool) -> None:
    body = b"".join(streamed(700, f"stream{packed}-", 1000))
    assert len(body) > MAX_BODY
    headers = {**STREAM, **({"Content_Encoding": "gzip"} if packed else {})}
    report = sources.deliver(gzip.compress(body) if packed else body, **headers)
    assert report["summary"] == "700 published"
    assert report["accepted"] == 700


def test_a_stream_without_a_length_is_taken_as_it_comes(sources: Sources) -> None:
    response = sources.post(streamed(30, "chunked"), Prefer="wait=30", **STREAM)
    assert sources.note(response)["summary"] == "30 published"


def test_a_line_of_a_stream_that_is_no_record_is_rejected_alone(sources: Sources) -> None:
    long = b'{"id": "too-long", "x": "' + b"x" * 1_000_000 + b'"}'
    body = lines(b"{broken}", b"", long, record("s-a"), b"5", b"   ", record("s-b"))
    report = sources.deliver(body, **STREAM)
    told = [line["reason"] and line["reason"]["rule"] for line in report["records"]]
    assert told == ["json-syntax", "record-too-long", None, "no-records", None]
    assert len(report["records"][1]["reason"]["value"]) < 80


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (b"\n \n", "", "empty-delivery"),
        (gzip.compress(b"".join(streamed(3000, "off-", 900, removed=True)), mtime=0)[:-4], "gzip", "broken-gzip"),
    ],
    ids=["nothing in it", "broken off"],
)
def test_a_stream_that_breaks_off_tells_what_was_taken(sources: Sources, body: bytes, encoding: str, kind: str) -> None:
    headers = {**STREAM, **({"Content_Encoding": encoding} if encoding else {})}
    document = problem(sources.post(body, **headers), 400, kind)
    report = sources.follow(document["transfer"], Prefer="wait=30").json()
    assert report["accepted"] == document["taken"] == sum(report["outcomes"].values())
    assert report["sealed"] is False
    assert document["taken"] == 0 or document["taken"] > 1000


def test_a_stream_named_by_a_key_is_taken_once(sources: Sources) -> None:
    body, named = b"".join(streamed(20, "once-")), {**STREAM, "Idempotency_Key": "stream"}
    first = sources.deliver(body, **named)
    assert sources.deliver(body, **named) == first
    problem(sources.post(body + record("more"), **named), 422, "key-reused")


def test_one_source_has_some_deliveries_in_hand_and_no_more() -> None:
    hand = InHand()
    with ExitStack() as stack:
        for _ in range(OF_ONE):
            stack.enter_context(hand.one_more("se"))
        with pytest.raises(Problem) as refused, hand.one_more("se"):
            pass
        assert (refused.value.document["status"], refused.value.headers) == (429, {"Retry-After": "2"})
        stack.enter_context(hand.one_more("other"))
    with hand.one_more("se"):
        pass


def test_many_sources_together_are_told_to_wait() -> None:
    hand = InHand()
    with ExitStack() as stack:
        for n in range(AT_ONCE):
            stack.enter_context(hand.one_more(f"s{n}"))
        with pytest.raises(Problem) as refused, hand.one_more("another"):
            pass
        assert refused.value.document["status"] == 503


# What is wrong with one record is that record's affair.


@pytest.mark.parametrize(
    ("bad", "rule", "at"),
    [
        (b"{broken}", "json-syntax", "line 1 column 2"),
        (b'{"id": "b0", "headline": "a\0b"}', "json-syntax", "line 1 column 28"),
        (record("b1", headline=""), "title-missing", "/headline"),
        (record("b2", headline="a\0b"), "json-character", "/headline"),
        (record("b3", headline="\ud800"), "json-character", "/headline"),
        (b'{"id": "b4", "headline": "a", "headline": "b"}', "json-duplicate-key", "/headline"),
        (b'{"id": "b5", "headline": "a", "employer": {"n": 1, "n": 2}}', "json-duplicate-key", "/employer/n"),
        (record("b6", number_of_vacancies=float("nan")), "json-number", "/number_of_vacancies"),
        (record("b7", number_of_vacancies=10**40), "json-number", "/number_of_vacancies"),
        (record("b8", x=float("inf")), "json-number", "/x"),
        (record("x" * 2000), "id-unusable", "/id"),
        (record("a\nb"), "id-unusable", "/id"),
        (record(""), "id-missing", "/id"),
        (b'{"headline": "a"}', "id-missing", "/id"),
        (b'{"id": "b9", "headline": "a", "x": ' + b"[" * 50 + b"]" * 50 + b"}", "json-depth", "/x" + "/0" * 31),
    ],
    ids=lambda one: one[:30].decode(errors="replace") if isinstance(one, bytes) else one,
)
def test_a_record_that_cannot_be_read_is_rejected_and_its_neighbours_pass(
    sources: Sources, bad: bytes, rule: str, at: str, request: pytest.FixtureRequest
) -> None:
    before, after = (record(f"neighbour-{request.node.callspec.id[:40]}-{n}".replace("\0", "")) for n in (1, 2))
    report = sources.deliver(lines(before, bad, after))
    assert report["summary"] == "2 published, 1 rejected"
    (line,) = (line for line in report["records"] if line["outcome"] == "rejected")
    assert line["record"] == 2
    assert (line["reason"]["rule"], line["reason"]["at"]) == (rule, at)
    assert line["reason"]["hint"]
    assert line["reason"]["severity"] == "error"
    assert len(line["reason"]["value"] or "") <= 80


def test_an_external_id_of_two_kilobytes_names_no_vacancy(sources: Sources) -> None:
    report = sources.deliver(record("x" * 2000))
    assert [(line["outcome"], line["ref"]) for line in report["records"]] == [("rejected", None)]


def test_a_record_longer_than_a_record_may_be_is_refused_with_the_whole(sources: Sources) -> None:
    problem(sources.post(record("long", description={"text": "x" * MAX_BODY})), 413, "too-large")


def test_a_time_in_the_far_future_is_not_believed(sources: Sources) -> None:
    report = sources.deliver(record("2099", timestamp="2099-01-01T00:00:00", publication_date="2099-01-01T00:00:00"))
    (line,) = report["records"]
    assert (line["outcome"], line["reason"]["severity"]) == ("published", "warning")
    assert line["reason"]["rule"] == "timestamp-in-future"
    assert sources.vacancy("se:2099")["vacancy"].get("updated") is None
    honest = sources.deliver(record("2099", headline="Kock i kväll", timestamp="2026-01-01T00:00:00"))
    assert honest["summary"] == "1 published", "what says 2099 does not lock out what says the truth"


HOSTILE = (
    "<script>alert(1)</script><p onclick='alert(2)'>Ät</p><img src=x onerror=alert(3)>"
    "<a href='javascript:alert(4)'>här</a><iframe src='//example.org'></iframe><style>*{display:none}</style>"
    "<svg/onload=alert(5)>&lt;script&gt;alert(6)&lt;/script&gt;"
)


MARKUP = r"<script[^>]*>\s*alert|<img|<iframe|<svg(?! viewBox=)|<b |<p on|href=.?javascript:"


@pytest.mark.parametrize("language", ["en", "sv"])
def test_markup_in_an_advertisement_comes_out_harmless(sources: Sources, language: str) -> None:
    title = "<script>alert(0)</script>Kock\"'><img src=x onerror=alert(0)>"
    employer = {"name": "<b onmouseover=alert(7)>Krog</b>", "url": "javascript:alert(8)"}
    application = {"url": "javascript:alert(9)", "email": "a@example.org"}
    identity = f"hostile-{language}"
    sources.deliver(
        record(
            identity,
            title,
            description={"text": HOSTILE, "text_formatted": HOSTILE},
            employer=employer,
            application_details=application,
            webpage_url="javascript:alert(10)",
            workplace_address={"city": "<script>alert(11)</script>"},
        )
    )
    sources.vacancy(f"se:{identity}")
    wait_for(lambda: sources.exchange.search(q="Krog")["total"]["ads"] > 0, 20, "the page of results to have it")
    for path, asked in ((f"/vacancies/se:{identity}", {}), ("/", {"q": "Krog"})):
        html = sources.http.get(path, params={"lang": language, **asked}).text
        assert "Kock" in html
        assert not re.search(MARKUP, html, re.IGNORECASE)


# What is refused as a whole.

packed = partial(gzip.compress, mtime=0)
BOMB = packed(b" " * 50_000_000)
PACKED = packed(record("no") + b"\n" + bytes(range(256)) * 10)
DOCTYPE = b'<!DOCTYPE a [<!ENTITY x "y">]>'
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 50 + b'"><!ENTITY c "' + b"&b;" * 50 + b'">]>'
FILE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("body", "feed", "encoding", "status", "kind"),
    [
        (b"", JOBTECH, "", 400, "unreadable-delivery"),
        (b" \n\n ", JOBTECH, "", 400, "unreadable-delivery"),
        (b"", EURES, "", 400, "unreadable-delivery"),
        (packed(b""), JOBTECH, "gzip", 400, "unreadable-delivery"),
        (b"[]", JOBTECH, "", 400, "empty-delivery"),
        (b'{"hits": []}', JOBTECH, "", 400, "empty-delivery"),
        (b"{}", JOBTECH, "", 400, "unreadable-delivery"),
        (b"5", JOBTECH, "", 400, "unreadable-delivery"),
        (b"NaN", JOBTECH, "", 400, "unreadable-delivery"),
        (b"no json", JOBTECH, "", 400, "unreadable-delivery"),
        (b"[" + record("no"), JOBTECH, "", 400, "unreadable-delivery"),
        (b"[" * 100_000, JOBTECH, "", 400, "unreadable-delivery"),
        (b"\xff\xfe" + record("no"), JOBTECH, "", 400, "unreadable-delivery"),
        (record("no") + b"\0", JOBTECH, "", 400, "unreadable-delivery"),
        (opening("no"), JOBTECH, "", 400, "unreadable-delivery"),
        (record("no"), EURES, "", 400, "unreadable-delivery"),
        (opening("no")[:-3], EURES, "", 400, "unreadable-delivery"),
        (b"<a/>", EURES, "", 400, "empty-delivery"),
        (DOCTYPE + opening("no"), EURES, "", 400, "unreadable-delivery"),
        (DOCTYPE + opening("no", "&x;"), EURES, "", 400, "unreadable-delivery"),
        (LAUGHS + opening("no", "&c;"), EURES, "", 400, "unreadable-delivery"),
        (FILE + opening("no", "&x;"), EURES, "", 400, "unreadable-delivery"),
        (b"x" * (MAX_BODY + 1), JOBTECH, "", 413, "too-large"),
        (BOMB, JOBTECH, "gzip", 413, "too-large"),
        (PACKED[:-10], JOBTECH, "gzip", 400, "broken-gzip"),
        (PACKED[:20], JOBTECH, "gzip", 400, "broken-gzip"),
        (record("no"), JOBTECH, "gzip", 400, "broken-gzip"),
        (packed(record("no")) + b"more", JOBTECH, "gzip", 400, "broken-gzip"),
        (packed(record("no")) + packed(record("no2")), JOBTECH, "gzip", 400, "broken-gzip"),
        (record("no"), JOBTECH, "br", 415, "encoding"),
        (record("no"), JOBTECH, "gzip, gzip", 415, "encoding"),
    ],
    ids=lambda one: ascii(one[:24]) if isinstance(one, bytes) else str(one),
)
def test_a_delivery_that_cannot_be_taken_is_refused_whole(
    sources: Sources, body: bytes, feed: str, encoding: str, status: int, kind: str
) -> None:
    headers = {"Content_Encoding": encoding} if encoding else {}
    problem(sources.post(body, feed, **headers), status, kind)


@pytest.mark.parametrize("hostile", [DOCTYPE, LAUGHS, FILE], ids=["internal", "laughs", "file"])
def test_a_refusal_names_the_rule_and_the_place(sources: Sources, hostile: bytes) -> None:
    document = problem(sources.post(hostile + opening("no"), EURES), 400, "unreadable-delivery")
    assert document["rule"] == "xml-entity"
    assert document["at"].startswith("line 1")
    assert "Nothing was taken" in document["detail"]


def test_a_body_of_the_largest_size_is_taken(sources: Sources) -> None:
    body = record("largest")
    assert sources.deliver(body + b" " * (MAX_BODY - len(body)))["summary"] == "1 published"


# What is seen of it afterwards.


def test_the_report_lists_every_record_a_thousand_at_a_time(sources: Sources) -> None:
    good = [record(f"many{n}") for n in range(1003)]
    report = sources.deliver(lines(*good[:1001], b"{broken}", *good[1001:]))
    assert report["summary"] == "1003 published, 1 rejected"
    rest = sources.follow(report["next"]).json()
    assert rest["next"] is None
    assert [line["record"] for line in (*report["records"], *rest["records"])] == list(range(1, 1005))
    assert [line["outcome"] for line in rest["records"]] == ["published", "rejected", "published", "published"]
    assert rest["records"][0] == {
        "record": 1001,
        "outcome": "published",
        "ref": "se:many1000",
        "revision": 1,
        "reason": None,
    }


@pytest.mark.parametrize("past", ["0", "1", "5000", "99999999999999999999999"])
def test_a_report_can_be_read_from_any_record_on(sources: Sources, past: str) -> None:
    transfer = sources.deliver(lines(record(f"past{past}-1"), record(f"past{past}-2")))["transfer"]
    report = sources.follow(f"/v1/transfers/{transfer}?past={past}").json()
    assert [line["record"] for line in report["records"]] == [n for n in (1, 2) if n > int(past)]


def test_a_transfer_is_shown_to_its_own_source_only(sources: Sources) -> None:
    transfer = sources.deliver(record("mine"))["transfer"]
    unknown = problem(sources.follow("/v1/transfers/unknown"), 404, "no-such-transfer")
    assert problem(sources.follow(f"/v1/transfers/{transfer}", sources.other), 404, "no-such-transfer") == unknown
    problem(sources.follow(f"/v1/transfers/{transfer}", sources.revoked), 401, "no-valid-key")
    problem(sources.http.get(f"/v1/transfers/{transfer}"), 401, "no-valid-key")


def seen(response: Response) -> html.HtmlElement:
    assert response.status_code == 200, response.text
    return html.document_fromstring(response.content)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_transfer_has_a_page_that_its_source_can_send_to_a_colleague(sources: Sources, language: str) -> None:
    body = lines(record(f"page-{language}-1"), record(f"page-{language}-2", headline=""), b"{broken}", record("", "x"))
    address = urlsplit(sources.deliver(body)["page"])
    response = sources.http.get(address.path, params={"lang": language})
    document = seen(response)
    assert document.get("lang") == language
    assert (response.headers["cache-control"], response.headers["x-robots-tag"]) == ("no-store", "noindex")
    told = {
        tuple(one.text_content() for one in row.xpath("td")[:2]) for row in document.xpath("(//table)[1]//tbody/tr")
    }
    assert told == {("title-missing", "1"), ("json-syntax", "1"), ("id-missing", "1")}
    records = document.xpath("(//table)[2]//tbody/tr")
    assert [row.xpath("td")[3].text_content() for row in records] == ["", "title-missing", "json-syntax", "id-missing"]
    assert "/headline" in records[1].text_content()
    only = seen(sources.http.get(address.path, params={"only": "rejected", "past": 1}))
    assert [row.xpath("td")[0].text_content() for row in only.xpath("(//table)[2]//tbody/tr")] == ["3", "4"]


def test_all_records_of_a_transfer_can_be_had_as_lines(sources: Sources) -> None:
    report = sources.deliver(lines(*(record(f"nd{n}") for n in range(1200)), b"{broken}"))
    path = urlsplit(report["page"]).path
    told = [json.loads(line) for line in sources.http.get(f"{path}/records.ndjson").text.splitlines()]
    assert told[:1000] == report["records"]
    assert [line["record"] for line in told] == list(range(1, 1202))
    assert told[-1]["reason"]["rule"] == "json-syntax"
    shown = seen(sources.http.get(path, params={"past": 1150}))
    assert len(shown.xpath("(//table)[2]//tbody/tr")) == 51
    assert not shown.xpath("//p[@class='pager']/a[contains(@href, 'past=1250')]")


def test_a_link_to_a_transfer_is_to_that_one_and_ends(sources: Sources) -> None:
    settings = Settings(home=sources.exchange.home)
    report = sources.deliver(record("linked"))
    good = urlsplit(report["page"]).path
    forged = [
        good[:-1],
        good[:-3] + "abc",
        "/deliver/transfers/x",
        f"/deliver/transfers/{report['transfer']}",
        good.replace(".", "x", 1),
    ]
    for path in (*forged, *(f"{one}/records.ndjson" for one in forged)):
        assert sources.http.get(path).status_code == 404
    assert Links(settings).transfer(good.rpartition("/")[2]) == report["transfer"]
    day = datetime(2026, 11, 23, tzinfo=UTC)
    assert lasts({"received_at": day.isoformat()}, day + timedelta(days=29))
    assert not lasts({"received_at": day.isoformat()}, day + timedelta(days=30))


# With a test key.


def test_what_a_test_key_delivers_gets_outcomes_and_goes_nowhere(sources: Sources) -> None:
    key = sources.exchange.key("se~test")

    def deliver(body: bytes) -> list[tuple[str, str | None]]:
        report = sources.note(sources.post(body, key=key, Prefer="wait=30"), key)
        return [(line["outcome"], line["ref"]) for line in report["records"]]

    sources.deliver(record("tried", "Bagare"))
    ref = "se~test:tried"
    assert deliver(lines(record("tried"), b"{broken}")) == [("published", ref), ("rejected", None)]
    assert deliver(lines(record("tried"), record("tried", "Konditor"))) == [("unchanged", ref), ("published", ref)]
    response = sources.http.delete(
        "/v1/sources/se/records/tried", headers={"Authorization": f"Bearer {key}", "Prefer": "wait=30"}
    )
    assert sources.note(response, key)["outcomes"] == {"closed": 1}
    assert deliver(record("tried")) == [("published", ref)]
    wait_for(lambda: not sources.exchange.lag("match", "vacancy.normalised.v1"), 30, "match")
    assert sources.http.get(f"/v1/vacancies/{ref}").status_code == 404
    assert sources.vacancy("se:tried")["vacancy"]["profiles"][0]["title"] == "Bagare", "what is real is untouched"


def test_a_test_key_and_a_real_one_do_not_see_one_another(sources: Sources) -> None:
    key = sources.exchange.key("se~test")
    real = sources.deliver(record("real"))["transfer"]
    tried = sources.note(sources.post(record("mock"), key=key, Prefer="wait=30"), key)["transfer"]
    problem(sources.follow(f"/v1/transfers/{real}", key), 404, "no-such-transfer")
    problem(sources.follow(f"/v1/transfers/{tried}"), 404, "no-such-transfer")
    problem(sources.post(record("no"), source="other", key=key), 404, "no-such-feed")
    problem(sources.post(record("no"), source="se~test"), 404, "no-such-feed")


def test_one_source_cannot_change_or_close_what_another_has(sources: Sources) -> None:
    sources.deliver(record("shared", headline="Kock"))
    response = sources.post(record("shared", removed=True), source="other", key=sources.other, Prefer="wait=30")
    assert [line["ref"] for line in sources.note(response, sources.other)["records"]] == ["other:shared"]
    assert sources.vacancy("se:shared")["status"] == "active"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/v1/nothing", None, 404),
        ("GET", "/static/../settings.py", None, 404),
        ("DELETE", "/v1/vacancies", None, 405),
        ("GET", "/v1/sources/se/feeds/se_jobtech/records", None, 405),
        ("GET", "/v1/vacancies?km=0", None, 400),
        ("GET", "/v1/vacancies?contry=NL", None, 400),
        ("GET", "/v1/vacancies?near=Nowhereatall", None, 400),
        ("GET", "/v1/vacancies?cursor=rubbish", None, 400),
        ("GET", "/v1/vacancies?q=%00&km=x", None, 400),
        ("GET", "/v1/vacancies/se:none", None, 404),
        ("GET", "/v1/transfers/none", None, 401),
        ("GET", "/v1/transfers/none?past=-1", None, 422),
        ("POST", "/v1/subscriptions", b"{", 422),
        ("POST", "/v1/subscriptions", b'{"address": "nobody", "query": {}}', 400),
        ("POST", "/v1/subscriptions", b'{"address": "a@b.example\\nBcc: c@d.example", "query": {}}', 400),
        ("POST", "/v1/subscriptions", b'{"address": "a@example.org", "query": {"km": "0"}}', 400),
        ("POST", "/v1/subscriptions", b'{"address": "a@example.org", "query": {"near": "Nowhereatall"}}', 400),
        ("POST", "/v1/subscriptions", b'{"address": "a@example.org", "query": {"\\ud800": "\\ud800"}}', 400),
        ("POST", "/v1/subscriptions", b'{"address": "\\ud800@example.org", "query": {}}', 400),
        ("POST", "/v1/subscriptions", b'{"address": "a@example.org", "query": {"q": "\\ud800"}}', 400),
        ("POST", "/v1/subscriptions", b'{"\\ud800": "a@example.org"}', 422),
        ("GET", "/subscriptions/confirm/forged", None, 404),
        ("POST", "/subscriptions/stop/forged", None, 404),
        ("GET", "/outbox/none", None, 404),
    ],
)  # fmt: skip
def test_what_a_client_gets_wrong_is_told_in_a_problem_document(
    sources: Sources, method: str, path: str, body: bytes | None, status: int
) -> None:
    response = sources.http.request(method, path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json().keys() >= {"type", "title", "status", "detail"}
    assert response.json()["status"] == status


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?km=0",
        "/?q=nothinghasthis",
        "/vacancies/se:none",
        "/v1/vacancies",
        "/v1/vacancies?km=0",
        "/v1/transfers/x",
        "/nothing",
        "/readyz",
    ],
)
def test_every_answer_has_the_headers_that_protect_its_reader(sources: Sources, path: str) -> None:
    assert_protects(sources.http.get(path))


def assert_protects(response: Response) -> None:
    headers = response.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert "server" not in headers


def test_an_answer_about_what_broke_here_has_them_too() -> None:
    api = APIRouter()

    @api.get("/broken")
    async def broken() -> None:
        raise KeyError("own fault")

    async def ask() -> Response:
        transport = ASGITransport(web_app([Service("x", api=lambda: api)]), raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://example.org") as client:
            return await client.get("/broken")

    response = asyncio.run(ask())
    problem(response, 500, "internal")
    assert "own fault" not in response.text
    assert_protects(response)


def test_at_the_end_every_record_has_its_outcome_and_all_that_was_published_is_found(sources: Sources) -> None:
    sources.deliver(lines(record("end1"), record("end2"), record("end2", headline="Bagare"), b"{broken}"))
    lines_told = [line for transfer, key in sources.transfers.items() for line in all_lines(sources, transfer, key)]
    told = Counter(line["outcome"] for line in lines_told)
    open_refs = {line["ref"] for line in lines_told if line["outcome"] == "published" and "~test" not in line["ref"]}
    wait_for(lambda: sources.exchange.search(limit=0)["total"]["ads"] >= len(open_refs), 30, "all to be visible")
    assert sources.exchange.search(limit=0)["total"]["ads"] == len(open_refs)
    wait_for(lambda: sources.exchange.audit()["in_flight"] == 0, 30, "nothing to be on its way")
    report = sources.exchange.audit()
    assert report["unaccounted"] == 0
    assert report["visible_in_index"] == report["open_in_ingest"] == len(open_refs)
    assert report["set_aside"] == {}
    assert report["accepted"] == told.total()
    assert {outcome: report[outcome] for outcome in told} == told
    assert not re.search(r"Traceback", (sources.exchange.home / "web.log").read_text())


def all_lines(sources: Sources, transfer: str, key: str) -> Iterator[dict[str, Any]]:
    path = f"/v1/transfers/{transfer}"
    while path:
        page = sources.follow(path, key, Prefer="wait=30").json()
        yield from page["records"]
        path = page["next"]
