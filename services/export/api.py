"""The change feed over HTTP: changes past a cursor, and a snapshot to begin with."""

import time
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from pendler.bus import Bus, Span
from pendler.problem import Problem
from schemas.rights import Way
from services.export import cursor as cursors
from services.export.change import Filters, Reader
from services.export.cursor import Cursor
from services.export.feed import TOPIC, Asked, gzipped, stream

NDJSON = "application/x-ndjson"
MOST = 100_000
NAMES = {*Filters.model_fields, "cursor", "limit"}


class Asking(Filters):
    """What may be asked of the feed."""

    cursor: str = ""
    limit: Annotated[int, Query(ge=1, le=MOST)] = 10_000


class Api:
    """The routes /v1/changes and /v1/snapshot."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def router(self) -> APIRouter:
        api = APIRouter(prefix="/v1", tags=["follow"])
        answers: dict[int | str, dict[str, Any]] = {
            200: {
                "content": {NDJSON: {}},
                "description": "One change a line; lines with `cursor` say how far it went.",
            },
            304: {"description": "Nothing has changed."},
            410: {"description": "The cursor is too old: begin with the snapshot."},
        }
        told: dict[str, Any] = {"responses": answers, "response_class": StreamingResponse}
        api.add_api_route("/changes", self.changes, summary="What has changed since a cursor", **told)
        api.add_api_route(
            "/snapshot", self.snapshot, summary="All open vacancies, and the cursor to go on from", **told
        )
        return api

    async def changes(self, request: Request, asked: Annotated[Asking, Query()]) -> Response:
        """Without a cursor it begins with the oldest that is kept. A ref's changes come in order, and the last counts:
        a line with `vacancy` is to be kept, one without is to be dropped, and `why` says what happened."""
        return await self._answer(request, asked, Way.CHANGES, asked.limit)

    async def snapshot(self, request: Request, asked: Annotated[Asking, Query()]) -> Response:
        """The same lines to the end. Cut off, it goes on with `cursor`; whole, `/v1/changes` goes on from its last."""
        return await self._answer(request, asked, Way.SNAPSHOT, None)

    async def _answer(self, request: Request, asked: Asking, way: Way, limit: int | None) -> Response:
        _refuse_unknown(request)
        filters = Filters(**asked.model_dump(include=set(Filters.model_fields)))
        span, now = await self._bus.span(TOPIC), time.time()
        start = _start(asked.cursor, filters, span, now)
        tag = (
            f'"{_digest(way, str(start.upto), limit, span.epoch, str(span.last), filters.digest, int(now // 86_400))}"'
        )
        packs = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        told = stream(self._bus, Asked(start, Reader(way, filters), limit, now), span.last)
        if packs:
            headers["Content-Encoding"] = "gzip"
        return StreamingResponse(gzipped(told) if packs else told, headers=headers, media_type=NDJSON)


def _start(text: str, filters: Filters, span: Span, now: float) -> Cursor:
    """Where to begin."""
    if not text:
        return Cursor(span.epoch, filters.digest, now, {})
    try:
        found = cursors.read(text)
        found.check(span, now)
    except ValueError as error:
        raise Problem(400, "bad-cursor", str(error)) from None
    except cursors.Gone as gone:
        detail = f"{gone} Begin again with `snapshot`, and drop what it does not have."
        raise Problem(
            410, "cursor-gone", detail, {"Link": '</v1/snapshot>; rel="alternate"'}, snapshot="/v1/snapshot"
        ) from None
    if found.asked != filters.digest:
        detail = "This cursor was given for other filters. Keep them as they are, or begin with a snapshot."
        raise Problem(400, "other-filters", detail)
    return found


def _refuse_unknown(request: Request) -> None:
    if unknown := sorted(set(request.query_params) - NAMES):
        raise Problem(
            400, "bad-query", f"No such parameter: {unknown[0][:60]}. Allowed are: {', '.join(sorted(NAMES))}."
        )


def _digest(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=9).hexdigest()
