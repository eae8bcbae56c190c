"""National feeds: each sample comes out as its hand-written golden, and hostile input is refused where it stands."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.vacancy import Status
from services.ingest.feed import Feed, Flaw, Item, Reading, feeds

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "feeds"
REAL = ROOT.parent / "shared" / "feeds"


def readings(feed: Feed, raw: bytes) -> list[tuple[Item, Reading | Flaw]]:
    """Every record of a delivery with what became of it."""
    return [(item, reading(feed, item)) for item in feed.split(raw)]


def reading(feed: Feed, item: Item) -> Reading | Flaw:
    if item.flaw:
        return Flaw(item.flaw.rule, item.flaw.at, item.flaw.value, item.flaw.hint)
    try:
        return feed.normalise(item.body, NOW)
    except Flaw as flaw:
        return flaw


def told(item: Item, read: Reading | Flaw) -> dict[str, Any]:
    if isinstance(read, Flaw):
        reason = {"rule": read.reason.rule, "at": read.reason.at}
        return {"external_id": item.external_id, "status": None, "vacancy": None, "reason": reason}
    return {
        "external_id": item.external_id,
        "status": read.status,
        "vacancy": read.vacancy.model_dump(mode="json", exclude_defaults=True),
        "reason": read.closed_because,
    }


@pytest.mark.parametrize("name", sorted(feeds()))
def test_sample_comes_out_as_its_golden(name: str) -> None:
    (sample,) = SAMPLES.glob(f"{name}.sample.*")
    golden = json.loads((SAMPLES / f"{name}.golden.json").read_text())
    assert [told(*pair) for pair in readings(feeds()[name], sample.read_bytes())] == golden


@pytest.mark.parametrize("name", sorted(feeds()))
def test_feed_explains_itself(name: str) -> None:
    feed = feeds()[name]
    assert feed.name == name
    assert feed.title
    assert feed.documentation
    assert feed.media_types


def rules(read: Reading | Flaw) -> set[str]:
    assert isinstance(read, Reading)
    return {f"{warning.rule} {warning.at}" for warning in read.warnings}


def test_what_is_left_out_is_named() -> None:
    read = readings(feeds()["eures_hrxml"], (SAMPLES / "eures_hrxml.sample.xml").read_bytes())
    assert rules(read[1][1]) == {
        "timestamp-in-future /@validFrom",
        "number-out-of-range /PositionProfile/PositionOpenQuantity",
        "unknown-code /PositionProfile/PositionOfferingTypeCode",
        "date-impossible /PositionProfile/ApplicationCloseDate",
    }
    read = readings(feeds()["se_jobtech"], (SAMPLES / "se_jobtech.sample.json").read_bytes())
    assert rules(read[0][1]) == {"unknown-code /driving_license/1/label"}
    assert rules(read[4][1]) == {"number-out-of-range /number_of_vacancies"}


AD = {"id": "1", "headline": "Kock"}
INTERNAL = {"annonsId": 1, "annonsrubrik": "Kock"}


@pytest.mark.parametrize(
    "delivery",
    [
        AD,
        [AD],
        {"hits": [AD]},
        {"total": {"value": 1}, "hits": {"hits": [{"_id": "1", "_source": AD}]}},
        INTERNAL,
        [INTERNAL],
        {"testannonser": [INTERNAL]},
        {"testannonser": INTERNAL},
    ],
)
def test_swedish_shapes(delivery: object) -> None:
    ((item, read),) = readings(feeds()["se_jobtech"], json.dumps(delivery).encode())
    assert item.external_id == "1"
    assert isinstance(read, Reading)
    assert read.vacancy.title == "Kock"


def test_a_broken_line_spoils_no_other() -> None:
    lines = [
        json.dumps(AD).encode(),
        b'{"id": "2", "headline": "K\xe5k"}',
        b'{"id": "3", "headl',
        json.dumps(AD).encode(),
    ]
    found = readings(feeds()["se_jobtech"], b"\xef\xbb\xbf" + b"\r\n".join(lines) + b"\n")
    refused = [read.reason.rule for _, read in found if isinstance(read, Flaw)]
    assert [item.external_id for item, _ in found] == ["1", None, None, "1"]
    assert refused == ["encoding", "json-syntax"]


def test_a_box_is_not_the_place_of_work() -> None:
    place = {
        "municipality": "Göteborg",
        "country_code": "199",
        "street_address": "Box 7",
        "postcode": "10397",
        "city": "Stockholm",
    }
    read = feeds()["se_jobtech"].normalise(json.dumps(AD | {"workplace_address": place}), NOW)
    assert read.vacancy.locations[0].model_dump(exclude_defaults=True) == {"country": "SE", "city": "Göteborg"}


ONE = '{{"hits": [{{"id": "1", "headline": "A"}}, {}, {{"id": "3", "headline": "C"}}]}}'


@pytest.mark.parametrize(
    ("record", "rule", "at"),
    [
        ('{"id": "2", "headline": NaN}', "json-number", "/headline"),
        ('{"id": "2", "headline": -Infinity}', "json-number", "/headline"),
        ('{"id": "2", "number_of_vacancies": 1e999}', "json-number", "/number_of_vacancies"),
        ('{"id": "2", "number_of_vacancies": ' + "9" * 100_000 + "}", "json-number", "/number_of_vacancies"),
        ('{"id": "2", "description": {"text": "a\\u0000b"}}', "json-character", "/description/text"),
        ('{"id": "2", "headline": "\\ud800"}', "json-character", "/headline"),
        ('{"id": "2", "a/b~": [{"c": 1, "c": 2}]}', "json-duplicate-key", "/a~1b~0/0/c"),
        ('{"id": "2", "id": "2"}', "json-duplicate-key", "/id"),
        ('{"id": "2", "label": ' + "[" * 50 + "]" * 50 + "}", "json-depth", "/label" + "/0" * 31),
        ('"2"', "record-not-an-object", ""),
        ('{"headline": "B"}', "id-missing", "/id"),
        ('{"id": "' + "2" * 2000 + '", "headline": "B"}', "id-unusable", "/id"),
        ('{"id": "a\\u202eb", "headline": "B"}', "id-unusable", "/id"),
        ('{"id": true, "headline": "B"}', "id-unusable", "/id"),
        ('{"id": "2", "headline": {"sv": "B"}}', "title-missing", "/headline"),
    ],
)
def test_hostile_record_is_refused_alone(record: str, rule: str, at: str) -> None:
    first, (item, read), last = readings(feeds()["se_jobtech"], ONE.format(record).encode())
    assert isinstance(read, Flaw)
    assert (read.reason.rule, read.reason.at) == (rule, at)
    assert len(read.reason.value or "") <= 80
    item.body.encode()
    assert isinstance(first[1], Reading)
    assert isinstance(last[1], Reading)


XML = '<?xml version="1.0" encoding="UTF-8"?>'
BOMB = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("feed", "raw", "rule"),
    [
        ("se_jobtech", b"", "json-syntax"),
        ("se_jobtech", b"<html></html>", "json-syntax"),
        ("se_jobtech", b'{"hits": [{"id": "1"', "json-syntax"),
        ("se_jobtech", b'{"hits": [{"headline": "K\xf6k"}]}', "encoding"),
        ("se_jobtech", b"[" * 100_000, "json-depth"),
        ("se_jobtech", b'{"hits": [], "hits": []}', "json-duplicate-key"),
        ("se_jobtech", b'{"message": "quota exceeded"}', "no-records"),
        ("se_jobtech", b"7", "no-records"),
        ("eures_hrxml", b"", "xml-syntax"),
        ("eures_hrxml", BOMB.encode(), "xml-entity"),
        ("eures_hrxml", b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>', "xml-entity"),
        ("eures_hrxml", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "xml-entity"),
        ("eures_hrxml", b"<a>&nbsp;</a>", "xml-entity"),
        ("eures_hrxml", b"<PositionOpening><DocumentID>1", "xml-syntax"),
        ("eures_hrxml", b"<a>" * 5_000, "xml-syntax"),
        ("eures_hrxml", f"{XML}<a>é</a>".encode("latin-1"), "xml-syntax"),
        ("eures_hrxml", b"<a>\0</a>", "xml-syntax"),
        ("eures_hrxml", b"<html><body/></html>", "no-records"),
    ],
)
def test_hostile_delivery_is_refused(feed: str, raw: bytes, rule: str) -> None:
    with pytest.raises(Flaw) as caught:
        list(feeds()[feed].split(raw))
    assert caught.value.reason.rule == rule


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        ("<PositionTitle>A</PositionTitle>", "id-missing"),
        (f"<DocumentID>{'1' * 2000}</DocumentID>", "id-unusable"),
        ("<DocumentID>a\x85b</DocumentID>", "id-unusable"),
        ("<DocumentID>1</DocumentID><PositionProfile/>", "title-missing"),
        ("<DocumentID>1</DocumentID><PositionOpeningStatusCode>Paused</PositionOpeningStatusCode>", "status-unknown"),
    ],
)
def test_unusable_opening_is_refused(record: str, rule: str) -> None:
    ((_, read),) = readings(feeds()["eures_hrxml"], f"<PositionOpening>{record}</PositionOpening>".encode())
    assert isinstance(read, Flaw)
    assert read.reason.rule == rule


def test_openings_within_openings_are_one() -> None:
    raw = b"<PositionOpening><DocumentID>1</DocumentID>" + b"<PositionOpening>" * 99 + b"</PositionOpening>" * 100
    assert len(list(feeds()["eures_hrxml"].split(raw))) == 1


def real(folder: str) -> dict[str, list[tuple[Item, Reading | Flaw]]]:
    if not REAL.parent.is_dir():
        pytest.skip("the folder ../shared with real feed files is not there")
    feed = feeds()["eures_hrxml" if folder.startswith("eures") else folder]
    return {path.name: readings(feed, path.read_bytes()) for path in sorted((REAL / folder).iterdir())}


@pytest.mark.parametrize(("folder", "records"), [("se_jobtech", 5), ("eures_hrxml_no", 3), ("eures_hrxml_se", 1)])
def test_real_records_are_read(folder: str, records: int) -> None:
    found = [pair for pairs in real(folder).values() for pair in pairs]
    assert len(found) == records
    for item, read in found:
        assert isinstance(read, Reading)
        vacancy = read.vacancy
        assert vacancy.origin.external_id == item.external_id
        assert vacancy.title
        assert vacancy.occupations
        assert vacancy.locations[0].country


def only(pairs: list[tuple[Item, Reading | Flaw]], n: int = 0) -> Reading:
    read = pairs[n][1]
    assert isinstance(read, Reading)
    return read


def test_real_swedish_facts() -> None:
    files = real("se_jobtech")
    live = only(files["jobsearch_search_2026_a.json"]).vacancy
    place = live.locations[0]
    assert (place.city, place.postcode, place.country) == ("Göteborg", "41502", "SE")
    assert (round(place.lat or 0, 3), round(place.lon or 0, 3)) == (57.731, 11.999)
    assert (live.positions, live.schedule, live.offering) == (1, "FullTime", "DirectHire")
    assert live.apply_by == datetime(2026, 9, 10, 21, 59, 59, tzinfo=UTC)
    assert {(code.scheme, code.code) for code in live.occupations} == {
        ("JobTech", "9U5Y_9Ji_uJq"),
        ("SSYK-2012", "3113"),
    }
    assert live.profiles[0].text.count("\n• ") == 3
    assert live.profiles[0].html.count("<strong>") == 5
    past = only(files["jobsearch_historical_2026_a.json"])
    assert (past.status, past.closed_because) == (Status.CLOSED, "removed by source")
    assert (past.vacancy.locations[0].city, past.vacancy.locations[0].postcode) == ("Göteborg", None)
    assert "label" not in past.vacancy.extra


def test_internal_shape_says_what_the_published_one_says() -> None:
    files = real("se_jobtech")
    internal = only(files["af_internal_annonser_2019_a.json"]).vacancy
    published = only(files["jobad_search_engine_hits_2019.json"]).vacancy
    same = {
        "employer", "locations", "offering", "schedule", "positions", "apply_by", "published", "updated",
        "expires", "experience", "licences", "languages", "apply",
    }  # fmt: skip
    assert internal.model_dump(include=same) == published.model_dump(include=same)
    assert internal.profiles[0].html == published.profiles[0].html


def test_real_eures_facts() -> None:
    norwegian = real("eures_hrxml_no")
    one = only(norwegian["ad_1.xml"]).vacancy
    assert len(one.origin.external_id) == 36
    place = one.locations[0]
    assert (place.country, place.nuts, place.city, place.postcode) == ("NO", "NO081", "OSLO", "0195")
    assert (one.positions, one.start, one.start_text) == (2, date(2019, 3, 1), None)
    assert one.nace == ("C33.17",)
    assert one.apply.url
    assert one.apply.instructions is None
    assert one.apply_by == datetime(2019, 3, 1, 22, 59, 59, tzinfo=UTC)
    assert one.profiles[0].language == "nb"
    experienced = only(norwegian["ad_with_experience.xml"]).vacancy
    assert experienced.experience
    assert (experienced.experience.years, experienced.start_text) == (1, None)
    assert experienced.apply.url
    assert experienced.apply.url.endswith(experienced.origin.external_id)
    swedish = only(real("eures_hrxml_se")["892046.xml"]).vacancy
    assert [(code.scheme, code.code) for code in swedish.occupations] == [("ISCO-08", "4224")]
    assert (swedish.schedule, swedish.working_languages) == ("PartTime", ("en", "sv"))
    assert swedish.education == ("ISCED3",)
    assert not {"\xa0", "&", ";"} & set(swedish.profiles[0].text.replace(" & ", " "))
    assert swedish.extra["qualifications"] == ["http://ec.europa.eu/esco/qualification/23938"]
