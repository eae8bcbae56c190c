"""Commands about feeds: hold and release what the guard decides, try it on two files, begin and try a mapping."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pendler.bus import Bus, open_bus
from pendler.settings import Settings
from pendler.store import Store, open_store
from services.ingest import snapshot
from services.ingest.draft import draft
from services.ingest.feed import Flaw, feeds
from services.ingest.guard import Counts, verdict
from services.ingest.mapped import feed_of
from services.ingest.mapping import Unmapped, load
from services.ingest.normalising import normalised

app = typer.Typer(help="Feeds of sources, and the guard that keeps a broken one from closing vacancies.")
T = TypeVar("T")
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]


@app.command()
def hold(
    source: str, feed: str, off: Annotated[bool, typer.Option("--off", help="Leave it to the guard again.")] = False
) -> None:
    """Let no snapshot of a feed close anything, until it is switched off again."""
    key = snapshot.hold_key(source, feed)

    async def change(_: Bus, store: Store) -> None:
        await (store.delete(snapshot.HOLDS, [key]) if off else store.put(snapshot.HOLDS, {key: {"held": True}}))

    _with_both(change)
    typer.echo(f"{feed} of {source}: {'the guard decides' if off else 'its snapshots close nothing'}")


@app.command()
def release(identity: Annotated[str, typer.Argument(help="The snapshot that is held.")]) -> None:
    """Close what the guard has held: the source has said that it is right."""
    try:
        closed = _with_both(lambda bus, store: snapshot.release(bus, store, identity))
    except LookupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{closed} vacancies are closed")


@app.command()
def guard(
    old: File,
    new: File,
    feed: Annotated[str, typer.Option(help="The feed that both files are of.")],
    simulate: Annotated[bool, typer.Option("--simulate", help="The only way to use it: nothing changes.")] = True,  # noqa: ARG001
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """What the guard would say to a snapshot NEW after a snapshot OLD, both complete files of a feed."""
    if feed not in feeds():
        raise typer.BadParameter(f"no such feed; there are {', '.join(feeds())}", param_hint="--feed")
    before, after = ([item.external_id for item in feeds()[feed].split(file.read_bytes())] for file in (old, new))
    known = {identity for identity in before if identity}
    absent = len(known - set(after))
    counts = Counts(len(after), after.count(None), len(known), absent, [len(before)])
    told = verdict(counts)
    shown = {"open": counts.open, "delivered": counts.delivered, "absent": absent, "limit": counts.limit, "held": told}
    typer.echo(json.dumps(shown) if as_json else told or f"{absent} of {counts.open} would close")
    raise typer.Exit(1 if told else 0)


@app.command("try")
def try_mapping(mapping: File, file: File) -> None:
    """Read FILE as a feed without code would that MAPPING (YAML) describes, without keeping anything."""
    try:
        feed = feed_of(load(mapping))
    except Unmapped as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for line in normalised(str(file), feed, Settings().clock()):
        typer.echo(json.dumps(line, ensure_ascii=False))


@app.command()
def new(name: Annotated[str, typer.Argument(help="As `be_example`.")], file: File) -> None:
    """Print a first mapping (YAML) for FILE: what its members may mean, by their names. Look it through, and try it."""
    try:
        typer.echo(draft(name, file.read_bytes()), nl=False)
    except Flaw as flaw:
        typer.echo(f"{file}: {flaw}", err=True)
        raise typer.Exit(1) from None


def _with_both(use: Callable[[Bus, Store], Awaitable[T]]) -> T:
    async def run() -> T:
        settings = Settings()
        store, bus = open_store(settings.url_of("store"), "ingest"), open_bus(settings.url_of("bus"))
        try:
            return await use(bus, store)
        finally:
            await store.close()
            await bus.close()

    return asyncio.run(run())
