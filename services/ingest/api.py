"""The push API of employment services: deliver records, follow a transfer until every record has its outcome."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pendler.bus import Bus
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.store import Doc, Store
from services.ingest import keys
from services.ingest.accounts import outcomes
from services.ingest.delivery import accept, read_body
from services.ingest.feed import feeds
from services.ingest.state import SETTLEMENTS, TRANSFERS

LONGEST_WAIT = 60
PAGE = 1000


class Asked(BaseModel):
    """The headers that a delivering service may send."""

    authorization: str = Field("", description="`Bearer <key>`")
    prefer: str = Field("", description="`wait=10`: answer when all is settled, after so many seconds at most.")
    content_encoding: str = Field("", description="`gzip`, or none.")
    accept: str = Field("", description="`text/plain` for people; JSON otherwise.")

    @property
    def seconds(self) -> float:
        """The seconds of `Prefer: wait=10` (RFC 7240)."""
        found = re.search(r"\bwait=(\d{1,4})", self.prefer)
        return min(float(found.group(1)), LONGEST_WAIT) if found else 0.0


class Api:
    """The routes under /v1/feeds, /v1/sources and /v1/transfers."""

    def __init__(self, bus: Bus, store: Store, settings: Settings) -> None:
        self._bus, self._store, self._settings = bus, store, settings

    def router(self) -> APIRouter:
        api = APIRouter(prefix="/v1", tags=["deliver"])
        api.add_api_route("/feeds", self.list_feeds, summary="The formats that are understood")
        api.add_api_route(
            "/sources/{source}/feeds/{feed}/records",
            self.deliver,
            methods=["POST"],
            status_code=202,
            summary="Deliver records",
        )
        api.add_api_route("/transfers/{transfer}", self.follow, summary="What became of each record of a transfer")
        return api

    async def list_feeds(self) -> list[dict[str, Any]]:
        """Each feed with its country and where its format is described."""
        members = ("name", "title", "country", "documentation")
        return [{member: getattr(feed, member) for member in members} for feed in feeds().values()]

    async def deliver(self, source: str, feed: str, request: Request, asked: Annotated[Asked, Header()]) -> Response:
        """One record, a JSON array, NDJSON, or the feed's own file. Answered once every record is durable."""
        if await self._source(asked, feed) != source or feed not in feeds():
            detail = "This key delivers to no such source and feed. GET /v1/feeds lists the feeds."
            raise Problem(404, "no-such-feed", detail)
        body = await read_body(request.stream(), asked.content_encoding.lower(), self._settings.max_body)
        now = self._settings.clock()
        transfer, doc = await accept(self._bus, self._store, source, feeds()[feed], body, now)
        settled = await _wait(self._store, transfer, doc, asked.seconds)
        headers = {"Location": f"/v1/transfers/{transfer}"}
        return _shown(await _report(self._store, transfer, doc, 0), 200 if settled else 202, headers, asked.accept)

    async def follow(
        self,
        transfer: str,
        asked: Annotated[Asked, Header()],
        past: Annotated[int, Query(ge=0, description="Records after this number.")] = 0,
    ) -> Response:
        """The transfer with the outcomes so far, a thousand records at a time."""
        source = await self._source(asked)
        doc = (await self._store.get(TRANSFERS, [transfer])).get(transfer)
        if doc is None or doc["source"] != source:
            raise Problem(404, "no-such-transfer", "This key has no such transfer.")
        await _wait(self._store, transfer, doc, asked.seconds)
        return _shown(await _report(self._store, transfer, doc, past), 200, {}, asked.accept)

    async def _source(self, asked: Asked, feed: str | None = None) -> str:
        scheme, _, key = asked.authorization.partition(" ")
        source = await keys.source_of(self._store, key.strip(), feed) if scheme.lower() == "bearer" else None
        if source is None:
            detail = "Send a valid key as `Authorization: Bearer <key>`."
            raise Problem(401, "no-valid-key", detail, {"WWW-Authenticate": "Bearer"})
        return source


async def _wait(store: Store, transfer: str, doc: Doc, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while await store.count(SETTLEMENTS, {"transfer": transfer}) < doc["count"]:
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(0.05)
    return True


async def _report(store: Store, transfer: str, doc: Doc, past: int) -> dict[str, Any]:
    counts = {outcome: count for outcome, count in (await outcomes(store, transfer)).items() if count}
    pending = doc["count"] - sum(counts.values())
    keys_wanted = [f"{transfer}/{n}" for n in range(past + 1, min(past + PAGE, doc["count"]) + 1)]
    settled = await store.get(SETTLEMENTS, keys_wanted)
    records = [_line(n, settled.get(key)) for n, key in enumerate(keys_wanted, past + 1)]
    more = past + PAGE < doc["count"]
    return {
        "summary": summary({**counts, "pending": pending}),
        "transfer": transfer,
        **{name: doc[name] for name in ("source", "feed", "received_at")},
        "accepted": doc["count"],
        "outcomes": counts,
        "pending": pending,
        "records": records,
        "next": f"/v1/transfers/{transfer}?past={past + PAGE}" if more else None,
    }


def summary(counts: Mapping[str, int]) -> str:
    """`198 published, 2 rejected`."""
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)


def _line(n: int, settled: Doc | None) -> dict[str, Any]:
    if settled is None:
        return {"record": n, "outcome": "pending", "ref": None, "reason": None}
    return {"record": n, **{name: settled[name] for name in ("outcome", "ref", "revision", "reason")}}


def _shown(report: dict[str, Any], status: int, headers: dict[str, str], accept_: str) -> Response:
    if "text/plain" in accept_:
        return PlainTextResponse("\n".join([report["summary"], *map(_text, report["records"])]) + "\n", status, headers)
    return JSONResponse(report, status, headers)


def _text(line: Mapping[str, Any]) -> str:
    reason = line["reason"] or {}
    told = [reason.get(part) for part in ("rule", "at", "value", "hint")]
    cells = [str(line["record"]), line["outcome"], line["ref"] or "-", *(part for part in told if part)]
    return "\t".join(" ".join(cell.split()) for cell in cells)
