"""What became of the records of a transfer, for programs and for people."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from pendler.store import Doc, Store
from services.ingest.access import Asked
from services.ingest.accounts import outcomes
from services.ingest.state import SETTLEMENTS

PAGE = 1000


async def answer(store: Store, transfer: str, doc: Doc, asked: Asked, headers: Mapping[str, str]) -> Response:
    """The answer to a delivery: 200 where all is settled in the time that its sender waits, else 202."""
    settled = await wait(store, transfer, doc, asked.seconds)
    located = {"Location": f"/v1/transfers/{transfer}", **headers}
    return shown(await report(store, transfer, doc, 0), 200 if settled else 202, located, asked.accept)


async def wait(store: Store, transfer: str, doc: Doc, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while await store.count(SETTLEMENTS, {"transfer": transfer}) < doc["count"]:
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(0.05)
    return True


async def report(store: Store, transfer: str, doc: Doc, past: int) -> dict[str, Any]:
    counts = {outcome: count for outcome, count in (await outcomes(store, transfer)).items() if count}
    pending = doc["count"] - sum(counts.values())
    keys_wanted = [f"{transfer}/{n}" for n in range(past + 1, min(past + PAGE, doc["count"]) + 1)]
    settled = await store.get(SETTLEMENTS, keys_wanted)
    records = [_line(n, settled.get(key)) for n, key in enumerate(keys_wanted, past + 1)]
    more = past + PAGE < doc["count"]
    return {
        "summary": summary({**counts, "pending": pending}),
        "transfer": transfer,
        **{name: doc[name] for name in ("source", "feed", "received_at", "sealed")},
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


def shown(report: dict[str, Any], status: int, headers: Mapping[str, str], accept_: str) -> Response:
    if "text/plain" in accept_:
        lines = [report["summary"], *map(_text, report["records"])]
        return PlainTextResponse("\n".join(lines) + "\n", status, dict(headers))
    return JSONResponse(report, status, dict(headers))


def _text(line: Mapping[str, Any]) -> str:
    reason = line["reason"] or {}
    told = [reason.get(part) for part in ("rule", "at", "value", "hint")]
    cells = [str(line["record"]), line["outcome"], line["ref"] or "-", *(part for part in told if part)]
    return "\t".join(" ".join(cell.split()) for cell in cells)
