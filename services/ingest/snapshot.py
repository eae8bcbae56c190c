"""Complete snapshots: opened, put in parts, committed with a count. Only what is absent from one is closed by absence.

A committed snapshot is reconciled by the worker, once every record of its parts has its outcome: so what is open then
is what the source's own records have left open. Each absence is a record of its own, and gets its outcome.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from hashlib import blake2b
from itertools import count
from operator import itemgetter
from typing import Any

from pendler.bus import Bus
from pendler.problem import Problem
from pendler.service import Result
from pendler.store import Collection, Doc, Store
from schemas.event import RecordReceived
from schemas.vacancy import Status
from services.ingest.guard import RECENT, Counts, verdict
from services.ingest.state import ABSENT, HELD, SETTLEMENTS, TRANSFERS, VACANCIES
from services.ingest.transfers import transfer_name

SNAPSHOTS = Collection("snapshots", ("source", "state"))
PARTS = Collection("parts", ("snapshot",))
HOLDS = Collection("holds")
MOST_IN_PART = 50_000
PAGE = 2000
AT_ONCE = 500


async def open_snapshot(store: Store, source: str, feed: str, now: datetime) -> tuple[str, Doc]:
    """A snapshot that waits for its parts."""
    identity = transfer_name(now)
    doc: Doc = {"source": source, "feed": feed, "state": "open", "opened_at": now.isoformat()}
    await store.insert(SNAPSHOTS, {identity: doc})
    return identity, doc


async def put_part(store: Store, identity: str, number: int, transfer: str, ids: Sequence[str | None]) -> None:
    """Notes what a part holds; put again, it takes the place of what it was."""
    named = [one for one in ids if one]
    doc = {
        "snapshot": identity,
        "transfer": transfer,
        "count": len(ids),
        "ids": named,
        "unnamed": len(ids) - len(named),
    }
    await store.put(PARTS, {f"{identity}/{number}": doc})


async def commit(store: Store, identity: str, doc: Doc, said: int, now: datetime) -> Doc:
    """Takes the source at its word that this is all it has; committed again, nothing happens.

    Raises:
        Problem: 409, the parts hold another number of records. The snapshot stays open.
    """
    if doc["state"] != "open":
        return doc
    held = sum([part["count"] async for part in parts(store, identity)])
    if held != said:
        detail = f"The parts hold {held} records, not {said}. Put what is missing, then commit again: nothing closes."
        raise Problem(409, "count-differs", detail, counted=held, said=said)
    committed = {**doc, "state": "committed", "count": held, "committed_at": now.isoformat()}
    await store.put(SNAPSHOTS, {identity: committed})
    return committed


async def parts(store: Store, identity: str) -> AsyncIterator[Doc]:
    """The parts of a snapshot, one in memory at a time."""
    past = f"{identity}/"
    while found := await store.find(PARTS, {"snapshot": identity}, limit=1, past=past):
        past, doc = found[0]
        yield doc


async def reconcile(bus: Bus, store: Store) -> Result:
    """Closes, or holds, what is absent from each committed snapshot whose records all have their outcome."""
    for identity, doc in await store.find(SNAPSHOTS, {"state": "committed"}, limit=10):
        if await _settled(store, identity):
            await _reconcile(bus, store, identity, doc)
    return Result()


async def _settled(store: Store, identity: str) -> bool:
    async for part in parts(store, identity):
        if await store.count(SETTLEMENTS, {"transfer": part["transfer"]}) < part["count"]:
            return False
    return True


async def _reconcile(bus: Bus, store: Store, identity: str, doc: Doc) -> None:
    """Killed half-way it begins again: what is closed by then is open no longer, and is not closed twice."""
    counts, absent = await _counts(store, identity, doc)
    why = verdict(counts)
    transfer = await tell_absent(bus, store, doc, absent, why) if absent else None
    told = {"open": counts.open, "absent": counts.absent, "limit": counts.limit, "told": why, "absences": transfer}
    await store.put(SNAPSHOTS, {identity: {**doc, **told, "state": "held" if why else "reconciled"}})


async def _counts(store: Store, identity: str, doc: Doc) -> tuple[Counts, list[str]]:
    present, unnamed = set[int](), 0
    async for part in parts(store, identity):
        present.update(map(_mark, part["ids"]))
        unnamed += part["unnamed"]
    opened, absent = 0, list[str]()
    began = datetime.fromisoformat(doc["opened_at"]).timestamp()
    async for ref, state in _open(store, doc):
        opened += state.get("begun_at", 0) <= began  # what the snapshot itself opened does not count
        if _mark(ref.partition(":")[2]) not in present:
            absent.append(ref)
    held = bool(await store.get(HOLDS, [hold_key(doc["source"], doc["feed"])]))
    recent = await _recent(store, doc)
    return Counts(doc["count"], unnamed, opened, len(absent), recent, held), absent


def _mark(external_id: str) -> int:
    """Eight bytes stand for an id: of a million ids two agree once in forty million snapshots."""
    return int.from_bytes(blake2b(external_id.encode(), digest_size=8).digest())


async def _open(store: Store, doc: Doc) -> AsyncIterator[tuple[str, Doc]]:
    """The open vacancies of this source that came by this feed."""
    where, past = {"source": doc["source"]}, ""
    while found := await store.find(VACANCIES, where, limit=PAGE, past=past):
        past = found[-1][0]
        for ref, state in found:
            if state["status"] == Status.ACTIVE and state.get("feed", doc["feed"]) == doc["feed"]:
                yield ref, state


async def _recent(store: Store, doc: Doc) -> list[int]:
    """The sizes of the feed's last snapshots that were found good, from the last on that the operator released."""
    good = await store.find(SNAPSHOTS, {"source": doc["source"], "state": "reconciled"}, limit=1000)
    sizes: list[int] = []
    for one in sorted((doc for _, doc in good), key=itemgetter("committed_at")):  # keys tell no order within a second
        if one["feed"] == doc["feed"]:
            sizes = [*([] if one.get("released") else sizes), one["count"]]
    return sizes[-RECENT:]


async def tell_absent(bus: Bus, store: Store, doc: Doc, absent: Sequence[str], why: str | None) -> str:
    """Puts a record for each absent vacancy on the bus, as a transfer that its source can follow; its name."""
    at = datetime.fromisoformat(doc["committed_at"])
    feed, ends = (HELD, None) if why else (ABSENT, "closed")
    transfer, numbers = transfer_name(at, feed), count(1)
    told: Doc = {
        "source": doc["source"], "feed": feed, "count": len(absent), "sealed": False, "received_at": at.isoformat(),
    }  # fmt: skip
    await store.insert(TRANSFERS, {transfer: told})
    made: Any = partial(RecordReceived, source=doc["source"], feed=feed, transfer=transfer, received_at=at, ends=ends)
    for start in range(0, len(absent), AT_ONCE):
        batch = absent[start : start + AT_ONCE]
        await bus.publish([made(n=next(numbers), external_id=ref.partition(":")[2], body=why or "") for ref in batch])
    await store.put(TRANSFERS, {transfer: {**told, "sealed": True}})
    return transfer


async def release(bus: Bus, store: Store, identity: str) -> int:
    """Closes what the guard has held and what is still absent; how many.

    Raises:
        LookupError: no snapshot of this name is held.
    """
    doc = (await store.get(SNAPSHOTS, [identity])).get(identity)
    if doc is None or doc["state"] != "held":
        raise LookupError(f"no snapshot {identity} is held")
    _, absent = await _counts(store, identity, doc)
    transfer = await tell_absent(bus, store, doc, absent, None) if absent else None
    await store.put(
        SNAPSHOTS, {identity: {**doc, "state": "reconciled", "released": True, "told": None, "absences": transfer}}
    )
    return len(absent)


def hold_key(source: str, feed: str) -> str:
    return f"{source} {feed}"
