"""How a source is doing: its last delivery, what is open, what became of the day's records, what readers say."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pendler.service import Result
from pendler.store import Doc, Store, everything
from schemas.event import Outcome
from schemas.vacancy import Status
from services.ingest import complaints, demonstration, first
from services.ingest.accounts import outcomes
from services.ingest.feed import feeds
from services.ingest.quality import keep, score, tally, trend
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
    day, ads = [each async for each in _since(store, source, now - DAY)], await tally(store, source)
    counts, held = await _outcomes(store, day), await store.find(SNAPSHOTS, {"source": source, "state": "held"})
    since, not_stated = short["last_delivery"], ads.not_stated()
    return {
        **short,
        "seconds_since": round((now - datetime.fromisoformat(since)).total_seconds()) if since else None,
        "waits_for_publish": bool(await first.waiting(store, [source])),
        "open_posts": {"stated": ads.posts, "ads_not_stating": ads.without_posts},
        "not_stated": not_stated,
        "quality": {**score(not_stated, counts), "last_days": await trend(store, source, now)},
        "last_24_hours": {
            "transfers": len(day),
            "accepted": sum(doc["count"] for _, doc in day if doc["sealed"]),
            "outcomes": {outcome: count for outcome, count in counts.items() if count},
            "rejected_by_rule": await _rules(store, [transfer for transfer, _ in day]),
        },
        "held_by_guard": [{"snapshot": key, "told": doc["told"]} for key, doc in held],
        "reported_by_readers": await complaints.told(store, source),
    }


async def keep_scores(store: Store, clock: Callable[[], datetime]) -> Result:
    """Notes the score of each source, for the trend; the last of a day counts."""
    now = clock()
    for source in await known_sources(store, demonstrates=True):
        day = [each async for each in _since(store, source, now - DAY)]
        not_stated = (await tally(store, source)).not_stated()
        await keep(store, source, score(not_stated, await _outcomes(store, day))["score"], now)
    return Result()


async def _outcomes(store: Store, day: Sequence[tuple[str, Doc]]) -> Counter[str]:
    counts = Counter[str]()
    for transfer, _ in day:
        counts.update(await outcomes(store, transfer))
    return counts


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
