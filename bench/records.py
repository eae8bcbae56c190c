"""Made-up deliveries of any size in the format of JobTech, varied from the demonstration's words. Deterministic."""

import random
from collections.abc import Iterator

import orjson

from services.ingest.demonstration import advertisements

SENTENCES = 18


def records(count: int, seed: int = 1, prefix: str = "r", published: str = "2026-11-20T08:00:00") -> Iterator[bytes]:
    """Ads of about 3 kB each, with ids `<prefix>0` and so on."""
    chance, ads = random.Random(seed), list(advertisements())
    sentences = [sentence.strip() for ad in ads for sentence in ad["text"].replace("\n", " ").split(". ")]
    for n in range(count):
        ad = ads[n % len(ads)]
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
                "last_publication_date": "2027-12-31T23:59:59",
                "timestamp": 1_760_000_000_000,
                "removed": False,
            }
        )


def delivery(count: int, seed: int = 1, prefix: str = "r", published: str = "2026-11-20T08:00:00") -> bytes:
    """The same as NDJSON."""
    return b"\n".join(records(count, seed, prefix, published)) + b"\n"
