"""Feeds without code: what a mapping may say, where it is wrong, and what comes of records it did not expect."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.vacancy import Interval, Schedule
from services.ingest.draft import draft
from services.ingest.feed import Flaw
from services.ingest.mapped import UNTRIED, feed_of
from services.ingest.mapping import Mapping, Unmapped, load

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WRITTEN = """name: be_example
title: An example
country: BE
documentation: A CSV.
format: csv
delimiter: ";"
id: /number
fields:
  title: /job
  city: /town
  postcode: /zip
  schedule: /hours
schedules: {full: FullTime}
"""


def mapping(tmp_path: Path, written: str = WRITTEN) -> Mapping:
    path = tmp_path / "be_example.yaml"
    path.write_text(written)
    return load(path)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("  city:", "  citty:", "line 10, fields/citty: Extra inputs"),
        ("/job", "job", "line 9, fields/title: String should match"),
        ("  title: /job\n", "", "line 8, fields/title: Field required"),
        ("format: csv", "format: xls", "line 5, format: Input should be 'csv', 'json' or 'xml'"),
        ("FullTime", "Whole", "line 13, schedules/full: Input should be"),
        ("country: BE", "country: [BE", "no YAML"),
        (WRITTEN, "", "line 1, the file: Input should be"),
        ("format: csv", "format: xml", "line 1, the file: Value error, XML needs `records`"),
        ("country: BE", "country: BE\nconstants: {cty: Arlon}", "line 4, constants: Value error, cty is no field"),
        (
            "country: BE",
            "country: BE\nconstants: {city: Arlon}",
            "constants: Value error, city is no field, or is read",
        ),
        ("country: BE", "country: BE\ndates: ['%d-%m']", "line 4, dates/0: Value error, no form of dates"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    assert right in WRITTEN
    with pytest.raises(Unmapped) as raised:
        mapping(tmp_path, WRITTEN.replace(right, wrong))
    assert told in str(raised.value)


def test_rows_of_a_csv_are_read_as_the_mapping_says(tmp_path: Path) -> None:
    feed = feed_of(mapping(tmp_path))
    (item,) = feed.split(b"number;job;town;zip;hours\n17;Welder;Arlon;6700;Full\n")
    vacancy = feed.normalise(item.body, NOW).vacancy
    assert (item.external_id, vacancy.title, vacancy.schedule) == ("17", "Welder", Schedule.FULL_TIME)
    assert (vacancy.locations[0].city, vacancy.locations[0].postcode) == ("Arlon", "6700")


def test_towns_and_postcodes_that_cannot_be_paired_are_not(tmp_path: Path) -> None:
    feed = feed_of(mapping(tmp_path))
    record = {"number": "1", "job": "Welder", "town": ["Arlon", "Virton"], "zip": ["6700"]}
    places = feed.normalise(json.dumps(record), NOW).vacancy.locations
    assert [(place.city, place.postcode) for place in places] == [("Arlon", None), ("Virton", None)]


def test_a_feed_says_whether_it_was_tried(tmp_path: Path) -> None:
    assert feed_of(mapping(tmp_path)).documentation.endswith(UNTRIED)
    assert not feed_of(mapping(tmp_path, WRITTEN + "tried: true\n")).documentation.endswith(UNTRIED)


SHOP = """name: dk_example
title: An example
country: DK
documentation: An XML.
format: xml
records: [opslag]
id: /@nr
language: da
dates: ["%d.%m.%Y kl. %H:%M", "%d %b %y"]
fields:
  title: /titel
  text: /tekst
  city: /sted/by
  published: /oprettet
  apply_by: /frist
  pay_from: /loen@fra
  pay_to: /loen@til
  pay_per: /loen@pr
constants:
  currency: DKK
  employer: Pladsen
  schedule: FullTime
intervals: {md.: Month}
extra: {sector: /branche}
"""


def test_elements_of_xml_with_constants_pay_and_dates_of_its_own(tmp_path: Path) -> None:
    feed = feed_of(mapping(tmp_path, SHOP))
    written = (
        '<liste xmlns="urn:x"><opslag nr="7"><titel>Svejser</titel><tekst>&lt;p&gt;Svejs&lt;/p&gt;</tekst>'
        "<sted><by>Ribe</by></sted><oprettet>20.11.2026 kl. 08:30</oprettet><frist>12 Dec 26</frist>"
        '<loen fra="31000" til="34000" pr="md."/><branche>Metal</branche></opslag><opslag nr="8"/></liste>'
    )
    item, empty = feed.split(written.encode())
    read = feed.normalise(item.body, NOW)
    vacancy, pay = read.vacancy, read.vacancy.pay
    assert (item.external_id, empty.external_id, read.warnings) == ("7", "8", ())
    assert (vacancy.title, vacancy.profiles[0].text, vacancy.locations[0].city) == ("Svejser", "Svejs", "Ribe")
    assert (vacancy.employer.name, vacancy.schedule, vacancy.extra) == (
        "Pladsen",
        Schedule.FULL_TIME,
        {"sector": "Metal"},
    )
    assert vacancy.published == datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
    assert f"{vacancy.apply_by:%F %T}" == "2026-12-12 22:59:59"
    assert pay
    assert (pay.minimum, pay.maximum, pay.currency, pay.interval) == (31_000, 34_000, "DKK", Interval.MONTH)
    with pytest.raises(Flaw, match="title-missing"):
        feed.normalise(empty.body, NOW)


@pytest.mark.parametrize(
    "raw",
    [
        b"number;job;town;zip code\n17;Welder;Arlon;6700\n",
        b'{"number": 17, "job": "Welder", "place": {"town": "Arlon", "zip code": "6700"}, "tags": [{"a": 1}]}',
        b'{"meta": {"n": 1}, "results": [{"number": 17, "job": "Welder", "town": ["Arlon"], "zip code": ["6700"]}]}',
        b'{"number": 17, "job": "Welder", "town": "Arlon", "zip code": "6700"}\n{"number": 18}\n',
        b'<list><date>1</date><job id="17"><title>Welder</title><town>Arlon</town><zip>6700</zip></job></list>',
    ],
    ids=["csv", "object", "answer", "lines", "xml"],
)
def test_a_first_mapping_reads_the_file_it_was_made_for(tmp_path: Path, raw: bytes) -> None:
    feed = feed_of(mapping(tmp_path, draft("be_example", raw)))
    item = next(feed.split(raw))
    vacancy = feed.normalise(item.body, NOW).vacancy
    place = vacancy.locations[0]
    assert (item.external_id, vacancy.title, place.city, place.postcode) == ("17", "Welder", "Arlon", "6700")


@pytest.mark.parametrize("raw", [b"", b"just text", b"[]", b"<!DOCTYPE a><a/>", b"{", b"[1]"])
def test_what_has_no_record_has_no_mapping(raw: bytes) -> None:
    with pytest.raises(Flaw):
        draft("be_example", raw)
