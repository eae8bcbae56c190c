"""Runs the handlers and jobs of services.

Each service has a thread with a loop of its own, where its handlers, jobs and engines live; the main loop talks
to the bus and answers health. So long work in a handler costs neither the group its membership nor the process
its pulse.
"""

import asyncio
import contextlib
import importlib.metadata
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from pendler.bus import Bus, Delivery, Stopped, open_bus, survive
from pendler.engines import answering
from pendler.lease import lease
from pendler.memory import settle_down
from pendler.metrics import LAG, OLDEST
from pendler.pulse import EVERY, beat, leave
from pendler.service import Job, Service, Unavailable
from pendler.settings import Settings
from pendler.standing import standings
from pendler.store import Store, open_store

log = structlog.get_logger()
T = TypeVar("T")
GRACE = 10.0


class Module(Protocol):
    """A `service.py`: `from_settings` picks the adapters and calls its `build(ports...)`."""

    def from_settings(self, settings: Settings, bus: Bus) -> Service: ...


def modules(names: Sequence[str] = ()) -> Mapping[str, Module]:
    """The services by name, found by entry point.

    Raises:
        ValueError: a name that is none; says which there are.
    """
    found = {entry.name: entry for entry in importlib.metadata.entry_points(group="pendler.services")}
    if unknown := set(names) - set(found):
        raise ValueError(f"no such service: {', '.join(sorted(unknown))}; there are {', '.join(found)}")
    return {name: found[name].load() for name in names or found}


@dataclass
class Health:
    """Whether this process does its work. `troubles` names what stands, and why; empty is well."""

    troubles: dict[str, str] = field(default_factory=dict)


class Thread:
    """A thread with a loop of its own. `await thread(coroutine)` runs it there."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    async def __call__(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), self._loop))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def work(settings: Settings, names: Sequence[str], stop: asyncio.Event, health: Health) -> None:
    """Runs the handlers and jobs of services until `stop` is set, then leaves in order."""
    bus = open_bus(settings.url_of("bus"))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        await answering({"bus": bus.check}, health.troubles, stop)
        running = [
            await stack.enter_async_context(_service(settings, bus, module, stop, health))
            for module in modules(names).values()
        ]
        tasks = [
            asyncio.create_task(each)
            for service, thread in running
            for each in _duties(settings, bus, service, thread, stop, health)
        ]
        tasks.append(asyncio.create_task(_housekeep(bus, [service for service, _ in running], stop)))
        settle_down()
        log.info("working", services=[service.name for service, _ in running])
        await until(stop, tasks)


@asynccontextmanager
async def _service(
    settings: Settings, bus: Bus, module: Module, stop: asyncio.Event, health: Health
) -> AsyncIterator[tuple[Service, Thread]]:
    thread = Thread(module.__name__)  # type: ignore[attr-defined]

    async def build() -> Service:
        service = module.from_settings(settings, bus)
        named = {f"{name} of {service.name}": check for name, check in service.checks.items()}
        await answering(named, health.troubles, stop)
        if not stop.is_set():
            await service.start()
        return service

    service = await thread(build())
    try:
        yield service, thread
    finally:
        await thread(service.close())
        thread.stop()


def _duties(
    settings: Settings, bus: Bus, service: Service, thread: Thread, stop: asyncio.Event, health: Health
) -> list[Any]:
    store = open_store(settings.url_of("store"), service.name)
    handlers = [
        _consume(bus, Delivery(bus, service.name, event.topic.name, handler, thread), stop, health)
        for event, handler in service.handlers.items()
    ]
    return [*handlers, _pulse(store, health, stop), *(_repeat(bus, store, job, thread, stop) for job in service.jobs)]


async def _consume(bus: Bus, delivery: Delivery, stop: asyncio.Event, health: Health) -> None:
    try:
        await bus.consume(delivery.group, delivery.topic, delivery, stop)
    except Stopped as stopped:
        health.troubles[f"{delivery.group} on {delivery.topic}"] = str(stopped)
        log.error("stopped", group=delivery.group, topic=delivery.topic, why=str(stopped))
        await stop.wait()


async def _pulse(store: Store, health: Health, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await survive(beat(store, health.troubles))
        await pause(EVERY, stop)
    await survive(leave(store))


async def _repeat(bus: Bus, store: Store, job: Job, thread: Thread, stop: asyncio.Event) -> None:
    while not stop.is_set():
        error = await survive(_run(bus, store, job, thread))
        if error and not isinstance(error, Unavailable):
            log.error("job failed", job=job.name, error=repr(error))
        await pause(job.every, stop)


async def _run(bus: Bus, store: Store, job: Job, thread: Thread) -> None:
    held = lease(store, f"job/{job.name}") if job.once else contextlib.nullcontext(True)
    async with held as mine:
        if not mine:
            return
        result = await thread(job.run())
        await bus.publish(result.events)
        await thread(result.write())


async def _housekeep(bus: Bus, services: Sequence[Service], stop: asyncio.Event) -> None:
    passed = 0
    while not stop.is_set():
        await survive(_measure(bus, services))
        if passed % 720 == 719:
            await survive(bus.compact())
        passed += 1
        await pause(5, stop)


async def _measure(bus: Bus, services: Sequence[Service]) -> None:
    now = time.time()
    for one in await standings(services, bus):
        LAG.labels(one.group, one.topic).set(one.lag)
        OLDEST.labels(one.group, one.topic).set(one.waits(now) or 0)


async def until(stop: asyncio.Event, tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Waits for `stop`; a task that ends before, which none should, ends the process with its error."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    done, late = await asyncio.wait(tasks, timeout=GRACE)
    for task in (*late, waiting):
        task.cancel()
    await asyncio.gather(*late, waiting, return_exceptions=True)
    for task in done:
        task.result()


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Sleeps, but not beyond `stop`."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
