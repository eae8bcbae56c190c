"""How the exchange is doing, for people and for programs: services, what waits for them, engines."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pendler.bus import Bus
from pendler.engines import Finding, checks_of, examine
from pendler.pages import page
from pendler.pulse import Pulse, pulses
from pendler.service import Service, Unavailable
from pendler.standing import Standing, standings
from pendler.store import Store

LATE = 60.0
PATIENCE = 5.0


class State(StrEnum):
    """Of a service: it keeps up, it works but is late, it stands, or nobody has heard of it."""

    WORKING = "working"
    LATE = "late"
    STANDS = "stands"
    SILENT = "silent"


@dataclass(frozen=True)
class ServiceStatus:
    """One service. `waiting` records wait for it, the oldest for `seconds`; `troubles` says what stands, and why."""

    name: str
    title: str
    delayed: str
    state: State
    instances: int
    waiting: int = 0
    seconds: float = 0.0
    troubles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """The whole exchange."""

    services: Sequence[ServiceStatus]
    engines: Sequence[Finding]

    @property
    def well(self) -> bool:
        return all(one.state is State.WORKING for one in self.services) and not any(one.wrong for one in self.engines)


async def status(services: Sequence[Service], bus: Bus, stores: Mapping[str, Store]) -> Status:
    """Asks everybody. An engine that is away makes only what it holds unknown."""
    standing = await _known(standings(services, bus), [])
    told = [await _service(one, standing, await _known(pulses(stores[one.name]), [])) for one in services if one.works]
    return Status(told, await asyncio.gather(*(examine(*check) for check in checks_of(services, bus).items())))


async def _service(service: Service, standing: Sequence[Standing], heard: Sequence[Pulse]) -> ServiceStatus:
    now = time.time()
    mine, alive = [one for one in standing if one.group == service.name], [one for one in heard if one.alive(now)]
    seconds = max((one.waits(now) or 0.0 for one in mine), default=0.0)
    troubles = {what: why for pulse in alive for what, why in pulse.troubles.items() if what.startswith(service.name)}
    state = State.STANDS if troubles else State.LATE if seconds > LATE else State.WORKING
    return ServiceStatus(
        service.name, service.title, service.delayed, state if alive else State.SILENT, len(alive),
        sum(one.lag for one in mine), seconds, troubles,
    )  # fmt: skip


async def _known(work: Awaitable[Any], otherwise: Any) -> Any:
    try:
        return await asyncio.wait_for(work, PATIENCE)
    except (Unavailable, TimeoutError):
        return otherwise


def routes(services: Sequence[Service], bus: Bus, stores: Mapping[str, Store]) -> APIRouter:
    """`/status` and `/v1/status`."""
    api = APIRouter()

    async def as_page(request: Request) -> Response:
        return page("pendler", "status.html", request, told=await status(services, bus, stores))

    async def as_data() -> dict[str, Any]:
        """How each service is doing, what waits for it, and whether the engines answer."""
        told = await status(services, bus, stores)
        engines = [{"name": one.what, "answers": not one.wrong} for one in told.engines]
        return {"well": told.well, "services": [asdict(one) for one in told.services], "engines": engines}

    api.add_api_route("/status", as_page, include_in_schema=False)
    api.add_api_route("/v1/status", as_data, tags=["status"], summary="How the exchange is doing")
    return api
