"""The demonstration's subscriber: one search at the Belgian-Dutch border, so that a first alert can be looked at."""

import dataclasses
from datetime import timedelta

from pendler.places import Places
from pendler.settings import Settings
from pendler.store import Store
from schemas.query import Origin, Query
from services.notify.state import SUBSCRIPTIONS, WORDING, Frequency, State, subscription

ADDRESS = "demo@example.org"


async def demonstrate(store: Store, places: Places, settings: Settings) -> None:
    """Subscribes the demonstration's reader, once."""
    query = Query(near="Zelzate", km=40, lang="nl")
    place = places.find("Zelzate", "BE")[0]
    origin = Origin(name=place.name, lat=place.lat, lon=place.lon)
    before = settings.clock() - timedelta(days=1)
    one = subscription(ADDRESS, "nl", query, origin, before, settings.signing_key)
    running = dataclasses.replace(
        one,
        id="demonstration",
        state=State.ACTIVE,
        confirmed_at=before.timestamp(),
        frequency=Frequency.AT_ONCE,
        gathers=0,
        wording=WORDING,
    )
    await store.insert(SUBSCRIPTIONS, {running.id: running.document()})
