"""record.received -> vacancy.normalised and record.settled: each record gets exactly one outcome."""

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from pendler.bus import Bus
from pendler.metrics import OUTCOMES
from pendler.service import Fact, Handler, Job, Result, Service
from pendler.service import later as _
from pendler.settings import Settings
from pendler.store import Doc, Store, open_store
from schemas.event import Erased, Event, Outcome, Reason, RecordReceived, RecordSettled, SourceNamed, VacancyNormalised
from schemas.rights import UNSAID
from services.ingest import accounts, demonstration, first
from services.ingest.blocking import block_of, unblock_of
from services.ingest.ends import KEEPS_STUBS, expire, forget
from services.ingest.feed import Feed, Flaw, Reading, feeds
from services.ingest.rights import CHANGED, rights_of, told_again
from services.ingest.snapshot import reconcile
from services.ingest.source_status import keep_scores
from services.ingest.state import (
    BLOCKED,
    HELD,
    SANDBOX,
    SETTLEMENTS,
    UNBLOCKED,
    VACANCIES,
    Fate,
    Rights,
    end_of,
    fate_of,
    held_by_guard,
    ref_of,
    settled,
)

if TYPE_CHECKING:
    from fastapi import APIRouter

TOLD = {"outcome", "revision", "reason"}
READING_FAILED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
OURS: Mapping[str, Callable[[RecordReceived, Doc | None, Rights], Fate]] = {
    CHANGED: told_again,
    HELD: lambda record, known, _: held_by_guard(record, known),
    BLOCKED: lambda record, known, _: block_of(record, known),
    UNBLOCKED: lambda record, known, _: unblock_of(record, known),
}
"""Records of our own that are more, or less, than the end of a vacancy."""


def from_settings(settings: Settings, bus: Bus) -> Service:
    return build(bus, open_store(settings.url_of("store"), "ingest"), settings)


def build(bus: Bus, store: Store, settings: Settings) -> Service:
    jobs = [
        Job("expire", 60, partial(expire, store, settings.clock)),
        Job("forget", 3600, partial(forget, store, settings.clock)),
        Job("reconcile", 1, partial(reconcile, bus, store)),
        Job("score", 3600, partial(keep_scores, store, settings.clock)),
        Job("publish", 1, partial(first.publish, bus, store, settings.clock)),
    ]
    if settings.demo:
        jobs.append(Job("demonstration", 3600, partial(demonstration.fill, store, settings.clock)))
    return Service(
        "ingest",
        title=_("Deliveries of employment services"),
        delayed=_("New deliveries are accepted and kept, but not read yet."),
        checks={"store": store.check},
        handlers={RecordReceived: Handler(partial(on_received, store), size=300, aside=partial(on_set_aside, store))},
        emits=[RecordReceived, VacancyNormalised, RecordSettled, SourceNamed],
        jobs=jobs,
        api=partial(routes, bus, store, settings),
        ledger=partial(accounts.ledger, bus, store),
        trace=partial(accounts.trace, store),
        close=store.close,
    )


def routes(bus: Bus, store: Store, settings: Settings) -> "APIRouter":
    """The HTTP of ingest. Workers serve none, so they do not load it."""
    from fastapi import APIRouter

    from services.ingest.api import Api
    from services.ingest.check_api import CheckPage, Checks
    from services.ingest.snapshot_api import SnapshotApi
    from services.ingest.source_pages import SourcePages
    from services.ingest.transfer_page import TransferPage

    checks, api = Checks(), APIRouter()
    api.include_router(Api(bus, store, settings, checks).router(), prefix="/v1")
    api.include_router(SnapshotApi(bus, store, settings).router(), prefix="/v1")
    api.include_router(CheckPage(settings, checks).router())
    api.include_router(TransferPage(store, settings).router())
    api.include_router(SourcePages(store, settings).router())
    return api


async def on_received(store: Store, records: Sequence[Fact]) -> Result:
    """Settles a batch: each record in turn, on the state that the one before it left."""
    done = await store.get(SETTLEMENTS, [record.version for record in records])
    fresh = [record for record in records if record.version not in done]
    known = await store.get(VACANCIES, list({ref_of(record) for record in fresh}))
    sources = {record.source for record in fresh}
    batch = Batch(known, await rights_of(store, sources), await first.waiting(store, sources))
    for record in fresh:
        batch.take(record)
    return Result([*batch.events, *batch.settlements.values()], partial(batch.write, store))


async def on_set_aside(store: Store, record: RecordReceived, error: str) -> Result:
    """Tells the sender of a record that broke ingest itself; its bytes wait in the dead letters."""
    reason = Reason(rule="set-aside", value=error[:80], hint="Kept for the operator. Sending it again does no harm.")
    batch = Batch({})
    batch.settle(record, Fate(Outcome.REJECTED, reason=reason))
    return Result(list(batch.settlements.values()), partial(batch.write, store))


class Batch:
    """The state of the vacancies that a batch of records is about, as it changes record by record."""

    def __init__(
        self, stored: Mapping[str, Doc], rights: Mapping[str, Rights] | None = None, waiting: Set[str] = frozenset()
    ) -> None:
        self._stored, self._rights, self._waiting = stored, rights or {}, waiting
        self._states: dict[str, Doc] = {}
        self._told: dict[str, Doc] = {}
        self._forgotten: set[str] = set()
        self.events: list[Event | Erased] = []
        self.settlements: dict[str, RecordSettled] = {}

    def take(self, record: RecordReceived) -> None:
        """Settles one record, once; one that the stored state was already made by is settled as it was then."""
        if record.version in self.settlements:
            return
        ref = ref_of(record)
        told = self._stored.get(ref, {}).get("last", {})
        if record.version in told:
            self._states.setdefault(ref, self._stored[ref])
            self._told.setdefault(ref, {}).update(told)
            self.settlements[record.version] = settled(record, _as_told(told[record.version]))
        elif record.ends == "forgotten":
            self.settle(record, self._forget(record))
        else:
            fate = decide(record, self._known(ref), self._rights.get(record.source, UNSAID))
            self.settle(record, first.held(fate) if record.source in self._waiting else fate)

    def _known(self, ref: str) -> Doc | None:
        return self._states.get(ref, self._stored.get(ref))

    def _forget(self, record: RecordReceived) -> Fate:
        ref = ref_of(record)
        known = self._known(ref)
        if known and known["closed_at"] and known["closed_at"] <= (record.received_at - KEEPS_STUBS).timestamp():
            self.events.append(Erased(ref))
            self._forgotten.add(ref)
        return Fate(Outcome.UNCHANGED)

    def settle(self, record: RecordReceived, fate: Fate) -> None:
        ref = ref_of(record)
        one = self.settlements[record.version] = settled(record, fate)
        self._told.setdefault(ref, {})[record.version] = one.model_dump(mode="json", include=TOLD)
        if fate.event and not record.source.endswith(SANDBOX):
            self.events.append(fate.event)
        if fate.event:
            self._forgotten.discard(ref)
        if fate.state:
            self._states[ref] = fate.state

    async def write(self, store: Store) -> None:
        """The vacancies first: only they know, after a kill, what their records had come to."""
        states = {ref: {**state, "last": self._told[ref]} for ref, state in self._states.items()}
        await store.put(VACANCIES, states)
        await store.delete(VACANCIES, list(self._forgotten))
        await store.insert(SETTLEMENTS, {key: one.model_dump(mode="json") for key, one in self.settlements.items()})
        for one in self.settlements.values():
            OUTCOMES.labels(one.source, one.outcome).inc()


def _as_told(told: Doc) -> Fate:
    """The fate that was kept in a state as `TOLD`."""
    reason = Reason(**told["reason"]) if told["reason"] else None
    return Fate(Outcome(told["outcome"]), state={"revision": told["revision"]}, reason=reason)


def decide(record: RecordReceived, known: Doc | None, rights: Rights) -> Fate:
    """What becomes of one record, given the ways out of its source."""
    if record.flaw:
        return Fate(Outcome.REJECTED, reason=record.flaw)
    if record.feed in OURS:
        return OURS[record.feed](record, known, rights)
    if record.ends:
        return end_of(record, known)
    feed = feeds()[record.feed]
    read = reading(feed, record.body, record.received_at)
    if isinstance(read, Reason):
        return Fate(Outcome.REJECTED, reason=read)
    return fate_of(record, read, known, feed.keeps_days, rights)


def reading(feed: Feed, body: str, now: datetime) -> Reading | Reason:
    """What a feed reads in a record, or why it cannot."""
    try:
        return feed.normalise(body, now)
    except Flaw as flaw:
        return flaw.reason
    except ValidationError as error:
        one = error.errors()[0]
        at = "/" + "/".join(map(str, one["loc"]))
        return Reason(
            rule=f"vacancy-{one['type'].replace('_', '-')}",
            at=at,
            value=str(one["input"])[:80],
            hint=one["msg"],
        )
    except READING_FAILED as error:
        hint = "The record is not of the shape this feed has; compare it with the feed's documentation."
        return Reason(rule="unreadable", value=f"{type(error).__name__}: {error}"[:80], hint=hint)
