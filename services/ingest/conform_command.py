"""`pendler conform URL`: asks a server of the EURES Input API, and tells what EURES would drop in silence."""

import json
from collections import Counter
from functools import partial
from typing import Annotated, Any

import httpx2
import typer

from schemas.event import Severity
from services.ingest.conform import Server, judged

LARGEST = 200_000_000


def conform(
    url: Annotated[str, typer.Argument(help="Up to the version: https://HOST/input/api/jv/v0.1")],
    most: Annotated[int, typer.Option(min=1, help="So many of its vacancies are looked at.")] = 500,
) -> None:
    """Ask a server of the EURES Input API, and tell what EURES would drop in silence: one line of JSON a finding."""
    counts = Counter[str]()
    with httpx2.Client(base_url=url.rstrip("/") + "/", timeout=60, trust_env=False) as client:
        server = Server(partial(_answer, client, "GET"), lambda path, body: _answer(client, "POST", path, json=body))
        for found in judged(server, most):
            counts[found.reason.severity] += 1
            typer.echo(
                json.dumps({"reference": found.reference, **found.reason.model_dump(mode="json")}, ensure_ascii=False)
            )
    typer.echo(f"{counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings", err=True)
    raise typer.Exit(1 if counts[Severity.ERROR] else 0)


def _answer(client: httpx2.Client, method: str, path: str, **how: Any) -> Any:
    """Raises:
    ValueError: no answer, none that is well, too large a one, or no JSON where there should be.
    """
    read = bytearray()
    try:
        with client.stream(method, path, **how) as response:
            if response.status_code != 200:
                raise ValueError(f"{path}: {response.status_code}")
            for piece in response.iter_bytes():
                read += piece
                if len(read) > LARGEST:
                    raise ValueError(f"{path}: more than {LARGEST} bytes")
    except httpx2.HTTPError as error:
        raise ValueError(f"{path}: {error!r}") from None
    return None if path == "ping" else json.loads(read)
