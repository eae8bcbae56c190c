"""The answer to a search over real parts: what is sure first, what does not say after it, chips, places, ways."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pendler.esco import ancestors
from pendler.places import Places
from pendler.searchable import searchable
from pendler.store import Store, open_store
from schemas.event import VacancyMatched
from schemas.query import Query, QueryError
from services.search.index import Index, open_index
from services.search.listing import Listing, answer, listing
from services.search.state import VACANCIES, document

EXAMPLE = Path(__file__).parents[1] / "schemas" / "examples" / "vacancy.matched.v1" / "0.1-3.json"
TERNEUZEN, VLISSINGEN, GENT = (51.335, 3.828), (51.4425, 3.5736), (51.05, 3.72)
Ask = Callable[..., Listing]


def event(name: str, at: tuple[float, float], n: int, **vacancy: Any) -> VacancyMatched:
    given = json.loads(EXAMPLE.read_text("utf-8"))
    silent = {"languages": [], "licences": [], "education": [], "experience": None, "pay": None, "schedule": None}
    published = datetime(2026, 11, n, tzinfo=UTC).isoformat()
    profiles = [{"language": "nl", "title": name, "text": "", "html": ""}]
    given |= {"ref": f"listing:{name}", "revision": 1}
    given["vacancy"] |= {**silent, "profiles": profiles, "published": published, "positions": n, **vacancy}
    place = {"country": "NL", "lat": at[0], "lon": at[1], "name": "x", "method": "town"}
    code = {"uri": ancestors("7212")[0], "isco": "7212", "label": "", "score": 0.9, "method": "isco-code"}
    given["derived"] |= {"findings": [], "language": "nl", "places": [place], "skills": []}
    given["derived"]["occupations"] = [code] if name.startswith("lasser") else []
    return VacancyMatched.model_validate(given)


FULL, PART = {"schedule": "FullTime"}, {"schedule": "PartTime"}
EVENTS = [
    event("lasser-a", TERNEUZEN, 1, **FULL),
    event("b", VLISSINGEN, 2),
    event("lasser-c", GENT, 3),
    event("d", TERNEUZEN, 4, **PART),
    event("e", GENT, 5, **FULL),
    event("f", GENT, 6),
]


@pytest.fixture
def ask(tmp_path: Path, places: Places) -> Ask:
    """Asks an exchange that holds `EVENTS`."""

    async def work(run: Callable[[Store, Index], Awaitable[Listing]]) -> Listing:
        store, index = open_store(f"file:{tmp_path}/store", "search"), open_index(f"file:{tmp_path}/index")
        try:
            await store.put(VACANCIES, {one.ref: document(one) for one in EVENTS})
            await index.put([searchable(one) for one in EVENTS])
            return await run(store, index)
        finally:
            await index.close()
            await store.close()

    return lambda **query: asyncio.run(work(lambda store, index: listing(Query(**query), store, index, places)))


def names(found: Listing) -> list[str]:
    return [one.event.ref.removeprefix("listing:") for one in found.found]


def test_those_that_do_not_say_come_after_the_sure_ones_and_are_counted(ask: Ask) -> None:
    found = ask(schedule=("FullTime",))
    assert names(found) == ["e", "lasser-a", "f", "lasser-c", "b"]
    assert [one.sure for one in found.found] == [True, True, False, False, False]
    assert (found.hits.total.ads, found.unsaid.ads, found.unsaid.posts) == (5, 3, 2 + 3 + 6)
    strict = ask(schedule=("FullTime",), strict=True)
    assert (names(strict), strict.hits.total.ads, strict.unsaid.ads) == (["e", "lasser-a"], 2, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages_lead_from_the_sure_to_the_others_without_a_gap(ask: Ask, limit: int) -> None:
    walked, cursor = [], ""
    while True:
        found = ask(schedule=("FullTime",), limit=limit, cursor=cursor)
        assert (found.hits.total.ads, found.unsaid.ads) == (5, 3)
        walked += names(found)
        if not (cursor := found.hits.cursor):
            break
    assert walked == ["e", "lasser-a", "f", "lasser-c", "b"]


def test_a_word_of_another_language_finds_what_is_coded_with_it_and_can_be_taken_away(ask: Ask) -> None:
    found = ask(q="Schweißer", lang="de")
    assert sorted(names(found)) == ["lasser-a", "lasser-c"]
    (said,) = answer(found)["understood"]
    assert said["words"] == "schweißer"
    assert {"welder", "lasser", "soudeur"} <= set(said["also"])
    assert names(ask(q="Schweißer", lang="de", also=found.without(found.meanings[0]))) == []


def test_minutes_go_over_the_tunnel(ask: Ask) -> None:
    found = ask(near="Terneuzen", minutes=25, sort="nearest")
    assert names(found)[:1] == ["d"]
    assert "b" not in names(found)
    over = {one.event.ref: one.way for one in ask(near="Terneuzen", minutes=40).found}["listing:b"]
    assert over
    assert [crossing.name for crossing in over.crossings] == ["Westerscheldetunnel"]


def test_an_ambiguous_place_offers_the_others(ask: Ask) -> None:
    found = ask(near="Halle")
    assert (found.origin and found.origin.name, found.others) == ("Halle", ["Halle, DE", "Halle, NL"])
    assert ask(near=found.others[0]).origin != found.origin


def test_an_occupation_in_words_is_refused_with_its_code(ask: Ask) -> None:
    assert names(ask(occupation=("C7212",))) == names(ask(occupation=("7212",))) == ["lasser-c", "lasser-a"]
    with pytest.raises(QueryError, match=r"Did you mean C7212 \(welder\)\?"):
        ask(occupation=("Schweißer",))


@pytest.mark.parametrize(("asked", "parameter"), [({"minutes": 30}, "minutes"), ({"sort": "nearest"}, "sort")])
def test_what_needs_a_place_says_so(ask: Ask, asked: dict[str, Any], parameter: str) -> None:
    with pytest.raises(QueryError) as caught:
        ask(**asked)
    assert caught.value.errors[0]["parameter"] == parameter
