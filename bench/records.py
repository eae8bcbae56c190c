"""Made-up deliveries of any size in the format of JobTech, of the demonstration's words; the same each time."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import orjson

from services.ingest.demonstration import advertisements

SENTENCES = 18
STEP = 37
"""From one border to the next; shares no factor with how many the demonstration has."""


def records(count: int, seed: int = 1, prefix: str = "r", published: str = "") -> Iterator[bytes]:
    """Ads of about 3 kB each, with ids `<prefix>0` and so on; published now where nothing is said, so news to all."""
    now = datetime.now(ZoneInfo("Europe/Stockholm"))
    published = published or f"{now:%FT%T}"
    chance, ads = random.Random(seed), list(advertisements())
    sentences = [sentence.strip() for ad in ads for sentence in ad["text"].replace("\n", " ").split(". ")]
    for n in range(count):
        ad = ads[n * STEP % len(ads)]
        text = ". ".join(chance.sample(sentences, SENTENCES))
        yield orjson.dumps(
            {
                "id": f"{prefix}{n}",
                "headline": f"{ad['title']} {n}",
                "description": {"text": text, "text_formatted": f"<p>{text}</p>"},
                "number_of_vacancies": ad["positions"],
                "employer": {"name": ad["employer"]},
                "workplace_address": {
                    "city": ad["city"],
                    "postcode": ad["postcode"],
                    "country_code": "199",
                    "country": "Sverige",
                },
                "publication_date": published,
                "last_publication_date": f"{now + timedelta(days=365):%FT%T}",
                "timestamp": 1_760_000_000_000,
                "removed": False,
            }
        )


def delivery(count: int, seed: int = 1, prefix: str = "r", published: str = "") -> bytes:
    """The same as NDJSON."""
    return b"\n".join(records(count, seed, prefix, published)) + b"\n"
