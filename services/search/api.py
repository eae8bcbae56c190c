"""The API of search: one query, answered as JSON, as lines, as a feed; the code lists; where to begin."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.encoders import jsonable_encoder
from starlette.responses import Response, StreamingResponse

from pendler.pages import language_of
from pendler.places import Places
from pendler.problem import Problem
from pendler.speech import choose, speech
from pendler.store import Store
from schemas.event import VacancyMatched
from schemas.query import MANY, Query, QueryError, Sort, told
from services.search import feeds
from services.search import listing as listings
from services.search.answers import ALLOWED, answered, chosen, site, split_shape
from services.search.codes import LISTS, code_list
from services.search.fair import Fair
from services.search.index import Index
from services.search.numbers import open_now
from services.search.state import kept
from services.search.suggest import suggestions

PARAMETERS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": schema, "explode": name in MANY}
    for name, schema in Query.model_json_schema()["properties"].items()
]
REFERENCED = dict(Query.model_json_schema().get("$defs", {}))
SHAPE: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
    for name, schema, description in (
        ("fields", {"type": "string"}, "Only these members of each vacancy, with commas between."),
        ("labels", {"enum": ALLOWED["labels"]}, "The language of labels, where it is not `lang`."),
        ("explain", {"type": "boolean"}, "Why each was found: `why`."),
    )
]
CALLS = ("q=welder&near=Zelzate&minutes=45", "occupation=2221&partnership=oresund", "speaks=de,fr&country=LU&pay=40000")
LINKS = {
    "search": "/v1/vacancies",
    "all_hits": "/v1/vacancies.ndjson",
    "suggest": "/v1/suggest?q=",
    "rss": "/feed.rss",
    "json_feed": "/feed.json",
    "openapi": "/openapi.json",
    "docs": "/docs",
}


class Api:
    """The routes under /v1 that search owns, and the feeds."""

    def __init__(self, store: Store, index: Index, places: Places) -> None:
        self._store, self._index, self._places = store, index, places

    def router(self) -> APIRouter:
        api = APIRouter(tags=["search"], dependencies=[Depends(Fair())])
        asked = {"parameters": _inlined()}
        add = api.add_api_route
        add("/v1", self.start, summary="Where to begin: totals, links, three calls to copy")
        add(
            "/v1/vacancies",
            self.search,
            summary="Search vacancies",
            openapi_extra={"parameters": [*_inlined(), *SHAPE]},
        )
        add("/v1/vacancies.ndjson", self.lines, summary="All hits of a search, a line each", openapi_extra=asked)
        add("/v1/vacancies/{ref}", self.vacancy, summary="One vacancy, whole", response_model=VacancyMatched)
        add("/v1/suggest", self.suggest, summary="Towns, occupations and skills, from their first letters")
        add("/v1/codes/{name}", self.codes, summary="A code list, in the reader's language")
        add("/feed.rss", self.rss, summary="A search as RSS", openapi_extra=asked)
        add("/feed.json", self.json_feed, summary="A search as JSON Feed", openapi_extra=asked)
        return api

    async def start(self, request: Request) -> Response:
        """What there is, and how to ask for it."""
        total = (await open_now(self._index)).total
        found = {
            "open": {"ads": total.ads, "posts": total.posts},
            "try": [f"curl '{site(request)}/v1/vacancies?{call}'" for call in CALLS],
            "links": {**LINKS, "codes": [f"/v1/codes/{name}" for name in LISTS]},
        }
        return answered(request, found)

    async def search(self, request: Request) -> Response:
        """Filters narrow one another; several values of one filter widen it. Unknown parameters are refused."""
        try:
            pairs, shape = split_shape(request.query_params.multi_items())
            listing = await self._listing(Query.parse(pairs))
            found = listings.answer(listing, shape.labels, shape.explain)
            found["vacancies"] = [chosen(one, shape.fields) for one in found["vacancies"]]
        except QueryError as error:
            raise _problem(error) from None
        return answered(request, found)

    async def lines(self, request: Request) -> Response:
        """Every hit, as the search shows it, until there is no more; what changes meanwhile may be missed or old."""
        try:
            query = Query.parse(request.query_params.multi_items()).model_copy(update={"limit": 100})
            first = await self._listing(query)
        except QueryError as error:
            raise _problem(error) from None
        return StreamingResponse(self._walk(first), media_type="application/x-ndjson")

    async def _walk(self, found: listings.Listing) -> AsyncIterator[bytes]:
        while True:
            for one in found.found:
                yield orjson.dumps(jsonable_encoder(listings.brief(one, found.query.lang))) + b"\n"
            if not found.hits.cursor:
                return
            found = await self._listing(found.query.model_copy(update={"cursor": found.hits.cursor}))

    async def vacancy(self, ref: str, request: Request) -> Response:
        """The newest state of a vacancy; of a closed one the stub."""
        event = (await kept(self._store, [ref])).get(ref)
        if event is None:
            raise Problem(404, "no-such-vacancy", "There is no vacancy with this ref. Refs look like `source:id`.")
        return answered(request, event.model_dump_json().encode())

    async def suggest(self, request: Request, q: str = "", lang: str = "") -> Response:
        """The best of each kind; of a mistyped occupation what is like it."""
        language = choose(lang or None, request.headers.get("accept-language", ""))
        return answered(request, {"suggestions": suggestions(q[:60], language, self._places)})

    async def codes(self, name: str, request: Request) -> Response:
        """What a filter may be, with what it is called."""
        rows = code_list(name, speech(language_of(request)))
        if rows is None:
            raise Problem(404, "no-such-list", f"There is no such list.{told(name[:60], LISTS)}")
        return answered(request, {"list": name, "codes": rows})

    async def rss(self, request: Request) -> Response:
        """The newest hits of a search."""
        found, spoken = await self._newest(request), speech(language_of(request))
        return answered(request, feeds.rss(found, _title(found), site(request), spoken), "application/rss+xml")

    async def json_feed(self, request: Request) -> Response:
        """The newest hits of a search."""
        found, spoken = await self._newest(request), speech(language_of(request))
        return answered(request, feeds.json_feed(found, _title(found), site(request), spoken), "application/feed+json")

    async def _newest(self, request: Request) -> listings.Listing:
        newest = {"sort": Sort.NEWEST, "limit": feeds.SHOWN, "cursor": ""}
        try:
            query = Query.parse(request.query_params.multi_items())
            return await self._listing(query.model_copy(update=newest))
        except QueryError as error:
            raise _problem(error) from None

    async def _listing(self, query: Query) -> listings.Listing:
        return await listings.listing(query, self._store, self._index, self._places)


def _title(found: listings.Listing) -> str:
    asked = " ".join(value for name, value in found.query.pairs() if name in ("q", "near", "country", "partnership"))
    return f"Pendler: {asked}".removesuffix(": ")


def _problem(error: QueryError) -> Problem:
    return Problem(400, "bad-query", str(error), errors=error.errors)


def _inlined() -> list[dict[str, Any]]:
    """The parameters with the schemas they refer to in place, since they stand alone in the document."""
    return [{**parameter, "schema": _resolved(parameter["schema"])} for parameter in PARAMETERS]


def _resolved(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_resolved(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = REFERENCED[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    return {**found, **{name: _resolved(value) for name, value in schema.items() if name != "$ref"}}
