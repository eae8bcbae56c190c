"""What every bus must do: the log on one machine and Kafka alike."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from pendler.bus import Bus, Delivery, Record, Stopped, encode, open_bus
from pendler.service import Handler, Reject, Result, Unavailable
from schemas.event import Erased, Event, Outcome, RecordReceived, RecordSettled, VacancyNormalised
from schemas.vacancy import Status

T = TypeVar("T")
TOPIC = VacancyNormalised.topic.name
DEAD = f"{TOPIC}.g.dead"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
POLL_INTERVAL = 5.0
Url = str


@pytest.fixture(params=["log", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Url:
    """A bus without records."""
    return f"file:{tmp_path}" if request.param == "log" else request.getfixturevalue("kafka_url")


@pytest.fixture
def kafka_url(kafka_node: Any) -> Url:
    kafka_node.empty({TOPIC: ["g"]})
    return f"kafka://{kafka_node.address}?max_poll_interval_ms={POLL_INTERVAL * 1000:.0f}"


def vacancy(ref: str = "x:1", revision: int = 1) -> VacancyNormalised:
    return VacancyNormalised(ref=ref, revision=revision, status=Status.CLOSED, at=NOW)


def received(n: int) -> RecordReceived:
    return RecordReceived(source="x", feed="json", transfer="t", n=n, body="{}", received_at=NOW)


def settled(n: int) -> RecordSettled:
    return RecordSettled(transfer="t", n=n, source="x", feed="json", outcome=Outcome.HELD, settled_at=NOW)


class Seen:
    """A handler that keeps what it is given, and fails as `trouble` says."""

    def __init__(self, trouble: Callable[[Sequence[Any]], Exception | None] = lambda _: None, rest: float = 0) -> None:
        self.batches: list[Sequence[Any]] = []
        self.attempts = 0
        self._trouble, self._rest = trouble, rest

    async def __call__(self, facts: Sequence[Any]) -> Result:
        self.attempts += 1
        await asyncio.sleep(self._rest)
        if error := self._trouble(facts):
            raise error
        self.batches.append(facts)
        return Result()

    @property
    def facts(self) -> list[Any]:
        return [fact for batch in self.batches for fact in batch]


@asynccontextmanager
async def opened(url: Url) -> AsyncIterator[Bus]:
    bus = open_bus(url)
    try:
        yield bus
    finally:
        await bus.close()


async def here(work: Awaitable[T]) -> T:
    return await work


class Member:
    """A member of a group, reading until told to stop."""

    def __init__(
        self, bus: Bus, seen: Seen, group: str = "g", event: type[Event] = VacancyNormalised, **how: Any
    ) -> None:
        self._stop, topic = asyncio.Event(), event.topic.name
        delivery = Delivery(bus, group, topic, Handler(seen, **how), here)
        self.task = asyncio.create_task(bus.consume(group, topic, delivery, self._stop))

    async def leave(self) -> None:
        self._stop.set()
        await asyncio.wait_for(self.task, 15)

    async def __aenter__(self) -> "Member":
        return self

    async def __aexit__(self, *error: object) -> None:
        self._stop.set()
        await asyncio.wait({self.task}, timeout=15)

    async def until(self, true: Callable[[], object], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                assert not self.task.done() or self.task.result(), "the member has left"
                await asyncio.sleep(0.01)


async def read(bus: Bus, count: int, group: str = "g", rest: float = 0, **how: Any) -> Seen:
    """What a group gets when it reads until it has `count` facts, and leaves."""
    seen = Seen(rest=rest)
    async with Member(bus, seen, group, **how) as member:
        await member.until(lambda: len(seen.facts) >= count)
        await member.leave()
    return seen


async def lying(bus: Bus, topic: str = TOPIC, **where: Any) -> list[Record]:
    return [record async for record in bus.scan(topic, **where)]


def by_key(events: Sequence[Any]) -> dict[str, list[Any]]:
    return {key: [event for event in events if event.ref == key] for key in {event.ref for event in events}}


def test_gives_back_what_was_published_in_order_per_key(url: Url) -> None:
    async def case() -> None:
        told = [vacancy(f"x:{n % 7}", n) for n in range(1, 101)]
        async with opened(url) as bus:
            await bus.publish(told[:60])
            await bus.publish(told[60:])
            seen = await read(bus, 100)
        assert by_key(seen.facts) == by_key(told)

    asyncio.run(case())


def test_is_read_on_from_where_a_reader_was(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            assert (await bus.span(TOPIC)).last == {}
            await bus.publish([vacancy(f"x:{n}", 1) for n in range(40)])
            before = await bus.span(TOPIC)
            assert await lying(bus, after=before.last) == []
            await bus.publish([received(1), *(vacancy(f"x:{n}", 2) for n in range(0, 40, 2))])
            assert {each.key for each in await lying(bus, after=before.last)} == {f"x:{n}" for n in range(0, 40, 2)}
            after = await bus.span(TOPIC)
            assert after.epoch == before.epoch
            newest = {each.partition: each.offset for each in await lying(bus)}
            assert after.last == newest
            assert len(await lying(bus, after={})) == 60

    asyncio.run(case())


def test_keeps_topics_apart(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy(), received(1), settled(1), received(2)])
            seen = await read(bus, 2, event=RecordReceived)
            assert sorted(seen.facts, key=lambda record: record.n) == [received(1), received(2)]
            assert (await read(bus, 1, event=RecordSettled)).facts == [settled(1)]
            assert (await read(bus, 1)).facts == [vacancy()]

    asyncio.run(case())


def test_gives_back_headers_key_and_time(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy("x:ä")])
            await bus.put([Record(TOPIC, 0, 0, "", b"", {"own": "ü"}), Record(TOPIC, 0, 0, "y", None)])
            records = {record.key: record for record in await lying(bus)}
        assert records["x:ä"].headers == encode(vacancy("x:ä")).headers
        assert abs(records["x:ä"].at - time.time()) < 10
        assert (records[""].value, records[""].headers) == (b"", {"own": "ü"})
        assert (records["y"].value, records["y"].headers) == (None, {})

    asyncio.run(case())


def test_a_batch_is_no_larger_than_its_handler_asks(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy(f"x:{n}") for n in range(45)])
            seen = await read(bus, 45, size=10)
        assert max(map(len, seen.batches)) == 10
        assert len(seen.facts) == 45

    asyncio.run(case())


def test_lingers_for_more_to_come(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            seen = Seen()
            async with Member(bus, seen, linger=1.5) as member:
                for n in range(6):
                    await bus.publish([vacancy(f"x:{n}")])
                    await asyncio.sleep(0.1)
                await member.until(lambda: len(seen.facts) == 6)
        assert len(seen.batches) <= 2

    asyncio.run(case())


def test_groups_have_positions_of_their_own_that_outlive_the_bus(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy(f"x:{n}") for n in range(10)])
            await read(bus, 10, "a")
        async with opened(url) as bus:
            assert await bus.lag("a", TOPIC) == 0
            assert await bus.lag("b", TOPIC) == 10
            await bus.publish([vacancy("x:10")])
            assert (await read(bus, 1, "a")).facts == [vacancy("x:10")]
            assert len((await read(bus, 11, "b")).facts) == 11

    asyncio.run(case())


VICTIM = """
import asyncio, sys
from pendler.bus import Delivery, open_bus
from pendler.service import Handler, Result
async def run(facts): return Result()
async def here(work): return await work
async def main(url, topic):
    bus = open_bus(url)
    await bus.consume("g", topic, Delivery(bus, "g", topic, Handler(run), here), asyncio.Event())
asyncio.run(main(*sys.argv[1:]))
"""


def test_what_was_in_hand_when_the_process_was_killed_comes_again(url: Url) -> None:
    told = [vacancy(revision=1), vacancy(revision=2)]

    async def publish() -> None:
        async with opened(url) as bus:
            await bus.publish(told)

    async def recover() -> None:
        async with opened(url) as bus:
            assert await bus.lag("g", TOPIC) == 2
            assert (await read(bus, 2)).facts == told
            assert await bus.lag("g", TOPIC) == 0

    # Kafka takes 10 s to miss the dead member, so there the last step before the commit has to do.
    for step in ["written"] if url.startswith("kafka") else ["handled", "written"]:
        asyncio.run(publish())
        environment = os.environ | {"PENDLER_FAILPOINT": f"g.{step}:1"}
        victim = subprocess.run([sys.executable, "-c", VICTIM, url, TOPIC], env=environment, timeout=60)
        assert victim.returncode == -signal.SIGKILL
        asyncio.run(recover())


def test_waits_for_an_engine_that_is_away_and_delivers_the_same_in_order(url: Url) -> None:
    async def case() -> None:
        away = POLL_INTERVAL + 2 if url.startswith("kafka") else 1.5
        until = time.monotonic() + away
        told = [vacancy(f"x:{n % 5}", n) for n in range(1, 31)]
        seen = Seen(lambda _: Unavailable("index") if time.monotonic() < until else None)
        async with opened(url) as bus:
            await bus.publish(told)
            async with Member(bus, seen) as member:
                await member.until(lambda: len(seen.facts) >= 30)
                await member.leave()
            assert await bus.lag("g", TOPIC) == 0
        assert by_key(seen.facts) == by_key(told)
        assert 2 <= seen.attempts <= away + 5, "about one attempt a second"

    asyncio.run(case())


def test_a_bad_record_is_set_aside_and_its_neighbours_are_served(url: Url) -> None:
    def trouble(facts: Sequence[Any]) -> Exception | None:
        refs = {fact.ref for fact in facts}
        return ValueError("broken") if "x:3" in refs else Reject("unwanted") if "x:5" in refs else None

    async def case() -> None:
        async with opened(url) as bus:
            poison = replace(encode(vacancy("x:bytes")), value=b"\xff{", headers={"own": "yes"})
            await bus.publish([vacancy(f"x:{n}") for n in range(4)])
            await bus.put([poison])
            await bus.publish([vacancy(f"x:{n}") for n in range(4, 8)])
            seen = Seen(trouble)
            async with Member(bus, seen) as member:
                await member.until(lambda: len(seen.facts) == 6)
                await member.leave()
            lay = {record.key: record for record in await lying(bus)}
            dead = {record.key: record for record in await lying(bus, DEAD)}
            assert await bus.lag("g", TOPIC) == 0
        assert {fact.ref for fact in seen.facts} == {f"x:{n}" for n in (0, 1, 2, 4, 6, 7)}
        assert dead.keys() == {"x:bytes", "x:3", "x:5"}
        for key, letter in dead.items():
            told = letter.headers
            assert letter.value == lay[key].value
            assert told.items() >= lay[key].headers.items()
            place = told["dead_topic"], int(told["dead_partition"]), int(told["dead_offset"])
            assert place == (TOPIC, lay[key].partition, lay[key].offset)
            assert int(told["dead_attempts"]) >= 1
        assert dead["x:bytes"].headers["dead_stage"] == "decode"
        assert (dead["x:3"].headers["dead_stage"], dead["x:3"].headers["dead_error"]) == (
            "handle",
            "ValueError: broken",
        )
        assert dead["x:5"].headers["dead_error"] == "Reject: unwanted"

    asyncio.run(case())


def test_stops_when_too_much_is_set_aside(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy(f"x:{n}") for n in range(30)])
            async with Member(bus, Seen(lambda _: Reject("all"))) as member:
                with pytest.raises(Stopped):
                    await asyncio.wait_for(asyncio.shield(member.task), 30)
            assert await bus.lag("g", TOPIC) == 30, "nothing of the batch is committed"

    asyncio.run(case())


def test_a_tombstone_is_an_erased(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy(), Erased("x:1", TOPIC)])
            assert (await read(bus, 2)).facts == [vacancy(), Erased("x:1", TOPIC)]

    asyncio.run(case())


def test_scan_past_a_group_is_what_the_group_lags(url: Url) -> None:
    async def case() -> None:
        told = [vacancy(f"x:{n % 5}", n) for n in range(1, 21)]
        async with opened(url) as bus:
            assert await lying(bus, past="g") == []
            await bus.publish(told)
            seen = await read(bus, 1, rest=0.1, size=6)
            left = await lying(bus, past="g")
            assert len(left) == await bus.lag("g", TOPIC) == 20 - len(seen.facts) > 0
            everything = [VacancyNormalised.model_validate_json(each.value or b"") for each in await lying(bus)]
            assert by_key(everything) == by_key(told)
            assert len(await lying(bus, key="x:2")) == 4

    asyncio.run(case())


def test_rewinding_replays_everything(url: Url) -> None:
    async def case() -> None:
        told = [vacancy(f"x:{n % 5}", n) for n in range(1, 21)]
        async with opened(url) as bus:
            await bus.publish(told)
            await read(bus, 20)
            await bus.rewind("g", TOPIC)
            assert await bus.lag("g", TOPIC) == 20
            assert by_key((await read(bus, 20)).facts) == by_key(told)

    asyncio.run(case())


def test_a_group_with_a_member_is_not_rewound(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy()])
            seen = Seen()
            async with Member(bus, seen) as member:
                await member.until(lambda: seen.facts)
                with pytest.raises(ValueError, match="member"):
                    await bus.rewind("g", TOPIC)

    asyncio.run(case())


def test_two_members_lose_nothing(url: Url) -> None:
    """On Kafka they share the partitions; on the log the second waits until the first has left."""

    async def case() -> None:
        shared = url.startswith("kafka")
        async with opened(url) as bus, opened(url) as other:
            one, two = Seen(rest=0.02), Seen(rest=0.02)
            async with Member(bus, one, size=5) as first, Member(other, two, size=5) as second:
                told = 0
                while told < 200 or (shared and not (one.facts and two.facts)):
                    await bus.publish([vacancy(f"x:{told + n}") for n in range(20)])
                    told += 20
                await first.until(lambda: len({fact.ref for fact in one.facts + two.facts}) == told)
                assert bool(two.facts) == shared
                await first.leave()
                await bus.publish([vacancy(f"y:{n}") for n in range(50)])
                await second.until(lambda: {fact.ref for fact in two.facts} >= {f"y:{n}" for n in range(50)})
                await second.leave()
            assert await bus.lag("g", TOPIC) == 0

    asyncio.run(case())


def test_stopping_finishes_what_is_in_hand(url: Url) -> None:
    async def case() -> None:
        async with opened(url) as bus:
            await bus.publish([vacancy()])
            seen = Seen(rest=1)
            async with Member(bus, seen) as member:
                await member.until(lambda: seen.attempts)
                await member.leave()
            assert seen.facts == [vacancy()]
            assert await bus.lag("g", TOPIC) == 0

    asyncio.run(case())


def test_the_log_keeps_the_newest_of_each_key_and_drops_what_is_old(tmp_path: Path) -> None:
    def age(days: int) -> None:
        with sqlite3.connect(tmp_path / "log.db") as log:
            log.execute("UPDATE log SET at = at - ?", (days * 86400,))
        log.close()

    async def case() -> None:
        async with opened(f"file:{tmp_path}") as bus:
            await bus.publish([received(1), Erased("x:0", TOPIC)])
            age(31)
            await bus.publish([vacancy("x:1", 1), vacancy("x:2", 1), vacancy("x:1", 2), received(2)])
            await bus.publish([vacancy("x:3", 1), Erased("x:3", TOPIC)])
            await bus.compact()
            left = [(record.key, record.value) for record in await lying(bus)]
            assert left == [(each.key, encode(each).value) for each in (vacancy("x:2", 1), vacancy("x:1", 2))] + [
                ("x:3", None)
            ]
            assert [each.key for each in await lying(bus, RecordReceived.topic.name)] == [received(2).key]

    asyncio.run(case())


@pytest.mark.kafka
def test_a_header_that_is_not_text_stops_nothing(kafka_url: Url, kafka_broker: str) -> None:
    async def case() -> None:
        async with opened(kafka_url) as bus:
            assert set((await read(bus, 1)).facts) == {vacancy()}
            [record] = await lying(bus)
            assert record.headers["odd"] == "\ufffd\ufffd"

    producer = KafkaProducer(bootstrap_servers=kafka_broker)
    producer.send(TOPIC, encode(vacancy()).value, b"x:1", headers=[("odd", b"\xff\xfe")]).get(10)
    producer.close()
    asyncio.run(case())


@pytest.mark.kafka
def test_long_work_does_not_cost_the_membership(kafka_url: Url, kafka_broker: str) -> None:
    async def case() -> None:
        async with opened(kafka_url) as bus:
            await bus.publish([vacancy()])
            seen = Seen(rest=POLL_INTERVAL + 2)
            async with Member(bus, seen) as member:
                await member.until(lambda: seen.attempts)
                before = await asyncio.to_thread(members, kafka_broker)
                await member.until(lambda: seen.facts)
                assert await asyncio.to_thread(members, kafka_broker) == before
                await member.leave()
            assert (seen.attempts, await bus.lag("g", TOPIC)) == (1, 0)

    asyncio.run(case())


def members(bootstrap: str) -> set[str]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        return {member["member_id"] for member in admin.describe_groups(["g"])["g"]["members"]}
    finally:
        admin.close()


@pytest.mark.kafka
def test_goes_on_by_itself_when_the_broker_is_back(kafka_url: Url, kafka_node: Any) -> None:
    async def case() -> None:
        async with opened(kafka_url) as bus:
            await bus.publish([vacancy("x:1")])
            seen = Seen()
            async with Member(bus, seen) as member:
                await member.until(lambda: len(seen.facts) == 1)
                await asyncio.to_thread(kafka_node.run, "kill", "1")
                with pytest.raises(Unavailable):
                    async with opened(kafka_url) as late:
                        await late.publish([vacancy("x:2")])
                waiting = asyncio.create_task(bus.publish([vacancy("x:3")]))
                await asyncio.to_thread(kafka_node.run, "start-node", "1")
                await waiting
                await member.until(lambda: vacancy("x:3") in seen.facts)
                await member.leave()
            assert await bus.lag("g", TOPIC) == 0

    asyncio.run(case())
