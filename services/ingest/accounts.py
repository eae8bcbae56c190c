"""The books of ingest: accepted records against their outcomes, and what it knows of one vacancy."""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pendler.bus import Bus, decode
from pendler.service import Ledger, Reject
from pendler.store import Doc, Store, everything
from schemas.event import Outcome, RecordReceived
from schemas.rights import Way
from schemas.vacancy import Status
from services.ingest.state import SETTLEMENTS, TRANSFERS, VACANCIES, had


async def ledger(bus: Bus, store: Store) -> Ledger:
    """Counts of accepted records, of each outcome and of what is pending; the open vacancies by version.

    A transfer is accepted once it is sealed: its count is then what its sender was told. Records of a transfer
    that broke off before that are settled, too, but are on neither side of the sum.
    """
    pending = await _pending(bus, store)
    counts: Counter[str] = Counter(
        {outcome: await store.count(SETTLEMENTS, {"outcome": outcome}) for outcome in Outcome}
    )
    counts.update(accepted=0, pending=pending.total())
    async for transfer, doc in everything(store, TRANSFERS):
        if doc["sealed"]:
            counts["accepted"] += doc["count"]
        else:
            counts.subtract(await outcomes(store, transfer))
            counts["pending"] -= pending[transfer]
    states = everything(store, VACANCIES)
    open_ones = {ref: doc["revision"] async for ref, doc in states if _is_to_be_found(doc)}
    return Ledger(counts, open_ones)


def _is_to_be_found(state: Doc) -> bool:
    return state["status"] == Status.ACTIVE and Way.SEARCH in had(state)


async def outcomes(store: Store, transfer: str) -> Mapping[str, int]:
    """How many records of a transfer came to each outcome so far."""
    return {outcome: await store.count(SETTLEMENTS, {"transfer": transfer, "outcome": outcome}) for outcome in Outcome}


async def trace(store: Store, ref: str) -> Sequence[Mapping[str, Any]]:
    """The records that were about one vacancy, what became of them, and the state they left."""
    records = await store.find(SETTLEMENTS, {"ref": ref})
    state = (await store.get(VACANCIES, [ref])).get(ref)
    kept = {key: state[key] for key in ("revision", "episode", "status")} if state else {}
    hops = [{"hop": "settled", "record": key, **doc} for key, doc in records]
    return [*hops, {"hop": "known to ingest", **kept}] if state else hops


async def _pending(bus: Bus, store: Store) -> Counter[str]:
    """How many records of each transfer wait: those past ingest's position that are not settled."""
    waiting: dict[str, str] = {}
    async for record in bus.scan(RecordReceived.topic.name, past="ingest"):
        with contextlib.suppress(Reject):
            fact = decode(record)
            waiting[fact.version] = fact.transfer
    done = await store.get(SETTLEMENTS, list(waiting))
    return Counter(transfer for version, transfer in waiting.items() if version not in done)
