"""Vacancies that the operator blocks: they end at once everywhere, and their source cannot open them again."""

from dataclasses import replace
from datetime import datetime

from pendler.bus import Bus
from pendler.store import Doc, Store
from schemas.event import Outcome, RecordReceived
from services.ingest.delivery import Taking
from services.ingest.state import BLOCKED, VACANCIES, Fate, end_of


def block_of(record: RecordReceived, known: Doc | None) -> Fate:
    """What becomes of the operator's word that a vacancy is not to be seen: it ends, and does not come back."""
    if known is None:
        return Fate(Outcome.UNCHANGED)
    fate = end_of(record, known)
    state = {**(fate.state or known), "blocked": record.body, "closed_at": None}
    return replace(fate, state=state)


def unblock_of(record: RecordReceived, known: Doc | None) -> Fate:
    """What becomes of the word that it may be seen again: it is closed, and its source may open it."""
    if known is None or not known.get("blocked"):
        return Fate(Outcome.UNCHANGED, state=known)
    return Fate(Outcome.UNCHANGED, state={**known, "blocked": None, "closed_at": record.received_at.timestamp()})


async def tell(bus: Bus, store: Store, kind: str, ref: str, why: str, now: datetime) -> None:
    """Puts the operator's word about one vacancy on the bus: `BLOCKED` or `UNBLOCKED`.

    Raises:
        LookupError: there is no such vacancy.
    """
    if not await store.get(VACANCIES, [ref]):
        raise LookupError(f"there is no vacancy {ref}")
    source, _, identity = ref.partition(":")
    taking = Taking(bus, store, source, kind, now)
    record = RecordReceived(
        source=source, feed=kind, transfer=taking.name, n=1, external_id=identity, body=why, received_at=now,
        ends="withdrawn" if kind == BLOCKED else None,
    )  # fmt: skip
    await taking.only(record)
