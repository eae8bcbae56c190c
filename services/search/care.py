"""Care of the index, by the worker: builds a generation while the live one serves, repairs, removes what is retired.

Everything repeats safely: what is kept in the store says what an index must hold, and a document is guarded by its
version. So a kill at any moment costs a page at most.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pendler.bus import failpoint
from pendler.metrics import REPAIRED
from pendler.searchable import searchable
from pendler.service import Result
from pendler.store import Doc, Store
from services.search.generations import (
    KEPT,
    NOTICED_AFTER,
    Generations,
    Plan,
    change_note,
    change_plan,
    read_plan,
)
from services.search.index import Generation
from services.search.state import VACANCIES, kept

BUILD, RECONCILE = "build", "reconcile"
PAGE, SCAN = 200, 2000
TRIES, PAUSE = 5, 0.5
NAMED = 100
FEW, SHARE = 50, 0.2
NIGHT, DAY = 3 * 3600, 86_400
Versions = tuple[int | None, int | None]


class Care:
    """One round of what is due. One process at a time does it: on one machine, one alone may write."""

    def __init__(self, store: Store, generations: Generations) -> None:
        self._store, self._generations = store, generations

    async def __call__(self) -> Result:
        plan = await read_plan(self._store)
        await self._remove(plan.retired)
        if plan.published != plan.live:
            await self._publish(plan)
        if plan.building:
            await self._build(plan.building)
        await self._reconcile()
        return Result()

    async def _remove(self, retired: Sequence[int]) -> None:
        if retired:
            await asyncio.sleep(NOTICED_AFTER)  # until no process writes to them any more
        for generation in retired:
            await self._generations.of(generation).drop()
            failpoint("index.dropped")
            await change_plan(
                self._store,
                lambda plan, gone=generation: replace(  # type: ignore[misc]
                    plan, retired=tuple(one for one in plan.retired if one != gone)
                ),
            )

    async def _publish(self, plan: Plan) -> None:
        await self._generations.of(plan.live).publish()
        failpoint("index.published")
        await change_plan(self._store, lambda now: replace(now, published=plan.live))

    async def _build(self, generation: int) -> None:
        """Copies what is kept, page by page, unless the build is given up meanwhile.

        What comes while it runs is written by the handlers, to this generation too; but not by a process that has
        not read the new plan. That one keeps a vacancy before it asks for the plan, so a copy that begins later
        than any plan can be old finds it in the store.
        """
        note = await self._progress(generation)
        began = time.monotonic() - note["seconds"]
        while not note["finished"] and (await read_plan(self._store)).building == generation:
            page = await self._store.find(VACANCIES, limit=PAGE, past=note["past"])
            await agree(self._store, self._generations.of(generation), [ref for ref, _ in page])
            failpoint("index.page" if page else "index.copied")
            step = {
                "done": note["done"] + len(page),
                "past": page[-1][0] if page else note["past"],
                "seconds": round(time.monotonic() - began, 3),
                "finished": not page,
            }
            note = await change_note(self._store, BUILD, lambda _, step=step: step)  # type: ignore[misc]

    async def _progress(self, generation: int) -> Doc:
        note = (await self._store.get(KEPT, [BUILD])).get(BUILD)
        if note and note["generation"] == generation:
            return note
        await asyncio.sleep(NOTICED_AFTER)
        new = {"generation": generation, "done": 0, "past": "", "seconds": 0.0, "finished": False}
        new["total"] = await self._store.count(VACANCIES)
        return await change_note(self._store, BUILD, lambda _: new)

    async def _reconcile(self) -> None:
        """Compares and repairs the live generation: each night, or when it is asked for."""
        note = (await self._store.get(KEPT, [RECONCILE])).get(RECONCILE, {})
        asked, now = note.get("asked", 0), time.time()
        if asked <= note.get("done", 0) and (now - NIGHT) // DAY <= (note.get("at", 0) - NIGHT) // DAY:
            return
        report = await repair(self._store, await self._generations.live())
        failpoint("index.repaired")
        await change_note(self._store, RECONCILE, lambda _: {"done": asked, "at": now, "report": report})


async def agree(store: Store, index: Generation, refs: Sequence[str]) -> None:
    """Makes the index hold what is kept of these vacancies, also where that comes or goes at the same time."""
    left = list(refs)
    while left:
        there = await kept(store, left)
        await index.put([searchable(event) for event in there.values()])
        await index.delete([ref for ref in left if ref not in there])
        now = await store.get(VACANCIES, left)
        left = [ref for ref in left if (ref in now) != (ref in there)]


async def differences(store: Store, index: Generation) -> dict[str, Versions]:
    """Where the store and an index differ: ref -> version kept, version in the index. Only what stays counts."""
    found = await _compare(store, index)
    for _ in range(TRIES - 1):
        if not found:
            break
        await asyncio.sleep(PAUSE)
        again = await _compare(store, index)
        found = {ref: again[ref] for ref in found.keys() & again.keys()}
    return found


async def _compare(store: Store, index: Generation) -> dict[str, Versions]:
    there, found, past = dict(await index.versions()), dict[str, Versions](), ""
    while page := await store.find(VACANCIES, limit=SCAN, past=past):
        for ref, doc in page:
            if (version := there.pop(ref, None)) != doc["version"]:
                found[ref] = (doc["version"], version)
        past = page[-1][0]
    return found | {ref: (None, version) for ref, version in there.items()}


def kind(versions: Versions) -> str:
    """`missing` or `stale` in the index, `surplus` there, or there `ahead` of what is kept."""
    here, there = versions
    if there is None:
        return "missing"
    if here is None:
        return "surplus"
    return "stale" if there < here else "ahead"


def told(found: Mapping[str, Versions]) -> dict[str, Any]:
    """Differences as a report: how many of each kind, and the first hundred by name."""
    kinds = [kind(versions) for versions in found.values()]
    refs = [{"ref": ref, "kept": here, "index": there} for ref, (here, there) in sorted(found.items())[:NAMED]]
    return {**{name: kinds.count(name) for name in ("missing", "stale", "surplus", "ahead")}, "refs": refs}


async def repair(store: Store, index: Generation) -> dict[str, Any]:
    """Makes an index agree with what is kept, and tells what it found. `refused`: why something was left as it is.

    What is visible never goes back to an older version, and an index is not emptied because its store is.
    """
    found = await differences(store, index)
    report = told(found)
    refused = _doubts(report, await store.count(VACANCIES))
    wrong = [ref for ref, versions in found.items() if not refused or kind(versions) in ("missing", "stale")]
    for page in _pages(wrong):
        await agree(store, index, page)
    for ref in wrong:
        REPAIRED.labels(kind(found[ref])).inc()
    return {**report, "repaired": len(wrong), "refused": refused}


def _doubts(report: Mapping[str, Any], count: int) -> str:
    if report["ahead"] or report["surplus"] > max(FEW, SHARE * count):
        return (
            f"the index knows {report['surplus']} vacancies and {report['ahead']} versions that the store does not: "
            "stop search, `pendler groups reset search`, start it; then reconcile again"
        )
    return ""


def _pages(refs: Sequence[str]) -> Iterable[Sequence[str]]:
    return (refs[start : start + PAGE] for start in range(0, len(refs), PAGE))
