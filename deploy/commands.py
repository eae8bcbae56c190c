"""Commands for the topics on Kafka: `pendler topics create|describe|check`."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from deploy.topics import Plan, alter_topics, check_topics, describe_topics, ensure_topics, plan
from pendler.bus import open_bus
from pendler.bus.kafka_address import SCHEMES
from pendler.prepare import prepare, tell
from pendler.run import modules
from pendler.settings import Settings

app = typer.Typer()
topics_app = typer.Typer(help="The topics on Kafka.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")
Replication = Annotated[int, typer.Option(min=1, help="Copies of each topic.")]


@topics_app.command("create")
def create(
    replication: Replication = 1,
    alter: Annotated[bool, typer.Option(help="Set the settings of those that exist, too.")] = False,
) -> None:
    """Create what is missing of the topics, on the bus that PENDLER_BUS names; those that exist stay as they are."""
    settings = Settings()
    servers, readers = servers_of(settings), asyncio.run(readers_of(settings))
    created = ensure_topics(servers, readers, replication)
    if alter:
        alter_topics(servers, plan(readers, replication))
    typer.echo("\n".join(f"created {name}" for name in created) or "all topics are there")


@topics_app.command("describe")
def describe(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """The topics as they are: partitions, copies, copies in step, settings."""
    settings = Settings()
    there = describe_topics(servers_of(settings), plan(asyncio.run(readers_of(settings)), 1))
    if as_json:
        typer.echo(json.dumps(there))
    for name, how in {} if as_json else there.items():
        kept = " ".join(f"{setting}={value}" for setting, value in sorted(how["configs"].items()))
        told = f"{how['num_partitions']} partitions, {how['replication_factor']} copies, {how['in_sync']} in step"
        typer.echo(f"{name}  {told}  {kept}")


@topics_app.command("check")
def check(replication: Replication = 1) -> None:
    """Say what of the topics is not as it should be, and what to type. Exit 1 if anything is."""
    settings = Settings()
    wanted: Plan = plan(asyncio.run(readers_of(settings)), replication)
    problems = check_topics(wanted, describe_topics(servers_of(settings), wanted))
    typer.echo("\n".join(problems) or f"all {len(wanted)} topics are as they should be")
    raise typer.Exit(1 if problems else 0)


@app.command()
def chaos(
    seed: Annotated[int, typer.Option(help="The same seed, the same faults.")] = 1,
    minutes: Annotated[float, typer.Option(help="For how long to break things.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Break real engines and services at random while records flow, then count what was lost. Needs a checkout."""
    try:
        from bench.chaos import chaos as run
        from bench.chaos import table
    except ImportError as error:
        raise typer.BadParameter(f"this needs a checkout with its test dependencies: {error}") from None
    settings = Settings()
    prepare(settings)
    with TemporaryDirectory(prefix="pendler-chaos-") as folder:
        verdict = run(Path(folder), settings.places, seed, minutes, tell)
    typer.echo(json.dumps(asdict(verdict)) if as_json else table(verdict))
    raise typer.Exit(0 if verdict.clean else 1)


def servers_of(settings: Settings) -> str:
    """The URL of the bus, where that is a Kafka."""
    if settings.bus.partition("://")[0] not in SCHEMES:
        raise typer.BadParameter("PENDLER_BUS names no Kafka; the log on one machine makes its topics by itself")
    return settings.bus


async def readers_of(settings: Settings) -> dict[str, list[str]]:
    """Which services read each topic."""
    prepare(settings)
    local = settings.model_copy(update={"bus": "file:", "store": "file:", "index": "file:"})  # engines may be away
    bus = open_bus(local.url_of("bus"))
    services = [module.from_settings(local, bus) for module in modules().values()]
    groups: dict[str, list[str]] = {}
    for service in services:
        for event in service.handlers:
            groups.setdefault(event.topic.name, []).append(service.name)
        await service.close()
    await bus.close()
    return groups
