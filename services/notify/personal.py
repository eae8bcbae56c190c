"""What is kept of a person, for the person."""

from typing import Any

from pendler.store import Store
from services.notify import saved, subscribing
from services.notify.ledger import MOST
from services.notify.state import MAILS, MATCHES, REACH, Subscription


async def export(store: Store, subscriber: str) -> dict[str, Any]:
    """All that is kept of a person: subscriptions, matches, mails."""
    theirs = await subscribing.of(store, subscriber)
    return {
        "subscriber": subscriber,
        "reach": (await store.get(REACH, [subscriber])).get(subscriber),
        "saved": await saved.of(store, subscriber),
        "subscriptions": [await _exported(store, one) for one in theirs],
    }


async def _exported(store: Store, one: Subscription) -> dict[str, Any]:
    mails = await store.find(MAILS, {"subscription": one.id}, limit=MOST)
    waiting = await store.find(MATCHES, {"waiting": one.id}, limit=MOST)
    told = [(key, await store.get(MATCHES, doc["matches"])) for key, doc in mails]
    return {
        "id": one.id,
        **one.document(),
        "mails": [{"id": key, **doc} for key, doc in mails],
        "matches": [match for _, found in told for match in found.values()] + [doc for _, doc in waiting],
    }
