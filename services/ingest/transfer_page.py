"""The page of a transfer, for whoever has its link: what became of each record, by rule, and all of it as NDJSON."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from pendler.pages import page
from pendler.problem import Problem
from pendler.settings import Settings
from pendler.store import Doc, Store
from schemas.event import Outcome
from services.ingest.links import Links, lasts
from services.ingest.report import Reports, line_of
from services.ingest.state import SETTLEMENTS, TRANSFERS

PACKAGE = "services.ingest"
SHOWN = 100
SCANNED = 1000
LONGEST_SCAN = 20_000
"""Records of a transfer that are looked through for their rules each time; what is settled is looked through once."""
PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True)
class Found:
    """A transfer that a link leads to."""

    name: str
    doc: Doc


class TransferPage:
    """`/deliver/transfers/{token}`: signed, for 30 days. It shows what the report for the source shows."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._links = Links(settings)
        self._reports = Reports(store, self._links)

    def router(self) -> APIRouter:
        pages = APIRouter(include_in_schema=False)
        pages.add_api_route("/deliver/transfers/{token}", self.show)
        pages.add_api_route("/deliver/transfers/{token}/records.ndjson", self.download)
        return pages

    async def show(
        self,
        token: str,
        request: Request,
        only: Outcome | None = None,
        past: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """A hundred records at a time, all of them or those of one outcome."""
        found = await self._found(token)
        report = await self._reports.report(found.name, found.doc, 0, 0)
        rules = await self._rules(found, report["pending"])
        of_one = report["outcomes"].get(only, 0) if only else found.doc["count"]
        lines = await (
            self._of_outcome(found, only, past) if only else self._reports.lines(found.name, found.doc, past, SHOWN)
        )
        answer = page(
            PACKAGE, "transfer.html", request, token=token, report=report, lines=lines, only=only, rules=rules,
            past=past, after=past + SHOWN if past + SHOWN < of_one else None, size=SHOWN,
        )  # fmt: skip
        answer.headers.update(PRIVATE)
        return answer

    async def download(self, token: str) -> Response:
        """Every record with its outcome and reason, a line each."""
        found = await self._found(token)
        named = {"Content-Disposition": f'attachment; filename="{found.name}.ndjson"', **PRIVATE}
        return StreamingResponse(self._all(found), media_type="application/x-ndjson", headers=named)

    async def _found(self, token: str) -> Found:
        """Raises:
        Problem: 404, the link is none of ours, or is too old.
        """
        name = self._links.transfer(token)
        doc = (await self._store.get(TRANSFERS, [name])).get(name) if name else None
        if not name or not doc or not lasts(doc, self._settings.clock()):
            raise Problem(404, "no-such-transfer", "There is no such page, or it was there for 30 days and is gone.")
        return Found(name, doc)

    async def _all(self, found: Found) -> AsyncIterator[bytes]:
        for past in range(0, found.doc["count"], SCANNED):
            lines = await self._reports.lines(found.name, found.doc, past, SCANNED)
            yield b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)

    async def _of_outcome(self, found: Found, outcome: Outcome, past: int) -> list[dict[str, Any]]:
        """Those past the first so many of them, as the store has them in order."""
        kept = [doc async for doc in self._settled(found, {"outcome": outcome}, past + SHOWN)]
        return [line_of(doc["n"], doc) for doc in kept[past:]]

    async def _rules(self, found: Found, pending: int) -> list[tuple[str, int, str]]:
        """Each rule with how many records it was about and what to do, the most frequent first."""
        if (known := found.doc.get("rules")) is None:
            if pending and found.doc["count"] > LONGEST_SCAN:
                return []
            known = await self._counted(found)
            if found.doc["sealed"] and not pending:
                await self._store.put(TRANSFERS, {found.name: {**found.doc, "rules": known}})
        return [(rule, count, hint) for rule, count, hint in known]

    async def _counted(self, found: Found) -> list[tuple[str, int, str]]:
        counts, hints = Counter[str](), dict[str, str]()
        async for doc in self._settled(found, {}, found.doc["count"]):
            if reason := doc["reason"]:
                counts[reason["rule"]] += 1
                hints.setdefault(reason["rule"], reason["hint"])
        return [(rule, count, hints[rule]) for rule, count in counts.most_common()]

    async def _settled(self, found: Found, where: Doc, most: int) -> AsyncIterator[Doc]:
        """Its settlements, a page of them in memory."""
        past, left = "", most
        while left > 0 and (some := await self._store.find(
            SETTLEMENTS, {"transfer": found.name, **where}, limit=min(left, SCANNED), past=past
        )):  # fmt: skip
            past, left = some[-1][0], left - len(some)
            for _, doc in some:
                yield doc
