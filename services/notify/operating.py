"""What the operator's commands do."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl

from pendler.places import open_places
from pendler.settings import Settings
from pendler.store import Range, Store, everything
from pendler.wording import understood
from schemas.query import Query
from services.notify import subscribing
from services.notify.choices import Choices, checked_address, origin_of, saved
from services.notify.gathering import gather
from services.notify.personal import export
from services.notify.state import (
    MAILS,
    MATCHES,
    SUBSCRIPTIONS,
    MailState,
    State,
    Subscription,
    subscriber_id,
    subscription,
)

NEVER = 10**6
"""More matches than wait for one digest."""


async def add(
    store: Store, settings: Settings, address: str, search: str, choices: Mapping[str, Any]
) -> dict[str, Any]:
    chosen = Choices.model_validate(choices)
    query = understood(saved(Query.parse(parse_qsl(search, keep_blank_values=True))))
    with closing(open_places(settings.places)) as places:
        origin = origin_of(query, places)
    now, key = settings.clock(), settings.signing_key
    asked = subscription(checked_address(address), chosen.language, query, origin, now, key)
    one = replace(asked, frequency=chosen.frequency, gathers=settings.gather * 60.0)
    await subscribing.subscribe(store, one)
    return {"subscription": one.id, "state": one.state}


async def listed(store: Store, settings: Settings, address: str) -> list[dict[str, Any]]:
    if address:
        return [_told(one) for one in await subscribing.of(store, subscriber_id(address, settings.signing_key))]
    every = [(key, doc) async for key, doc in everything(store, SUBSCRIPTIONS) if doc["state"] != State.ERASED]
    return [_told(Subscription.read(key, doc)) for key, doc in every]


def _told(one: Subscription) -> dict[str, Any]:
    return {
        "subscription": one.id,
        "subscriber": one.subscriber,
        "state": one.state,
        "frequency": one.frequency,
        "language": one.language,
        "search": one.query.url(""),
    }


async def exported(store: Store, settings: Settings, address: str) -> dict[str, Any]:
    return await export(store, subscriber_id(address, settings.signing_key))


async def erased(store: Store, settings: Settings, address: str) -> dict[str, Any]:
    return {"erased": await subscribing.erase(store, subscriber_id(address, settings.signing_key))}


async def run_digest(store: Store, day: datetime, dry_run: bool) -> list[dict[str, Any]]:
    """What is due by the end of that day, UTC, by subscription; and, but for a dry run, mails made of it."""
    until = datetime.combine(day.date() + timedelta(days=1), time(), UTC).timestamp()
    due = await store.find(MATCHES, within=Range("due", upto=until), limit=NEVER)
    counts = Counter(doc["subscription"] for _, doc in due)
    kept = await store.get(SUBSCRIPTIONS, list(counts))
    if not dry_run:
        while await store.find(MATCHES, within=Range("due", upto=until), limit=1):
            await gather(store, until)
    return [
        {"subscription": one, "jobs": jobs, "state": kept.get(one, {}).get("state", State.ERASED)}
        for one, jobs in sorted(counts.items())
    ]


async def audit(store: Store) -> dict[str, Any]:
    """Counts of matches and mails, those mails whose fate nobody knows, and what is `wrong`: must be nothing.

    Read page by page while others write: what moves meanwhile may be seen as wrong, and is not on a second look.
    """
    claimed = {key: doc["mail"] async for key, doc in everything(store, MATCHES) if not doc.get("same_as")}
    states, ambiguous, wrong = Counter[str](), list[str](), list[str]()
    gathering, told_of = set[str](), set[str]()
    async for mail, doc in everything(store, MAILS):
        states[doc["state"]] += 1
        ambiguous += [mail] if doc["state"] == MailState.AMBIGUOUS else []
        gathering |= {mail} if doc["state"] == MailState.GATHERING else set()
        wrong += [
            f"{mail} tells of {key}, which is in {claimed.get(key)}"
            for key in doc["matches"]
            if claimed.get(key) != mail
        ]
        told_of.update(doc["matches"])
    wrong += [
        f"{key} is in no mail, though {mail} has claimed it"
        for key, mail in claimed.items()
        if mail and key not in told_of and mail not in gathering
    ]
    return {
        "matches": {"waiting": sum(not mail for mail in claimed.values()), "claimed": len(told_of)},
        "mails": dict(states),
        "ambiguous": sorted(ambiguous),
        "wrong": wrong,
    }
