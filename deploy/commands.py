"""Commands for the engines: `pendler topics create`."""

import asyncio
from typing import Annotated

import typer

from deploy.topics import ensure_topics
from pendler.bus import open_bus
from pendler.prepare import prepare
from pendler.run import modules
from pendler.settings import Settings

app = typer.Typer()
topics_app = typer.Typer(help="The topics on Kafka.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")


@topics_app.command("create")
def create(replication: Annotated[int, typer.Option(help="Copies of each topic.")] = 1) -> None:
    """Create what is missing of the topics, on the bus that PENDLER_BUS names; those that exist stay as they are."""
    settings = Settings()
    prepare(settings)
    scheme, _, servers = settings.bus.partition("://")
    if scheme != "kafka":
        raise typer.BadParameter("PENDLER_BUS names no Kafka; the log on one machine makes its topics by itself")
    created = ensure_topics(servers.partition("?")[0], asyncio.run(readers(settings)), replication)
    typer.echo("\n".join(f"created {name}" for name in created) or "all topics are there")


async def readers(settings: Settings) -> dict[str, list[str]]:
    """Which services read each topic."""
    bus = open_bus("file:" + str(settings.home / "bus"))
    services = [module.from_settings(settings, bus) for module in modules().values()]
    groups: dict[str, list[str]] = {}
    for service in services:
        for event in service.handlers:
            groups.setdefault(event.topic.name, []).append(service.name)
        await service.close()
    await bus.close()
    return groups
