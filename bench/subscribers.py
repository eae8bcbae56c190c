"""Made-up subscriptions: words, occupations, countries and circles, as people near a border would ask."""

import asyncio
import dataclasses
import random
from pathlib import Path

from pendler.esco import lexicon
from pendler.places import open_places
from pendler.settings import Settings
from pendler.store import open_store
from schemas.query import Origin, Query
from services.notify.state import SUBSCRIPTIONS, State, subscription

TOWNS = ["Zelzate", "Gent", "Antwerpen", "Malmö", "København", "Flensburg", "Trier", "Metz", "Aachen", "Lund"]


def subscribe_many(store: str, places: Path, count: int, seed: int = 1) -> None:
    """Puts confirmed subscriptions into the store, by its URL, of an exchange that is not running."""
    asyncio.run(_fill(store, places, count, random.Random(seed)))


async def _fill(url: str, places: Path, count: int, chance: random.Random) -> None:
    settings, opened, store = Settings(), open_places(places), open_store(url, "notify")
    towns = {name: opened.find(name)[0] for name in TOWNS}
    titles = [title for title in lexicon().titles() if " " not in title]
    occupations = [concept.uri for concept in lexicon().concepts()]
    docs = {}
    for n in range(count):
        query = made_up(chance, titles, occupations)
        place = towns.get(query.near)
        origin = Origin(name=place.name, lat=place.lat, lon=place.lon) if place else None
        one = subscription(f"reader{n}@example.org", "en", query, origin, settings.clock(), "key")
        running = dataclasses.replace(one, state=State.ACTIVE, confirmed_at=1.0)
        docs[one.id] = running.document()
    await store.put(SUBSCRIPTIONS, docs)
    await store.close()


def made_up(chance: random.Random, titles: list[str], occupations: list[str]) -> Query:
    """One search: a word or an occupation, mostly with a place or a country."""
    what = {"q": chance.choice(titles)} if chance.random() < 0.6 else {"occupation": (chance.choice(occupations),)}
    lang = chance.choice(["en", "nl", "da", "de", "sv"])
    if chance.random() < 0.5:
        return Query(**what, lang=lang, near=chance.choice(TOWNS), km=chance.choice([10, 25, 50]))
    return Query(**what, lang=lang, country=chance.choice([("SE",), ("NL", "BE"), ()]))
