"""One machine, one command: prepares the home, keeps the web process and three workers running, says where to click."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from itertools import count

import httpx2
import structlog
from rich.console import Console
from rich.table import Table

from pendler.prepare import prepare
from pendler.settings import Settings
from pendler.stopping import MISCONFIGURED, PARENT, stop_on_signals

log = structlog.get_logger()
GRACE = 15.0
ENGINES = {
    "bus": ("SQLite log", "Kafka"),
    "store": ("SQLite", "MongoDB"),
    "index": ("tantivy", "Elasticsearch"),
    "mail": ("outbox folder", "SMTP"),
}
"""What each port is on: on one machine, on many."""
READY_WITHIN = 60.0
ANSWERS_ONLY = {"export"}
"""Services that have nothing to do in a worker."""
BUSIEST = ("ingest", "match")


async def supervise(settings: Settings, demo: bool, apart: bool = False) -> int:
    """Runs until a signal stops it, or a process says that it never will work as it is set. Returns the exit code."""
    console = Console(stderr=False)
    stop = stop_on_signals()
    prepare(settings)
    environment = {**os.environ, "PENDLER_DEMO": "1" if demo else "0", PARENT: str(os.getpid())}
    planned = workers(settings.port + 1, apart)
    commands = [["web"], *(["work", *names, "--health-port", str(port)] for names, port in planned)]
    keepers = [asyncio.create_task(_keep(command, environment, stop)) for command in commands]
    ports = [settings.port, *(port for _, port in planned)]
    if await _ready(settings, ports, stop):
        console.print(_where(settings))
        console.print(_links(settings))
    await stop.wait()
    ended = await asyncio.gather(*keepers)
    return 1 if MISCONFIGURED in ended else 0


def workers(first_port: int, apart: bool = False) -> list[tuple[list[str], int]]:
    """Which services each worker runs, and the port it tells its health on.

    Python runs one thread of a process at a time; so what works most has a process of its own.
    """
    names = sorted({entry.name for entry in entry_points(group="pendler.services")} - ANSWERS_ONLY)
    alone = [name for name in names if apart or name in BUSIEST]
    others = [name for name in names if name not in alone]
    shares = [[name] for name in alone] + ([others] if others else [])
    return list(zip(shares, count(first_port), strict=False))


async def _keep(command: Sequence[str], environment: Mapping[str, str], stop: asyncio.Event) -> int | None:
    """Keeps one process running until `stop`; one that dies at once is tried again ever more slowly.

    One that is misconfigured stops them all. Returns the last exit code.
    """
    delay = 0.2
    while not stop.is_set():
        born = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", "pendler", *command], env=dict(environment))  # noqa: ASYNC220, S603
        await _ended(process, stop)
        if stop.is_set():
            await _end(process)
            return process.returncode
        if process.returncode == MISCONFIGURED:
            stop.set()
            return MISCONFIGURED
        delay = 0.2 if time.monotonic() - born > 10 else min(delay * 2, 10)
        log.error("process died", command=command, exit=process.returncode, again_in=delay)
        await asyncio.wait([asyncio.create_task(stop.wait())], timeout=delay)
    return None


async def _ended(process: "subprocess.Popen[bytes]", stop: asyncio.Event) -> None:
    while process.poll() is None and not stop.is_set():
        await asyncio.sleep(0.1)


async def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        await asyncio.to_thread(process.wait, GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


async def _ready(settings: Settings, ports: Sequence[int], stop: asyncio.Event) -> bool:
    until = time.monotonic() + READY_WITHIN
    async with httpx2.AsyncClient(trust_env=False) as client:
        while not stop.is_set() and time.monotonic() < until:
            try:
                for port in ports:
                    (await client.get(f"http://{settings.host}:{port}/readyz")).raise_for_status()
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return True
    return False


def _links(settings: Settings) -> str:
    """Where to click next."""
    pages = {"Search page": "/", "Outbox": "/outbox", "Status": "/status", "API": "/docs"}
    if not settings.mail.startswith("file:"):
        del pages["Outbox"]
    return "\n".join(f"{name:12} {settings.site}{path}" for name, path in pages.items())


def _where(settings: Settings) -> Table:
    """Which engine each port is on."""
    table = Table("port", "engine", "where", title="Pendler", title_justify="left")
    for port in ("bus", "store", "index", "mail"):
        table.add_row(port, ENGINES[port][not settings.url_of(port).startswith("file:")], settings.where(port))
    return table
