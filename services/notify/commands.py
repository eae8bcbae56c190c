"""The operator's commands for alerts: `pendler subscriber`, `digest`, `ledger`, `percolate`."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime
from typing import Annotated, Any

import typer

from pendler.service import Unavailable
from pendler.settings import Settings
from pendler.store import Store, open_store
from services.notify.state import Frequency

app = typer.Typer()
subscriber = typer.Typer(help="Subscribers: add, list, export, erase.", no_args_is_help=True)
digest = typer.Typer(help="The digests that are due.", no_args_is_help=True)
ledger = typer.Typer(help="The books of what was mailed.", no_args_is_help=True)
for name, group in (("subscriber", subscriber), ("digest", digest), ("ledger", ledger)):
    app.add_typer(group, name=name)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Address = Annotated[str, typer.Argument(help="An e-mail address.")]
Work = Callable[[Store, Settings], Awaitable[Any]]


def _run(work: Work, as_json: bool = True) -> None:
    async def opened() -> Any:
        settings = Settings()
        store = open_store(settings.url_of("store"), "notify")
        try:
            return await work(store, settings)
        finally:
            await store.close()

    try:
        report = asyncio.run(opened())
    except (ValueError, Unavailable) as error:
        typer.echo(f"pendler: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, default=str))
        return
    for line in report if isinstance(report, list) else [report]:
        typer.echo("  ".join(f"{name} {value}" for name, value in line.items()))


@subscriber.command()
def add(
    address: Address,
    search: Annotated[str, typer.Argument(help="Parameters of a search, `q=lasser&near=Zelzate&km=40`.")] = "",
    frequency: Annotated[Frequency, typer.Option(help="How often at the most.")] = Frequency.DAILY,
    language: Annotated[str, typer.Option(help="Of the mails.")] = "en",
) -> None:
    """Ask a person, by mail, whether they want new jobs for a search. They are subscribed once they say yes."""
    from services.notify import operating

    choices = {"frequency": frequency, "language": language}
    _run(lambda store, settings: operating.add(store, settings, address, search, choices))


@subscriber.command("list")
def list_(address: Annotated[str, typer.Argument(help="Of this person only.")] = "", as_json: AsJson = False) -> None:
    """List subscriptions: what they ask and in which state they are, by number, never by address."""
    from services.notify import operating

    _run(lambda store, settings: operating.listed(store, settings, address), as_json)


@subscriber.command()
def export(address: Address) -> None:
    """Print all that is kept of a person, as JSON."""
    from services.notify import operating

    _run(lambda store, settings: operating.exported(store, settings, address))


@subscriber.command()
def erase(address: Address) -> None:
    """Stop and erase all that is kept of a person. No mail to them is begun after this has ended."""
    from services.notify import operating

    _run(lambda store, settings: operating.erased(store, settings, address), as_json=False)


@digest.command("run")
def run_digest(
    date: Annotated[datetime, typer.Option(help="Day of the digests, YYYY-MM-DD.", formats=["%Y-%m-%d"])],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be mailed, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the mails of all digests due by the end of that day. Workers do so by themselves; twice is once."""
    from services.notify import operating

    _run(lambda store, _: operating.run_digest(store, date, dry_run), as_json)


@app.command()
def percolate(
    subscriptions: Annotated[typer.FileText, typer.Option(help='NDJSON: {"id", "query": {...}}, as the search API.')],
    vacancies: Annotated[typer.FileText, typer.Option(help="NDJSON: what GET /v1/vacancies/{ref} gives; - is stdin.")],
) -> None:
    """Tell for each vacancy which searches it fits: NDJSON, {"ref", "subscriptions"}. Mails nobody."""
    from pendler.places import open_places
    from services.notify import percolating

    with closing(open_places(Settings().places)) as places:
        try:
            for line in percolating.percolate(percolating.load(subscriptions, places), vacancies):
                sys.stdout.buffer.write(line)
        except percolating.Line as error:
            typer.echo(f"pendler: {error}", err=True)
            raise typer.Exit(1) from None


@ledger.command()
def audit(as_json: AsJson = False) -> None:
    """Compare the books: each match in one mail, each mail with what became of it. Exit 1 if they are not even."""
    from services.notify import operating

    report: dict[str, Any] = {}

    async def work(store: Store, _: Settings) -> Any:
        report.update(await operating.audit(store))
        return report

    _run(work, as_json)
    raise typer.Exit(1 if report.get("wrong") else 0)
