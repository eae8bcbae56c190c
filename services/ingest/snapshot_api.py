"""The push API's complete snapshots: open, put parts, commit, see what became of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from pendler.bus import Bus
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.store import Doc, Store
from services.ingest import snapshot
from services.ingest.access import Asked
from services.ingest.body import read_body, unpacked
from services.ingest.delivery import accept, cut, key_of, refuse_when_full
from services.ingest.feed import feeds, refuse_unknown
from services.ingest.links import Links
from services.ingest.report import Reports
from services.ingest.snapshot import SNAPSHOTS

WITHIN = "/sources/{source}/feeds/{feed}/snapshots"
Headers = Annotated[Asked, Header()]
Number = Annotated[int, Path(ge=1, le=100_000)]


class SnapshotApi:
    """The routes under /v1/sources/{source}/feeds/{feed}/snapshots."""

    def __init__(self, bus: Bus, store: Store, settings: Settings) -> None:
        self._bus, self._store, self._settings = bus, store, settings
        self._reports = Reports(store, Links(settings))

    def router(self) -> APIRouter:
        api = APIRouter(tags=["deliver"])
        one = f"{WITHIN}/{{identity}}"
        api.add_api_route(WITHIN, self.open, methods=["POST"], status_code=201, summary="Open a complete snapshot")
        api.add_api_route(one, self.follow, summary="What became of a snapshot")
        api.add_api_route(
            f"{one}/parts/{{number}}", self.put, methods=["PUT"], status_code=202, summary="Put a part of a snapshot"
        )
        api.add_api_route(
            f"{one}/commit", self.commit, methods=["POST"], status_code=202, summary="Say that this is all there is"
        )
        return api

    async def open(self, source: str, feed: str, asked: Headers) -> Response:
        """What the source no longer has is closed once the snapshot is committed, and by nothing else."""
        source = await asked.only(self._store, self._settings.clock(), source, feed)
        refuse_unknown(feed)
        identity, doc = await snapshot.open_snapshot(self._store, source, feed, self._settings.clock())
        return _shown(identity, doc, 201)

    async def put(
        self, source: str, feed: str, identity: str, number: Number, request: Request, asked: Headers
    ) -> Response:
        """Records as in a delivery. A part that is put again takes the place of what it was."""
        doc = await self._known(source, feed, identity, asked)
        if doc["state"] != "open":
            raise Problem(409, "snapshot-committed", "This snapshot is committed. Open another one.")
        await refuse_when_full(self._bus)
        pieces = unpacked(request.stream(), asked.content_encoding.lower())
        body = await read_body(pieces, self._settings.max_body)
        items = await run_in_threadpool(cut, feeds()[feed], body)
        if len(items) > snapshot.MOST_IN_PART:
            raise Problem(413, "too-many-records", f"A part may have {snapshot.MOST_IN_PART} records. Put more parts.")
        transfer, told = await accept(
            self._bus, self._store, doc["source"], feeds()[feed], items, self._settings.clock()
        )
        await snapshot.put_part(self._store, identity, number, transfer, [key_of(item) for item in items])
        return await self._reports.answer(transfer, told, asked, {})

    async def commit(
        self,
        source: str,
        feed: str,
        identity: str,
        asked: Headers,
        count: Annotated[int, Query(ge=0, description="How many records the parts hold.")],
    ) -> Response:
        """The count must agree with what was put. The absent close once all parts are read, if the guard agrees."""
        doc = await self._known(source, feed, identity, asked)
        doc = await snapshot.commit(self._store, identity, doc, count, self._settings.clock())
        return _shown(identity, doc, 202)

    async def follow(self, source: str, feed: str, identity: str, asked: Headers) -> Response:
        """`state`: open, committed, then reconciled or held; `told` says why it is held, `absences` is a transfer."""
        return _shown(identity, await self._known(source, feed, identity, asked), 200)

    async def _known(self, source: str, feed: str, identity: str, asked: Asked) -> Doc:
        source = await asked.only(self._store, self._settings.clock(), source, feed)
        doc = (await self._store.get(SNAPSHOTS, [identity])).get(identity)
        if doc is None or (doc["source"], doc["feed"]) != (source, feed):
            raise Problem(404, "no-such-snapshot", "This key has no such snapshot.")
        return doc


def _shown(identity: str, doc: Doc, status: int) -> Response:
    place = f"/v1/sources/{doc['source']}/feeds/{doc['feed']}/snapshots/{identity}"
    shown: dict[str, Any] = {"snapshot": identity, **doc}
    if doc.get("absences"):
        shown["absences"] = f"/v1/transfers/{doc['absences']}"
    return JSONResponse(shown, status, {"Location": place})
