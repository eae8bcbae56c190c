"""The search API and the pages: one query, answered as JSON or as HTML."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pendler.esco.stored import label
from pendler.pages import language_of, page
from pendler.places import Places
from pendler.problem import Problem
from pendler.store import Store
from schemas.event import VacancyMatched
from schemas.query import MANY, Query, QueryError
from services.search import listing as listings
from services.search.index import Index
from services.search.state import kept

PACKAGE = "services.search"
PARAMETERS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": schema, "explode": name in MANY}
    for name, schema in Query.model_json_schema()["properties"].items()
]
REFERENCED = dict(Query.model_json_schema().get("$defs", {}))


class Api:
    """The routes under /v1/vacancies, and the pages / and /vacancies."""

    def __init__(self, store: Store, index: Index, places: Places) -> None:
        self._store, self._index, self._places = store, index, places

    def router(self) -> APIRouter:
        api = APIRouter()
        api.add_api_route(
            "/v1/vacancies",
            self.search,
            tags=["search"],
            summary="Search vacancies",
            openapi_extra={"parameters": _inlined()},
        )
        api.add_api_route(
            "/v1/vacancies/{ref}",
            self.vacancy,
            tags=["search"],
            summary="One vacancy, whole",
            response_model=VacancyMatched,
        )
        api.add_api_route("/", self.results, include_in_schema=False)
        api.add_api_route("/vacancies/{ref}", self.detail, include_in_schema=False)
        return api

    async def search(self, request: Request) -> dict[str, Any]:
        """Filters narrow one another; several values of one filter widen it. Unknown parameters are refused."""
        try:
            query = Query.parse(request.query_params.multi_items())
            found = await listings.listing(query, self._store, self._index, self._places)
        except QueryError as error:
            raise Problem(400, "bad-query", str(error), errors=error.errors) from None
        return listings.answer(found)

    async def vacancy(self, ref: str) -> Response:
        """The newest state of a vacancy; of a closed one the stub."""
        event = (await kept(self._store, [ref])).get(ref)
        if event is None:
            raise Problem(404, "no-such-vacancy", "There is no vacancy with this ref. Refs look like `source:id`.")
        return Response(event.model_dump_json(), media_type="application/json")

    async def results(self, request: Request) -> Response:
        """The search page; a search that cannot be read is shown again with what is wrong with it."""
        pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        shown: dict[str, Any] = {
            "errors": [],
            "given": dict(pairs),
            "found": None,
            "query": None,
            "label": label,
        }
        try:
            query = Query.parse([*pairs, ("lang", language_of(request))])
            found = await listings.listing(query, self._store, self._index, self._places)
        except QueryError as error:
            return page(PACKAGE, "results.html", request, 400, **{**shown, "errors": error.errors})
        shown |= {"found": found, "query": query, "facets": listings.facets(found.hits, query.lang)}
        return page(PACKAGE, "results.html", request, **shown)

    async def detail(self, ref: str, request: Request) -> Response:
        """The page of one vacancy."""
        event = (await kept(self._store, [ref])).get(ref)
        return page(PACKAGE, "vacancy.html", request, 200 if event else 404, event=event, label=label)


def _inlined() -> list[dict[str, Any]]:
    """The parameters with the schemas they refer to in place, since they stand alone in the document."""
    return [{**parameter, "schema": _resolved(parameter["schema"])} for parameter in PARAMETERS]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {
            **REFERENCED[schema["$ref"].rpartition("/")[2]],
            **{k: v for k, v in schema.items() if k != "$ref"},
        }
    return schema
