"""vacancy.normalised -> vacancy.matched: language, occupations, places. Stateless, so a replay comes out the same.

Then vacancy.matched -> vacancy.clustered, which has a store of its own.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from pendler.bus import Bus
from pendler.service import Fact, Handler, Result, Service
from pendler.service import later as _
from pendler.settings import Settings
from pendler.store import Store, open_store
from schemas.event import VacancyClustered, VacancyMatched, VacancyNormalised
from services.match import clusters

if TYPE_CHECKING:
    from services.match.matching import Match


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - match needs no bus of its own
    return build(partial(_open, settings), open_store(settings.url_of("store"), "match"))


def _open(settings: Settings) -> "Match":
    """What matches takes a second to load and 60 MB to keep; the web process never needs it."""
    from services.match.matching import open_match

    return open_match(settings)


def build(open_match: Callable[[], "Match"], store: Store) -> Service:
    match = cache(open_match)

    async def start() -> None:
        match()

    async def on_normalised(facts: Sequence[Fact]) -> Result:
        return Result(match()(facts))

    return Service(
        "match",
        title=_("Occupations, languages and places"),
        delayed=_("New vacancies wait for their codes and places."),
        handlers={VacancyNormalised: Handler(on_normalised, size=300), VacancyMatched: clusters.handler(store)},
        emits=[VacancyMatched, VacancyClustered],
        checks={"store": store.check},
        start=start,
        close=store.close,
    )
