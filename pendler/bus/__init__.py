"""The bus: durable, replayable topics with consumer groups. The delivery rule stands here, once, for every bus.

    decode each record by itself -> handle the batch -> publish what came out and wait until it is durable
    -> write the state -> commit the position

At least once, in order per key. A record that cannot be decoded, is rejected, or breaks its handler is set aside
on `<topic>.<group>.dead` with everything needed to look at it and to replay it; its neighbours are served.
Only `Unavailable` waits.
"""

import asyncio
import os
import signal
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog
from pydantic import ValidationError

from pendler import tracing
from pendler.metrics import ASIDE, HANDLED
from pendler.service import Fact, Handler, Misconfigured, Reject, Result, Unavailable
from schemas.event import EVENTS, Erased, Event

logger = structlog.get_logger()
TRIES, BACKOFF = 3, 0.2
ERROR_LENGTH = 500
MET = 2000
_met: dict[tuple[str, bytes], Event] = {}
"""The facts last written or read here that a group of this process will read, or read again."""
_readers: Counter[str] = Counter()
"""How many groups of this process read a topic."""


@dataclass(frozen=True)
class Record:
    """One record as it lies on a topic. `value` None is a tombstone."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    at: float = 0.0


@dataclass(frozen=True)
class Span:
    """How far a topic reaches: `last` is the newest offset of each partition that has any. Offsets begin anew, and mean
    other records, where `epoch` is another."""

    epoch: str
    last: Mapping[int, int]


class Bus(Protocol):
    """A bus. One URL picks the adapter; `tests/contracts/test_bus.py` is what each must do.

    Every method raises `Unavailable` where the engine is away.
    """

    async def publish(self, events: Sequence[Event | Erased]) -> None:
        """Puts facts on their topics, in order per key; returns once all of them are durable."""

    async def put(self, records: Sequence[Record]) -> None:
        """Puts raw records on the topics they name (partition and offset are given anew); durable on return."""

    async def consume(self, group: str, topic: str, deliver: "Delivery", stop: asyncio.Event) -> None:
        """Gives batches to `deliver` and commits after each, until `stop` is set. One call a group and topic."""

    def scan(
        self, topic: str, past: str | None = None, key: str | None = None, after: Mapping[int, int] | None = None
    ) -> AsyncIterator[Record]:
        """What lies on a topic now, in order; only past the position of group `past`; only of `key`.

        `after` are offsets by partition: what lies at them or before them is left out.
        """

    async def span(self, topic: str) -> Span:
        """How far the topic reaches now."""

    async def lag(self, group: str, topic: str) -> int:
        """How many records of the topic the group has not committed."""

    async def rewind(self, group: str, topic: str) -> None:
        """Puts the group's position back to the start.

        Raises:
            ValueError: the group has a member.
        """

    async def compact(self) -> None:
        """Drops what retention and compaction allow. An engine that does so by itself does nothing here."""

    async def check(self) -> str:
        """What engine this is, once it has answered.

        Raises:
            Misconfigured: it is there, but not as it must be.
        """

    async def close(self) -> None:
        """Leaves in order. What is not committed comes again."""


def encode(event: Event | Erased) -> Record:
    """A fact as a record, with CloudEvents headers (binary mode) and the trace that is being followed."""
    if isinstance(event, Erased):
        return Record(event.topic, 0, 0, event.ref, None)
    name = event.topic.name
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event.id),
        "ce_type": f"eu.pendler.{name}",
        "ce_source": f"/{event.topic.owner}",
        "content-type": "application/json",
    }
    if trace := tracing.carried(event.key):
        headers[tracing.HEADER] = trace
    value = event.model_dump_json(exclude_none=True).encode()
    if _readers[name]:
        _meet(name, value, event)
    return Record(name, 0, 0, event.key, value, headers)


def _meet(topic: str, value: bytes, event: Event) -> None:
    _met[topic, value] = event
    if len(_met) > MET:
        _met.pop(next(iter(_met)), None)


def decode(record: Record) -> Fact:
    """The fact in a record.

    Raises:
        Reject: it is none of this topic's facts; says why.
    """
    if record.value is None:
        return Erased(record.key, record.topic)
    if met := _met.get((record.topic, record.value)):
        return met
    try:
        event: Event = EVENTS[record.topic].model_validate_json(record.value)
    except (ValidationError, KeyError) as error:
        raise Reject(f"does not decode: {error}"[:ERROR_LENGTH]) from None
    if _readers[record.topic] > 1:
        _meet(record.topic, record.value, event)
    return event


def failpoint(name: str) -> None:
    """Kills this process the n-th time it comes by, where `PENDLER_FAILPOINT=<name>:<n>`: for crash tests."""
    wanted, _, countdown = os.environ.get("PENDLER_FAILPOINT", "").partition(":")
    if wanted != name:
        return
    if int(countdown or 1) <= 1:
        os.kill(os.getpid(), signal.SIGKILL)
    os.environ["PENDLER_FAILPOINT"] = f"{name}:{int(countdown) - 1}"


async def survive(work: Awaitable[object]) -> Exception | None:
    """Whatever went wrong in `work`, for the caller to deal with: the one broad `except` of the code base."""
    try:
        await work
    except Exception as error:  # noqa: BLE001
        return error
    return None


class Brake:
    """Stops a group that sets too much aside: a broken service must not empty its topic into the dead letters."""

    def __init__(self, in_a_row: int = 10, share: float = 0.2, window: int = 1000) -> None:
        self._in_a_row, self._allowed = in_a_row, int(share * window)
        self._last: deque[bool] = deque(maxlen=window)
        self._row = 0

    def passed(self, count: int) -> None:
        self._row = 0
        self._last.extend([False] * min(count, self._last.maxlen or count))

    def aside(self) -> None:
        """Counts one record set aside.

        Raises:
            Stopped: more than ten in a row, or a fifth of the last thousand.
        """
        self._row += 1
        self._last.append(True)
        if self._row > self._in_a_row or sum(self._last) > self._allowed:
            raise Stopped(f"set aside {self._row} in a row, {sum(self._last)} of the last {len(self._last)}")


class Stopped(Exception):
    """Too much was set aside; the group stands until someone has looked."""


T = TypeVar("T")


class Worker(Protocol):
    """Runs something elsewhere and gives back what it came to."""

    async def __call__(self, work: Awaitable[T]) -> T: ...


class Delivery:
    """The delivery rule for one group and topic.

    `worker` runs the handler and its writes off the loop that talks to the bus, so that long work does not
    cost the group its membership.
    """

    def __init__(self, bus: Bus, group: str, topic: str, handler: Handler, worker: Worker) -> None:
        self.group, self.topic, self.handler = group, topic, handler
        self._bus, self._worker, self._brake = bus, worker, Brake()
        _readers[topic] += 1
        self._aside: set[tuple[int, int]] = set()
        """What of the batch in hand is set aside already, should it come again because an engine is away."""

    async def __call__(self, records: Sequence[Record]) -> None:
        """Delivers one batch; on return it may be committed.

        Raises:
            Unavailable: an engine is away; deliver the same batch again later.
            Stopped: see `Brake`.
        """
        pairs: list[tuple[Record, Fact]] = []
        for record in records:
            try:
                pairs.append((record, decode(record)))
            except Reject as error:
                await self._set_aside(record, None, "decode", error, 1)
        await self._try(pairs, TRIES)
        self._aside.clear()
        failpoint(f"{self.group}.written")

    async def _try(self, pairs: Sequence[tuple[Record, Fact]], tries: int) -> None:
        pairs = [pair for pair in pairs if (pair[0].partition, pair[0].offset) not in self._aside]
        for attempt in range(1, tries + 1) if pairs else ():
            error = await survive(self._once(pairs))
            if error is None:
                return
            if isinstance(error, Unavailable):
                raise error
            if isinstance(error, Reject) or attempt == tries:
                await self._narrow(pairs, error, attempt)
                return
            logger.warning("handler failed", group=self.group, topic=self.topic, attempt=attempt, error=repr(error))
            await asyncio.sleep(BACKOFF * 2**attempt)

    async def _once(self, pairs: Sequence[tuple[Record, Fact]]) -> None:
        failpoint(f"{self.group}.read")
        with tracing.following(f"{self.group} {self.topic}", [record for record, _ in pairs]):
            await self._carry_out(await self._worker(self.handler.run([fact for _, fact in pairs])))
        self._brake.passed(len(pairs))
        HANDLED.labels(self.group, self.topic).inc(len(pairs))

    async def _carry_out(self, result: Result) -> None:
        failpoint(f"{self.group}.handled")
        if result.events:
            await self._bus.publish(result.events)
        failpoint(f"{self.group}.published")
        await self._worker(result.write())

    async def _narrow(self, pairs: Sequence[tuple[Record, Fact]], error: Exception, attempts: int) -> None:
        """Halves the batch until the bad record stands alone; alone it has all its tries again."""
        if len(pairs) == 1:
            await self._set_aside(*pairs[0], "handle", error, attempts)
            return
        middle = len(pairs) // 2
        for half in (pairs[:middle], pairs[middle:]):
            await self._try(half, TRIES if len(half) == 1 else 1)

    async def _set_aside(self, record: Record, fact: Fact | None, stage: str, error: Exception, attempts: int) -> None:
        if (record.partition, record.offset) in self._aside:
            return
        await self._bus.put([dead_letter(record, self.group, stage, error, attempts)])
        if fact is not None and self.handler.aside:
            await self._carry_out(await self._worker(self.handler.aside(fact, str(error))))
        logger.error(
            "set aside",
            group=self.group,
            topic=record.topic,
            key=record.key,
            offset=record.offset,
            stage=stage,
        )
        ASIDE.labels(self.group, record.topic, stage).inc()
        self._aside.add((record.partition, record.offset))
        self._brake.aside()


def dead_letter(record: Record, group: str, stage: str, error: Exception, attempts: int) -> Record:
    """A record set aside: its bytes and headers as they were, and what happened to it."""
    told = {
        "dead_topic": record.topic,
        "dead_partition": str(record.partition),
        "dead_offset": str(record.offset),
        "dead_stage": stage,
        "dead_error": f"{type(error).__name__}: {error}"[:ERROR_LENGTH],
        "dead_attempts": str(attempts),
    }
    return Record(dead_topic(record.topic, group), 0, 0, record.key, record.value, {**record.headers, **told})


def dead_topic(topic: str, group: str) -> str:
    return f"{topic}.{group}.dead"


def open_bus(url: str) -> Bus:
    """The bus a URL names: `file:DIR` on one machine, `kafka://HOST:9092` or `kafkas://` on many.

    Raises:
        Misconfigured: the scheme is neither.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        from pendler.bus.log import LogBus

        return LogBus(rest)
    if scheme in ("kafka", "kafkas"):
        from pendler.bus.kafka import KafkaBus

        return KafkaBus(url)
    raise Misconfigured(f"PENDLER_BUS={scheme}:...: expected file:DIRECTORY or kafka://HOST:PORT")
