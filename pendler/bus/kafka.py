"""The bus on many machines: Kafka, through FastStream.

FastStream's broker publishes and makes the members of a group. The loop that polls is ours: FastStream's own keeps
a member whose coordination has died, does not poll while a batch is in hand, and cannot wait for a batch to fill.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError, MessageSizeTooLargeError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from pendler.bus import Delivery, Record, encode, failpoint
from pendler.metrics import WAITING
from pendler.service import Reject, Unavailable
from schemas.event import Erased, Event

log = structlog.get_logger()
logging.getLogger("aiokafka").setLevel(logging.ERROR)
PATIENCE = 15.0
AWAY = 1.0
BEAT = 1.0
POLL = 0.5
LEAVE = 5.0
HANDOVER = 20.0
SCAN, QUIET = 1000, 10
LARGEST = 8 * 1024 * 1024
Offsets = Mapping[TopicPartition, int]
T = TypeVar("T")


class KafkaBus:
    """See `pendler.bus.Bus`. `address` is `host:port[,host:port...][?max_poll_interval_ms=...]`."""

    def __init__(self, address: str) -> None:
        servers, _, query = address.partition("?")
        self._servers, self._poll_ms = servers.split(","), _poll_interval(query)
        self._publisher: KafkaBroker | None = None
        self._starting = asyncio.Lock()

    async def publish(self, events: Sequence[Event | Erased]) -> None:
        await self.put([encode(event) for event in events])

    async def put(self, records: Sequence[Record]) -> None:
        if not records:
            return
        async with self._engine():
            broker = await self._started()
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*[await _send(broker, record) for record in records])

    async def consume(self, group: str, topic: str, deliver: Delivery, stop: asyncio.Event) -> None:
        while not stop.is_set():
            member = Member(group, topic, deliver, stop)
            try:
                async with self._joined(member):
                    while not stop.is_set():
                        await member.turn()
            except KafkaError as error:
                await member.wait(Unavailable(f"Kafka at {self._servers}: {error!r}"))

    async def scan(self, topic: str, past: str | None = None, key: str | None = None) -> AsyncIterator[Record]:
        async with self._engine(), self._span(topic, past) as (consumer, starts, ends):
            left, quiet = {at for at in starts if starts[at] < ends[at]}, 0
            consumer.resume(*left)
            while left and quiet < QUIET:
                polled = await consumer.getmany(timeout_ms=int(POLL * 1000), max_records=SCAN)
                for record in map(_record, chain(*polled.values())):
                    at = TopicPartition(topic, record.partition)
                    if record.offset < ends[at] and key in (None, record.key):
                        yield record
                left = {at for at in left if await consumer.position(at) < ends[at]}
                # Compaction may leave nothing to read before the end. Fetches fail silently; asking for ends does not.
                quiet = 0 if polled else quiet + bool(await consumer.end_offsets(left))

    async def lag(self, group: str, topic: str) -> int:
        """As `Bus.lag`; offsets that compaction emptied count until the group has passed them."""
        async with self._engine(), self._span(topic, group) as (_, starts, ends):
            return sum(max(0, ends[at] - starts[at]) for at in starts)

    async def rewind(self, group: str, topic: str) -> None:
        async with self._engine(), self._reader(topic, group) as consumer:
            try:
                await consumer.commit(dict.fromkeys(consumer.assignment(), 0))
            except CommitFailedError:
                raise ValueError(f"group {group} still has members: stop them, then rewind") from None

    async def compact(self) -> None:
        """Kafka does so by itself."""

    async def close(self) -> None:
        if self._publisher:
            await _stop(self._publisher)
        self._publisher = None

    def _broker(self, consumer_only: bool) -> KafkaBroker:
        return KafkaBroker(
            self._servers,
            consumer_only=consumer_only,
            allow_auto_create_topics=False,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_batch_size=64 * 1024,
            max_request_size=LARGEST,
            request_timeout_ms=int(PATIENCE * 1000),
            id_generator=str,  # gives "": no correlation id among the headers of a record that had none
            logger=None,
            apply_types=False,
        )

    async def _started(self) -> KafkaBroker:
        async with self._starting:
            if self._publisher is None:
                broker = self._broker(consumer_only=False)
                await broker.connect()
                self._publisher = broker
            return self._publisher

    @asynccontextmanager
    async def _engine(self) -> AsyncIterator[None]:
        """Kafka's errors in the words of the port."""
        try:
            yield
        except MessageSizeTooLargeError as error:
            raise Reject(f"larger than a record may be: {error}") from error
        except (KafkaError, TimeoutError) as error:
            if isinstance(error, KafkaError) and not error.retriable:
                await self.close()  # an idempotent producer that has failed once refuses everything after
            raise Unavailable(f"Kafka at {self._servers}: {error!r}") from error

    @asynccontextmanager
    async def _joined(self, member: "Member") -> AsyncIterator[None]:
        broker = self._broker(consumer_only=True)
        subscriber = broker.subscriber(
            member.topic,
            group_id=member.group,
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            max_poll_interval_ms=self._poll_ms,
            rebalance_timeout_ms=int(2 * HANDOVER * 1000),
            listener=member,
        )
        try:
            await _unless(member.stop, broker.start())
            member.consumer = subscriber.consumer
            yield
        finally:
            await _stop(broker)

    @asynccontextmanager
    async def _reader(self, topic: str, group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of all partitions, paused. It joins no group, but sees and sets the positions of `group`."""
        [told] = await (await self._started()).config.admin_client.describe_topics([topic])
        partitions = [TopicPartition(topic, each["partition"]) for each in told["partitions"]]
        if not partitions:
            raise Unavailable(f"Kafka at {self._servers} has no topic {topic}")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=int(PATIENCE * 1000),
        )
        try:
            await consumer.start()
            consumer.assign(partitions)
            consumer.pause(*partitions)
            yield consumer
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _span(self, topic: str, past: str | None) -> AsyncIterator[tuple[AIOKafkaConsumer, Offsets, Offsets]]:
        """A consumer that stands where a group does, and how far the topic reaches now."""
        async with self._reader(topic, past) as consumer:
            partitions = list(consumer.assignment())
            starts = await consumer.beginning_offsets(partitions)
            for at in partitions:
                starts[at] = max(starts[at], (await consumer.committed(at) or 0) if past else 0)
                consumer.seek(at, starts[at])
            yield consumer, starts, await consumer.end_offsets(partitions)


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a group while it is in it. Before partitions go to another, the batch in hand is finished."""

    consumer: AIOKafkaConsumer

    def __init__(self, group: str, topic: str, deliver: Delivery, stop: asyncio.Event) -> None:
        self.group, self.topic, self.stop = group, topic, stop
        self._deliver, self._in_hand = deliver, asyncio.Lock()

    async def on_partitions_revoked(self, revoked: object) -> None:  # noqa: ARG002
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HANDOVER), self._in_hand:
                pass

    async def on_partitions_assigned(self, assigned: object) -> None:
        """Positions are where the group committed them."""

    async def turn(self) -> None:
        """Delivers one batch and commits it; after `Unavailable` it waits, and the batch comes again."""
        batch = await self._batch()
        try:
            async with self._in_hand, self._polling():
                if batch:
                    await self._deliver([_record(each) for each in batch])
                    await self._commit(batch)
            WAITING.labels(self.group, self.topic).set(0)
        except Unavailable as away:
            self._seek(batch)
            await self.wait(away)

    async def wait(self, away: Unavailable) -> None:
        log.warning("waiting", group=self.group, topic=self.topic, away=str(away))
        WAITING.labels(self.group, self.topic).set(1)
        await _unless(self.stop, asyncio.sleep(AWAY))

    async def _batch(self) -> list[ConsumerRecord]:
        handler, clock = self._deliver.handler, asyncio.get_running_loop()
        batch = await self._poll(POLL, handler.size)
        until = clock.time() + handler.linger
        while batch and len(batch) < handler.size and not self.stop.is_set() and (left := until - clock.time()) > 0:
            batch += await self._poll(left, handler.size - len(batch))
        return batch

    async def _poll(self, seconds: float, size: int) -> list[ConsumerRecord]:
        polling = self.consumer.getmany(timeout_ms=int(seconds * 1000), max_records=size)
        return list(chain(*(await _unless(self.stop, polling) or {}).values()))

    @asynccontextmanager
    async def _polling(self) -> AsyncIterator[None]:
        """Keeps polling, for nothing, so that long work does not cost the membership."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.wait({beat})
            self.consumer.resume(*self.consumer.paused())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self.consumer.pause(*self.consumer.assignment())
            with contextlib.suppress(KafkaError):  # the next poll in earnest meets it, too
                self._seek(list(chain(*(await self.consumer.getmany()).values())))

    async def _commit(self, batch: Sequence[ConsumerRecord]) -> None:
        """A batch that is not committed is not lost: whoever has its partitions now gets it again."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.consumer.commit({_at(each): each.offset + 1 for each in batch})
        except (KafkaError, TimeoutError) as error:
            log.warning("not committed", group=self.group, topic=self.topic, records=len(batch), error=repr(error))
        else:
            failpoint(f"{self.group}.committed")

    def _seek(self, batch: Sequence[ConsumerRecord]) -> None:
        """Back to the first record of the batch on each partition that is still ours."""
        first = {_at(each): each.offset for each in reversed(batch)}
        for at in first.keys() & self.consumer.assignment():
            self.consumer.seek(at, first[at])


def _poll_interval(query: str) -> int:
    options = dict(parse_qsl(query, strict_parsing=bool(query)))
    interval = int(options.pop("max_poll_interval_ms", 300_000))
    if options:
        raise ValueError(f"PENDLER_BUS: unknown option {', '.join(options)}; there is max_poll_interval_ms")
    return interval


async def _send(broker: KafkaBroker, record: Record) -> "asyncio.Future[Any]":
    # Never publish_batch: it chooses the partition without looking at the keys.
    return await broker.publish(
        record.value, record.topic, key=record.key.encode(), headers=dict(record.headers), no_confirm=True
    )


def _record(raw: ConsumerRecord) -> Record:
    headers = {name: (value or b"").decode(errors="replace") for name, value in raw.headers}
    if not headers.get("content-type"):  # FastStream gives one to every record, an empty one to a tombstone
        headers.pop("content-type", None)
    key = (raw.key or b"").decode(errors="replace")
    return Record(raw.topic, raw.partition, raw.offset, key, raw.value, headers, raw.timestamp / 1000)


def _at(raw: ConsumerRecord) -> TopicPartition:
    return TopicPartition(raw.topic, raw.partition)


async def _stop(broker: KafkaBroker) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(broker.stop(), LEAVE)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` comes to; nothing, and it is cancelled, once `stop` is set."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        doing.cancel()
        stopping.cancel()
        await asyncio.wait({doing, stopping})
