"""The life of a vacancy, record by record: what each record comes to, and that a kill in between changes nothing."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pendler.bus.log import LogBus
from pendler.service import Result
from pendler.store import Doc, Store
from pendler.store.sqlite import SqliteStore
from schemas.event import Erased, Outcome, Reason, RecordReceived, RecordSettled, Severity, VacancyNormalised
from schemas.rights import UNSAID
from schemas.vacancy import Contact, Employer, Location, Origin, Profile, Status, Vacancy
from services.ingest import demonstration
from services.ingest.accounts import ledger
from services.ingest.ends import KEEPS_STUBS, expire, forget
from services.ingest.feed import Reading
from services.ingest.service import OURS, Batch, on_received, on_set_aside
from services.ingest.state import (
    BLOCKED,
    FRESH,
    SETTLEMENTS,
    TRANSFERS,
    UNBLOCKED,
    VACANCIES,
    Fate,
    digest,
    end_of,
    fate_of,
    ref_of,
    settled,
)

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEEPS = 90
PUBLISHED, UNCHANGED, SUPERSEDED = Outcome.PUBLISHED, Outcome.UNCHANGED, Outcome.SUPERSEDED
REJECTED, CLOSED = Outcome.REJECTED, Outcome.CLOSED
Step = Callable[[Doc | None], Fate]


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


def received(n: int = 1, **members: Any) -> RecordReceived:
    made = {"source": "x", "feed": "se_jobtech", "transfer": "t", "n": n, "external_id": "1", "body": "{}"}
    return RecordReceived.model_validate({**made, "received_at": NOW, **members})


def vacancy(title: str = "Lasser", **members: Any) -> Vacancy:
    return Vacancy(origin=Origin(external_id="1"), profiles=(Profile(title=title),), **members)


def says(title: str = "Lasser", at: float = 0, first: bool = False, **members: Any) -> Step:
    """The source describes the vacancy, `at` hours from now."""
    record = received(received_at=hours(at), first_delivery=first)
    return lambda known: fate_of(record, Reading(vacancy(title, **members)), known, KEEPS)


def closes(at: float = 0, status: Status = Status.CLOSED, **members: Any) -> Step:
    """The source says in a record of its own that the vacancy is over."""
    reading = Reading(vacancy("(closed)", **members), status, "removed by source")
    return lambda known: fate_of(received(received_at=hours(at)), reading, known, KEEPS)


def notice(ends: str, at: float = 0) -> Step:
    """Word that the vacancy is over, with no description."""
    return lambda known: end_of(received(received_at=hours(at), ends=ends, body=""), known)


def live(*steps: Step) -> list[Fate]:
    fates: list[Fate] = []
    for step in steps:
        fates.append(step(fates[-1].state if fates else None))
    return fates


def says_operator(kind: str, why: str = "", at: float = 0) -> Step:
    """The operator blocks the vacancy, or no longer does."""
    record = received(feed=kind, body=why, received_at=hours(at), ends="withdrawn" if kind == BLOCKED else None)
    return lambda known: OURS[kind](record, known, UNSAID)


def blocks(why: str = "asks for money") -> Step:
    return says_operator(BLOCKED, why)


LIVES: dict[str, tuple[list[Step], list[Outcome], tuple[int, int, Status]]] = {
    "a first record": ([says()], [PUBLISHED], (1, 1, Status.ACTIVE)),
    "the same again": ([says(), says(at=1)], [PUBLISHED, UNCHANGED], (1, 1, Status.ACTIVE)),
    "touched, not changed": (
        [says(updated=hours(-2)), says(updated=hours(-1))],
        [PUBLISHED, UNCHANGED],
        (1, 1, Status.ACTIVE),
    ),
    "changed": ([says(), says("TIG-lasser")], [PUBLISHED, PUBLISHED], (2, 1, Status.ACTIVE)),
    "changed and changed back": (
        [says(), says("TIG-lasser"), says()],
        [PUBLISHED, PUBLISHED, PUBLISHED],
        (3, 1, Status.ACTIVE),
    ),
    "older than known": (
        [says(updated=hours(-1)), says("old", updated=hours(-2))],
        [PUBLISHED, SUPERSEDED],
        (1, 1, Status.ACTIVE),
    ),
    "older than what was only touched": (
        [says(updated=hours(-3)), says(updated=hours(-1)), says("old", updated=hours(-2))],
        [PUBLISHED, UNCHANGED, SUPERSEDED],
        (1, 1, Status.ACTIVE),
    ),
    "of the same time: the later accepted": (
        [says(updated=hours(-1)), says("new", updated=hours(-1))],
        [PUBLISHED, PUBLISHED],
        (2, 1, Status.ACTIVE),
    ),
    "without a time: the later accepted": (
        [says(updated=hours(-1)), says("new")],
        [PUBLISHED, PUBLISHED],
        (2, 1, Status.ACTIVE),
    ),
    "a record without a time in between": (
        [says(updated=hours(-1)), says("new"), says("old", updated=hours(-2))],
        [PUBLISHED, PUBLISHED, SUPERSEDED],
        (2, 1, Status.ACTIVE),
    ),
    "blocked by the operator": ([says(), blocks()], [PUBLISHED, CLOSED], (2, 1, Status.WITHDRAWN)),
    "blocked, and delivered again": (
        [says(), blocks(), says("other"), closes(), notice("expired")],
        [PUBLISHED, CLOSED, REJECTED, REJECTED, UNCHANGED],
        (2, 1, Status.WITHDRAWN),
    ),
    "blocked when it was over": (
        [says(), closes(), blocks(), says()],
        [PUBLISHED, CLOSED, UNCHANGED, REJECTED],
        (2, 1, Status.CLOSED),
    ),
    "blocked no longer": (
        [says(), blocks(), says_operator(UNBLOCKED, at=1), says()],
        [PUBLISHED, CLOSED, UNCHANGED, PUBLISHED],
        (3, 2, Status.ACTIVE),
    ),
    "never blocked": ([says(), says_operator(UNBLOCKED)], [PUBLISHED, UNCHANGED], (1, 1, Status.ACTIVE)),
    "closed by the source": ([says(), closes()], [PUBLISHED, CLOSED], (2, 1, Status.CLOSED)),
    "closed twice": ([says(), closes(), closes(at=1)], [PUBLISHED, CLOSED, UNCHANGED], (2, 1, Status.CLOSED)),
    "closed though unknown": ([closes()], [CLOSED], (1, 1, Status.CLOSED)),
    "closed by an older record": (
        [says(updated=hours(-1)), closes(updated=hours(-2))],
        [PUBLISHED, SUPERSEDED],
        (1, 1, Status.ACTIVE),
    ),
    "opened by a record older than its closing": (
        [says(updated=hours(-3)), closes(updated=hours(-1)), says("late", updated=hours(-2))],
        [PUBLISHED, CLOSED, SUPERSEDED],
        (2, 1, Status.CLOSED),
    ),
    "opened by a record older than its second closing": (
        [says(updated=hours(-3)), notice("closed"), closes(updated=hours(-1)), says("late", updated=hours(-2))],
        [PUBLISHED, CLOSED, UNCHANGED, SUPERSEDED],
        (2, 1, Status.CLOSED),
    ),
    "comes back": ([says(), closes(), says()], [PUBLISHED, CLOSED, PUBLISHED], (3, 2, Status.ACTIVE)),
    "comes back twice": (
        [says(), closes(), says(), notice("withdrawn"), says()],
        [PUBLISHED, CLOSED, PUBLISHED, CLOSED, PUBLISHED],
        (5, 3, Status.ACTIVE),
    ),
    "first heard of closed, then open": ([closes(), says()], [CLOSED, PUBLISHED], (2, 2, Status.ACTIVE)),
    "expired on arrival": ([says(expires=hours(-1))], [CLOSED], (1, 1, Status.EXPIRED)),
    "deadline passed on arrival": ([says(apply_by=hours(0), expires=hours(9))], [CLOSED], (1, 1, Status.EXPIRED)),
    "ends by a record": (
        [says(expires=hours(9)), says(expires=hours(-1))],
        [PUBLISHED, CLOSED],
        (2, 1, Status.EXPIRED),
    ),
    "withdrawn by notice": ([says(), notice("withdrawn")], [PUBLISHED, CLOSED], (2, 1, Status.WITHDRAWN)),
    "closed by notice": ([says(), notice("closed")], [PUBLISHED, CLOSED], (2, 1, Status.CLOSED)),
    "noticed twice": (
        [says(), notice("closed"), notice("expired", 9999)],
        [PUBLISHED, CLOSED, UNCHANGED],
        (2, 1, Status.CLOSED),
    ),
    "expired by notice": ([says(expires=hours(5)), notice("expired", 5)], [PUBLISHED, CLOSED], (2, 1, Status.EXPIRED)),
    "noticed too early": (
        [says(expires=hours(5)), notice("expired", 4)],
        [PUBLISHED, SUPERSEDED],
        (1, 1, Status.ACTIVE),
    ),
    "prolonged before the notice": (
        [says(expires=hours(5)), says(expires=hours(50)), notice("expired", 5)],
        [PUBLISHED, PUBLISHED, SUPERSEDED],
        (2, 1, Status.ACTIVE),
    ),
    "not heard of for ninety days": (
        [says(), notice("expired", KEEPS * 24 - 1), notice("expired", KEEPS * 24)],
        [PUBLISHED, SUPERSEDED, CLOSED],
        (2, 1, Status.EXPIRED),
    ),
    "heard of again meanwhile": (
        [says(), says(at=24), notice("expired", KEEPS * 24)],
        [PUBLISHED, UNCHANGED, SUPERSEDED],
        (1, 1, Status.ACTIVE),
    ),
}


@pytest.mark.parametrize(("steps", "outcomes", "last"), LIVES.values(), ids=LIVES.keys())
def test_a_life(steps: list[Step], outcomes: list[Outcome], last: tuple[int, int, Status]) -> None:
    fates = live(*steps)
    assert [fate.outcome for fate in fates] == outcomes
    state = fates[-1].state
    assert state
    assert (state["revision"], state["episode"], state["status"]) == last


@pytest.mark.parametrize(("steps", "outcomes", "last"), LIVES.values(), ids=LIVES.keys())
def test_what_is_published_or_closed_makes_an_event_and_nothing_else_does(
    steps: list[Step], outcomes: list[Outcome], last: tuple[int, int, Status]
) -> None:
    fates = live(*steps)
    assert [fate.event is not None for fate in fates] == [one in (PUBLISHED, CLOSED) for one in outcomes]
    events = [fate.event for fate in fates if fate.event]
    assert [event.revision for event in events] == list(range(1, len(events) + 1)), "each revision once, in order"
    assert events[-1].status is last[2] or last[2] is Status.ACTIVE
    for event in events:
        assert (event.vacancy is not None) is event.is_open
        assert (event.stub is not None) is not event.is_open
        assert event.ref == "x:1"


def test_a_notice_about_an_unknown_vacancy_changes_nothing() -> None:
    for ends in ("closed", "expired", "withdrawn"):
        (fate,) = live(notice(ends))
        assert fate == Fate(UNCHANGED)


def test_a_record_older_than_the_known_is_told_why_it_lost() -> None:
    _, fate = live(says(updated=hours(-1)), says("old", updated=hours(-2)))
    assert fate.reason
    assert (fate.reason.rule, fate.reason.at, fate.reason.severity) == (
        "older-than-known",
        "/updated",
        Severity.WARNING,
    )
    assert "2026-11-23 07:00:00 UTC" in fate.reason.hint
    assert fate.reason.value == str(hours(-2))


def test_a_closed_vacancy_keeps_codes_and_places_only() -> None:
    secret = {"employer": Employer(name="Secret"), "contacts": (Contact(name="Secret"),)}
    _, fate = live(says(**secret), closes(locations=(Location(country="NL"),), **secret))
    assert fate.event
    assert fate.event.reason == "removed by source"
    assert fate.event.stub
    assert fate.event.stub.locations == (Location(country="NL"),)
    assert "Secret" not in fate.event.model_dump_json() + json.dumps(fate.state)


def test_a_notice_closes_with_the_codes_and_places_that_are_known() -> None:
    _, fate = live(says(locations=(Location(country="NL"),), positions=3), notice("withdrawn"))
    assert fate.event
    assert fate.event.stub
    assert (fate.event.stub.locations, fate.event.stub.positions) == ((Location(country="NL"),), 3)
    assert fate.event.reason == "withdrawn by source"


@pytest.mark.parametrize(
    ("step", "news_at"),
    [
        (says(), NOW),
        (says(published=hours(-1)), NOW),
        (says(published=NOW - FRESH + timedelta(seconds=1)), NOW),
        (says(published=NOW - FRESH), NOW - FRESH),
        (says(published=hours(-24 * 30)), hours(-24 * 30)),
        (says(published=hours(20)), NOW),
        (says(first=True), None),
        (says(first=True, published=hours(-1)), None),
        (says(demonstration=True), NOW),
        (says(demonstration=True, first=True), None),
    ],
    ids=[
        "no date", "an hour ago", "just fresh", "just not fresh", "a month ago", "tomorrow", "first delivery",
        "first delivery, an hour ago", "demonstration", "first demonstration",
    ],
)  # fmt: skip
def test_when_a_new_vacancy_became_news(step: Step, news_at: datetime | None) -> None:
    (fate,) = live(step)
    assert fate.event
    assert fate.event.news_at == news_at


@pytest.mark.parametrize(
    ("steps", "news_at"),
    [
        ([says(published=hours(-2)), says("new", at=50, published=hours(50))], NOW),
        ([says(first=True), says("new", at=1)], None),
        ([says(), closes(), says(at=50)], hours(50)),
        ([says(first=True), closes(), says(at=50)], hours(50)),
        ([says(), closes(), says(at=50, first=True)], None),
        ([says(), closes(), says(at=24 * 40, published=hours(-2))], hours(-2)),
        ([says(demonstration=True), notice("expired", 9999), says(at=9999, demonstration=True)], None),
        ([says(demonstration=True), says("new", at=50, demonstration=True)], NOW),
    ],
    ids=[
        "a change is no news", "a change of no news is none", "what comes back is news",
        "what comes back is news, whatever it was", "but not with a first delivery", "published long before",
        "a demonstration renewed", "a demonstration changed",
    ],
)  # fmt: skip
def test_when_what_is_known_became_news(steps: list[Step], news_at: datetime | None) -> None:
    event = live(*steps)[-1].event
    assert event
    assert event.news_at == news_at


def test_the_digest_is_of_what_the_vacancy_says() -> None:
    one = vacancy()
    hopped = one.model_copy(update={"origin": Origin(external_id="1", hops=("a", "b")), "updated": NOW})
    assert digest(hopped) == digest(one)
    for other in (vacancy("Kok"), vacancy(positions=2), vacancy(published=NOW), vacancy(extra={"a": 1})):
        assert digest(other) != digest(one)


def test_a_warning_is_told_whether_the_record_changed_something_or_not() -> None:
    warning = Reason(rule="date-unreadable", severity=Severity.WARNING)
    reading = Reading(vacancy(), warnings=(warning, Reason(rule="second")))
    first = fate_of(received(), reading, None, KEEPS)
    again = fate_of(received(2), reading, first.state, KEEPS)
    assert (first.reason, again.reason) == (warning, warning)


# What follows runs on a store, batch by batch.


@pytest.fixture
def use(tmp_path: Path) -> Callable[[Callable[[Store], Awaitable[T]]], T]:
    """Runs something with ingest's store."""

    def run(work: Callable[[Store], Awaitable[T]]) -> T:
        async def opened() -> T:
            store = SqliteStore(str(tmp_path / "ingest.db"))
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())

    return run


Use = Callable[[Callable[[Store], Awaitable[Any]]], Any]


def ad(n: int, identity: str = "1", headline: str = "Svetsare", at: float = 0, **members: Any) -> RecordReceived:
    """A record of an advertisement in the format of JobTech, touched `at` hours from now."""
    body = {"id": identity, "headline": headline, "timestamp": int(hours(at - 24).timestamp() * 1000), **members}
    return received(n, external_id=identity, body=json.dumps(body))


def removal(n: int, identity: str = "1") -> RecordReceived:
    return ad(n, identity, removed=True)


def ends(n: int, how: str, identity: str = "1", at: float = 0) -> RecordReceived:
    return received(n, external_id=identity, body="", ends=how, received_at=hours(at))


LONG_AGO = -24 * 31


def long_closed(n: int) -> RecordReceived:
    """A vacancy that was closed a month ago."""
    return removal(n).model_copy(update={"received_at": hours(LONG_AGO)})


BATCHES: dict[str, tuple[list[RecordReceived], list[RecordReceived], list[Outcome], int]] = {
    "one": ([], [ad(1)], [PUBLISHED], 1),
    "two of one ref": ([], [ad(1), ad(2, headline="Kock")], [PUBLISHED, PUBLISHED], 2),
    "the same twice": ([], [ad(1), ad(2)], [PUBLISHED, UNCHANGED], 1),
    "three of one ref and others between": (
        [],
        [ad(1), ad(2, "2"), ad(3, headline="Kock"), ad(4, "3"), removal(5)],
        [PUBLISHED, PUBLISHED, PUBLISHED, PUBLISHED, CLOSED],
        5,
    ),
    "older after newer": ([], [ad(1), ad(2, headline="old", at=-1)], [PUBLISHED, SUPERSEDED], 1),
    "a change of what is known": ([ad(1)], [ad(2, headline="Kock"), ad(3)], [PUBLISHED, PUBLISHED], 2),
    "changed back within the batch": (
        [ad(1)],
        [ad(2, headline="Kock"), ad(3), ad(4)],
        [PUBLISHED, PUBLISHED, UNCHANGED],
        2,
    ),
    "rejected between": ([], [ad(1), ad(2, headline=""), ad(3)], [PUBLISHED, REJECTED, UNCHANGED], 1),
    "closed and back": ([ad(1)], [removal(2), ad(3)], [CLOSED, PUBLISHED], 2),
    "a notice of what only then opens": ([], [ends(1, "closed"), ad(2)], [UNCHANGED, PUBLISHED], 1),
    "a notice, then back": ([ad(1)], [ends(2, "withdrawn"), ad(3)], [CLOSED, PUBLISHED], 2),
    "forgotten": ([long_closed(1)], [ends(2, "forgotten")], [UNCHANGED], 1),
    "forgotten, then back": ([long_closed(1)], [ends(2, "forgotten"), ad(3)], [UNCHANGED, PUBLISHED], 2),
    "back, then forgotten": ([long_closed(1)], [ad(2), ends(3, "forgotten")], [PUBLISHED, UNCHANGED], 1),
}
BATCH = pytest.mark.parametrize(("before", "records", "outcomes", "events"), BATCHES.values(), ids=BATCHES.keys())


async def handle(store: Store, records: Sequence[RecordReceived]) -> Result:
    """Handles a batch as the bus does, but for the publishing."""
    result = await on_received(store, records)
    await result.write()
    return result


def settlements(result: Result) -> dict[str, RecordSettled]:
    return {event.version: event for event in result.events if isinstance(event, RecordSettled)}


def facts(result: Result) -> list[VacancyNormalised | Erased]:
    return [event for event in result.events if isinstance(event, VacancyNormalised | Erased)]


async def state_of(store: Store, ref: str = "x:1") -> Doc | None:
    return (await store.get(VACANCIES, [ref])).get(ref)


async def killed_between_the_writes(store: Store, records: Sequence[RecordReceived]) -> Result:
    """Handles a batch, of which the vacancies are written and the settlements are not."""
    result = await handle(store, records)
    await store.delete(SETTLEMENTS, [record.version for record in records])
    return result


@BATCH
def test_a_batch_settles_each_record_in_order(
    use: Use, before: list[RecordReceived], records: list[RecordReceived], outcomes: list[Outcome], events: int
) -> None:
    async def work(store: Store) -> None:
        await handle(store, before)
        result = await handle(store, records)
        assert [settlements(result)[record.version].outcome for record in records] == outcomes
        assert len(facts(result)) == events
        stored = await store.get(SETTLEMENTS, [record.version for record in records])
        assert [stored[record.version]["outcome"] for record in records] == outcomes

    use(work)


@BATCH
def test_a_batch_handled_again_after_its_writes_tells_nothing_new(
    use: Use, before: list[RecordReceived], records: list[RecordReceived], outcomes: list[Outcome], events: int
) -> None:
    async def work(store: Store) -> None:
        await handle(store, before)
        await handle(store, records)
        state = await state_of(store)
        again = await handle(store, records)
        assert list(again.events) == []
        assert await state_of(store) == state

    use(work)


@BATCH
def test_a_batch_handled_again_before_any_write_tells_the_same(
    use: Use, before: list[RecordReceived], records: list[RecordReceived], outcomes: list[Outcome], events: int
) -> None:
    async def work(store: Store) -> None:
        await handle(store, before)
        first = await on_received(store, records)
        assert list((await on_received(store, records)).events) == list(first.events)

    use(work)


@BATCH
@pytest.mark.parametrize("size", [1, 2, 300])
def test_a_batch_handled_again_after_a_kill_between_its_writes_settles_the_same(
    use: Use,
    before: list[RecordReceived],
    records: list[RecordReceived],
    outcomes: list[Outcome],
    events: int,
    size: int,
) -> None:
    """`size`: the bus may cut the records into batches of another size the second time."""

    async def work(store: Store) -> None:
        await handle(store, before)
        first = await killed_between_the_writes(store, records)
        state = {**(await state_of(store) or {}), "last": {}}
        again: dict[str, RecordSettled] = {}
        for start in range(0, len(records), size):
            result = await handle(store, records[start : start + size])
            assert facts(result) == [], "what was published is not published again"
            again |= settlements(result)
        assert again == settlements(first)
        assert {**(await state_of(store) or {}), "last": {}} == state

    use(work)


def test_what_follows_a_kill_between_the_writes_stands_on_the_state_before_it(use: Use) -> None:
    async def work(store: Store) -> None:
        records = [ad(1), ad(2, headline="Kock")]
        first = await killed_between_the_writes(store, records)
        second = await killed_between_the_writes(store, [*records, ad(3, headline="Bagare")])
        third = await handle(store, [*records, ad(3, headline="Bagare")])
        assert [fact.revision for fact in facts(second) if isinstance(fact, VacancyNormalised)] == [3]
        assert facts(third) == []
        assert settlements(third).items() >= settlements(first).items()
        assert [settlements(third)[f"t/{n}"].revision for n in (1, 2, 3)] == [1, 2, 3]

    use(work)


def test_one_record_delivered_twice_by_the_bus_is_settled_once(use: Use) -> None:
    async def work(store: Store) -> None:
        result = await handle(store, [ad(1), ad(1)])
        assert [one.outcome for one in settlements(result).values()] == [PUBLISHED]
        assert len(result.events) == 2
        assert list((await handle(store, [ad(1), ad(1)])).events) == []

    use(work)


def test_a_forgotten_vacancy_is_gone_and_one_that_came_back_is_not(use: Use) -> None:
    async def work(store: Store) -> None:
        await handle(store, [long_closed(1)])
        (erased,) = facts(await handle(store, [ends(2, "forgotten")]))
        assert erased == Erased("x:1")
        assert await state_of(store) is None
        await handle(store, [long_closed(3)])
        erased, event = facts(await handle(store, [ends(4, "forgotten"), ad(5)]))
        assert erased == Erased("x:1")
        assert isinstance(event, VacancyNormalised)
        state = await state_of(store)
        assert state
        assert (state["status"], state["revision"]) == (Status.ACTIVE, event.revision)

    use(work)


@pytest.mark.parametrize("before", [[], [ad(1)], [removal(1)]], ids=["unknown", "open", "closed just now"])
def test_what_is_not_closed_for_long_is_not_forgotten(use: Use, before: list[RecordReceived]) -> None:
    async def work(store: Store) -> None:
        await handle(store, before)
        state = await state_of(store)
        result = await handle(store, [ends(2, "forgotten")])
        assert facts(result) == []
        assert [one.outcome for one in settlements(result).values()] == [UNCHANGED]
        assert await state_of(store) == state

    use(work)


@pytest.mark.parametrize(
    ("record", "rule", "at"),
    [
        (received(flaw=Reason(rule="json-syntax", at="line 1"), external_id=None), "json-syntax", "line 1"),
        (ad(1, headline=""), "title-missing", "/headline"),
        (received(body="{"), "json-syntax", "line 1 column 2"),
        (received(body="[]"), "record-not-an-object", ""),
        (received(body='{"id": "1", "headline": "a", "id": "2"}'), "json-duplicate-key", "/id"),
        (received(body='{"headline": "a"}', external_id=None), "id-missing", "/id"),
    ],
    ids=lambda one: one.body[:20] if isinstance(one, RecordReceived) else one,
)
def test_a_flawed_record_is_rejected_with_its_reason(use: Use, record: RecordReceived, rule: str, at: str) -> None:
    async def work(store: Store) -> None:
        result = await handle(store, [record])
        (one,) = settlements(result).values()
        assert one.reason
        assert (one.outcome, one.reason.rule, one.reason.at) == (REJECTED, rule, at)
        assert one.reason.severity is Severity.ERROR
        assert one.ref == (ref_of(record) if record.external_id else None)
        assert facts(result) == []
        assert await store.find(VACANCIES) == []

    use(work)


def test_a_flawed_record_leaves_its_vacancy_as_it_is(use: Use) -> None:
    async def work(store: Store) -> None:
        await handle(store, [ad(1)])
        state = await state_of(store)
        await handle(store, [received(2, flaw=Reason(rule="json-syntax"))])
        assert await state_of(store) == state

    use(work)


def test_a_record_that_breaks_ingest_is_rejected_once(use: Use) -> None:
    async def work(store: Store) -> None:
        result = await on_set_aside(store, ad(1), "KeyError: " + "x" * 200)
        await result.write()
        (one,) = settlements(result).values()
        assert one.reason
        assert (one.outcome, one.reason.rule, len(one.reason.value or "")) == (REJECTED, "set-aside", 80)
        assert list((await on_received(store, [ad(1)])).events) == []

    use(work)


def test_a_settlement_is_told_the_same_each_time() -> None:
    fate = live(says())[0]
    assert settled(received(), fate) == settled(received(), fate)
    assert settled(received(), fate).settled_at == NOW
    assert settled(received(external_id=None), Fate(REJECTED)).ref is None


def test_a_batch_says_what_it_is_about_without_writing(use: Use) -> None:
    async def work(store: Store) -> None:
        batch = Batch({})
        batch.take(ad(1))
        assert [one.outcome for one in batch.settlements.values()] == [PUBLISHED]
        assert await state_of(store) is None

    use(work)


# Notices of our own: what has ended, what is to be forgotten.


def test_only_what_has_ended_is_noticed_and_then_closes(use: Use) -> None:
    async def work(store: Store) -> None:
        soon, later = f"{hours(5):%Y-%m-%dT%H:%M:%SZ}", f"{hours(50):%Y-%m-%dT%H:%M:%SZ}"
        await handle(
            store, [ad(1, "a", last_publication_date=soon), ad(2, "b", last_publication_date=later), removal(3, "c")]
        )
        assert list((await expire(store, lambda: hours(4))).events) == []
        noticed = await expire(store, lambda: hours(6))
        await noticed.write()
        records = [event for event in noticed.events if isinstance(event, RecordReceived)]
        assert [(record.key, record.ends) for record in records] == [("x:a", "expired")]
        (event,) = facts(await handle(store, records))
        assert isinstance(event, VacancyNormalised)
        assert (event.ref, event.status, event.reason) == ("x:a", Status.EXPIRED, "deadline passed")
        assert list((await expire(store, lambda: hours(6))).events) == []

    use(work)


def test_only_stubs_that_are_old_are_noticed_and_then_go(use: Use) -> None:
    async def work(store: Store) -> None:
        await handle(store, [removal(1, "a"), ad(2, "b")])
        assert list((await forget(store, lambda: NOW + KEEPS_STUBS - timedelta(seconds=1))).events) == []
        noticed = await forget(store, lambda: NOW + KEEPS_STUBS)
        records = [event for event in noticed.events if isinstance(event, RecordReceived)]
        assert [(record.key, record.ends) for record in records] == [("x:a", "forgotten")]
        assert facts(await handle(store, records)) == [Erased("x:a")]
        assert list(dict(await store.find(VACANCIES))) == ["x:b"]

    use(work)


def test_notices_under_one_fixed_clock_are_told_apart(use: Use) -> None:
    async def work(store: Store) -> None:
        for n, identity in enumerate("ab", 1):
            await handle(store, [ad(n, identity)])
            noticed = await expire(store, lambda: hours(9999))
            records = [event for event in noticed.events if isinstance(event, RecordReceived)]
            await noticed.write()
            result = await handle(store, records)
            assert [(one.outcome, one.ref) for one in settlements(result).values()] == [(CLOSED, f"x:{identity}")]

    use(work)


async def notice_of_an_end(store: Store) -> Result:
    await handle(store, [ad(1)])
    await store.insert(TRANSFERS, {"t": {"source": "x", "sealed": True, "count": 1}})
    return await expire(store, lambda: hours(9999))


async def demonstrate(store: Store) -> Result:
    return await demonstration.fill(store, lambda: NOW)


@pytest.mark.parametrize("job", [notice_of_an_end, demonstrate])
@pytest.mark.parametrize("killed", [False, True])
def test_the_books_are_even_when_a_job_is_killed_before_it_seals_its_transfer(
    use: Use, tmp_path: Path, job: Callable[[Store], Awaitable[Result]], killed: bool
) -> None:
    async def work(store: Store) -> None:
        bus = LogBus(str(tmp_path))
        result = await job(store)
        await bus.publish(result.events)
        if not killed:
            await result.write()
        assert await uneven(bus, store) == 0, "while they are pending"
        await handle(store, [event for event in result.events if isinstance(event, RecordReceived)])
        assert await uneven(bus, store) == 0, "when they are settled"
        await bus.close()

    use(work)


async def uneven(bus: LogBus, store: Store) -> int:
    counts = (await ledger(bus, store)).counts
    return counts["accepted"] - sum(counts[name] for name in (*Outcome, "pending"))


def test_who_delivers_a_blocked_vacancy_is_told_why_and_it_is_never_forgotten() -> None:
    *_, last = live(says(), blocks("asks for money"), says("other"))
    assert last.reason
    assert (last.reason.rule, last.reason.value) == ("blocked", "asks for money")
    (_, ended) = live(says(), blocks())
    assert ended.event
    assert (ended.event.reason, ended.event.vacancy) == ("blocked", None)
    assert ended.state
    assert ended.state["closed_at"] is None, "what is forgotten could be opened again"
