"""Word of our own that vacancies are over: past their end, or closed so long that nothing of them is to be kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pendler.service import Result
from pendler.store import Range, Store
from schemas.event import RecordReceived
from schemas.vacancy import Status
from services.ingest.state import TRANSFERS, VACANCIES, Clock
from services.ingest.transfers import transfer_name

KEEPS_STUBS = timedelta(days=30)
AT_ONCE = 500


async def expire(store: Store, clock: Clock) -> Result:
    """Puts a notice on the bus for each open vacancy whose end has passed; it is settled like any record."""
    now = clock()
    due = await store.find(VACANCIES, {"status": Status.ACTIVE}, Range("ends_at", upto=now.timestamp()), AT_ONCE)
    return await notices("expiry", [ref for ref, _ in due], "expired", now, store)


async def forget(store: Store, clock: Clock) -> Result:
    """Puts a notice on the bus for each vacancy closed so long ago that its stub is to go, too."""
    now = clock()
    due = await store.find(VACANCIES, within=Range("closed_at", upto=(now - KEEPS_STUBS).timestamp()), limit=AT_ONCE)
    return await notices("forgetting", [ref for ref, _ in due], "forgotten", now, store)


async def notices(kind: str, refs: Sequence[str], ends: Any, now: datetime, store: Store) -> Result:
    """Records that say that vacancies are over, as one transfer of our own; like any, sealed once they are durable."""
    transfer = transfer_name(now, kind)
    records = [
        RecordReceived(
            source=ref.partition(":")[0], feed=kind, transfer=transfer, n=n, external_id=ref.partition(":")[2],
            body="", received_at=now, ends=ends,
        )
        for n, ref in enumerate(refs, 1)
    ]  # fmt: skip
    if not refs:
        return Result()
    doc = {"source": "", "feed": kind, "count": len(refs), "sealed": False, "received_at": now.isoformat()}
    await store.insert(TRANSFERS, {transfer: doc})

    async def seal() -> None:
        await store.put(TRANSFERS, {transfer: {**doc, "sealed": True}})

    return Result(records, seal)
