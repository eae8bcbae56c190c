"""A member of a Kafka consumer group: polls, delivers, commits.

The loop is ours and not FastStream's, which keeps a member whose coordination has died, does not poll while a batch
is in hand, and cannot wait for a batch to fill.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from pendler.bus import Delivery, Record, failpoint
from pendler.metrics import WAITING
from pendler.service import Unavailable

logger = structlog.get_logger()
AWAY = 1.0
BEAT = 1.0
COMMIT = 15.0
HANDOVER = 20.0
LOOK = 10.0
POLL = 0.5
T = TypeVar("T")


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a group while it is in it. Before partitions go to another, the batch in hand is finished."""

    consumer: AIOKafkaConsumer

    def __init__(self, group: str, topic: str, deliver: Delivery, stop: asyncio.Event) -> None:
        self.group, self.topic, self.stop = group, topic, stop
        self._deliver, self._in_hand = deliver, asyncio.Lock()
        self._clock, self._looked = asyncio.get_running_loop().time, 0.0

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
                await (self._serve(batch) if batch else self._look())
            WAITING.labels(self.group, self.topic).set(0)
        except Unavailable as away:
            self._seek(batch)
            await self.wait(away)

    async def wait(self, away: Exception) -> None:
        logger.warning("waiting", group=self.group, topic=self.topic, away=str(away))
        WAITING.labels(self.group, self.topic).set(1)
        await unless(self.stop, asyncio.sleep(AWAY))

    async def _serve(self, batch: Sequence[ConsumerRecord]) -> None:
        """A batch that is not committed is not lost: whoever has its partitions now gets it again."""
        await self._deliver([record(each) for each in batch])
        try:
            async with asyncio.timeout(COMMIT):
                await self.consumer.commit({place(each): each.offset + 1 for each in batch})
        except (KafkaError, TimeoutError) as error:
            logger.warning("not committed", group=self.group, topic=self.topic, error=repr(error))
        else:
            failpoint(f"{self.group}.committed")

    async def _look(self) -> None:
        """Polling does not tell that the broker is away; asking does."""
        if self._clock() - self._looked > LOOK:
            try:
                await self.consumer.topics()
            except KafkaError as error:
                raise Unavailable(f"Kafka: {error!r}") from error
            self._looked = self._clock()

    async def _batch(self) -> list[ConsumerRecord]:
        handler = self._deliver.handler
        batch = await self._poll(POLL, handler.size)
        until = self._clock() + handler.linger
        while batch and len(batch) < handler.size and not self.stop.is_set() and (left := until - self._clock()) > 0:
            batch += await self._poll(left, handler.size - len(batch))
        return batch

    async def _poll(self, seconds: float, size: int) -> list[ConsumerRecord]:
        polling = self.consumer.getmany(timeout_ms=int(seconds * 1000), max_records=size)
        return list(chain(*(await unless(self.stop, polling) or {}).values()))

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

    def _seek(self, batch: Sequence[ConsumerRecord]) -> None:
        """Back to the first record of the batch on each partition that is still ours."""
        first = {place(each): each.offset for each in reversed(batch)}
        for at in first.keys() & self.consumer.assignment():
            self.consumer.seek(at, first[at])


def record(raw: ConsumerRecord) -> Record:
    headers = {name: (value or b"").decode(errors="replace") for name, value in raw.headers}
    if not headers.get("content-type"):  # FastStream adds an empty one where there is none
        headers.pop("content-type", None)
    key = (raw.key or b"").decode(errors="replace")
    return Record(raw.topic, raw.partition, raw.offset, key, raw.value, headers, raw.timestamp / 1000)


def place(raw: ConsumerRecord) -> TopicPartition:
    return TopicPartition(raw.topic, raw.partition)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` comes to; nothing, and it is cancelled, once `stop` is set."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        doing.cancel()
        stopping.cancel()
        await asyncio.wait({doing, stopping})
