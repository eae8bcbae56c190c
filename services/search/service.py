"""vacancy.matched -> the store and the index; the search API and the pages."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pendler.bus import Bus
from pendler.metrics import FRESHNESS
from pendler.places import Places, open_places
from pendler.searchable import searchable
from pendler.service import Fact, Handler, Job, Ledger, Result, Service
from pendler.service import later as _
from pendler.settings import Settings
from pendler.store import Store, open_store
from schemas.event import Erased, VacancyMatched
from schemas.rights import Way
from services.search.care import Care
from services.search.generations import Generations
from services.search.index import Index, open_index
from services.search.state import VACANCIES, document

if TYPE_CHECKING:
    from fastapi import APIRouter

CARE_EVERY = 2.0
Clock = Callable[[], datetime]


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - search publishes nothing
    store = open_store(settings.url_of("store"), "search")
    index = Generations(store, partial(open_index, settings.url_of("index")))
    return build(store, index, open_places(settings.places), settings.clock)


def build(store: Store, index: Generations, places: Places, clock: Clock = partial(datetime.now, UTC)) -> Service:
    async def close() -> None:
        await index.close()
        await store.close()

    return Service(
        "search",
        title=_("Search jobs"),
        delayed=_("New vacancies cannot be found yet; those that are there can."),
        checks={"store": store.check, "index": index.check},
        handlers={VacancyMatched: Handler(partial(on_matched, store, index), size=1500, linger=0.5)},
        jobs=[Job("index care", CARE_EVERY, Care(store, index))],
        api=partial(routes, store, index, places, clock),
        ledger=partial(ledger, index),
        trace=partial(trace, store, index),
        close=close,
    )


def routes(store: Store, index: Index, places: Places, clock: Clock) -> "APIRouter":
    """The HTTP of search. Workers serve none, so they do not load it."""
    from fastapi import APIRouter

    from services.search.api import Api
    from services.search.pages import Pages

    router = APIRouter()
    router.include_router(Api(store, index, places).router())
    router.include_router(Pages(store, index, places, clock).router())
    return router


async def on_matched(store: Store, index: Index, facts: Sequence[Fact]) -> Result:
    """Keeps and indexes the newest state of each vacancy in the batch; what is older than the known is dropped."""
    newest: dict[str, VacancyMatched | Erased] = {}
    for fact in (lets_out(fact) for fact in facts):
        there = newest.get(fact.ref) if isinstance(fact, VacancyMatched) else None
        if not isinstance(there, VacancyMatched) or there.order <= fact.order:
            newest[fact.ref] = fact
    states = [fact for fact in newest.values() if isinstance(fact, VacancyMatched)]
    erased = [fact.ref for fact in newest.values() if isinstance(fact, Erased)]
    known = await store.get(VACANCIES, [fact.ref for fact in states])
    fresh = [fact for fact in states if known.get(fact.ref, {}).get("version", -1) <= fact.order]
    documents = [searchable(fact) for fact in fresh]

    async def write() -> None:
        await store.put(VACANCIES, {fact.ref: document(fact) for fact in fresh})
        await store.delete(VACANCIES, erased)
        await index.put(documents)
        await index.delete(erased)
        now = time.time()
        for fact in fresh:
            if fact.ref not in known:
                FRESHNESS.observe(max(0.0, now - fact.at.timestamp()))

    return Result(write=write)


def lets_out(fact: Fact) -> Fact:
    """The fact, or, of a vacancy that may not be searched for, that there is nothing to find."""
    return fact if isinstance(fact, Erased) or fact.may(Way.SEARCH) else Erased(fact.ref)


async def ledger(index: Index) -> Ledger:
    """The open vacancies that can be found."""
    return Ledger(open={ref: order // 1_000_000 for ref, order in (await index.open_versions()).items()})


async def trace(store: Store, index: Index, ref: str) -> Sequence[Mapping[str, Any]]:
    """The version that is kept, and the one that can be found."""
    kept = (await store.get(VACANCIES, [ref])).get(ref)
    visible = (await index.open_versions()).get(ref)
    return [{"hop": "kept by search", "version": kept and kept["version"], "open_in_index": visible}] if kept else []
