"""Commands of those who follow an exchange: follow."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx2
import typer
from rich.console import Console

if TYPE_CHECKING:
    from services.export.follow import Follower

app = typer.Typer()
errors = Console(stderr=True)
Several = Annotated[list[str] | None, typer.Option()]


@app.command()
def follow(
    out: Annotated[Path, typer.Option(help="A SQLite file: table `vacancies` with ref, version, told (JSON).")],
    url: Annotated[str, typer.Option(envvar="PENDLER_URL")] = "http://localhost:8000",
    every: Annotated[float, typer.Option(help="Seconds between two looks; 0: look once.")] = 0,
    country: Several = None,
    source: Several = None,
    occupation: Several = None,
) -> None:
    """Keep a file equal to what an exchange shows other systems."""
    from services.export.follow import Follower

    asked = {"country": country, "source": source, "occupation": occupation}
    with Follower(url, out, {name: values for name, values in asked.items() if values}) as follower:
        whole = _look(follower)
        while every:
            time.sleep(every)
            whole = _look(follower)
    raise typer.Exit(0 if whole else 1)


def _look(follower: "Follower") -> bool:
    try:
        errors.print(f"{follower.follow()} changes", markup=False)
    except httpx2.HTTPError as error:
        errors.print(f"not followed to the end, it goes on from there next time: {error!r}", markup=False)
        return False
    return True
