"""The index: finds vacancies. A port of search alone; `tests/contracts/test_index.py` is what each adapter must do.

Filters, counts, distances and ids are exact and the same on every engine; ranking need only put the same best hit
first.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pendler.searchable import Searchable
from pendler.service import Misconfigured
from pendler.wanted import Wanted
from schemas.query import Sort

BANDS = (5, 10, 20, 30, 50, 75, 100, 150, 200, 300)
"""Where the bands of the order `nearest` end, in kilometres; the last one has no end."""


def band_of(km: float) -> int:
    """The number of the band, from 0."""
    return bisect_left(BANDS, km)


@dataclass(frozen=True)
class Page:
    """Which part of the hits: `limit` of them in the order of `sort`, after the one that `cursor` names."""

    sort: Sort = Sort.NEWEST
    limit: int = 20
    cursor: str = ""


@dataclass(frozen=True)
class Hit:
    """One vacancy found; `km` from the query's origin, where it has one."""

    ref: str
    km: float | None = None


@dataclass(frozen=True)
class Count:
    """Advertisements, and the posts they offer."""

    ads: int = 0
    posts: int = 0


@dataclass(frozen=True)
class Hits:
    """What was found. `cursor` is empty on the last page; `facets`: facet -> value -> count over all hits."""

    total: Count
    hits: Sequence[Hit] = ()
    cursor: str = ""
    facets: Mapping[str, Mapping[str, Count]] = field(default_factory=dict)


class BadCursor(ValueError):
    """A cursor that is none of ours, or belongs to another order."""


class Index(Protocol):
    """An index. Every method raises `pendler.service.Unavailable` where the engine is away."""

    async def put(self, documents: Sequence[Searchable]) -> None:
        """Adds or replaces; found from then on. A document older than the one there (`order`) changes nothing."""

    async def delete(self, refs: Sequence[str]) -> None:
        """Removes; absent ones are no error."""

    async def search(self, wanted: Wanted, page: Page) -> Hits:
        """Exactly the vacancies that fit, a page of them.

        Raises:
            BadCursor: the cursor cannot be used.
        """

    async def check(self) -> str:
        """What engine this is, once it has answered.

        Raises:
            pendler.service.Misconfigured: it is there, but not as it must be.
        """

    async def open_versions(self) -> Mapping[str, int]:
        """The `order` of every open vacancy by ref, for the audit."""

    async def close(self) -> None:
        """Frees the engine."""


class Generation(Index, Protocol):
    """One of several indexes that an engine holds side by side, which know nothing of one another."""

    async def versions(self) -> Mapping[str, int]:
        """The `order` of everything in it by ref, closed ones too."""

    async def publish(self) -> None:
        """Gives it the name that readers from outside know, where the engine has such a name."""

    async def drop(self) -> None:
        """Removes it whole, and closes; one that is not there is no error."""


def open_index(url: str, generation: int = 1) -> Generation:
    """The index a URL names: `file:DIR` (tantivy) on one machine, `https://USER:PASSWORD@HOST:9200` on many.

    A generation is made when it is first used.

    Raises:
        Misconfigured: the scheme is not known.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        from services.search.index.embedded import TantivyIndex

        return TantivyIndex(rest, generation)
    if scheme in ("http", "https"):
        from services.search.index.elastic import ElasticIndex

        return ElasticIndex(url, generation)
    raise Misconfigured(f"PENDLER_INDEX={scheme}:...: expected file:DIRECTORY or https://USER:PASSWORD@HOST:PORT")
