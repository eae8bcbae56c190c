"""vacancy.matched -> the change feed and the snapshot. It handles nothing: it reads when it is asked."""

from functools import partial
from typing import TYPE_CHECKING

from pendler.bus import Bus
from pendler.service import Service
from pendler.settings import Settings

if TYPE_CHECKING:
    from fastapi import APIRouter


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - the bus is all it needs
    return build(bus)


def build(bus: Bus) -> Service:
    return Service("export", api=partial(routes, bus))


def routes(bus: Bus) -> "APIRouter":
    """The HTTP of export. Workers serve none, so they do not load it."""
    from services.export.api import Api

    return Api(bus).router()
