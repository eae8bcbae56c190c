"""What is sent to do harm: every verb on another's records, tricks with paths, markup in every field, broken feeds.

The rest of these sets stands where it belongs: JSON, XML and gzip in `test_push`, any record in `test_any_record`,
snapshots that shrink, are empty or renamed in `test_snapshot`, headers of mails in `test_mails`.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from schemas.event import Reason
from services.ingest import keys
from services.ingest.delivery import accept, cut
from services.ingest.feed import Flaw, Reading, feeds
from services.ingest.fields.codes import coordinates
from services.ingest.fields.record import Notes, Record
from services.ingest.service import reading
from services.ingest.snapshot import open_snapshot
from tests.site import JOBTECH, Site

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "feeds"
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Victim:
    """A source with a transfer and an open snapshot, and a key that is another's."""

    def __init__(self, site: Site) -> None:
        feed, now = feeds()[JOBTECH], site.settings.clock()
        items = cut(feed, b'{"id": "1", "headline": "Kock"}')
        self.transfer, _ = site.runner.run(accept(site.bus, site.store, "se", feed, items, now))
        self.snapshot, _ = site.runner.run(open_snapshot(site.store, "se", JOBTECH, now))
        self.others_key = site.runner.run(keys.create(site.store, "other", [], now))

    def paths(self, site: Site) -> list[str]:
        """Every path of the API that names a source, a transfer or a snapshot, with those of this source."""
        known = {"source": "se", "feed": JOBTECH, "identity": self.snapshot, "transfer": self.transfer, "number": "1"}
        documented = site.ask("GET", "/openapi.json").json()["paths"]
        mine = [path for path in documented if "{source}" in path or "{transfer}" in path]
        assert len(mine) >= 9
        return [re.sub(r"{(\w+)}", lambda name: known[name[1]], path) for path in mine]


@pytest.mark.parametrize("whose", ["another source", "nobody"])
def test_every_verb_on_another_s_records_comes_to_nothing(site: Site, whose: str) -> None:
    victim = Victim(site)
    headers = {"Authorization": f"Bearer {victim.others_key}"} if whose == "another source" else {}
    before, answers = site.kept(), list[tuple[str, str, int]]()
    for path in victim.paths(site):
        for verb in VERBS:
            body = {} if verb in ("GET", "HEAD") else {"content": b'{"id": "1", "headline": "Bagare", "removed": true}'}
            response = site.ask(verb, path, headers=headers, params={"count": 0, "reason": "filled"}, **body)
            answers.append((verb, path, response.status_code))
            assert "Kock" not in response.text
            assert victim.snapshot not in response.text.replace(path, "")
    mine = site.ask("GET", f"/v1/transfers/{victim.transfer}", headers={"Authorization": f"Bearer {site.key}"})
    assert mine.status_code == 200, "it is there for whom it belongs to"
    refused = {status for _, _, status in answers}
    assert refused <= {401, 404, 405}, [answer for answer in answers if answer[2] not in (401, 404, 405)]
    assert (404 in refused) is (whose == "another source")
    assert site.kept() == before


@pytest.mark.parametrize(
    "path",
    [
        "/v1/sources/se%2F..%2Fother/feeds/se_jobtech/records", "/v1/sources/../../etc/passwd",
        "/v1/sources/%00/status",
        "/v1/sources/se/feeds/%2e%2e/records", "/v1/transfers/%c0%ae%c0%ae", "/v1/transfers/%ff",
        "/deliver/transfers/%00",
        "/deliver/transfers/" + "x" * 5000, "/wrong/%00", "/wrong/se:1%0d%0aSet-Cookie:x", "/wrong/" + "x" * 3000,
        "/check?feed=%00",
        "/check?lang=%27%22%3E%3Cscript%3E", "/check?feed=%3Cscript%3Ealert(1)%3C/script%3E",
        "/sources?lang=../../etc", "//sources",
        "/deliver/../v1/transfers", "/v1/sources/se/records/%00?reason=filled", "/v1/sources/se/records/a/../../b",
        "/v1/transfers/x?past=-1", "/v1/transfers/x?past=1e9", "/v1/feeds?x=%F0%28%8C%28",
        "/static/..%2f..%2fpyproject.toml",
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
def test_tricks_with_paths_and_queries_are_refused_in_order(site: Site, verb: str, path: str) -> None:
    response = site.ask(verb, path, headers={"Authorization": f"Bearer {site.key}"})
    assert response.status_code < 500
    assert "set-cookie" not in response.headers
    assert "<script>" not in response.text
    assert "root:" not in response.text
    if response.is_error and response.headers["content-type"] == "application/problem+json":
        assert response.json()["status"] == response.status_code


MARKUP = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "\"><script>alert(1)</script>",
    "<iframe src=javascript:alert(1)>", "<a href='javascript:alert(1)'>x</a>", "<body onload=alert(1)>",
    "<style>*{}</style>",
    "<math><mtext></table><mglyph><style><img src=x onerror=alert(1)>", "<details open ontoggle=alert(1)>", "{{7*7}}",
    "<object data=data:text/html;base64,PHNjcmlwdD4=>", "<form action=//example.org><input name=p>",
    "<base href=//example.org>",
    "<p hx-get=//example.org>", "<meta http-equiv=refresh content=0>",
    "<!--<img src='--><img src=x onerror=alert(1)//'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "<scr\x00ipt>alert(1)</scr\x00ipt>", "\u202e<script>alert(1)</script>",
]  # fmt: skip


def test_markup_in_any_field_is_text_or_harmless_on_the_page(site: Site) -> None:
    records = [
        {
            "id": f"x{n}", "headline": f"Kock {evil}", "description": {"text": evil, "text_formatted": evil},
            "employer": {"name": evil, "url": evil}, "workplace_address": {"city": evil, "street_address": evil},
            "application_details": {"url": evil, "email": evil, "information": evil}, "salary_description": evil,
            "access": evil, "webpage_url": evil, "number_of_vacancies": evil,
        }
        for n, evil in enumerate(MARKUP)
    ]  # fmt: skip
    body = "\n".join(json.dumps(one) for one in records).encode()
    response = site.ask("POST", "/check", data={"feed": JOBTECH}, files={"file": ("x", body)})
    assert response.status_code == 200
    document = html.document_fromstring(response.content)
    assert len(document.find_class("checked")) == len(MARKUP)
    (main,) = document.xpath("//main")
    assert not main.xpath(
        ".//script | .//img | .//iframe | .//object | .//style | .//base | .//meta | .//svg | .//math"
    )
    names = {name for element in main.iter() if isinstance(element.tag, str) for name in element.attrib}
    assert not {name for name in names if name.startswith(("on", "hx-"))}
    assert names <= {"id", "class", "lang", "href", "rel", "for", "name", "type", "value", "rows", "spellcheck",
                     "method", "action", "enctype", "required", "selected", "aria-labelledby", "aria-hidden",
                     "open", "title",
                     "tabindex", "scope", "role", "aria-label"}  # fmt: skip
    hrefs = main.xpath(".//a/@href")
    assert all(re.match(r"https?://|/|mailto:", href) for href in hrefs), hrefs
    assert len(main.xpath(".//form")) == 1, "the page's own"


def read(**members: Any) -> Reading:
    found = reading(feeds()[JOBTECH], json.dumps({"id": "1", "headline": "Kock", **members}), NOW)
    assert isinstance(found, Reading)
    return found


@pytest.mark.parametrize(
    ("written", "until", "rule"),
    [
        ("1900-01-01", None, "date-impossible"),
        ("3000-01-01T00:00:00", None, "date-impossible"),
        ("2026-02-30", None, "date-impossible"),
        ("2026-11-31T25:00:00", None, "date-impossible"),
        ("2026-12-01T10:00:00+99:00", None, "date-impossible"),
        ("99999-01-01", None, "date-unreadable"),
        ("1e9", None, "date-unreadable"),
        ("now", None, "date-unreadable"),
        ("2026-12-01T10:00:00", "2026-12-01T09:00:00+00:00", None),
        ("2026-07-01T10:00:00", "2026-07-01T08:00:00+00:00", None),
        ("2026-12-01", "2026-12-01T22:59:59+00:00", None),
    ],
)
def test_a_date_that_cannot_be_is_absent_and_one_without_a_zone_is_of_its_country(
    written: str, until: str | None, rule: str | None
) -> None:
    found = read(application_deadline=written)
    assert found.vacancy.apply_by == (until and datetime.fromisoformat(until))
    assert [one.rule for one in found.warnings] == [rule] * (rule is not None)


@pytest.mark.parametrize(
    ("lat", "lon", "found", "rule"),
    [
        ("55.605", "13.0038", (55.605, 13.0038), None),
        ("13.0038", "55.605", None, "coordinates-swapped"),
        ("2.35", "48.85", None, "coordinates-swapped"),
        ("0", "0", None, None),
        ("NaN", "13", None, "number-out-of-range"),
        ("91", "13", None, "number-out-of-range"),
        ("55", None, None, None),
        ("-21.1", "55.5", (-21.1, 55.5), None),
        ("-12.8", "45.2", (-12.8, 45.2), None),
        ("16.2", "-61.5", (16.2, -61.5), None),
        ("78.2", "15.6", (78.2, 15.6), None),
        ("28.1", "-15.4", (28.1, -15.4), None),
    ],
    ids=["Malmö", "Malmö swapped", "Paris swapped", "zero", "no number", "too far north", "one alone", "Réunion",
         "Mayotte", "Guadeloupe", "Longyearbyen", "Las Palmas"],
)  # fmt: skip
def test_coordinates_that_cannot_be_are_absent(
    lat: str, lon: str | None, found: tuple[float, float] | None, rule: str | None
) -> None:
    notes = Notes()
    assert coordinates(notes, "/at", lat, lon) == (found or (None, None))
    assert [one.rule for one in notes.reasons] == [rule] * (rule is not None)


def test_a_number_where_a_text_belongs_is_as_long_as_the_text_may_be() -> None:
    notes = Notes()
    record = Record({"long": 5.30264529344408e-286, "short": 85053}, notes)
    assert record.text("/long", 20) == "5.30264529344408e-28"
    assert [one.rule for one in notes.reasons] == ["text-cut"]
    assert record.text("/short", 20) == "85053"


def test_jobtech_s_coordinates_are_read_like_any() -> None:
    swapped = read(workplace_address={"city": "Malmö", "coordinates": [55.605, 13.0038]})
    assert [one.rule for one in swapped.warnings] == ["coordinates-swapped"]
    assert swapped.vacancy.locations[0].lat is None


@pytest.mark.parametrize("name", sorted(feeds()))
def test_latin_1_sent_as_utf_8_is_refused_with_its_place(name: str) -> None:
    """Whole where the file is one document, the line alone where each line is a record."""
    (path,) = SAMPLES.glob(f"{name}.sample.*")
    raw = re.sub("[^\x00-\xff]", "x", path.read_text("utf-8-sig")).encode("latin-1")
    raw = raw.replace(b'encoding="UTF-8"', b"").replace(b"a", b"\xe5")
    try:
        found = [item.flaw or reading(feeds()[name], item.body, NOW) for item in feeds()[name].split(raw)]
    except Flaw as flaw:
        found = [flaw.reason]
    assert found
    assert all(isinstance(one, Reason) for one in found)
    assert any(
        one.rule in ("encoding", "xml-syntax", "json-syntax", "no-records") for one in found if isinstance(one, Reason)
    )


def test_the_same_id_of_two_sources_is_two_vacancies(site: Site) -> None:
    other = site.runner.run(keys.create(site.store, "other", [], site.settings.clock()))
    body = b'{"id": "same", "headline": "Kock"}'
    for source, key in (("se", site.key), ("other", other)):
        headers = {"Authorization": f"Bearer {key}"}
        path = f"/v1/sources/{source}/feeds/{JOBTECH}/records?dry_run=true"
        assert site.ask("POST", path, content=body, headers=headers).json()["summary"] == "1 published"
