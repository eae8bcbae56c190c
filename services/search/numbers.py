"""Counts for everybody, each from the live index when it is asked for: what is open, and what is not said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pendler.traits import UNSAID, Filter
from pendler.wanted import Wanted
from schemas.query import SPARSE
from services.search.index import Count, Hits, Index, Page


@dataclass(frozen=True)
class Silence:
    """Of a source's open advertisements, how many say nothing of each trait."""

    source: str
    ads: int
    silent: Mapping[str, int]


async def open_now(index: Index) -> Hits:
    """All that is open, by country, region, occupation and source."""
    return await index.search(Wanted(), Page(limit=0))


async def unknown(index: Index) -> Sequence[Silence]:
    """What advertisements do not say, by source."""
    total = (await open_now(index)).facets.get("source", {})
    silent = {}
    for name in SPARSE:
        asked = Wanted(filters=(Filter(frozenset({f"{name}={UNSAID}"})),))
        silent[name] = (await index.search(asked, Page(limit=0))).facets.get("source", {})
    return [
        Silence(source, count.ads, {name: counts.get(source, Count()).ads for name, counts in silent.items()})
        for source, count in sorted(total.items())
    ]
