"""Feeds without code: what a mapping may say, where it is wrong, and what comes of records it did not expect."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.vacancy import Schedule
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
        ("format: csv", "format: xls", "line 5, format: Input should be 'csv' or 'json'"),
        ("FullTime", "Whole", "line 13, schedules/full: Input should be"),
        ("country: BE", "country: [BE", "no YAML"),
        (WRITTEN, "", "line 1, the file: Input should be"),
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
