"""Store and index on one machine and on real engines, in one run; the index against the client's bulk loader, too."""

import asyncio
import random
import time
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path
from typing import Any

from elasticsearch import AsyncElasticsearch
from elasticsearch.helpers import async_streaming_bulk

from bench.engines import missing_tools, started
from pendler.searchable import Searchable, levels
from pendler.store import Collection, Doc, Store, open_store
from schemas.vacancy import Status
from services.search.index import Index, open_index
from services.search.index.elastic_words import MAPPINGS, document

THINGS, BATCH, BATCHES = Collection("things", ("kind", "at")), 500, 10
DOCUMENTS, INDEXED = 10_000, 1500
SCRIPTS = Path(__file__).parents[1] / "deploy" / "engines"
Row = tuple[str, float, str, dict[str, Any]]


def stores(folder: Path, _: Path) -> Iterator[Row]:
    """Batches of each store, documents of each index."""
    yield from asyncio.run(_store_rates("sqlite", f"file:{folder}"))
    yield from asyncio.run(_index_rate("tantivy", f"file:{folder}/index"))
    if missing := missing_tools():
        yield "engines: not measured", 0, "", {"missing": missing}
        return
    with started("mongodb") as engine:
        yield from asyncio.run(_store_rates("mongodb stand-in", f"mongodb://{engine.address}"))
    with started("elasticsearch") as engine:
        yield from asyncio.run(_against_raw(f"http://{engine.address}"))


async def _store_rates(name: str, url: str) -> list[Row]:
    store = open_store(url, "bench")
    batches = [{f"{n}-{i:05}": _doc(n, i) for i in range(BATCH)} for n in range(BATCHES)]
    newer = [{key: {**doc, "version": 2} for key, doc in docs.items()} for docs in batches]
    await store.put(THINGS, {"warm": {}})
    rows = [
        await _timed(f"store {name}, insert", [store.insert(THINGS, docs) for docs in batches]),
        await _timed(f"store {name}, get", [store.get(THINGS, list(docs)) for docs in batches]),
        await _timed(f"store {name}, guarded put of newer", [store.put(THINGS, docs, guard=True) for docs in newer]),
        await _timed(f"store {name}, guarded put of stale", [store.put(THINGS, docs, guard=True) for docs in batches]),
        await _searched(name, store),
    ]
    await store.close()
    return rows


async def _timed(bench: str, work: Sequence[Awaitable[Any]]) -> Row:
    began = time.monotonic()
    for batch in work:
        await batch
    return bench, BATCH * BATCHES / (time.monotonic() - began), "documents/s", {"batch": BATCH, "batches": BATCHES}


async def _searched(name: str, store: Store) -> Row:
    began, found = time.monotonic(), 0
    for n in range(100):
        found += len(await store.find(THINGS, {"kind": f"k{n}"}))
    milliseconds = (time.monotonic() - began) * 10
    return f"store {name}, find by a field", milliseconds, "ms", {"found": found, "of": BATCH * BATCHES}


def _doc(n: int, i: int) -> Doc:
    return {"version": 1, "kind": f"k{i}", "at": n * BATCH + i, "text": "words of it " * 100}


async def _against_raw(url: str) -> list[Row]:
    """What `put` keeps of the rate of the client's loader, of the same documents; its index is refreshed as often."""
    [put] = await _index_rate("elasticsearch", url)
    client = AsyncElasticsearch(url)
    await client.indices.create(index="raw", mappings=MAPPINGS, settings={"refresh_interval": "30s"})
    began = time.monotonic()
    for some in _batches():
        actions = ({"_index": "raw", "_id": one.ref, "_source": document(one)} for one in some)
        async for _ in async_streaming_bulk(client, actions, chunk_size=1000):
            pass
        await client.indices.refresh(index="raw")
    raw = DOCUMENTS / (time.monotonic() - began)
    await client.close()
    return [
        put,
        ("index elasticsearch, async_streaming_bulk", raw, "documents/s", put[3]),
        ("index elasticsearch, put over async_streaming_bulk", put[1] / raw, "times", {}),
    ]


async def _index_rate(name: str, url: str) -> list[Row]:
    index: Index = open_index(url)
    await index.put([_vacancy(-1)])
    batches = _batches()
    began = time.monotonic()
    for some in batches:
        await index.put(some)
    rate = DOCUMENTS / (time.monotonic() - began)
    await index.close()
    return [(f"index {name}, put", rate, "documents/s", {"documents": DOCUMENTS, "batch": INDEXED})]


def _batches() -> list[list[Searchable]]:
    every = [_vacancy(n) for n in range(DOCUMENTS)]
    return [every[start : start + INDEXED] for start in range(0, DOCUMENTS, INDEXED)]


def _vacancy(n: int) -> Searchable:
    chance = random.Random(n)
    words = [f"w{int(chance.paretovariate(0.6)) % 20_000}" for _ in range(204)]
    return Searchable(
        ref=f"s:{n}",
        order=1_000_001,
        status=Status.ACTIVE,
        source="s",
        title=tuple(words[:4]),
        body=tuple(words[4:]),
        countries=frozenset({"NL"}),
        nuts=frozenset(levels(chance.choice(["NL341", "BE234", "BE235"]))),
        points=frozenset({(51 + chance.random(), 3.3 + chance.random())}),
        published=n,
    )
