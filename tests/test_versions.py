"""Two versions of one service side by side on the same topics: the newer one knows one optional field more.

The newer version is made here, by a subclass put in place of the event before the process starts.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.engines import READERS
from bench.exchange import Exchange, running, wait_for
from bench.oracle import visible
from bench.records import delivery
from pendler.bus import dead_topic
from schemas.event import VacancyMatched
from tests.test_index_swap import emptied

pytestmark = pytest.mark.soak
NEWER = """
import sys
from pendler.__main__ import main
from schemas import event
from services.match import matching as match

class Newer(event.VacancyMatched):
    seniority: str | None = None

def newer(*given):
    return [
        made if isinstance(made, event.Erased) else Newer.model_construct(**dict(made), seniority="senior")
        for made in older(*given)
    ]

event.EVENTS[Newer.topic.name] = Newer
older, match.matched = match.matched, newer
sys.path.pop(0)
if len(sys.argv) > 1:
    main(sys.argv[1:])
"""
EACH = 60


@pytest.fixture
def exchange(kafka_node: Any, elasticsearch: Any, tmp_path: Path, places_file: Path) -> Iterator[Exchange]:
    kafka_node.empty(READERS)
    workers = {name: [name] for name in ("ingest", "match", "search", "notify")}
    url = f"kafka://{kafka_node.address}?session_timeout_ms=6000"
    index = emptied(elasticsearch.address)
    with running(tmp_path / "home", places_file, workers, PENDLER_BUS=url, PENDLER_INDEX=index) as exchange:
        yield exchange


def start_newer(exchange: Exchange, service: str) -> None:
    """The newer version of a service as one more instance of it."""
    script = exchange.home / "newer.py"
    script.write_text(NEWER, "utf-8")
    with (exchange.home / f"newer-{service}.log").open("ab") as log:
        exchange.processes[f"newer-{service}"] = subprocess.Popen(
            [sys.executable, script, "work", "--health-port", "0", service],
            env={**exchange._environment, "PYTHONPATH": str(Path.cwd())}, stdout=log, stderr=log,
        )  # fmt: skip


def on_topic(exchange: Exchange, topic: str) -> dict[str, Any]:
    """The newest record of each key."""

    async def read() -> dict[str, Any]:
        bus = exchange.bus()
        try:
            return {record.key: orjson.loads(record.value or b"{}") async for record in bus.scan(topic)}
        finally:
            await bus.close()

    return asyncio.run(read())


def by_version(exchange: Exchange) -> tuple[int, int]:
    """How many vacancies the older and the newer version matched."""
    newer = ["seniority" in value for value in on_topic(exchange, VacancyMatched.topic.name).values()]
    return newer.count(False), newer.count(True)


def instances(exchange: Exchange) -> dict[str, int]:
    services = exchange.http.get("/v1/status").json()["services"]
    return {one["name"]: one["instances"] for one in services if one["name"] in ("match", "search")}


@pytest.mark.kafka
@pytest.mark.elasticsearch
def test_two_versions_of_a_service_share_its_topics(exchange: Exchange, tell: Callable[[object], None]) -> None:
    key, sent, round = exchange.key("se"), set[str](), 0

    def deliver() -> None:
        nonlocal round
        exchange.push("se", "se_jobtech", key, delivery(EACH, prefix=f"v{round}-"), Prefer="wait=30")
        sent.update(f"se:v{round}-{n}" for n in range(EACH))
        round += 1
        wait_for(lambda: exchange.search(limit=0)["total"]["ads"] == len(sent), 60, "all to be found")

    def both_at_work() -> bool:
        deliver()
        return min(by_version(exchange)) > 0

    deliver()
    assert by_version(exchange) == (EACH, 0)
    start_newer(exchange, "match")
    start_newer(exchange, "search")
    wait_for(lambda: instances(exchange) == {"match": 2, "search": 2}, 60, "both versions of both services")
    wait_for(both_at_work, 60, "both versions to have matched")
    older = by_version(exchange)[0]
    for service in ("match", "search"):  # the upgrade is over: the newer version alone, from the first record
        exchange.end(service)
    deliver()
    tell(f"matched by the older and the newer version: {by_version(exchange)}")
    assert by_version(exchange)[0] == older, "the older one is gone"
    replay(exchange, "newer-match")
    assert by_version(exchange) == (0, len(sent)), "the newer version reads what the older one told"
    exchange.end("newer-match")
    exchange.end("newer-search")
    exchange.start("search", "search")
    replay(exchange, "search")
    assert visible(exchange) == sent
    assert exchange.audit()["unaccounted"] == 0
    for topic, groups in READERS.items():
        for group in groups:
            assert on_topic(exchange, dead_topic(topic, group)) == {}


def replay(exchange: Exchange, name: str) -> None:
    """Handles everything again, by that version alone."""
    service = name.removeprefix("newer-")
    exchange.end(name)
    exchange.command("groups", "reset", service)
    exchange.start(name, service) if name == service else start_newer(exchange, service)
    topic = next(topic for topic, groups in READERS.items() if service in groups)
    wait_for(lambda: exchange.lag(service, topic) == 0, 60, f"{service} to have handled all again")
