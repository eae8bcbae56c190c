"""The EURES XML that a vacancy would become: read again it says the same, and what EURES would refuse is told."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.event import VacancyMatched
from schemas.vacancy import Derived, LanguageSkill, Location, Occupation, Origin, Place, Profile, Vacancy
from services.ingest.eures_out import told, written
from services.ingest.feed import Flaw, Reading, feeds
from services.ingest.service import reading

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "feeds"
SHARED = Path(__file__).parents[2] / "shared" / "feeds"
SAME = (
    "employer.name", "employer.legal_id", "offering", "schedule", "positions", "start", "start_text", "immediate",
    "apply_by", "published", "expires", "pay.minimum", "pay.maximum", "pay.currency",
    "pay.interval", "pay.source_text", "education", "licences", "working_languages", "nace", "remote", "eures_flag",
    "contacts", "apply.url", "apply.email",
)  # fmt: skip


def matched(vacancy: Vacancy, **derived: Any) -> VacancyMatched:
    state: dict[str, Any] = {"ref": "x:1", "revision": 1, "status": "active", "at": NOW, "vacancy": vacancy}
    return VacancyMatched(**state, derived=Derived(**derived))


def again(vacancy: Vacancy, **derived: Any) -> Vacancy:
    """What is read in the XML that it becomes."""
    feed = feeds()["eures_hrxml"]
    (item,) = feed.split(written(matched(vacancy, **derived)).encode())
    found = reading(feed, item.body, NOW)
    assert isinstance(found, Reading), found
    assert found.warnings == ()
    return found.vacancy


def member(vacancy: Vacancy, name: str) -> Any:
    """A member as EURES can say it: moments to the second, and a flag that is not set is not stated."""
    value: Any = vacancy
    for step in name.split("."):
        value = getattr(value, step, None)
    if name == "eures_flag":
        return value or None
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def assert_same(vacancy: Vacancy) -> None:
    read = again(vacancy)
    for name in SAME:
        assert member(read, name) == member(vacancy, name), name
    assert read.origin.external_id == vacancy.origin.external_id
    assert [(one.language, one.title) for one in read.profiles] == [
        (one.language, one.title) for one in vacancy.profiles
    ]
    assert read.languages == tuple(one for one in vacancy.languages if one.level)
    places = [at.model_copy(update={"lat": None, "lon": None}) for at in vacancy.locations if at.country]
    assert set(read.locations) <= set(places)
    assert {at.country for at in read.locations} == {at.country for at in places}
    known = [code for code in vacancy.occupations if code.scheme in ("ISCO-08", "ESCO")]
    assert [(one.scheme, one.code) for one in read.occupations] == [(one.scheme, one.code) for one in known]


def vacancies_in(name: str, path: Path) -> list[Vacancy]:
    feed = feeds()[name]
    read = [reading(feed, item.body, NOW) for item in feed.split(path.read_bytes()) if not item.flaw]
    return [one.vacancy for one in read if isinstance(one, Reading)]


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.sample.*")), ids=lambda path: path.name)
def test_what_is_written_says_what_was_read(path: Path) -> None:
    found = vacancies_in(path.name.partition(".")[0], path)
    assert found
    for vacancy in found:
        assert_same(vacancy)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real files is not beside the checkout")
@pytest.mark.parametrize(
    ("feed", "file"),
    [("eures_hrxml", "eures_hrxml_no"), ("eures_hrxml", "eures_hrxml_se"), ("no_nav", "no_nav"), ("de_ba", "de_ba")],
)
def test_so_do_real_ones(feed: str, file: str) -> None:
    files = sorted(path for path in (SHARED / file).rglob("*") if path.suffix in (".xml", ".json"))[:40]
    assert files
    count = 0
    for path in files:
        try:
            items = list(feeds()[feed].split(path.read_bytes()))
        except Flaw:
            continue
        for item in items[:20]:
            found = item.flaw or reading(feeds()[feed], item.body, NOW)
            if isinstance(found, Reading) and found.vacancy.title != "(closed)":
                assert_same(found.vacancy)
                count += 1
    assert count > 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder with real files is not beside the checkout")
@pytest.mark.parametrize("name", ["ad_1", "ad_with_nace"])
def test_what_nav_s_advertisement_becomes_agrees_with_what_nav_made_of_it(name: str) -> None:
    """In every member that both have, but the day: NAV told that of its export."""
    (ours,) = vacancies_in("no_nav", SHARED / "no_nav" / f"{name}.json")
    (theirs,) = vacancies_in("eures_hrxml", SHARED / "eures_hrxml_no" / f"{name}.xml")
    read, compared = again(ours), 0
    for member_name in (*SAME, "title"):
        one, other = member(read, member_name), member(theirs, member_name)
        if member_name != "published" and one not in (None, ()) and other not in (None, ()):
            compared += 1
            assert one == other, member_name
    assert compared >= 6
    assert read.locations[0] == theirs.locations[0].model_copy(update={"nuts": read.locations[0].nuts})


HERE = Location(country="SE", city="Malmö", postcode="21119")


def vacancy(**members: Any) -> Vacancy:
    given = {
        "origin": Origin(external_id="1"),
        "profiles": (Profile(language="sv", title="Kock"),),
        "locations": (HERE,),
    }
    return Vacancy(**{**given, **members})


COOK = Occupation(uri="http://data.europa.eu/esco/occupation/x", isco="5120", label="cook", score=0.9, method="title")


def test_what_was_found_stands_where_the_source_says_nothing() -> None:
    place = Place(country="SE", nuts="SE224", method="postcode")
    read = again(vacancy(), occupations=(COOK,), places=(place,))
    assert [(one.scheme, one.code) for one in read.occupations] == [("ISCO-08", "5120"), ("ESCO", COOK.uri)]
    assert read.locations[0].nuts == "SE224"


@pytest.mark.parametrize(
    ("members", "rules"),
    [
        ({}, []),
        ({"locations": ()}, ["eures-no-place"]),
        ({"locations": (Location(country="US", city="Boston"),)}, ["eures-no-place"]),
        ({"locations": (HERE, Location(country="SE"))}, ["eures-place-left-out"]),
        ({"locations": (HERE, Location(country="DK"))}, []),
        ({"origin": Origin(external_id="1", hops=("EURES",))}, ["eures-loop"]),
        ({"profiles": (Profile(title="Kock"),)}, ["eures-no-language"]),
        ({"languages": (LanguageSkill(language="sv"),)}, ["eures-no-level"]),
    ],
)
def test_what_eures_would_refuse_or_drop_is_told(members: dict[str, Any], rules: list[str]) -> None:
    event = matched(vacancy(**members), occupations=(COOK,))
    assert [one.rule for one in told(event)] == rules
    assert "PositionOpening" in written(event)


def test_a_vacancy_without_a_code_is_refused() -> None:
    assert [one.rule for one in told(matched(vacancy()))] == ["eures-no-occupation"]


def test_a_country_alone_is_left_out_beside_a_place_in_it() -> None:
    read = again(vacancy(locations=(Location(country="SE"), HERE, Location(country="DK"))))
    assert read.locations == (HERE, Location(country="DK"))
