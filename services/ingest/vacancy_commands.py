"""Commands about single vacancies: what the operator takes down."""

import asyncio
from typing import Annotated

import typer

from pendler.bus import open_bus
from pendler.settings import Settings
from pendler.store import open_store
from services.ingest.blocking import tell
from services.ingest.state import BLOCKED, UNBLOCKED

app = typer.Typer(help="Single vacancies.", no_args_is_help=True)
Ref = Annotated[str, typer.Argument(help="The vacancy, like `nl-uwv:123`.")]


@app.command()
def block(ref: Ref, reason: Annotated[str, typer.Option(help="Why; its source is told.")]) -> None:
    """Hide a vacancy everywhere, and keep its source from opening it again."""
    _tell(BLOCKED, ref, reason)
    typer.echo(f"{ref} is blocked")


@app.command()
def unblock(ref: Ref) -> None:
    """Let the source of a blocked vacancy open it again, with its next delivery."""
    _tell(UNBLOCKED, ref, "")
    typer.echo(f"{ref} may be opened again")


def _tell(kind: str, ref: str, why: str) -> None:
    try:
        asyncio.run(_told(Settings(), kind, ref, why))
    except LookupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


async def _told(settings: Settings, kind: str, ref: str, why: str) -> None:
    store, bus = open_store(settings.url_of("store"), "ingest"), open_bus(settings.url_of("bus"))
    try:
        await tell(bus, store, kind, ref, why, settings.clock())
    finally:
        await store.close()
        await bus.close()
