"""Is a new generation fit to be live? Counted, compared by version with what is kept, and asked beside the live one."""

import asyncio
from typing import Any

from pendler.store import Store
from pendler.wanted import wanted
from schemas.query import Origin, Query, Sort
from services.search.care import BUILD, differences, told
from services.search.generations import KEPT, Generations, Plan
from services.search.index import Generation, Page

ENOUGH = 0.8
TRIES, PAUSE = 20, 0.1
BEST = 20
ORIGINS = {
    "Zelzate": Origin(name="Zelzate", lat=51.2, lon=3.81),
    "Malmö": Origin(name="Malmö", lat=55.6, lon=13.0),
    "Strasbourg": Origin(name="Strasbourg", lat=48.58, lon=7.75),
}
CANARIES = (
    Query(),
    Query(sort=Sort.DEADLINE),
    *(Query(country=(country,)) for country in ("BE", "DE", "DK", "FR", "NL", "SE")),
    *(Query(q=word) for word in ("welder", "lasser", "Schweißer", "soudeur", "sygeplejerske", "sjuksköterska", "kok")),
    *(Query(near=town, km=45, sort=Sort.NEAREST) for town in ORIGINS),
)
"""Their best hits must be the same ones in the same order. Relevance is not among them: its scores rest on what has
been deleted from an index, too."""


async def verify(store: Store, generations: Generations, plan: Plan) -> dict[str, Any]:
    """What was compared; `wrong` says in words why the generation that was built may not become the live one."""
    if plan.building is None:
        return {"wrong": ["no generation is being built; `pendler index build` begins one"]}
    note = (await store.get(KEPT, [BUILD])).get(BUILD, {})
    if note.get("generation") != plan.building or not note["finished"]:
        return {"generation": plan.building, "wrong": ["it is not complete yet; `pendler index build` follows it"]}
    live, new = generations.of(plan.live), generations.of(plan.building)
    counts = {"live": len(await live.versions()), "new": len(await new.versions())}
    found = await differences(store, new)
    unlike = [query.url("") for query in await _unlike(live, new)]
    wrong = [f"it has {counts['new']} vacancies and the live one {counts['live']}"] * (
        counts["new"] < ENOUGH * counts["live"]
    )
    wrong += [f"{len(found)} vacancies are not in it as they are kept"] * bool(found)
    wrong += [f"the best hits of {len(unlike)} of {len(CANARIES)} searches differ"] * bool(unlike)
    return {"generation": plan.building, **counts, **told(found), "searches_differing": unlike, "wrong": wrong}


async def _unlike(live: Generation, new: Generation) -> list[Query]:
    """The searches whose hits differ. The two are written to one after the other: each need agree only once."""
    left = list(CANARIES)
    for _ in range(TRIES):
        left = [query for query in left if not await _alike(query, live, new)]
        if not left:
            break
        await asyncio.sleep(PAUSE)
    return left


async def _alike(query: Query, live: Generation, new: Generation) -> bool:
    asked, page = wanted(query, ORIGINS.get(query.near or "")), Page(query.sort, BEST)
    one, other = await asyncio.gather(live.search(asked, page), new.search(asked, page))
    return (one.total, one.hits, one.facets) == (other.total, other.hits, other.facets)
