"""Checking a file: for anyone on a page, for a source as a dry run; the lines of problems; nothing is kept."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from lxml import html

from pendler.problem import Problem
from pendler.speech import LANGUAGES
from services.ingest.check_api import LARGEST, MOST_RECORDS, MOST_WAITING, Checks
from services.ingest.feed import feeds
from services.ingest.standing import lines_of
from services.ingest.state import VACANCIES, remembered
from tests.site import Site

FEEDS = Path(__file__).parent / "feeds"
JOBTECH = "se_jobtech"


def record(identity: str, headline: str = "Svetsare", **members: Any) -> bytes:
    return json.dumps({"id": identity, "headline": headline, **members}, ensure_ascii=False).encode()


def checked(site: Site, body: bytes, feed: str = JOBTECH, lang: str = "en") -> tuple[Response, html.HtmlElement]:
    given = {"data": {"feed": feed}, "files": {"file": ("records", body)}}
    response = site.ask("POST", f"/check?lang={lang}", **given)
    return response, html.document_fromstring(response.content)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_found_is_a_sound_page_in_every_language(site: Site, language: str) -> None:
    response, document = checked(site, (FEEDS / "se_jobtech.sample.json").read_bytes(), lang=language)
    assert response.status_code == 200
    assert document.get("lang") == language
    assert not document.xpath("//script | //*[@style]")
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids))
    levels = [int(one.tag[1]) for one in document.xpath("//main//*[self::h1 or self::h2 or self::h3 or self::h4]")]
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    labelled = {label.get("for") for label in document.iter("label")}
    assert {field.get("id") for field in document.iter("select", "input", "textarea")} <= labelled


@pytest.mark.parametrize("file", sorted(FEEDS.glob("*.sample.*")), ids=lambda path: path.name)
def test_the_sample_of_each_feed_can_be_checked(site: Site, file: Path) -> None:
    name = file.name.partition(".")[0]
    response, document = checked(site, file.read_bytes(), name)
    assert response.status_code == 200
    assert document.xpath("//details//dl[@class='short']"), "a jobseeker would see one"
    assert len(document.find_class("checked")) == len(list(feeds()[name].split(file.read_bytes())))


def test_problem_place_code_and_region_stand_beside_what_a_jobseeker_sees(site: Site) -> None:
    address = {"city": "Malmö", "postcode": "21119", "country_code": "199"}
    body = b"\n".join([record("1", workplace_address=address, number_of_vacancies=0), record("2", headline="")])
    _, document = checked(site, body)
    first, second = (one.text_content() for one in document.find_class("checked"))
    assert "number-out-of-range" in first
    assert "Line 1" in first
    assert "SE224 (Malmö): by postcode and town" in first
    assert "ISCO 7212" in first
    assert "welder" in first
    assert "title-missing" in second
    assert "Line 2" in second
    assert "would be refused" in second


def test_hostile_markup_is_harmless_on_the_page(site: Site) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    body = record(
        "<b>1</b>", f"Kock {evil}", description={"text": evil}, number_of_vacancies=evil, employer={"name": evil}
    )
    _, document = checked(site, body)
    assert not document.xpath("//script | //img | //b | //*[@onerror]")
    pasted = site.ask("POST", "/check", data={"feed": JOBTECH, "records": f"</textarea>{evil}"})
    assert not html.document_fromstring(pasted.content).xpath("//script | //img")


@pytest.mark.parametrize(
    ("body", "feed", "status", "told"),
    [
        (b"", JOBTECH, 400, "Nothing was taken"),
        (b"<a>", "eures_hrxml", 400, "xml-syntax"),
        (b"[" + record("1"), JOBTECH, 400, "json-syntax"),
        (record("1"), "nothing", 404, "no format"),
        (b"\n".join(record(str(n)) for n in range(MOST_RECORDS + 1)), JOBTECH, 413, "201"),
        (b" " * (LARGEST + 20_000), JOBTECH, 413, "larger"),
        (b"\xff" * 100, JOBTECH, 400, "encoding"),
    ],
    ids=["empty", "broken XML", "broken JSON", "no feed", "too many", "too large", "not UTF-8"],
)  # fmt: skip
def test_what_cannot_be_checked_is_told_on_the_page(site: Site, body: bytes, feed: str, status: int, told: str) -> None:
    response, document = checked(site, body, feed)
    assert response.status_code == status
    (alert,) = document.xpath("//*[@role='alert']")
    assert told in alert.text_content()


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "multipart/form-data; boundary=x"])
def test_what_is_no_form_is_told_too(site: Site, kind: str) -> None:
    response = site.ask("POST", "/check", content=b"rubbish", headers={"Content-Type": kind})
    assert response.status_code in (400, 404)
    assert 'role="alert"' in response.text


def test_a_dry_run_tells_all_and_knows_what_is_there(site: Site) -> None:
    before = site.kept()
    body = (
        b"["
        + b",\n".join([record("1", number_of_vacancies=0, driving_license=[{"label": "Q"}]), record("2"), b"7"])
        + b"]"
    )
    report = site.dry_run(body).json()
    assert (report["summary"], report["dry_run"]) == ("2 published, 1 rejected", True)
    first, second, third = report["records"]
    problems = {(one["rule"], one["line"]) for one in first["problems"]}
    assert problems == {("unknown-code", 1), ("number-out-of-range", 1)}
    assert first["vacancy"]["profiles"][0]["title"] == "Svetsare"
    assert first["derived"]["occupations"][0]["isco"] == "7212"
    assert "<PositionTitle>Svetsare</PositionTitle>" in first["eures"]["xml"]
    assert [one["rule"] for one in first["eures"]["problems"]] == ["eures-no-place", "eures-no-language"]
    assert third["eures"] is None
    assert (second["line"], second["outcome"], second["problems"]) == (2, "published", [])
    assert third["problems"][0]["rule"] == "record-not-an-object"
    assert site.kept() == before
    _know(site, record("1"))
    assert site.dry_run(record("1")).json()["summary"] == "1 unchanged"
    assert checked(site, record("1"))[1].xpath("//h2/span[contains(., 'would be published')]"), "for others it is new"


def _know(site: Site, body: bytes) -> None:
    """Puts the state that a published record leaves."""
    from services.ingest.checking import Delivered, check
    from services.ingest.state import digest

    feed, now = feeds()[JOBTECH], site.settings.clock()
    (one,) = check(Delivered(feed, "se", body, list(feed.split(body)), now), {})
    assert one.event
    assert one.event.vacancy
    state = {**remembered(one.event), "updated": None, "digest": digest(feed.normalise(body.decode(), now).vacancy)}
    site.runner.run(site.store.put(VACANCIES, {one.event.ref: state}))
    assert one.event.ref == "se:1"


def test_a_dry_run_needs_the_key_of_its_source(site: Site) -> None:
    assert site.dry_run(record("1"), key="pk_x_y").status_code == 401
    assert site.dry_run(b" " * (LARGEST + 1)).status_code == 413


def test_checking_keeps_nothing(site: Site) -> None:
    before = site.kept()
    checked(site, record("kept"))
    site.ask("POST", "/check", data={"feed": JOBTECH, "records": record("kept").decode()})
    assert site.kept() == before


def test_few_wait_for_their_turn_and_more_are_sent_away() -> None:
    checks = Checks()

    async def crowd() -> list[BaseException | None]:
        async def one() -> None:
            async with checks.turn():
                await asyncio.sleep(0)

        return await asyncio.gather(*(one() for _ in range(MOST_WAITING + 2)), return_exceptions=True)

    away = [one for one in asyncio.run(crowd()) if one]
    assert [(one.document["status"], one.headers["Retry-After"]) for one in away if isinstance(one, Problem)] == [
        (429, "10")
    ] * 2


LAID_OUT = b"""{
  "total": 2, "hits": [
    {"id": "1", "headline": "a \\"quoted\\" [word], {x}",
     "employer": {"name": "x",
       "url": null},
     "list": [1,
       {"deep": [true,
         "here"]}]},

    {"_source": {"id": "2",
      "headline": "b"}}
  ]
}"""


@pytest.mark.parametrize(
    ("n", "at", "line"),
    [
        (0, "", 3), (0, "/headline", 3), (0, "/employer", 4), (0, "/employer/url", 5), (0, "/employer/missing", 4),
        (0, "/list/0", 6), (0, "/list/1", 7), (0, "/list/1/deep/1", 8), (0, "/nothing/at/all", 3), (0, "line 7", 3),
        (1, "", 10), (1, "/headline", 11),
    ],
)  # fmt: skip
def test_a_place_in_a_json_document_has_its_line(n: int, at: str, line: int) -> None:
    items = list(feeds()[JOBTECH].split(LAID_OUT))
    assert lines_of(LAID_OUT, [(items[n], at)]) == [line]


@pytest.mark.parametrize(
    ("feed", "raw", "lines"),
    [
        (JOBTECH, b"\n\n" + record("1") + b"\n\n" + record("2") + b"\n{broken}", [3, 5, 6]),
        ("es_ecyl", (FEEDS / "es_ecyl.sample.csv").read_bytes(), [2, 4, 5, 6]),
        ("eures_hrxml", b"<all>\n<PositionOpening/>\n\n<PositionOpening>\n</PositionOpening></all>", [2, 4]),
        ("schema_org", b'{"@type": "JobPosting"}', [None]),
    ],
)  # fmt: skip
def test_a_record_has_the_line_on_which_it_begins(feed: str, raw: bytes, lines: list[int | None]) -> None:
    items = list(feeds()[feed].split(raw))
    assert lines_of(raw, [(item, "/anything") for item in items]) == lines
