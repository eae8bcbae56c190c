"""The processes of an exchange: workers, which handle and do jobs, and the web process, which answers HTTP."""

import asyncio
import contextlib
import os
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from pendler import tracing
from pendler.audit import audit
from pendler.bus import Bus, open_bus, survive
from pendler.engines import checks_of, refuse_wrong
from pendler.health import health_app
from pendler.memory import clean_up, give_back, settle_down
from pendler.run import Health, modules, pause, until, work
from pendler.service import Service
from pendler.settings import Settings
from pendler.stopping import stop_on_signals
from pendler.store import open_store

AUDITED, CLEANED = 600.0, 60.0
"""Seconds from one look at the books, and for garbage, to the next."""
NICER = 5
"""By how much workers stand back for the web process, where all want the processor: somebody waits for an answer."""


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: the process decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


async def serve(app: ASGIApp, host: str, port: int, stop: asyncio.Event) -> None:
    """Serves HTTP until `stop`; requests in hand are finished."""
    server = Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=8,
        )
    )
    serving = asyncio.create_task(server.serve())
    await asyncio.wait([serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    stop.set()


async def worker_process(settings: Settings, names: Sequence[str], health_port: int) -> None:
    """A worker: handlers and jobs, and `/livez`, `/readyz`, `/metrics` on a port of its own (0: none)."""
    give_back()
    os.nice(NICER)
    stop, health = stop_on_signals(), Health()
    tracing.set_up("-".join(names) or "work")
    duties = [work(settings, names, stop, health), _clean_often(stop)]
    if health_port:
        duties.append(serve(health_app(lambda: health.troubles), settings.host, health_port, stop))
    await until(stop, [asyncio.create_task(duty) for duty in duties])


async def _audit_often(services: Sequence[Service], bus: Bus, stop: asyncio.Event) -> None:
    """Keeps `pendler_unaccounted` true to within `AUDITED` seconds."""
    while not stop.is_set():
        await pause(AUDITED, stop)
        if not stop.is_set():
            await survive(audit(services, bus))


async def _clean_often(stop: asyncio.Event) -> None:
    while not stop.is_set():
        await pause(CLEANED, stop)
        clean_up()


async def web_process(settings: Settings, names: Sequence[str]) -> None:
    """The web process: the HTTP of all services."""
    from pendler import status
    from pendler.web import web_app

    give_back()
    stop, bus = stop_on_signals(), open_bus(settings.url_of("bus"))
    tracing.set_up("web")
    services = [module.from_settings(settings, bus) for module in modules(names).values()]
    stores = {service.name: open_store(settings.url_of("store"), service.name) for service in services}
    await refuse_wrong(checks_of(services, bus))
    settle_down()
    duties = [asyncio.create_task(duty) for duty in (_audit_often(services, bus, stop), _clean_often(stop))]
    try:
        await serve(web_app(services, status.routes(services, bus, stores)), settings.host, settings.port, stop)
    finally:
        await asyncio.gather(*duties, return_exceptions=True)
        for service in services:
            await service.close()
        for store in stores.values():
            await store.close()
        await bus.close()
