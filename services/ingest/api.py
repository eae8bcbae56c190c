"""The push API of employment services: deliver records, follow a transfer until every record has its outcome."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pendler.bus import Bus
from pendler.settings import Settings
from pendler.store import Doc, Store
from pendler.web import Problem
from services.ingest import keys
from services.ingest.accounts import outcomes
from services.ingest.delivery import accept, read_body
from services.ingest.feed import feeds
from services.ingest.state import SETTLEMENTS, TRANSFERS

LONGEST_WAIT = 60
PAGE = 1000
Key = Annotated[str, Header(alias="Authorization", description="`Bearer <key>`")]


def router(bus: Bus, store: Store, settings: Settings) -> APIRouter:
    """The routes under /v1/sources, /v1/transfers and /v1/feeds."""
    api = APIRouter(prefix="/v1", tags=["deliver"])

    @api.get("/feeds", summary="The formats that are understood")
    async def list_feeds() -> list[dict[str, Any]]:
        return [
            {"feed": f.name, "title": f.title, "country": f.country, "documentation": f.documentation}
            for f in feeds().values()
        ]

    @api.post("/sources/{source}/feeds/{feed}/records", status_code=202, summary="Deliver records")
    async def deliver(
        source: str, feed: str, request: Request, authorization: Key = "",
        prefer: Annotated[str, Header(description="`wait=10`: answer when all is settled, at most so many seconds.")] = "",
        content_encoding: Annotated[str, Header()] = "", accept_: Annotated[str, Header(alias="Accept")] = "",
    ) -> Response:  # fmt: skip
        """One record, a JSON array, NDJSON, or the feed's own file. Answered once every record is durable."""
        if await _source(store, authorization, feed) != source or feed not in feeds():
            raise Problem(
                404,
                "no-such-feed",
                "This key delivers to no such source and feed. GET /v1/feeds lists the feeds.",
            )
        body = await read_body(request.stream(), content_encoding.lower(), settings.max_body)
        transfer, doc = await accept(bus, store, source, feeds()[feed], body, settings.clock())
        settled = await _wait(store, transfer, doc, _seconds(prefer))
        headers = {"Location": f"/v1/transfers/{transfer}"}
        return _shown(await _report(store, transfer, doc, 0), 200 if settled else 202, headers, accept_)

    @api.get("/transfers/{transfer}", summary="What became of each record of a transfer")
    async def follow(
        transfer: str, authorization: Key = "", past: Annotated[int, Query(ge=0, description="Records after this number.")] = 0,
        prefer: Annotated[str, Header()] = "", accept_: Annotated[str, Header(alias="Accept")] = "",
    ) -> Response:  # fmt: skip
        """The transfer with the outcomes so far, a thousand records at a time."""
        source = await _source(store, authorization)
        doc = (await store.get(TRANSFERS, [transfer])).get(transfer)
        if doc is None or doc["source"] != source:
            raise Problem(404, "no-such-transfer", "This key has no such transfer.")
        await _wait(store, transfer, doc, _seconds(prefer))
        return _shown(await _report(store, transfer, doc, past), 200, {}, accept_)

    return api


async def _source(store: Store, authorization: str, feed: str | None = None) -> str:
    source = await keys.source_of(store, authorization.removeprefix("Bearer ").strip(), feed)
    if source is None:
        detail = "Send a valid key as `Authorization: Bearer <key>`."
        raise Problem(401, "no-valid-key", detail, {"WWW-Authenticate": "Bearer"})
    return source


def _seconds(prefer: str) -> float:
    """The seconds of a `Prefer: wait=10` header (RFC 7240)."""
    found = re.search(r"\bwait=(\d{1,4})", prefer)
    return min(float(found.group(1)), LONGEST_WAIT) if found else 0.0


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
        return PlainTextResponse(
            "\n".join([report["summary"], *map(_text, report["records"])]) + "\n", status, headers
        )
    return JSONResponse(report, status, headers)


def _text(line: Mapping[str, Any]) -> str:
    reason = line["reason"] or {}
    told = [reason.get(part) for part in ("rule", "at", "value", "hint")]
    return "\t".join(
        [str(line["record"]), line["outcome"], line["ref"] or "-", *(part for part in told if part)]
    )
