"""Checking a file: for anyone on a page, for a source as `dry_run`. The code is the live one, and nothing is kept."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message

from pendler.esco.stored import label
from pendler.pages import page
from pendler.problem import Problem
from pendler.rehearsal import rehearse
from pendler.settings import Settings
from pendler.store import Doc
from schemas.event import Outcome, VacancyMatched
from schemas.rights import UNSAID
from services.ingest.body import read_body
from services.ingest.checking import Checked, Delivered, by_rule, check
from services.ingest.delivery import cut
from services.ingest.feed import feeds
from services.ingest.state import Rights

PACKAGE = "services.ingest"
LARGEST, MOST_RECORDS = 1_000_000, 200
AROUND = 10_000
"""Bytes that a form may have beside its file."""
MOST_WAITING = 5
NOBODY = "nobody"
"""The source of what anyone checks. It has no vacancies, and its records get nowhere."""


class Checks:
    """Checks one file at a time: it is work that anyone may ask for."""

    def __init__(self) -> None:
        self._turn, self._waiting = asyncio.Semaphore(1), 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises:
        Problem: 429, several wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise Problem(429, "many-checks", "Several files are being checked. Try again.", {"Retry-After": "10"})
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def run(
        self, request: Request, given: Delivered, known: Mapping[str, Doc], rights: Rights = UNSAID
    ) -> list[Checked]:
        """What would become of each record, and what match would make of it."""
        async with self.turn():
            checked = await run_in_threadpool(check, given, known, rights)
            events = [one.event for one in checked if one.event]
            made = await rehearse(request.app.state.services, events)
        matched = {(one.ref, one.revision): one for one in made if isinstance(one, VacancyMatched)}
        return [
            replace(one, matched=matched.get((one.event.ref, one.event.revision))) if one.event else one
            for one in checked
        ]


async def few(feed: str, raw: bytes, source: str, settings: Settings) -> Delivered:
    """The records of what is to be checked.

    Raises:
        Problem: 400 it cannot be cut into records, 404 no such feed, 413 there are too many of them.
    """
    if feed not in feeds():
        raise Problem(404, "no-such-feed", f"There is no format “{feed[:60]}”. GET /v1/feeds lists them.")
    items = await run_in_threadpool(cut, feeds()[feed], raw)
    if len(items) > MOST_RECORDS:
        raise Problem(413, "too-many-records", f"{MOST_RECORDS} records are checked at a time, here are {len(items)}.")
    return Delivered(feeds()[feed], source, raw, items, settings.clock())


class CheckPage:
    """`/check`: a form, and below it what was found. Works without a script."""

    def __init__(self, settings: Settings, checks: Checks) -> None:
        self._settings, self._checks = settings, checks

    def router(self) -> APIRouter:
        pages = APIRouter(include_in_schema=False)
        pages.add_api_route("/check", self.form)
        pages.add_api_route("/check", self.check, methods=["POST"])
        return pages

    def form(self, request: Request) -> Response:
        """Asks for a file or a text, and its format."""
        return _page(request, feed=request.query_params.get("feed", ""))

    async def check(self, request: Request) -> Response:
        """What would become of each record."""
        feed, pasted, problem, checked = "", "", None, list[Checked]()
        try:
            feed, pasted, raw = await _sent(request)
            checked = await self._checks.run(request, await few(feed, raw, NOBODY, self._settings), {})
        except Problem as error:
            problem = error
        shown = {"feed": feed, "pasted": pasted[:AROUND], "problem": problem, "checked": checked}
        answer = await run_in_threadpool(
            lambda: _page(request, problem.document["status"] if problem else 200, **shown)
        )
        answer.headers.update(problem.headers if problem else {})
        return answer


async def _sent(request: Request) -> tuple[str, str, bytes]:
    """The form: feed, what was pasted, and what is to be checked, which is the file if there is one."""
    body = await read_body(request.stream(), LARGEST + AROUND)

    async def again() -> Message:
        return {"type": "http.request", "body": body}

    try:
        form = await Request(request.scope, again).form(max_files=1, max_fields=10, max_part_size=LARGEST)
    except HTTPException as error:
        raise Problem(400, "unreadable-form", f"The form cannot be read: {error.detail}") from None
    file, pasted, feed = form.get("file"), form.get("records"), form.get("feed")
    raw = await file.read() if isinstance(file, UploadFile) else b""
    await form.close()
    text = pasted if isinstance(pasted, str) else ""
    return (feed if isinstance(feed, str) else ""), text, raw or text.encode(errors="replace")


def _page(request: Request, status: int = 200, **found: Any) -> Response:
    shown: dict[str, Any] = {"pasted": "", "problem": None, "checked": [], **found}
    checked: Sequence[Checked] = shown["checked"]
    counts = {outcome: sum(one.outcome is outcome for one in checked) for outcome in Outcome}
    return page(
        PACKAGE, "check.html", request, status, label=label, formats=list(feeds().values()), rules=by_rule(checked),
        counts={outcome: count for outcome, count in counts.items() if count}, most=MOST_RECORDS, **shown,
    )  # fmt: skip
