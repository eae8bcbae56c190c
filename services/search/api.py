"""The search API and the pages: one query, answered as JSON or as HTML."""

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pendler.esco import lexicon
from pendler.pages import language_of, page
from pendler.places import Places
from pendler.settings import Settings
from pendler.store import Store
from pendler.web import Problem
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


def router(store: Store, index: Index, places: Places, settings: Settings) -> APIRouter:
    """The routes under /v1/vacancies, and the pages / and /vacancies."""
    api = APIRouter()

    @api.get("/v1/vacancies", tags=["search"], summary="Search vacancies", openapi_extra={"parameters": _inlined()})
    async def search(request: Request) -> dict[str, Any]:
        """Filters narrow one another; several values of one filter widen it. Unknown parameters are refused."""
        try:
            query = Query.parse(request.query_params.multi_items())
            found = await listings.listing(query, store, index, places)
        except QueryError as error:
            raise Problem(400, "bad-query", str(error), errors=error.errors) from None
        return {
            "total": {"ads": found.hits.total.ads, "posts": found.hits.total.posts},
            "origin": found.origin,
            "order": query.sort,
            "facets": listings.facets(found.hits, query.lang),
            "vacancies": [listings.brief(one, query.lang) for one in found.found],
            "next": found.next_url,
        }

    @api.get("/v1/vacancies/{ref}", tags=["search"], summary="One vacancy, whole", response_model=VacancyMatched)
    async def vacancy(ref: str) -> Response:
        """The newest state of a vacancy; of a closed one the stub."""
        event = (await kept(store, [ref])).get(ref)
        if event is None:
            raise Problem(404, "no-such-vacancy", "There is no vacancy with this ref. Refs look like `source:id`.")
        return Response(event.model_dump_json(), media_type="application/json")

    @api.get("/", include_in_schema=False)
    async def results(request: Request) -> Response:
        pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        try:
            query = Query.parse([*pairs, ("lang", language_of(request))])
            found = await listings.listing(query, store, index, places)
        except QueryError as error:
            given = {name: value for name, value in pairs if name in Query.model_fields}
            return page(
                PACKAGE,
                "results.html",
                request,
                400,
                errors=error.errors,
                given=given,
                found=None,
                query=None,
            )
        shown: dict[str, Any] = {"facets": listings.facets(found.hits, query.lang), "label": lexicon().label}
        return page(PACKAGE, "results.html", request, errors=[], given=dict(pairs), found=found, query=query, **shown)

    @api.get("/vacancies/{ref}", include_in_schema=False)
    async def detail(ref: str, request: Request) -> Response:
        event = (await kept(store, [ref])).get(ref)
        return page(
            PACKAGE,
            "vacancy.html",
            request,
            200 if event else 404,
            event=event,
            label=lexicon().label,
            site=settings.site,
        )

    @api.get("/static/pendler.css", include_in_schema=False)
    def style() -> Response:
        text = files("pendler").joinpath("static/pendler.css").read_text("utf-8")
        return Response(text, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    return api


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
