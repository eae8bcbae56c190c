"""vacancy.matched -> the change feed, the snapshot, the EURES Input API. It handles nothing: it reads when asked."""

from functools import partial
from typing import TYPE_CHECKING

from pendler.bus import Bus
from pendler.service import Service
from pendler.service import later as _
from pendler.settings import Settings

if TYPE_CHECKING:
    from fastapi import APIRouter


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - the bus is all it needs
    return build(bus)


def build(bus: Bus) -> Service:
    return Service(
        "export",
        title=_("The exchange for other systems"),
        delayed=_("Other systems get new vacancies later."),
        api=partial(routes, bus),
    )


def routes(bus: Bus) -> "APIRouter":
    """The HTTP of export. Workers serve none, so they do not load it."""
    from services.export.api import Api

    return Api(bus).router()
