"""What the demonstration is made of: seven languages, five borders, no sentence twice, nobody real."""

import re
from collections import Counter
from datetime import UTC, datetime

from pendler.speech import LANGUAGES
from services.ingest.demonstration import Advertisement, advertisements, item_of

ADS = list(advertisements())
BORDERS = {
    "Scheldt": {"Zelzate", "Terneuzen"},
    "Jutland": {"Aabenraa", "Flensburg"},
    "Øresund": {"Malmö", "København"},
    "Greater Region": {"Metz", "Trier", "Luxembourg", "Saarbrücken"},
    "Meuse and Rhine": {"Eupen", "Aachen", "Maastricht", "Liège"},
    "Svinesund": {"Halden", "Strömstad"},
}
END = re.compile(r"(?<=[.!?])\s+")


def often(found: list[str]) -> set[str]:
    return {one for one, times in Counter(found).items() if times > 1}


def test_it_has_every_language_border_and_many_occupations() -> None:
    assert len(ADS) == 240
    assert min(Counter(ad["language"] for ad in ADS)[language] for language in LANGUAGES) >= 15
    assert len({ad["isco"] for ad in ADS if ad["isco"]}) >= 60
    towns = {ad["city"] for ad in ADS}
    assert {name for name, needed in BORDERS.items() if needed - towns} == set()
    assert sum(ad["city"] == "Eupen" for ad in ADS) >= 5


def test_no_two_share_a_sentence_a_title_or_an_employer() -> None:
    sentences = [sentence.strip() for ad in ADS for sentence in END.split(ad["text"]) if sentence.strip()]
    assert often(sentences) == set()
    assert often([ad["title"] for ad in ADS]) == set()
    assert often([ad["id"] for ad in ADS]) == set()
    assert often([ad["employer"] for ad in ADS]) == set()


def names_somebody(ad: Advertisement) -> bool:
    """An address, a link or a telephone number in what is written by hand; numbers of standards have four digits."""
    return bool(re.search(r"@|https?:|www\.|(?:\d[ /-]?){5,}", ad["text"] + ad["employer"] + ad["title"]))


def test_it_names_nobody_and_links_to_nobody() -> None:
    assert [ad["id"] for ad in ADS if names_somebody(ad)] == []
    assert {ad["source"] == f"demo-{ad['country'].lower()}" for ad in ADS} == {True}
    made = "".join(str(item_of(ad, datetime(2026, 11, 25, tzinfo=UTC)).body) for ad in ADS)
    links = set(re.findall(r"https?://([^/\s\"<]+)", made))
    assert links <= {"example.org", "www.hr-xml.org"}
