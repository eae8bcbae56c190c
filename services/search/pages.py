"""The pages: every state a GET address, no script needed. What they show is what the API answers."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pendler.esco.stored import label
from pendler.pages import language_of, page
from pendler.places import Places
from pendler.problem import Problem
from pendler.speech import LANGUAGES, speech
from pendler.store import Store
from pendler.travel import way
from schemas.partnership import partnerships
from schemas.query import MANY, SPARSE, Query, QueryError, Sort
from services.search import border, feeds, numbers
from services.search import listing as listings
from services.search import selection as selected
from services.search.answers import site
from services.search.boards import Board, boards
from services.search.index import Index
from services.search.maps import of_listing, of_region
from services.search.prose import prose
from services.search.similar import similar
from services.search.state import kept

PACKAGE = "services.search"
EXAMPLES = (("lasser", "Zelzate"), ("sjuksköterska", "Malmö"), ("Elektriker", "Eupen"))
SPEAKABLE = (*LANGUAGES, "pl")
PROSE = ("accessibility", "privacy", "terms", "contact")
SHOWN = 10


class Pages:
    """The pages of search. `clock` tells the day: of the year a board counts, and of cards that are out of date."""

    def __init__(self, store: Store, index: Index, places: Places, clock: Callable[[], datetime]) -> None:
        self._store, self._index, self._places, self._clock = store, index, places, clock

    def router(self) -> APIRouter:
        pages = APIRouter(include_in_schema=False)
        served: dict[str, Callable[..., Any]] = {
            "/": self.start,
            "/vacancies/{ref}": self.vacancy,
            "/boards": self.boards,
            "/boards/{name}.rss": self.board_feed,
            "/boards/{name}": self.board,
            "/partnerships": self.partnerships,
            "/partnerships/{name}": self.partnership,
            "/numbers": self.numbers,
            "/unknown": self.unknown,
            "/selection": self.selection,
            **{f"/{name}": partial(self.prose, name) for name in PROSE},
        }
        for path, serve in served.items():
            pages.add_api_route(path, serve)
        return pages

    async def start(self, request: Request) -> Response:
        """The first page; with anything to search for, what is found."""
        asked = [name for name in request.query_params if name != "lang"]
        return await (self.results(request) if asked else self.home(request))

    async def home(self, request: Request) -> Response:
        """Asks for the place first."""
        hits, spoken = await numbers.open_now(self._index), speech(language_of(request))
        own = [one for one in boards().values() if one.id not in partnerships()]
        return page(
            PACKAGE, "home.html", request, total=hits.total, examples=EXAMPLES, boards=own,
            countries=[spoken.country(one) for one in sorted(hits.facets.get("country", ()))],
        )  # fmt: skip

    async def results(self, request: Request) -> Response:
        """What is found; a search that cannot be read is shown again with what is wrong with it."""
        pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
        shown: dict[str, Any] = {"given": dict(pairs), "found": None, "query": None, "errors": [], "label": label}
        shown |= {"speakable": SPEAKABLE, "partnerships": [(one.id, one.name) for one in partnerships().values()]}
        shown |= {"called": _called(speech(language_of(request)).gettext), "many": MANY}
        shown |= {"narrowed": bool({name for name, value in pairs if value} & {*SPARSE, "strict", "partnership"})}
        try:
            query = _asked(pairs, language_of(request))
            found = await listings.listing(query, self._store, self._index, self._places)
        except QueryError as error:
            return page(PACKAGE, "results.html", request, 400, **{**shown, "errors": error.errors})
        drawn = await asyncio.to_thread(of_listing, found) if found.origin and found.found else ""
        return page(PACKAGE, "results.html", request, **shown | _found(found), map=drawn)

    async def vacancy(self, ref: str, request: Request) -> Response:
        """One vacancy: from `near`, or for who lives in `home`, with what changes at the border."""
        event = (await kept(self._store, [ref])).get(ref)
        shown: dict[str, Any] = {"event": event, "label": label, "way": None, "near": "", "home": "", "similar": []}
        if event is None:
            return page(PACKAGE, "vacancy.html", request, 404, **shown)
        near = request.query_params.get("near", "")
        live = next(iter(self._places.find(near[:100], limit=1)), None) if near else None
        work = next((one.country for one in event.derived.places if one.country), None) or ""
        home = live.country if live else request.query_params.get("home", "")
        cards = border.cards(home, work, self._clock().date()) if home in border.neighbours(work) else []
        ways = [way((live.lat, live.lon), at) for at in listings.points(event)] if live else []
        shown |= {"way": min(ways, key=lambda one: one.minutes, default=None), "near": live.name if live else ""}
        shown |= {"work": work, "home": home if cards else "", "cards": cards, "neighbours": border.neighbours(work)}
        shown |= {"regions": border.of_vacancy(event), "similar": await similar(event, self._store, self._index)}
        return page(PACKAGE, "vacancy.html", request, **shown)

    def boards(self, request: Request) -> Response:
        """All boards."""
        return page(PACKAGE, "boards.html", request, boards=list(boards().values()))

    async def board(self, name: str, request: Request) -> Response:
        """A board: its newest, and how far it is this year."""
        board = _board(name)
        found, year = await self._first(board.query), board.this_year(self._clock().date())
        counted = await listings.listing(year, self._store, self._index, self._places)
        shown: dict[str, Any] = {"board": board, "found": found, "year": counted.hits.total, "label": label}
        return page(PACKAGE, "board.html", request, **shown)

    async def board_feed(self, name: str, request: Request) -> Response:
        """The newest of a board as RSS."""
        board, spoken = _board(name), speech(language_of(request))
        found = await self._first(board.query, feeds.SHOWN)
        body = feeds.rss(found, board.called(spoken.language), site(request), spoken)
        return Response(body, media_type="application/rss+xml")

    def partnerships(self, request: Request) -> Response:
        """The register, current and former."""
        known = partnerships().values()
        current, former = [one for one in known if one.current], [one for one in known if not one.current]
        return page(PACKAGE, "partnerships.html", request, current=current, former=former)

    async def partnership(self, name: str, request: Request) -> Response:
        """One partnership: where it is, whom to ask, what is open there."""
        one = partnerships().get(name)
        if one is None:
            raise Problem(404, "no-such-partnership", f"There is no partnership “{name[:60]}”. See /partnerships.")
        found = await self._first(Query(partnership=(name,)))
        shown: dict[str, Any] = {"one": one, "found": found, "journeys": border.journeys(one.countries), "label": label}
        return page(PACKAGE, "partnership.html", request, **shown, map=await asyncio.to_thread(of_region, one, found))

    async def numbers(self, request: Request) -> Response:
        """What is open, counted now."""
        hits = await numbers.open_now(self._index)
        tables = {name: sorted(counts.items(), key=lambda row: -row[1].ads) for name, counts in hits.facets.items()}
        rows: dict[str, Any] = {"countries": tables.get("country", []), "sources": tables.get("source", [])}
        return page(PACKAGE, "numbers.html", request, total=hits.total, **rows)

    async def unknown(self, request: Request) -> Response:
        """What is not said, by source."""
        rows, called = await numbers.unknown(self._index), _called(speech(language_of(request)).gettext)
        return page(PACKAGE, "unknown.html", request, rows=rows, traits=[(name, called[name]) for name in SPARSE])

    async def selection(self, request: Request) -> Response:
        """The advertisements that a link names, for 30 days; without a day in it, the link gets one."""
        given, language = request.query_params, language_of(request)
        today = self._clock().date()
        chosen = selected.selection(given.getlist("ref"), given.get("made", ""), today)
        if chosen.refs and not given.get("made"):
            return RedirectResponse(chosen.path(language), 303)
        shown: dict[str, Any] = {"chosen": chosen, "found": [], "over": not chosen.is_good(today), "label": label}
        if shown["over"]:
            return page(PACKAGE, "selection.html", request, 410, **shown)
        events, link = await kept(self._store, list(chosen.refs)), site(request) + chosen.path(language)
        shown["found"] = [listings.Found(events[ref]) for ref in chosen.refs if ref in events]
        shown |= {"names": {code: speech(code).own_name() for code in LANGUAGES}, "mails": chosen.mails(site(request))}
        return page(PACKAGE, "selection.html", request, **shown, link=link, code=selected.code(link))

    def prose(self, name: str, request: Request) -> Response:
        """A page of plain words."""
        said = prose(name, speech(language_of(request)).gettext)
        return page(PACKAGE, "prose.html", request, heading=said.heading, lines=said.lines, links=said.links)

    async def _first(self, query: Query, limit: int = SHOWN) -> listings.Listing:
        asked = query.model_copy(update={"limit": limit})
        return await listings.listing(asked, self._store, self._index, self._places)


def _asked(pairs: list[tuple[str, str]], language: str) -> Query:
    """The search; where minutes or a place are given and no order is, the nearest come first."""
    query = Query.parse([*pairs, ("lang", language)])
    ordered = any(name == "sort" and value for name, value in pairs)
    return query if ordered or not query.near else query.model_copy(update={"sort": Sort.NEAREST})


def _found(found: listings.Listing) -> dict[str, Any]:
    """What the page of results shows of an answer."""
    language = found.query.lang
    countries = [one.event.derived.places[0].country for one in found.found if one.event.derived.places]
    return {
        "found": found,
        "query": found.query,
        "facets": listings.facets(found.hits, language),
        "understood": [(listings.understanding(one, language), found.without(one)) for one in found.meanings],
        "journeys": border.journeys(one for one in countries if one) if found.origin else [],
    }


def _called(_: Callable[[str], str]) -> dict[str, str]:
    """What the filters on what many do not say are called."""
    return {
        "offering": _("Kind of post"),
        "schedule": _("Working time"),
        "speaks": _("Languages asked for"),
        "licence": _("Driving licence"),
        "education": _("Education"),
        "experience": _("Experience"),
        "pay": _("Pay"),
        "remote": _("Work from home"),
        "abroad": _("Looking abroad"),
    }


def _board(name: str) -> Board:
    if board := boards().get(name):
        return board
    raise Problem(404, "no-such-board", f"There is no board “{name[:60]}”. See /boards.")
