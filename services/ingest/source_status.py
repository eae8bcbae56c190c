"""How a source is doing: its last delivery, what is open, what became of the day's records, what readers say."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from pendler.store import Doc, Store, everything
from schemas.event import Outcome
from schemas.vacancy import Status
from services.ingest import complaints, demonstration, first
from services.ingest.accounts import outcomes
from services.ingest.feed import feeds
from services.ingest.rights import SOURCES, rights_of
from services.ingest.snapshot import SNAPSHOTS
from services.ingest.state import KEYS, SANDBOX, SETTLEMENTS, TRANSFERS, VACANCIES

DAY = timedelta(days=1)
MOST_REJECTED = 20_000
"""So many rejected records of a day are looked through for their rules."""
OPEN = str(Status.ACTIVE)


async def known_sources(store: Store, demonstrates: bool) -> list[str]:
    """The sources that have a key or rights of their own, and those of the demonstration where there is one."""
    keyed = {doc["source"] async for _, doc in everything(store, KEYS)}
    named = {source async for source, _ in everything(store, SOURCES)}
    shown = demonstration.sources() if demonstrates else frozenset()
    return sorted(source for source in keyed | named | shown if not source.endswith(SANDBOX))


async def in_short(store: Store, source: str, now: datetime) -> dict[str, Any]:
    """What anybody may know: what is open, when it last delivered, the ways that its vacancies may take."""
    last = await _last(store, source, now)
    return {
        "source": source,
        "name": (await store.get(SOURCES, [source])).get(source, {}).get("name"),
        "ways": list((await rights_of(store, [source]))[source]),
        "open_ads": await store.count(VACANCIES, {"source": source, "status": OPEN}),
        "last_delivery": last["received_at"] if last else None,
    }


async def status(store: Store, source: str, now: datetime) -> dict[str, Any]:
    """All that the source itself is told. Ads and posts are counted apart; an ad may not say how many posts it has."""
    short = await in_short(store, source, now)
    day = [(key, doc) async for key, doc in _since(store, source, now - DAY)]
    counts = Counter[str]()
    for transfer, _ in day:
        counts.update(await outcomes(store, transfer))
    held = await store.find(SNAPSHOTS, {"source": source, "state": "held"})
    since = short["last_delivery"]
    return {
        **short,
        "seconds_since": round((now - datetime.fromisoformat(since)).total_seconds()) if since else None,
        "waits_for_publish": bool(await first.waiting(store, [source])),
        "open_posts": await _posts(store, source),
        "last_24_hours": {
            "transfers": len(day),
            "accepted": sum(doc["count"] for _, doc in day if doc["sealed"]),
            "outcomes": {outcome: count for outcome, count in counts.items() if count},
            "rejected_by_rule": await _rules(store, [transfer for transfer, _ in day]),
        },
        "held_by_guard": [{"snapshot": key, "told": doc["told"]} for key, doc in held],
        "reported_by_readers": await complaints.told(store, source),
    }


async def _posts(store: Store, source: str) -> dict[str, int]:
    stated, unsaid, past = 0, 0, ""
    while found := await store.find(VACANCIES, {"source": source, "status": OPEN}, past=past):
        past = found[-1][0]
        for _, doc in found:
            positions = doc["stub"].get("positions")
            stated, unsaid = stated + (positions or 0), unsaid + (positions is None)
    return {"stated": stated, "ads_not_stating": unsaid}


async def _since(store: Store, source: str, since: datetime) -> AsyncIterator[tuple[str, Doc]]:
    """The transfers since then. Those that were delivered are named by their time, so older ones are passed over."""
    past = f"{since:%Y%m%dT%H%M%S}"
    while found := await store.find(TRANSFERS, {"source": source}, past=past):
        past = found[-1][0]
        for key, doc in found:
            if datetime.fromisoformat(doc["received_at"]) >= since:
                yield key, doc


async def _last(store: Store, source: str, now: datetime) -> Doc | None:
    """The last delivery: of the day, else of the month, else any."""
    for days in (1, 31, 36_500):
        since = _since(store, source, now - timedelta(days=days))
        found = [doc async for _, doc in since if doc["feed"] in feeds()]
        if found:
            return max(found, key=lambda doc: str(doc["received_at"]))
    return None


async def _rules(store: Store, transfers: list[str]) -> dict[str, int]:
    counts, left = Counter[str](), MOST_REJECTED
    for transfer in transfers:
        past, where = "", {"transfer": transfer, "outcome": str(Outcome.REJECTED)}
        while left > 0 and (found := await store.find(SETTLEMENTS, where, limit=min(left, 1000), past=past)):
            past, left = found[-1][0], left - len(found)
            counts.update(doc["reason"]["rule"] for _, doc in found)
    return dict(counts.most_common())
