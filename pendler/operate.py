"""Commands of the operator: audit, trace, lag, groups, dead letters."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from pendler.audit import audit as audited
from pendler.audit import trace as traced
from pendler.bus import Bus, Record, dead_topic, open_bus
from pendler.engines import Finding, checks_of, examine, examine_machine
from pendler.prepare import import_regions, prepare
from pendler.regions import BadRegions
from pendler.run import Module, modules
from pendler.service import Misconfigured, Service
from pendler.settings import Settings
from pendler.standing import standings

app = typer.Typer()
dead_app = typer.Typer(help="Records that were set aside.", no_args_is_help=True)
app.add_typer(dead_app, name="dead")
groups_app = typer.Typer(help="The positions of the services on their topics.", no_args_is_help=True)
app.add_typer(groups_app, name="groups")
regions_app = typer.Typer(help="Outlines of the NUTS-3 regions.", no_args_is_help=True)
app.add_typer(regions_app, name="regions")
T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command()
def audit(as_json: AsJson = False) -> None:
    """Compare the books: every accepted record has one outcome, every open vacancy is visible. Exit 1 if not."""
    report = _with_all(audited)
    _show(report, as_json)
    raise typer.Exit(1 if report["unaccounted"] else 0)


@app.command()
def trace(ref: str, as_json: AsJson = False) -> None:
    """Every hop of one vacancy, from its record to the index and the mails."""
    hops = _with_all(lambda services, bus: traced(services, bus, ref))
    if as_json:
        typer.echo(json.dumps(hops, ensure_ascii=False))
    for hop in [] if as_json else hops:
        typer.echo("  ".join(f"{name}={value}" for name, value in hop.items()))
    raise typer.Exit(0 if hops else 1)


@app.command()
def doctor() -> None:
    """Say whether this machine and every engine are as they must be, and what to type where not. Exit 1 if not."""
    settings, wrong = Settings(), False
    for finding in chain(examine_machine(settings), _engines(settings)):
        wrong |= finding.wrong
        typer.echo(f"{'WRONG' if finding.wrong else 'ok':6} {finding.what:18} {finding.told}")
    raise typer.Exit(1 if wrong else 0)


def _engines(settings: Settings) -> list[Finding]:
    """Each service's engines, opened by itself: one that cannot be opened hides no other."""
    found: dict[str, Finding] = {}
    for name, module in modules().items():
        try:
            found |= asyncio.run(_examined(settings, module))
        except Misconfigured as error:
            found[name] = Finding(name, str(error), wrong=True)
    return list(found.values())


async def _examined(settings: Settings, module: Module) -> dict[str, Finding]:
    prepare(settings)
    bus = open_bus(settings.url_of("bus"))
    service = module.from_settings(settings, bus)
    try:
        return {name: await examine(name, check) for name, check in checks_of([service], bus).items()}
    finally:
        await service.close()
        await bus.close()


@app.command()
def lag(as_json: AsJson = False) -> None:
    """How much waits for each service, and since when."""
    for one in _with_all(standings):
        line = {"group": one.group, "topic": one.topic, "lag": one.lag, "oldest_seconds": one.waits(time.time())}
        waited = "" if line["oldest_seconds"] is None else f"the oldest for {line['oldest_seconds']:.0f} s"
        typer.echo(json.dumps(line) if as_json else f"{one.group:8} {one.topic:24} {one.lag:>9,}  {waited}")


@groups_app.command("reset")
def reset(group: str) -> None:
    """Put a service back to the start of its topics, so that it handles everything again. It must be stopped."""
    topics = [one.topic for one in _with_all(standings) if one.group == group]
    if not topics:
        raise typer.BadParameter(f"no service {group!r} reads a topic; `pendler lag` shows those that do")
    try:
        _with_all(lambda _, bus: _rewind(bus, group, topics))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{group} starts again from the first record of {', '.join(topics)}")


@regions_app.command("import")
def regions_import(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Read Eurostat's GeoJSON (NUTS_RG_..._4326): towns without a postcode and points get their NUTS-3 region."""
    try:
        found = import_regions(Settings(), file)
    except BadRegions as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{found:,} regions; in use from the next start. © EuroGeographics for the administrative boundaries")


@dead_app.command("list")
def list_dead(as_json: AsJson = False) -> None:
    """What was set aside: one line a record; its number is what `show` and `replay` take."""
    for record in _with_all(_dead):
        line = {"id": _identity(record), "key": record.key, **_about(record)}
        typer.echo(json.dumps(line) if as_json else "  ".join(map(str, line.values())))


@dead_app.command("show")
def show_dead(identity: str) -> None:
    """One record that was set aside, with its bytes as text where they are text."""
    record = _find(identity)
    body = (record.value or b"").decode("utf-8", "backslashreplace")
    typer.echo(json.dumps({"id": identity, "key": record.key, "headers": record.headers, "body": body}, indent=2))


@dead_app.command("replay")
def replay_dead(identity: str) -> None:
    """Put a record back on the topic it came from. Handling it again does no harm."""
    record = _find(identity)
    headers = {name: value for name, value in record.headers.items() if not name.startswith("dead_")}
    again = Record(record.headers["dead_topic"], 0, 0, record.key, record.value, headers)
    _with_all(lambda _, bus: bus.put([again]))
    typer.echo(f"replayed on {again.topic}")


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report))
    for name, value in {} if as_json else report.items():
        typer.echo(f"{name:22} {value}")


async def _rewind(bus: Bus, group: str, topics: Sequence[str]) -> None:
    for topic in topics:
        await bus.rewind(group, topic)


async def _dead(services: Sequence[Service], bus: Bus) -> list[Record]:
    topics = [dead_topic(event.topic.name, service.name) for service in services for event in service.handlers]
    return [record for topic in topics async for record in bus.scan(topic)]


def _find(identity: str) -> Record:
    found = [record for record in _with_all(_dead) if _identity(record) == identity]
    if not found:
        raise typer.BadParameter("there is no such record; `pendler dead list` shows them")
    return found[0]


def _identity(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def _about(record: Record) -> dict[str, str]:
    return {name.removeprefix("dead_"): value for name, value in record.headers.items() if name.startswith("dead_")}


def _with_all(use: Callable[[Sequence[Service], Bus], Awaitable[T]]) -> T:
    async def run() -> T:
        async with opened(Settings()) as (services, bus):
            return await use(services, bus)

    return asyncio.run(run())


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[list[Service], Bus]]:
    """All services and the bus, to look at; nothing runs."""
    prepare(settings)
    bus = open_bus(settings.url_of("bus"))
    services = [module.from_settings(settings, bus) for module in modules().values()]
    try:
        yield services, bus
    finally:
        for service in services:
            await service.close()
        await bus.close()
