"""Commands about sources: their names, the ways out that their vacancies may take, and their first delivery."""

import asyncio
import json
import time
from typing import Annotated

import typer
from pydantic import ValidationError

from pendler.bus import open_bus
from pendler.settings import Settings
from pendler.store import open_store
from schemas.rights import Way
from services.ingest import first
from services.ingest.rights import call, change, rights_of

app = typer.Typer(help="Sources and their rights.", no_args_is_help=True)
LONGEST_WAIT = 60.0
Name = Annotated[str, typer.Argument(help="The source, like `nl-uwv`.")]


@app.command()
def rights(
    source: Name,
    way: Annotated[list[Way] | None, typer.Option(help="A way out that is allowed; may be repeated.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Allow no way out at all.")] = False,
) -> None:
    """Show which ways out a source's vacancies may take; with --way or --none, set them, for all that are open, too."""
    if way and none:
        raise typer.BadParameter("either ways or none")
    told = asyncio.run(_rights(Settings(), source, None if way is None and not none else way or []))
    typer.echo(json.dumps(told))


@app.command()
def name(source: Name, called: Annotated[str, typer.Argument(help="What people call it, like `UWV`.")]) -> None:
    """Name a source, as its readers know it: for the list of sources, and the mails that say it has joined."""
    try:
        asyncio.run(_name(Settings(), source, called))
    except ValidationError as error:
        raise typer.BadParameter(f"a name of 1 to 80 characters: {error.errors()[0]['msg']}") from None
    typer.echo(f"{source}: {called}")


@app.command()
def publish(source: Name) -> None:
    """Publish the first delivery of a source, which waits for that."""
    told, done = asyncio.run(_publish(Settings(), source))
    typer.echo(f"{source}: {told}", err=not done)
    raise typer.Exit(0 if done else 1)


async def _publish(settings: Settings, source: str) -> tuple[str, bool]:
    store = open_store(settings.url_of("store"), "ingest")
    try:
        if not await first.ask(store, source):
            return "nothing waits", False
        until = time.monotonic() + LONGEST_WAIT
        while await store.get(first.WAITING, [source]):
            if time.monotonic() > until:
                return "asked for, and done as soon as a worker is there", True
            await asyncio.sleep(0.2)
        return "published", True
    finally:
        await store.close()


async def _name(settings: Settings, source: str, called: str) -> None:
    store, bus = open_store(settings.url_of("store"), "ingest"), open_bus(settings.url_of("bus"))
    try:
        await call(bus, store, source, called, settings.clock())
    finally:
        await store.close()
        await bus.close()


async def _rights(settings: Settings, source: str, ways: list[Way] | None) -> dict[str, object]:
    store, bus = open_store(settings.url_of("store"), "ingest"), open_bus(settings.url_of("bus"))
    try:
        told = 0 if ways is None else await change(bus, store, source, ways, settings.clock())
        return {"source": source, "ways": (await rights_of(store, [source]))[source], "told_again": told}
    finally:
        await store.close()
        await bus.close()
