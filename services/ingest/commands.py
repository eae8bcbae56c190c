"""Commands of employment services and of the operator: normalise, push, keys, demo."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console
from rich.progress import Progress

from pendler.bus import open_bus
from pendler.memory import settle_down
from pendler.settings import Settings
from pendler.store import Doc, Store, everything, open_store
from schemas.event import Outcome
from schemas.vacancy import Status
from services.ingest import feed_commands, first, keys, source_commands, vacancy_commands
from services.ingest.conform_command import conform
from services.ingest.demonstration import MARK
from services.ingest.ends import notices
from services.ingest.feed import feeds
from services.ingest.normalising import normalised
from services.ingest.state import KEYS, MARKS, SANDBOX, VACANCIES

app = typer.Typer()
keys_app = typer.Typer(help="API keys of sources.", no_args_is_help=True)
demo_app = typer.Typer(help="The demonstration vacancies.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")
app.add_typer(demo_app, name="demo")
app.add_typer(source_commands.app, name="source")
app.add_typer(feed_commands.app, name="feed")
app.add_typer(vacancy_commands.app, name="vacancy")
app.command()(conform)
errors = Console(stderr=True)


@app.command()
def normalise(
    files: Annotated[list[str] | None, typer.Argument(help="Files of the feed; - is stdin.")] = None,
    feed: Annotated[str, typer.Option(help="Name of the feed; `list` shows them.")] = "list",
    now: Annotated[datetime | None, typer.Option(help="As of this time (UTC).")] = None,
) -> None:
    """Read feed files as ingest would, without keeping anything: one line of JSON a record."""
    if feed == "list":
        for each in feeds().values():
            typer.echo(f"{each.name}\t{each.title}")
        return
    if feed not in feeds():
        raise typer.BadParameter(f"no such feed; there are {', '.join(feeds())}", param_hint="--feed")
    at = (now or datetime.now(UTC)).replace(tzinfo=UTC)
    settle_down()
    for file in files or ["-"]:
        for line in normalised(file, feeds()[feed], at):
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


@app.command()
def push(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    source: Annotated[str, typer.Option()],
    feed: Annotated[str, typer.Option()],
    key: Annotated[str, typer.Option(envvar="PENDLER_KEY")],
    url: Annotated[str, typer.Option()] = "http://localhost:8000",
) -> None:
    """Deliver a file and wait until every record has its outcome; the last line is JSON."""
    from services.ingest.report import summary

    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=120, trust_env=False) as client:
        path = f"/v1/sources/{source}/feeds/{feed}/records"
        report = _answer(client.post(path, content=file.read_bytes()))
        report = _follow(client, report)
    for line in report["records"]:
        if line["outcome"] == Outcome.REJECTED:
            errors.print(f"record {line['record']}: {line['reason']}", markup=False)
    errors.print(f"{summary(report['outcomes'])}: {report['page']}", markup=False, soft_wrap=True)
    typer.echo(json.dumps({name: report[name] for name in ("transfer", "accepted", "outcomes", "pending")}))
    raise typer.Exit(1 if report["outcomes"].get(Outcome.REJECTED) else 0)


def _follow(client: httpx2.Client, report: dict[str, Any]) -> dict[str, Any]:
    with Progress(console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(f"{report['accepted']} accepted", total=report["accepted"])
        while report["pending"]:
            report = _answer(client.get(f"/v1/transfers/{report['transfer']}", headers={"Prefer": "wait=1"}))
            progress.update(task, completed=report["accepted"] - report["pending"])
            time.sleep(0.05)
    return report


def _answer(response: httpx2.Response) -> dict[str, Any]:
    if response.is_error:
        errors.print(f"{response.status_code}: {response.text}", markup=False)
        raise typer.Exit(1)
    answer: dict[str, Any] = response.json()
    return answer


@keys_app.command("create")
def create_key(
    source: Annotated[str, typer.Option(help="The source that delivers with it, like `nl-uwv`.")],
    feed: Annotated[list[str] | None, typer.Option(help="Only for this feed; may be repeated.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="It expires after so many days; else never.")] = None,
    test: Annotated[bool, typer.Option("--test", help="For trying: its records get outcomes and go nowhere.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="A new source: let nothing wait for Publish.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Make a key for a source. It is shown this once; only its hash is kept.

    The first delivery of a new source waits until the source, or `pendler source publish`, publishes it.
    """
    if not source.replace("-", "").isalnum() or not source.isascii() or len(source) > 60:
        raise typer.BadParameter("a source's name has letters, digits and hyphens, 60 at most", param_hint="--source")
    settings = Settings()
    now = settings.clock()
    ends = now + timedelta(days=days) if days else None
    of = source + SANDBOX if test else source

    async def make(store: Store) -> str:
        if not (test or publish):
            await first.begin(store, source)
        return await keys.create(store, of, feed or [], now, ends)

    key = asyncio.run(_with_store(settings, make))
    typer.echo(json.dumps({"source": source, "feeds": feed or [], "key": key}) if as_json else key)


@keys_app.command("list")
def list_keys() -> None:
    """The keys there are, without their secrets."""
    for identity, doc in asyncio.run(_with_store(Settings(), _keys)):
        shown = {name: doc.get(name) for name in ("source", "feeds", "created_at", "expires_at")}
        typer.echo(json.dumps({"id": identity, **shown}))


async def _keys(store: Store) -> list[tuple[str, Doc]]:
    return [each async for each in everything(store, KEYS)]


@keys_app.command("rotate")
def rotate_key(
    identity: str,
    overlap_days: Annotated[int, typer.Option(min=0, help="So long the old key works, too.")] = 7,
) -> None:
    """Make a key in place of an older one, named by the id that `keys list` shows. It is shown this once."""
    settings, overlap = Settings(), timedelta(days=overlap_days)
    key = asyncio.run(_with_store(settings, lambda store: keys.rotate(store, identity, settings.clock(), overlap)))
    if key is None:
        errors.print(f"no key {identity} that still works")
        raise typer.Exit(1)
    typer.echo(key)


@keys_app.command("revoke")
def revoke_key(identity: str) -> None:
    """End a key at once, by the id that `keys list` shows."""
    if not asyncio.run(_with_store(Settings(), lambda store: keys.revoke(store, identity))):
        errors.print(f"no key {identity}")
        raise typer.Exit(1)


@demo_app.command("clear")
def clear_demonstration() -> None:
    """Withdraw every demonstration vacancy; they do not come back."""
    typer.echo(f"{asyncio.run(_clear(Settings()))} demonstration vacancies withdrawn")


async def _clear(settings: Settings) -> int:
    store, bus = open_store(settings.url_of("store"), "ingest"), open_bus(settings.url_of("bus"))
    known = everything(store, VACANCIES)
    refs = [ref async for ref, doc in known if doc["stub"].get("demonstration") and doc["status"] == Status.ACTIVE]
    await store.put(MARKS, {MARK: {"filled_at": None}})
    result = await notices("demonstration-cleared", refs, "withdrawn", settings.clock(), store)
    await bus.publish(result.events)
    await result.write()
    await store.close()
    await bus.close()
    return len(refs)


async def _with_store(settings: Settings, use: Any) -> Any:
    store = open_store(settings.url_of("store"), "ingest")
    try:
        return await use(store)
    finally:
        await store.close()
