"""What became of the records of a transfer, for programs and for people."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from pendler.store import Doc, Store
from services.ingest.access import Asked
from services.ingest.accounts import outcomes
from services.ingest.links import Links
from services.ingest.state import SETTLEMENTS

PAGE = 1000


class Reports:
    """Reports of transfers, with the links to their pages."""

    def __init__(self, store: Store, links: Links) -> None:
        self._store, self._links = store, links

    async def answer(self, transfer: str, doc: Doc, asked: Asked, headers: Mapping[str, str]) -> Response:
        """The answer to a delivery: 200 where all is settled in the time that its sender waits, else 202."""
        settled = await self.wait(transfer, doc, asked.seconds)
        located = {"Location": f"/v1/transfers/{transfer}", **headers}
        return shown(await self.report(transfer, doc, 0), 200 if settled else 202, located, asked.accept)

    async def wait(self, transfer: str, doc: Doc, seconds: float) -> bool:
        """Whether all of it is settled within so many seconds."""
        until = time.monotonic() + seconds
        while await self._store.count(SETTLEMENTS, {"transfer": transfer}) < doc["count"]:
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(0.05)
        return True

    async def report(self, transfer: str, doc: Doc, past: int, size: int = PAGE) -> dict[str, Any]:
        """What became of `size` records past this number, and of all of them together."""
        counts = {outcome: count for outcome, count in (await outcomes(self._store, transfer)).items() if count}
        pending = doc["count"] - sum(counts.values())
        more = past + size < doc["count"]
        return {
            "summary": summary({**counts, "pending": pending}),
            "transfer": transfer,
            **{name: doc[name] for name in ("source", "feed", "received_at", "sealed")},
            "accepted": doc["count"],
            "outcomes": counts,
            "pending": pending,
            "records": await self.lines(transfer, doc, past, size),
            "next": f"/v1/transfers/{transfer}?past={past + size}" if more else None,
            "page": self._links.page(transfer),
        }

    async def lines(self, transfer: str, doc: Doc, past: int, size: int = PAGE) -> list[dict[str, Any]]:
        """Records past this number, each with what became of it."""
        wanted = {f"{transfer}/{n}": n for n in range(past + 1, min(past + size, doc["count"]) + 1)}
        settled = await self._store.get(SETTLEMENTS, list(wanted))
        return [line_of(n, settled.get(key)) for key, n in wanted.items()]


def summary(counts: Mapping[str, int]) -> str:
    """`198 published, 2 rejected`."""
    return ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)


def line_of(n: int, settled: Doc | None) -> dict[str, Any]:
    """A record by its number, with what became of it."""
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
