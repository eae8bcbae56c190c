"""The push API of employment services: deliver records, follow a transfer until every record has its outcome."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from pendler.bus import Bus
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.store import Doc, Store
from services.ingest import first
from services.ingest.access import Asked, InHand
from services.ingest.body import lines_in, read_body, unpacked
from services.ingest.check_api import LARGEST, Checks, few
from services.ingest.checking import told
from services.ingest.delivery import Taking, Why, accept, accept_stream, cut, key_of, refuse_when_full, tell_end
from services.ingest.feed import Feed, feeds, refuse_unknown
from services.ingest.links import Links
from services.ingest.once import Once
from services.ingest.report import Reports, shown
from services.ingest.rights import rights_of
from services.ingest.state import TRANSFERS, VACANCIES


class Api:
    """The routes under /v1/feeds, /v1/sources and /v1/transfers."""

    def __init__(self, bus: Bus, store: Store, settings: Settings, checks: Checks) -> None:
        self._bus, self._store, self._settings, self._checks = bus, store, settings, checks
        self._in_hand, self._reports = InHand(), Reports(store, Links(settings))

    def router(self) -> APIRouter:
        api = APIRouter(tags=["deliver"])
        api.add_api_route("/feeds", self.list_feeds, summary="The formats that are understood")
        api.add_api_route(
            "/sources/{source}/feeds/{feed}/records",
            self.deliver,
            methods=["POST"],
            status_code=202,
            summary="Deliver records",
        )
        api.add_api_route(
            "/sources/{source}/records/{identity:path}",
            self.end,
            methods=["DELETE"],
            status_code=202,
            summary="Say that a vacancy is over",
        )
        api.add_api_route(
            "/sources/{source}/publish",
            self.publish,
            methods=["POST"],
            status_code=202,
            summary="Publish a first delivery",
        )
        api.add_api_route("/transfers/{transfer}", self.follow, summary="What became of each record of a transfer")
        return api

    async def list_feeds(self) -> list[dict[str, Any]]:
        """Each feed with its country and where its format is described."""
        members = ("name", "title", "country", "documentation")
        return [{member: getattr(feed, member) for member in members} for feed in feeds().values()]

    async def deliver(
        self,
        source: str,
        feed: str,
        request: Request,
        asked: Annotated[Asked, Header()],
        dry_run: Annotated[bool, Query(description="Only tell what would become of it: 200 records, 1 MB.")] = False,
    ) -> Response:
        """One record, a JSON array, NDJSON, or the feed's own file. Answered once every record is durable."""
        source = await asked.only(self._store, self._settings.clock(), source, feed)
        refuse_unknown(feed)
        if dry_run:
            return await self._dry_run(source, feed, request, asked)
        await refuse_when_full(self._bus)
        with self._in_hand.one_more(source):
            transfer, doc, headers = await self._take(source, feeds()[feed], request, asked)
        return await self._reports.answer(transfer, doc, asked, headers)

    async def _take(self, source: str, feed: Feed, request: Request, asked: Asked) -> tuple[str, Doc, dict[str, str]]:
        """The transfer that comes of a delivery, or that came of it before."""
        now, once = self._settings.clock(), Once(self._store, source, asked.idempotency_key)
        pieces = once.reading(_pieces(request, asked))
        if await once.known():
            return *await once.again(pieces), {"Idempotent-Replayed": "true"}
        if asked.streams:
            taking = Taking(self._bus, self._store, source, feed.name, now)
            transfer, doc = await accept_stream(taking, feed, lines_in(pieces))
        else:
            items = await run_in_threadpool(cut, feed, await read_body(pieces, self._settings.max_body))
            transfer, doc = await accept(self._bus, self._store, source, feed, items, now)
        await once.note(transfer)
        return transfer, doc, {}

    async def _dry_run(self, source: str, feed: str, request: Request, asked: Asked) -> Response:
        """Every problem of every record, on what is known of the source's vacancies now. Nothing is kept."""
        raw = await read_body(_pieces(request, asked), LARGEST)
        given = await few(feed, raw, source, self._settings)
        known = await self._store.get(VACANCIES, [f"{source}:{key}" for key in map(key_of, given.items) if key])
        rights = (await rights_of(self._store, [source]))[source]
        return JSONResponse(told(given, await self._checks.run(request, given, known, rights)))

    async def end(
        self, source: str, identity: str, asked: Annotated[Asked, Header()], reason: Why = Why.WITHDRAWN
    ) -> Response:
        """One vacancy is over. Of one that is not known, or over already, nothing changes."""
        source = await asked.only(self._store, self._settings.clock(), source)
        transfer, doc = await tell_end(self._bus, self._store, f"{source}:{identity}", reason, self._settings.clock())
        return await self._reports.answer(transfer, doc, asked, {})

    async def publish(self, source: str, asked: Annotated[Asked, Header()]) -> dict[str, str]:
        """The first delivery of a source is shown to nobody else until this is said. Said again, nothing happens."""
        source = await asked.only(self._store, self._settings.clock(), source)
        asked_now = await first.ask(self._store, source)
        return {"source": source, "told": "It is published in some seconds." if asked_now else "Nothing waits."}

    async def follow(
        self,
        transfer: str,
        asked: Annotated[Asked, Header()],
        past: Annotated[int, Query(ge=0, description="Records after this number.")] = 0,
    ) -> Response:
        """The transfer with the outcomes so far, a thousand records at a time."""
        source = await asked.source(self._store, self._settings.clock())
        doc = (await self._store.get(TRANSFERS, [transfer])).get(transfer)
        if doc is None or doc["source"] != source:
            raise Problem(404, "no-such-transfer", "This key has no such transfer.")
        await self._reports.wait(transfer, doc, asked.seconds)
        return shown(await self._reports.report(transfer, doc, past), 200, {}, asked.accept)


def _pieces(request: Request, asked: Asked) -> AsyncIterator[bytes]:
    return unpacked(request.stream(), asked.content_encoding.lower())
