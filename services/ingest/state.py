"""What ingest remembers, and the pure rules of a record's fate.

One document a vacancy carries its last state and, in `last`, what became of the records of the batch that wrote
it: so a batch that is handled again after a kill comes to the same outcomes, whatever the kill fell between.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pendler.store import Collection, Doc
from schemas.event import Outcome, Reason, RecordReceived, RecordSettled, Severity, VacancyNormalised
from schemas.rights import UNSAID, Way
from schemas.vacancy import Status, Stub, Vacancy
from services.ingest.feed import Reading
from services.ingest.stated import unsaid

VACANCIES = Collection("vacancies", ("status", "ends_at", "closed_at", "source"))
SETTLEMENTS = Collection("settlements", ("transfer", "outcome", "ref"))
TRANSFERS = Collection("transfers", ("source", "sealed"))
KEYS = Collection("keys", ("source",))
MARKS = Collection("marks")

FRESH = timedelta(hours=36)
"""A vacancy published this short before it was accepted counts as news of the moment it was accepted: many
sources state only the day."""


ABSENT, HELD, DELETION, BLOCKED, UNBLOCKED = "absence", "absence-held", "deletion", "blocked", "unblocked"
"""Feeds of our own: vacancies that a complete snapshot no longer has, those of them that the guard keeps open, and
those that the source itself said are over, those that the operator blocks, and no longer does."""
SANDBOX = "~test"
"""Ends the name of a source that delivers with a test key: its records get outcomes, and nothing leaves ingest."""
Clock = Callable[[], datetime]
Rights = tuple[Way, ...]
"""The ways out that a vacancy may take."""


@dataclass(frozen=True)
class Fate:
    """What a record comes to: its outcome, the event it makes if any, the state after it."""

    outcome: Outcome
    event: VacancyNormalised | None = None
    state: Doc | None = None
    reason: Reason | None = None


def ref_of(record: RecordReceived) -> str:
    return f"{record.source}:{record.external_id}"


def digest(vacancy: Vacancy) -> str:
    """The hash of what a vacancy says; when it was last touched and whence it came are no part of that."""
    content = vacancy.model_dump_json(exclude={"updated": True, "origin": {"hops"}})
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def fate_of(
    record: RecordReceived, reading: Reading, known: Doc | None, keeps_days: int, rights: Rights = UNSAID
) -> Fate:
    """What becomes of a record that could be read, given the state its vacancy is in."""
    vacancy, warning = reading.vacancy, next(iter(reading.warnings), None)
    if known and known.get("blocked"):
        return Fate(Outcome.REJECTED, state=known, reason=_blocked(known))
    if known and _older(vacancy, known):
        return Fate(Outcome.SUPERSEDED, state=known, reason=_stale(vacancy, known))
    status = reading.status if reading.status is not Status.ACTIVE else _ended(vacancy, record.received_at)
    if status is not Status.ACTIVE:
        because = reading.closed_because or "deadline passed"
        return _end(record, known, status, because, stub_of(vacancy), _stamp(vacancy.updated))
    heard = (record.received_at + timedelta(days=keeps_days)).timestamp()
    ends_at = min((at.timestamp() for at in (vacancy.expires, vacancy.apply_by) if at), default=heard)
    updated = _stamp(vacancy.updated) or (known or {}).get("updated")
    heard_at = record.received_at.timestamp()
    is_open = known is not None and known["status"] == Status.ACTIVE
    begun_at = known.get("begun_at", 0.0) if known and is_open else heard_at
    touched = {
        "updated": updated, "ends_at": ends_at, "feed": record.feed, "heard_at": heard_at, "begun_at": begun_at,
    }  # fmt: skip
    content = digest(vacancy)
    if known and is_open and known["digest"] == content and same_rights(known, rights):
        return Fate(Outcome.UNCHANGED, state={**known, **touched}, reason=warning)
    event = _open(record, vacancy, known, rights)
    state = {**remembered(event), **touched, "digest": content}
    return Fate(Outcome.PUBLISHED, event, state, warning)


def had(known: Doc | None) -> Rights:
    """The ways out that a vacancy has as it is known."""
    return tuple(map(Way, (known or {}).get("ways", UNSAID)))


def lost(known: Doc | None, rights: Rights) -> Rights:
    """The ways out that it had at any time of its life and no longer has."""
    ever = {*had(known), *lost_of(known)} if known else set()
    return tuple(sorted(ever - set(rights)))


def lost_of(known: Doc | None) -> Rights:
    return tuple(map(Way, (known or {}).get("lost", ())))


def same_rights(known: Doc, rights: Rights) -> bool:
    return set(had(known)) == set(rights)


def end_of(record: RecordReceived, known: Doc | None) -> Fate:
    """What becomes of a notice that a vacancy is over (`record.ends`)."""
    status = Status(record.ends or Status.CLOSED)
    if known is None or known["status"] != Status.ACTIVE:
        return Fate(Outcome.UNCHANGED, state=known)
    at = record.received_at.timestamp()
    heard_since = record.feed == ABSENT and known.get("heard_at", 0) > at
    if heard_since or (status is Status.EXPIRED and known["ends_at"] > at):
        return Fate(Outcome.SUPERSEDED, state=known)
    because = _because(record, status)
    return _end(record, known, status, because, Stub.model_validate(known["stub"]))


def _because(record: RecordReceived, status: Status) -> str:
    if record.feed == ABSENT:
        return "no longer in the source's snapshot"
    if record.feed == DELETION:
        return record.body
    if record.feed == BLOCKED:
        return BLOCKED
    return "deadline passed" if status is Status.EXPIRED else f"{status} by source"


def _blocked(known: Doc) -> Reason:
    return Reason(rule="blocked", value=known["blocked"][:80], hint="The operator has blocked this vacancy; ask why.")


def held_by_guard(record: RecordReceived, known: Doc | None) -> Fate:
    """What becomes of an absence that the guard does not believe: nothing, and the source is told."""
    reason = Reason(rule="feed-guard", severity=Severity.WARNING, hint=record.body)
    return Fate(Outcome.HELD, state=known, reason=reason)


def stub_of(vacancy: Vacancy | None) -> Stub:
    """What is kept of a vacancy once it is over. Its parts were validated with it."""
    return Stub.model_construct(**{name: getattr(vacancy, name) for name in Stub.model_fields})


def settled(record: RecordReceived, fate: Fate) -> RecordSettled:
    """The settlement of a record; told the same each time."""
    revision = (fate.state or {}).get("revision")
    return RecordSettled(
        transfer=record.transfer, n=record.n, source=record.source, feed=record.feed, outcome=fate.outcome,
        ref=ref_of(record) if record.external_id else None, revision=revision, reason=fate.reason,
        settled_at=record.received_at,
    )  # fmt: skip


def _open(record: RecordReceived, vacancy: Vacancy, known: Doc | None, rights: Rights) -> VacancyNormalised:
    returns = known is not None and known["status"] != Status.ACTIVE
    begins = known is None or returns
    return VacancyNormalised(
        ref=ref_of(record),
        revision=(known["revision"] if known else 0) + 1,
        episode=(known["episode"] if known else 0) + begins,
        status=Status.ACTIVE,
        at=record.received_at,
        news_at=_news_at(record, vacancy, returns) if known is None or returns else _time(known["news_at"]),
        vacancy=vacancy.model_copy(update={"origin": vacancy.origin.model_copy(update={"source": record.source})}),
        ways=rights,
        lost=lost(known, rights),
    )


def _end(
    record: RecordReceived, known: Doc | None, status: Status, because: str, stub: Stub, updated: float | None = None
) -> Fate:
    updated = updated or (known or {}).get("updated")
    if known and known["status"] != Status.ACTIVE:
        return Fate(Outcome.UNCHANGED, state={**known, "updated": updated})
    event = VacancyNormalised(
        ref=ref_of(record),
        revision=(known["revision"] if known else 0) + 1,
        episode=known["episode"] if known else 1,
        status=status,
        reason=because,
        at=record.received_at,
        stub=stub,
        ways=had(known),
        lost=lost_of(known),
    )
    state = {
        **remembered(event),
        "updated": updated,
        "closed_at": record.received_at.timestamp(),
    }
    return Fate(Outcome.CLOSED, event, state)


def remembered(event: VacancyNormalised) -> Doc:
    """What is kept of a state: all but its text."""
    stub = event.stub or stub_of(event.vacancy)
    return {
        "source": event.source,
        "revision": event.revision,
        "episode": event.episode,
        "status": event.status,
        "news_at": _stamp(event.news_at),
        "ends_at": None,
        "closed_at": None,
        "digest": "",
        "ways": event.ways,
        "lost": event.lost,
        "stub": stub.model_dump(mode="json", exclude_defaults=True),
        "unsaid": unsaid(event.vacancy),
    }


def _news_at(record: RecordReceived, vacancy: Vacancy, returns: bool) -> datetime | None:
    if record.first_delivery or (vacancy.demonstration and returns):
        return None
    published = vacancy.published
    return record.received_at if published is None or record.received_at - published < FRESH else published


def _ended(vacancy: Vacancy, now: datetime) -> Status:
    ends = [at for at in (vacancy.expires, vacancy.apply_by) if at]
    return Status.EXPIRED if ends and min(ends) <= now else Status.ACTIVE


def _older(vacancy: Vacancy, known: Mapping[str, Any]) -> bool:
    return bool(vacancy.updated and known["updated"] and vacancy.updated.timestamp() < known["updated"])


def _stale(vacancy: Vacancy, known: Mapping[str, Any]) -> Reason:
    newest = _time(known["updated"])
    return Reason(
        rule="older-than-known",
        at="/updated",
        value=str(vacancy.updated),
        severity=Severity.WARNING,
        hint=f"We already have this vacancy as of {newest:%Y-%m-%d %H:%M:%S} UTC; send the newest state last.",
    )


def _stamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _time(stamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp is not None else None
