"""Pages about delivering: how to, the sources there are, and what is wrong with an advertisement."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Form, Header, Request
from starlette.responses import Response

from pendler.pages import page
from pendler.settings import Settings
from pendler.store import Store
from schemas.vacancy import Status
from services.ingest.access import Asked
from services.ingest.complaints import Rate, Wrong, complain
from services.ingest.feed import feeds
from services.ingest.source_status import in_short, known_sources, status
from services.ingest.state import VACANCIES

PACKAGE = "services.ingest"


class SourcePages:
    """`/deliver`, `/sources`, `/wrong/{ref}`, and for a source itself `/v1/sources/{source}/status`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings, self._rate = store, settings, Rate()

    def router(self) -> APIRouter:
        pages = APIRouter()
        hidden: dict[str, Any] = {"include_in_schema": False}
        pages.add_api_route("/deliver", self.deliver, **hidden)
        pages.add_api_route("/sources", self.sources, **hidden)
        pages.add_api_route("/wrong/{ref}", self.ask_what, **hidden)
        pages.add_api_route("/wrong/{ref}", self.say_what, methods=["POST"], **hidden)
        pages.add_api_route(
            "/v1/sources/{source}/status", self.status, tags=["deliver"], summary="How a source is doing"
        )
        return pages

    def deliver(self, request: Request) -> Response:
        """Four steps, and the formats."""
        return page(PACKAGE, "deliver.html", request, formats=list(feeds().values()))

    async def sources(self, request: Request) -> Response:
        """Each source with what is open and what may become of it."""
        now = self._settings.clock()
        known = await known_sources(self._store, self._settings.demo)
        rows = [await in_short(self._store, source, now) for source in known]
        return page(PACKAGE, "sources.html", request, rows=rows)

    async def status(self, source: str, asked: Annotated[Asked, Header()]) -> dict[str, Any]:
        """Its last delivery, what is open, the day's outcomes, what is held, what readers say. For its own key."""
        now = self._settings.clock()
        return await status(self._store, await asked.only(self._store, now, source), now)

    async def ask_what(self, ref: str, request: Request) -> Response:
        """Asks what is wrong."""
        return await self._wrong(ref, request, said=False)

    async def say_what(self, ref: str, request: Request, what: Annotated[Wrong, Form()]) -> Response:
        """Counts it. Nothing is kept of who said it, and nothing else changes."""
        self._rate.one_more(time.time())
        if await self._is_open(ref):
            await complain(self._store, ref, what, self._settings.clock())
        return await self._wrong(ref, request, said=True)

    async def _wrong(self, ref: str, request: Request, said: bool) -> Response:
        is_open = await self._is_open(ref)
        shown = {"ref": ref, "is_open": is_open, "said": said, "kinds": list(Wrong)}
        return page(PACKAGE, "wrong.html", request, 200 if is_open else 404, **shown)

    async def _is_open(self, ref: str) -> bool:
        known = (await self._store.get(VACANCIES, [ref])).get(ref)
        return bool(known and known["status"] == Status.ACTIVE)
