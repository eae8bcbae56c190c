"""The operator's commands for the index, `pendler index build|verify|swap|rollback|drop|reconcile`; and a search.

Those of the index only ask: what is written to an index, the worker of search writes.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pendler.service import Unavailable
from pendler.settings import Settings
from pendler.store import Doc, Store, open_store
from services.search.asking import search
from services.search.care import BUILD, RECONCILE, differences, told
from services.search.generations import KEPT, Generations, Plan, change_note, change_plan, read_plan
from services.search.index import open_index
from services.search.verify import verify as verified

app = typer.Typer()
index_app = typer.Typer(help="Build the search index anew while it serves; repair it.", no_args_is_help=True)
app.add_typer(index_app, name="index")
app.command()(search)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
LOOK, QUIET = 0.3, 60.0
SILENT = (
    "nothing has moved for a minute: is the worker of search running (`pendler run` or `pendler work search`)? "
    "What was asked for stays asked for; its log says what holds it up"
)


class Refused(Exception):
    """It is not done, and nothing was changed; says why."""


@index_app.command()
def status(as_json: AsJson = False) -> None:
    """Which generations there are, how far a build is, what the last reconcile found."""
    _run(_status, as_json)


@index_app.command()
def build(as_json: AsJson = False) -> None:
    """Build a new generation beside the live one, and follow until it is complete. Again: follows the same build."""
    _run(_build, as_json)


@index_app.command()
def verify(as_json: AsJson = False) -> None:
    """Compare the new generation with what is kept and with the live one. Exit 1 if it may not become live."""
    _run(_verified, as_json)


@index_app.command()
def swap(as_json: AsJson = False) -> None:
    """Verify the new generation, then make it the live one; the one before can be gone back to."""
    _run(_swap, as_json)


@index_app.command()
def rollback(as_json: AsJson = False) -> None:
    """Go back to the generation that was live before. Nothing is lost: both are written to."""
    _run(_rollback, as_json)


@index_app.command()
def drop(as_json: AsJson = False) -> None:
    """Remove all generations but the live one: a build that is given up, one that need not be gone back to."""
    _run(_drop, as_json)


@index_app.command()
def reconcile(
    repair: Annotated[bool, typer.Option("--repair", help="Put right what differs.")] = False, as_json: AsJson = False
) -> None:
    """Compare the live generation with what is kept. Exit 1 if they differ and it was not put right."""
    _run(_repaired if repair else _compared, as_json)


def _run(work: Callable[[Store, Generations], Awaitable[Mapping[str, Any]]], as_json: bool) -> None:
    """Shows what `work` comes to. Exit 1 where it names something `wrong`."""
    try:
        report = asyncio.run(_with_index(work))
    except (Refused, Unavailable) as error:
        typer.echo(f"pendler index: {error}", err=True)
        raise typer.Exit(1) from None
    for name, value in {} if as_json else report.items():
        typer.echo(f"{name:20} {value}")
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    raise typer.Exit(1 if report.get("wrong") else 0)


async def _with_index(work: Callable[[Store, Generations], Awaitable[Mapping[str, Any]]]) -> Mapping[str, Any]:
    async with _opened(Settings()) as (store, generations):
        return await work(store, generations)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Store, Generations]]:
    store = open_store(settings.url_of("store"), "search")
    generations = Generations(store, partial(open_index, settings.url_of("index")))
    try:
        yield store, generations
    finally:
        await generations.close()
        await store.close()


async def _status(store: Store, _: Generations) -> Mapping[str, Any]:
    notes = await store.get(KEPT, [BUILD, RECONCILE])
    return {**_shown(await read_plan(store)), **{name: _built(note) for name, note in notes.items()}}


def _shown(plan: Plan) -> Doc:
    return {name: value for name, value in asdict(plan).items() if name not in ("version", "last", "published")}


def _built(note: Doc) -> Doc:
    rate = {"per_second": round(note["done"] / note["seconds"])} if note.get("seconds") else {}
    return {name: value for name, value in note.items() if name not in ("version", "past")} | rate


async def _build(store: Store, _: Generations) -> Mapping[str, Any]:
    plan = await change_plan(store, lambda plan: plan if plan.building else plan.begun())
    with Progress(
        TextColumn("generation {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bar:  # fmt: skip
        task = bar.add_task(str(plan.building), total=None)
        return _built(await _moving(store, BUILD, lambda note: _complete(note, plan, bar, task)))


def _complete(note: Doc, plan: Plan, bar: Progress, task: Any) -> bool:
    if note.get("generation") != plan.building:
        return False
    bar.update(task, completed=note["done"], total=max(note["total"], note["done"]))
    return bool(note["finished"])


async def _moving(store: Store, key: str, complete: Callable[[Doc], bool]) -> Doc:
    """The note once it is complete.

    Raises:
        Refused: nothing moves.
    """
    seen, since = -1, time.monotonic()
    while True:
        note = (await store.get(KEPT, [key])).get(key, {"version": 0})
        if complete(note):
            return note
        if note["version"] != seen:
            seen, since = note["version"], time.monotonic()
        if time.monotonic() - since > QUIET:
            raise Refused(SILENT)
        await asyncio.sleep(LOOK)


async def _verified(store: Store, generations: Generations) -> Mapping[str, Any]:
    return await verified(store, generations, await read_plan(store))


async def _swap(store: Store, generations: Generations) -> Mapping[str, Any]:
    plan = await read_plan(store)
    report = await verified(store, generations, plan)
    if report["wrong"]:
        return report

    def swapped(now: Plan) -> Plan:
        if (now.building, now.live) != (plan.building, plan.live):
            raise Refused("somebody else changed the generations meanwhile; look at `pendler index status`")
        return now.swapped()

    return _shown(await change_plan(store, swapped))


async def _rollback(store: Store, _: Generations) -> Mapping[str, Any]:
    def back(now: Plan) -> Plan:
        if now.previous is None:
            raise Refused("there is no generation to go back to; `pendler index build` makes a new one")
        return now.back()

    return _shown(await change_plan(store, back))


async def _drop(store: Store, _: Generations) -> Mapping[str, Any]:
    return _shown(await change_plan(store, Plan.dropped))


async def _compared(store: Store, generations: Generations) -> Mapping[str, Any]:
    found = await differences(store, await generations.live())
    wrong = "`pendler index reconcile --repair` puts it right" if found else ""
    return {**told(found), "wrong": wrong}


async def _repaired(store: Store, _: Generations) -> Mapping[str, Any]:
    note = await change_note(store, RECONCILE, lambda note: {"asked": note.get("asked", 0) + 1})
    done = await _moving(store, RECONCILE, lambda now: now.get("done", 0) >= note["asked"])
    report: Doc = done["report"]
    return {**report, "wrong": report["refused"]}
