"""The bus on many machines: Kafka, through FastStream.

FastStream's broker publishes and makes the members of a group; `pendler.bus.kafka_member` is what a member does.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from pendler.bus import Delivery, Record, Span, encode
from pendler.bus.kafka_address import read
from pendler.bus.kafka_login import refused, security
from pendler.bus.kafka_member import HANDOVER, Member, place, record, unless
from pendler.service import Misconfigured, Reject, Unavailable
from schemas.event import EVENTS, Erased, Event

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells 25 times a second that a broker is away
PATIENCE = 15.0
LEAVE = 5.0
POLL = 500
SCAN, QUIET = 1000, 10
LARGEST = 8 * 1024 * 1024
Offsets = Mapping[TopicPartition, int]


class KafkaBus:
    """See `pendler.bus.Bus`; `pendler.bus.kafka_address` reads the URL."""

    def __init__(self, url: str) -> None:
        self._address = read(url)
        self._servers = self._address.servers
        self._publisher: KafkaBroker | None = None
        self._starting = asyncio.Lock()

    async def publish(self, events: Sequence[Event | Erased]) -> None:
        await self.put([encode(event) for event in events])

    async def put(self, records: Sequence[Record]) -> None:
        async with self._engine(), asyncio.timeout(PATIENCE):
            broker = await self._started()
            try:
                await asyncio.gather(*[await _send(broker, each) for each in records])
            except KafkaError as error:
                if not (error.retriable or isinstance(error, KafkaTimeoutError | MessageSizeTooLargeError)):
                    await self.close()  # an idempotent producer that failed once refuses everything after
                raise

    async def consume(self, group: str, topic: str, deliver: Delivery, stop: asyncio.Event) -> None:
        while not stop.is_set():
            member = Member(group, topic, deliver, stop)
            try:
                async with self._joined(member):
                    while not stop.is_set():
                        await member.turn()
            except KafkaError as error:
                await member.wait(error)

    async def scan(
        self, topic: str, past: str | None = None, key: str | None = None, after: Mapping[int, int] | None = None
    ) -> AsyncIterator[Record]:
        async with self._engine(), self._reader(topic, past) as consumer:
            starts, ends = await _span(consumer, past, after or {})
            left, quiet = {at for at in starts if starts[at] < ends[at]}, 0
            consumer.resume(*left)
            while left and quiet < QUIET:
                polled = await consumer.getmany(timeout_ms=POLL, max_records=SCAN)
                for each in chain(*polled.values()):
                    if each.offset < ends[place(each)] and key in (None, record(each).key):
                        yield record(each)
                left = {at for at in left if await consumer.position(at) < ends[at]}
                # Compaction may leave nothing to read before the end. Fetches fail silently; asking for ends does not.
                quiet = 0 if polled else quiet + bool(await consumer.end_offsets(left))

    async def span(self, topic: str) -> Span:
        """See `Bus`; an epoch ends with the cluster, and when keys are spread over more partitions."""
        async with self._engine(), self._reader(topic, None) as consumer:
            cluster = await (await self._started()).config.admin_client.describe_cluster()
            _, ends = await _span(consumer, None)
            last = {at.partition: end - 1 for at, end in ends.items() if end}
            return Span(f"{cluster['cluster_id']}/{len(ends)}", last)

    async def lag(self, group: str, topic: str) -> int:
        """See `Bus`; offsets that compaction has emptied count until the group has passed them."""
        async with self._engine(), self._reader(topic, group) as consumer:
            starts, ends = await _span(consumer, group)
            return sum(max(0, ends[at] - starts[at]) for at in starts)

    async def rewind(self, group: str, topic: str) -> None:
        async with self._engine(), self._reader(topic, group) as consumer:
            try:
                await consumer.commit(dict.fromkeys(consumer.assignment(), 0))
            except CommitFailedError:
                raise ValueError(f"group {group} still has a member: stop it, then rewind") from None

    async def compact(self) -> None:
        """Kafka does so by itself."""

    async def check(self) -> str:
        try:
            async with self._engine(), asyncio.timeout(PATIENCE):
                told = await (await self._started()).config.admin_client.describe_topics(list(EVENTS))
        except Unavailable:
            await refused(self._address)
            raise
        there = {each["topic"]: len(each["partitions"]) for each in told}
        wrong = [name for name, event in EVENTS.items() if there.get(name, 0) < event.topic.partitions]
        if wrong:
            told_of = ", ".join(f"{name} ({there.get(name, 0)} partitions)" for name in wrong)
            raise Misconfigured(f"missing topics or partitions: {told_of}; see pendler topics check, create")
        return f"Kafka, {', '.join(self._servers)}"

    async def close(self) -> None:
        if self._publisher:
            await _stop(self._publisher)
        self._publisher = None

    def _broker(self, consumer_only: bool) -> KafkaBroker:
        return KafkaBroker(
            self._servers,
            consumer_only=consumer_only,
            security=security(self._address),
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
                async with self._consumer(None) as probe:
                    await probe.topics()  # FastStream never closes a producer that could not connect
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
            raise Unavailable(f"Kafka at {self._servers}: {error!r}") from error

    @asynccontextmanager
    async def _joined(self, member: Member) -> AsyncIterator[None]:
        broker = self._broker(consumer_only=True)
        subscriber = broker.subscriber(
            member.topic,
            group_id=member.group,
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            max_poll_interval_ms=self._address.options.max_poll_interval_ms,
            session_timeout_ms=self._address.options.session_timeout_ms,
            heartbeat_interval_ms=self._address.options.session_timeout_ms // 4,
            rebalance_timeout_ms=int(2 * HANDOVER * 1000),
            listener=member,
        )
        try:
            await unless(member.stop, broker.start())
            member.consumer = subscriber.consumer
            yield
        finally:
            await _stop(broker)

    @asynccontextmanager
    async def _consumer(self, group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer that joins no group, but sees and sets the positions of `group`."""
        consumer = AIOKafkaConsumer(
            **self._address.client,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=int(PATIENCE * 1000),
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _reader(self, topic: str, group: str | None) -> AsyncIterator[AIOKafkaConsumer]:
        """Such a consumer, of all partitions of a topic, paused."""
        [told] = await (await self._started()).config.admin_client.describe_topics([topic])
        if not told["partitions"]:
            raise Unavailable(f"Kafka at {self._servers} has no topic {topic}")
        async with self._consumer(group) as consumer:
            consumer.assign([TopicPartition(topic, each["partition"]) for each in told["partitions"]])
            consumer.pause(*consumer.assignment())
            yield consumer


async def _send(broker: KafkaBroker, record: Record) -> "asyncio.Future[Any]":
    # Never publish_batch: it chooses the partition without looking at the keys.
    headers = dict(record.headers)
    return await broker.publish(record.value, record.topic, key=record.key.encode(), headers=headers, no_confirm=True)


async def _span(
    consumer: AIOKafkaConsumer, past: str | None, after: Mapping[int, int] | None = None
) -> tuple[Offsets, Offsets]:
    """Moves a consumer to where group `past` stands or past `after`; where that is, and where the topic ends now."""
    partitions = consumer.assignment()
    starts: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
    for at in partitions:
        wanted = (await consumer.committed(at) or 0) if past else (after or {}).get(at.partition, -1) + 1
        starts[at] = max(starts[at], wanted)
        consumer.seek(at, starts[at])
    return starts, await consumer.end_offsets(partitions)


async def _stop(broker: KafkaBroker) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(broker.stop(), LEAVE)
