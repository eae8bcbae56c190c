"""The whole pipeline: records a second from file to searchable and percolated, and how long one record takes.

On the SQLite log, on Kafka with the rest on one machine, and on Kafka, MongoDB and Elasticsearch with a worker a
service; there beside it the raw speed at which Elasticsearch takes the same documents.
"""

import asyncio
import os
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from elasticsearch import AsyncElasticsearch
from elasticsearch.helpers import async_streaming_bulk

from bench.engines import KINDS, READERS, missing_tools, started, urls
from bench.exchange import DEMONSTRATED, Exchange, as_supervised, running, wait_for
from bench.records import delivery, records
from bench.subscribers import subscribe_many
from deploy.topics import ensure_topics
from pendler.store import open_store
from services.notify.state import MATCHES

RECORDS, SUBSCRIPTIONS = 10_000, 1000
WARM = 2 * DEMONSTRATED
"""Records that went before: each ad of the demonstration twice, so in all of its languages."""
APART = {name: [name] for name in ("ingest", "match", "search", "notify")}
Row = tuple[str, float, str, dict[str, Any]]


def pipeline(folder: Path, places: Path) -> Iterator[Row]:
    """File to searchable and percolated; then the same again while a small request is made every 50 ms."""
    yield from pipeline_on("log", folder / "log", places, as_supervised(), {})
    if missing_tools():
        return
    with started("kafka") as broker:
        ensure_topics(f"kafka://{broker.address}", READERS)
        bus = {"PENDLER_BUS": f"kafka://{broker.address}"}
        yield from pipeline_on("kafka", folder / "kafka", places, as_supervised(), bus)
    with ExitStack() as stack:
        addresses = [stack.enter_context(started(kind)).address for kind in KINDS]
        ensure_topics(f"kafka://{addresses[0]}", READERS)
        yield from pipeline_on("kafka+mongodb+elasticsearch", folder / "all", places, APART, urls(*addresses))
        yield from raw_bulk(urls(*addresses)["PENDLER_INDEX"])


def pipeline_on(
    bus: str, home: Path, places: Path, workers: Mapping[str, Sequence[str]], environment: dict[str, str]
) -> Iterator[Row]:
    """The same on some engines."""
    store = environment.get("PENDLER_STORE", f"file:{home / 'store'}")
    subscribe_many(store, places, SUBSCRIPTIONS)
    with running(home, places, workers, **environment) as exchange:
        key = exchange.key("se")
        deliver(exchange, key, "warm", WARM, WARM)
        before = cpu_seconds(exchange)
        seconds = deliver(exchange, key, "r", RECORDS, WARM + RECORDS)
        cpu = {name: round((used - before[name]) / RECORDS * 1000, 2) for name, used in cpu_seconds(exchange).items()}
        matches = asyncio.run(count_matches(store))
        yield f"pipeline on {bus}: file to searchable and percolated", RECORDS / seconds, "records/s", {
            "records": RECORDS, "subscriptions": SUBSCRIPTIONS, "matches": matches,
            "cpu_ms_a_record": cpu,
        }  # fmt: skip
        times: list[float] = []
        stop = threading.Event()
        asking = threading.Thread(target=ask_often, args=(exchange, times, stop))
        asking.start()
        deliver(exchange, key, "again", RECORDS // 2, WARM + RECORDS + RECORDS // 2)
        stop.set()
        asking.join()
        yield f"small request at full load on {bus}, p95", percentile(times, 95) * 1000, "ms", {"requests": len(times)}


def deliver(exchange: Exchange, key: str, prefix: str, count: int, expected: int) -> float:
    """Seconds from the file's first byte until all of it can be found and every subscription was compared."""
    body = delivery(count, prefix=prefix)
    began = time.monotonic()
    exchange.push("se", "se_jobtech", key, body)
    wait_for(lambda: done(exchange, expected), 240, "all to be visible and percolated")
    return time.monotonic() - began


def cpu_seconds(exchange: Exchange) -> dict[str, float]:
    """CPU time that each process has used so far."""
    ticks = {
        name: Path(f"/proc/{process.pid}/stat").read_text().split()[13:15]
        for name, process in exchange.processes.items()
    }
    return {name: sum(map(int, used)) / os.sysconf("SC_CLK_TCK") for name, used in ticks.items()}


async def count_matches(url: str) -> int:
    store = open_store(url, "notify")
    try:
        return await store.count(MATCHES)
    finally:
        await store.close()


def raw_bulk(url: str) -> Iterator[Row]:
    """How fast Elasticsearch takes the documents that lie in the exchange's index, with nothing else to do."""
    count, seconds = asyncio.run(_bulk_again(url))
    yield "raw async_streaming_bulk of the same documents", count / seconds, "documents/s", {"documents": count}


async def _bulk_again(url: str) -> tuple[int, float]:
    async with AsyncElasticsearch(url, request_timeout=60) as client:
        alias = "pendler-vacancies"
        (made,) = (await client.indices.get(index=alias)).values()
        found = await client.search(index=alias, size=RECORDS, source=True)
        sources = [hit["_source"] for hit in found["hits"]["hits"]]
        await client.indices.create(index="raw", mappings=made["mappings"], settings={"number_of_shards": 1})
        actions = ({"_index": "raw", "_id": one["ref"], "_source": one} for one in sources)
        began = time.monotonic()
        async for _ in async_streaming_bulk(client, actions, chunk_size=500):
            pass
        await client.indices.refresh(index="raw")
        seconds = time.monotonic() - began
        await client.indices.delete(index="raw")
    return len(sources), seconds


def ask_often(exchange: Exchange, times: list[float], stop: threading.Event) -> None:
    while not stop.wait(0.05):
        began = time.monotonic()
        exchange.http.get("/v1/vacancies", params={"q": "lasser", "limit": 5}).raise_for_status()
        times.append(time.monotonic() - began)


def done(exchange: Exchange, expected: int) -> bool:
    time.sleep(0.5)  # a look costs the web process 10 ms
    return exchange.search(limit=0)["total"]["ads"] >= expected and not exchange.lag("notify", "vacancy.matched.v1")


def latency(folder: Path, places: Path) -> Iterator[Row]:
    """One record at a time at 20 a second: from its 202 until a search finds it."""
    yield from latency_on("log", folder / "log", places, as_supervised(), {})
    if missing_tools():
        return
    with ExitStack() as stack:
        addresses = [stack.enter_context(started(kind)).address for kind in KINDS]
        ensure_topics(f"kafka://{addresses[0]}", READERS)
        yield from latency_on("kafka+mongodb+elasticsearch", folder / "all", places, APART, urls(*addresses))


def latency_on(
    bus: str, home: Path, places: Path, workers: Mapping[str, Sequence[str]], environment: dict[str, str]
) -> Iterator[Row]:
    """The same on some engines."""
    with running(home, places, workers, **environment) as exchange:
        key, accepted, visible = exchange.key("se"), dict[str, float](), dict[str, float]()
        exchange.push("se", "se_jobtech", key, delivery(20, prefix="warm"), Prefer="wait=30")
        looking = threading.Thread(target=look, args=(exchange, visible, 200))
        looking.start()
        for n in range(200):
            [body] = records(1, seed=n, prefix=f"{n}-")
            exchange.push("se", "se_jobtech", key, body)
            accepted[f"se:{n}-0"] = time.monotonic()
            time.sleep(0.05)
        looking.join()
        waits = [visible[ref] - at for ref, at in accepted.items()]
        yield (
            f"accepted to searchable at 20 records/s on {bus}, p95",
            percentile(waits, 95),
            "s",
            {"records": len(waits)},
        )
        yield (
            f"accepted to searchable at 20 records/s on {bus}, median",
            statistics.median(waits),
            "s",
            {"records": len(waits)},
        )


def look(exchange: Exchange, visible: dict[str, float], count: int) -> None:
    """Notes when each vacancy is first found. Of a second client, so as not to hinder the one that delivers."""
    second = Exchange.__new__(Exchange)
    second.http = type(exchange.http)(base_url=str(exchange.http.base_url), timeout=30, trust_env=False)
    until = time.monotonic() + 60
    while len(visible) < count and time.monotonic() < until:
        for one in second.search(limit=100, sort="newest", source="se")["vacancies"]:
            if not one["ref"].startswith("se:warm"):
                visible.setdefault(one["ref"], time.monotonic())
        time.sleep(0.05)
    second.http.close()


def percentile(values: list[float], rank: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * rank // 100)]
