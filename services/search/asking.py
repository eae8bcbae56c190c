"""`pendler search`: a search against a running exchange, as people or as programs read it."""

import json
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console

errors = Console(stderr=True)


def search(
    q: Annotated[str, typer.Argument(help="Words; in quotes as they stand; -word: without it.")] = "",
    filters: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE each: near=Zelzate minutes=45.")] = None,
    url: Annotated[str, typer.Option(envvar="PENDLER_URL")] = "http://localhost:8000",
    as_json: Annotated[bool, typer.Option("--json", help="The answer of the API as one JSON document.")] = False,
) -> None:
    """Search a running exchange. Exit 1 where the search cannot be read, 75 where the exchange is away."""
    given = [("q", q), *(one.partition("=")[::2] for one in filters or [])]
    pairs: list[tuple[str, str | int | float | bool | None]] = [*given]
    try:
        answer = httpx2.get(f"{url}/v1/vacancies", params=pairs, timeout=30, trust_env=False)
    except httpx2.TransportError as error:
        errors.print(f"no exchange answers at {url}: {error}", markup=False)
        raise typer.Exit(75) from None
    if answer.is_error:
        errors.print(answer.json()["detail"], markup=False)
        raise typer.Exit(1)
    typer.echo(json.dumps(answer.json(), ensure_ascii=False) if as_json else _told(answer.json()))


def _told(found: dict[str, Any]) -> str:
    """A line of totals, what was understood, then two lines for each hit."""
    total, unsaid = found["total"], found["unsaid"]["ads"]
    lines = [f"{total['ads']} ads ({total['posts']} posts), {found['order_in_words']}"]
    lines += [f"{unsaid} of them do not say all you ask for; they come last"] * bool(unsaid)
    lines += [f"also found: {one['label']} ({', '.join(one['also'])})" for one in found["understood"]]
    lines += [f"another place of that name: near={one!r}" for one in found["other_places"]]
    for one in found["vacancies"]:
        places = "; ".join(f"{place['name'] or '?'}, {place['country']}" for place in one["places"])
        way = f" · about {one['minutes_by_car']} min by car" if one["minutes_by_car"] is not None else ""
        lines += [f"\n{one['title'] or one['status']}  [{one['ref']}]", f"  {one['employer'] or '?'} · {places}{way}"]
    return "\n".join(lines)
