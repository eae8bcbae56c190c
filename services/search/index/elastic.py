"""The index on many machines: Elasticsearch. Texts come analysed: it splits them at spaces.

A generation is an index, spoken of by an alias of its own: what is written to an alias that is not there is refused,
while an index would be made by accident.

A document's version is its `order`, which the engine itself guards. Its circles are measured on a slightly other
earth than ours: what lies well within or without is its to say, and the points near the rim are measured in Python.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from zlib import crc32

from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    AuthenticationException,
    AuthorizationException,
    BadRequestError,
    TransportError,
    __version__,
)  # fmt: skip

from pendler.searchable import Searchable, within
from pendler.service import Misconfigured, Unavailable
from pendler.wanted import Wanted
from schemas.query import Sort
from schemas.vacancy import Status
from services.search.index import Count, Hits, Page
from services.search.index.elastic_words import (
    BAD_CURSOR,
    MAPPINGS,
    Json,
    action,
    after_of,
    banded,
    bodies,
    circle,
    counted,
    cursor_of,
    document,
    facets,
    hit,
    identity,
    narrowing,
    order,
    point,
    query,
)

logging.getLogger("elastic_transport").setLevel(logging.ERROR)  # we tell that an engine is away, and once
NAME = "pendler-vacancies"
VERSIONS, MOST_POINTS = 10_000, 50_000
RIM = 0.001  # the engine's earth and its rounding differ by far less
PATIENCE, TRIES = 0.2, 50
# Put refreshes it, so seldom by itself. What was deleted is forgotten soon, as on one machine. One shard: exact counts.
SETTINGS = {"number_of_shards": 1, "refresh_interval": "30s", "gc_deletes": "0s"}
VERSION, HIT = ([{"field": "ref"}, {"field": other}] for other in ("order", "point"))
T = TypeVar("T")


class ElasticIndex:
    """See `services.search.index.Index`."""

    def __init__(self, url: str, generation: int = 1) -> None:
        self._index = f"{NAME}-{generation:06}"
        self._alias = f"{self._index}-own"
        self._client = AsyncElasticsearch(url, request_timeout=30, max_retries=1)
        self._ready = False

    async def _run(self, work: Callable[[AsyncElasticsearch], Awaitable[T]]) -> T:
        try:
            if not self._ready:
                await self._create()
            return await work(self._client)
        except ApiError as error:
            if error.status_code == 400:
                raise
            raise Unavailable(f"the index {self._index}: {error}") from error
        except TransportError as error:
            raise Unavailable(f"the index {self._index}: {error}") from error

    async def _create(self) -> None:
        """Makes the index and its alias, unless they are there."""
        indices = self._client.options(ignore_status=400).indices  # another may just have made it
        if await indices.exists_alias(name=self._alias):
            await indices.put_mapping(index=self._alias, **MAPPINGS)  # fields that it was made without
        else:
            made = await indices.create(
                index=self._index, mappings=MAPPINGS, settings=SETTINGS, aliases={self._alias: {}}
            )
            if made.get("error", {}).get("type") == "resource_already_exists_exception":
                await indices.put_alias(index=self._index, name=self._alias)  # made before it had one
            elif "error" in made:
                raise ValueError(f"Elasticsearch makes no index {self._index}: {made['error']['reason']}")
        self._ready = True

    async def put(self, documents: Sequence[Searchable]) -> None:
        """A refusal is for a newer document, which stays, or for one deleted just now, which is soon forgotten."""
        left = documents
        for _ in range(TRIES):
            refused = await self._write(action("index", document(one), one.ref, one.order) for one in left)
            there = await self._there(refused)
            left = [one for one in left if identity(one.ref) in refused - there]
            if not left:
                return
            await asyncio.sleep(PATIENCE)
        raise Unavailable(f"the index {self._index} does not forget what was deleted")

    async def delete(self, refs: Sequence[str]) -> None:
        await self._write(action("delete", None, ref) for ref in refs)

    async def _write(self, actions: Iterator[bytes]) -> set[str]:
        """Does all of them, to be seen from then on; returns the ids that were refused for a higher version."""
        refused: set[str] = set()
        for body in bodies(actions):
            refused |= await self._run(partial(_bulk, self._alias, body=body))
        await self._run(lambda client: client.indices.refresh(index=self._alias))
        return refused

    async def _there(self, ids: set[str]) -> set[str]:
        if not ids:
            return set()
        found = await self._run(lambda client: client.mget(index=self._alias, ids=list(ids), source=False))
        return {one["_id"] for one in found["docs"] if one.get("found")}

    async def check(self) -> str:
        try:
            told = await self._client.nodes.info(node_id="_local", filter_path="nodes.*.version")
        except (AuthenticationException, AuthorizationException) as error:
            raise Misconfigured(
                f"Elasticsearch does not let us in: {error}. See the user and password in PENDLER_INDEX"
            ) from None
        except (ApiError, TransportError) as error:
            raise Unavailable(f"the index {self._index}: {error}") from error
        (version,) = (node["version"] for node in told["nodes"].values())
        if version.partition(".")[0] != str(__version__[0]):
            raise Misconfigured(
                f"Elasticsearch is {version}; this client speaks to version {__version__[0]} only: upgrade one of them"
            )
        await self._run(lambda client: client.indices.refresh(index=self._alias))
        return f"Elasticsearch {version}, {self._index}"

    async def open_versions(self) -> Mapping[str, int]:
        return await self._run(partial(_versions, self._alias, {"term": {"status": Status.ACTIVE}}))

    async def versions(self) -> Mapping[str, int]:
        return await self._run(partial(_versions, self._alias, {"match_all": {}}))

    async def publish(self) -> None:
        names: list[Json] = [
            {"remove": {"index": f"{NAME}-*", "alias": NAME, "must_exist": False}},
            {"add": {"index": self._index, "alias": NAME}},
        ]
        await self._run(lambda client: client.indices.update_aliases(actions=names))

    async def drop(self) -> None:
        self._ready = True  # nothing is made to be dropped
        await self._run(lambda client: client.indices.delete(index=self._index, ignore_unavailable=True))
        await self.close()

    async def search(self, wanted: Wanted, page: Page) -> Hits:
        after = after_of(page)
        try:
            return await self._run(lambda client: _search(client, self._alias, wanted, page, after))
        except BadRequestError:
            if after is None:
                raise
            raise BAD_CURSOR from None

    async def close(self) -> None:
        await self._client.close()


async def _bulk(alias: str, client: AsyncElasticsearch, body: bytes) -> set[str]:
    done = await client.bulk(
        operations=[body],  # type: ignore[list-item] # lines are as good as mappings
        index=alias,
        require_alias=True,
        filter_path="items.*.error,items.*.status,items.*._id",
    )
    failed = [item for one in done.get("items", ()) for item in one.values() if "error" in item]
    for item in failed:
        if item["status"] == 400:
            raise ValueError(f"Elasticsearch refuses {item['_id']}: {item['error']}")
        if item["status"] != 409:
            raise Unavailable(f"the index {alias}: {item['error']}")
    return {item["_id"] for item in failed}


async def _versions(alias: str, asked: Json, client: AsyncElasticsearch) -> dict[str, int]:
    """A scan of one moment of the index, whatever is written meanwhile."""
    moment = {"id": (await client.open_point_in_time(index=alias, keep_alive="1m"))["id"], "keep_alive": "1m"}
    found: dict[str, int] = {}
    hits: list[Json] = [{"sort": None}]
    try:
        while hits:
            answer = await client.search(
                pit=moment, query=asked, size=VERSIONS, sort="_shard_doc",
                search_after=hits[-1]["sort"], source=False, docvalue_fields=VERSION, track_total_hits=False,
            )  # fmt: skip
            hits = answer["hits"]["hits"]
            found |= {hit["fields"]["ref"][0]: hit["fields"]["order"][0] for hit in hits}
    finally:
        await client.close_point_in_time(id=moment["id"])
    return found


async def _search(client: AsyncElasticsearch, alias: str, wanted: Wanted, page: Page, after: list[Any] | None) -> Hits:
    asked, narrow = query(wanted), narrowing(wanted)
    if wanted.origin:
        asked["bool"]["filter"].append(await _circle(client, alias, asked, wanted))
        if page.sort is Sort.NEAREST:
            asked = banded(asked, wanted.origin, wanted.km)
    found = await client.search(
        index=alias, query=asked, size=page.limit + 1 if page.limit else 0, sort=order(page.sort),
        post_filter={"bool": {"filter": list(narrow.values())}}, search_after=after, source=False,
        docvalue_fields=HIT, track_total_hits=True, aggs=counted(narrow),
        preference=f"{crc32(repr(asked).encode())}",  # the same copy for the next page, since scores differ by copy
    )  # fmt: skip
    hits, sums = found["hits"]["hits"], found["aggregations"]
    total = Count(sums["all"]["doc_count"], int(sums["all"]["posts"]["value"]))
    shown = hits[: page.limit]
    cursor = cursor_of(page.sort, shown[-1]["sort"]) if len(hits) > page.limit > 0 else ""
    return Hits(total, [hit(one, wanted.origin) for one in shown], cursor, facets(sums))


async def _circle(client: AsyncElasticsearch, alias: str, asked: Json, wanted: Wanted) -> Json:
    """The filter for the vacancies that are near enough, the points near its rim measured here: all, by minutes."""
    assert wanted.origin
    origin = wanted.origin
    inner, outer = circle(origin, wanted.km * (1 - RIM) - 0.01), circle(origin, wanted.km * (1 + RIM) + 0.01)
    rim = {"bool": {"filter": [asked, outer], "must_not": [] if wanted.minutes else [inner]}}
    points = {"points": {"terms": {"field": "point", "size": MOST_POINTS}}}
    found = await client.search(index=alias, query=rim, size=0, aggs=points, track_total_hits=False)
    there = [bucket["key"] for bucket in found["aggregations"]["points"]["buckets"]]
    near = {"terms": {"point": [one for one in there if within(wanted, point(one))]}}
    return near if wanted.minutes else {"bool": {"should": [inner, near]}}
