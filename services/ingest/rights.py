"""The names and rights of sources: the ways out for their vacancies. A change of rights reaches each as a record."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from itertools import count

import orjson

from pendler.bus import Bus
from pendler.store import Collection as Kept
from pendler.store import Doc, Store
from schemas.event import Outcome, RecordReceived, SourceNamed, VacancyNormalised
from schemas.rights import UNSAID, Way
from schemas.vacancy import Status
from services.ingest.state import SANDBOX, TRANSFERS, Fate, Rights, lost, remembered, same_rights
from services.ingest.transfers import transfer_name

SOURCES = Kept("sources")
CHANGED = "rights-changed"
AT_ONCE = 500


async def rights_of(store: Store, sources: Collection[str]) -> Mapping[str, Rights]:
    """The ways out of each source, by name; a sandbox has none."""
    known = await store.get(SOURCES, list(sources))
    said = {source: () if source.endswith(SANDBOX) else known.get(source, {}).get("ways", UNSAID) for source in sources}
    return {source: tuple(map(Way, ways)) for source, ways in said.items()}


async def change(bus: Bus, store: Store, source: str, ways: Sequence[Way], now: datetime) -> int:
    """Sets the ways out of a source. Each of its open vacancies is told anew, as records of one transfer; how many.

    Interrupted, it may be repeated: what has the new rights already comes to nothing.
    """
    known = (await store.get(SOURCES, [source])).get(source, {})
    await store.put(SOURCES, {source: {**known, "ways": list(ways)}})
    transfer, numbers = transfer_name(now, CHANGED), count(1)
    doc: Doc = {"source": "", "feed": CHANGED, "count": 0, "sealed": False, "received_at": now.isoformat()}
    await store.insert(TRANSFERS, {transfer: doc})
    batch: list[RecordReceived] = []
    async for body in _open_of(bus, source):
        ref = orjson.loads(body)["ref"]
        batch.append(
            RecordReceived(
                source=source, feed=CHANGED, transfer=transfer, n=next(numbers),
                external_id=ref.partition(":")[2], body=body.decode(), received_at=now,
            )
        )  # fmt: skip
        if len(batch) == AT_ONCE:
            await bus.publish(batch)
            batch = []
    await bus.publish(batch)
    total = next(numbers) - 1
    await store.put(TRANSFERS, {transfer: {**doc, "count": total, "sealed": True}})
    return total


async def call(bus: Bus, store: Store, source: str, name: str, now: datetime) -> None:
    """Names a source, for people. The word goes out first: interrupted, it may be repeated."""
    await bus.publish([SourceNamed(source=source, name=name, at=now)])
    known = (await store.get(SOURCES, [source])).get(source, {})
    await store.put(SOURCES, {source: {**known, "name": name}})


async def _open_of(bus: Bus, source: str) -> AsyncIterator[bytes]:
    """The open states of a source's vacancies on the bus; an older one of the same vacancy comes to nothing later."""
    async for record in bus.scan(VacancyNormalised.topic.name):
        if record.value and record.key.startswith(f"{source}:") and b'"vacancy":' in record.value:
            yield record.value


def told_again(record: RecordReceived, known: Doc | None, rights: Rights) -> Fate:
    """What becomes of word that a source's rights have changed: the same vacancy with other ways out.

    If the vacancy has changed since, its newer state has the new rights already, or its own word is on the way.
    """
    event = VacancyNormalised.model_validate_json(record.body)
    if known is None or known["revision"] != event.revision or known["status"] != Status.ACTIVE:
        return Fate(Outcome.SUPERSEDED, state=known)
    if same_rights(known, rights):
        return Fate(Outcome.UNCHANGED, state=known)
    told = event.model_copy(
        update={
            "revision": event.revision + 1,
            "reason": "rights",
            "at": record.received_at,
            "ways": rights,
            "lost": lost(known, rights),
        }
    )
    return Fate(Outcome.PUBLISHED, told, {**known, **remembered(told), **_kept(known)})


def _kept(known: Doc) -> Doc:
    """What a vacancy's own records have said, which its rights do not touch."""
    return {name: known[name] for name in ("digest", "ends_at", "updated") if name in known}
