"""What a national feed is to ingest: one file in `feeds/`, found and not registered.

A feed cuts a delivery into records (`split`) and reads one record (`normalise`). Both are pure: no clock, no
network, no state. `now` is the time the record was received.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from pendler.problem import Problem
from schemas.event import Reason, Severity
from schemas.vacancy import Status, Vacancy


@dataclass(frozen=True)
class Item:
    """One record as delivered: its id where one can be read, its text, and what is wrong with it, if anything.

    `at` is where it stands in the delivery: `line 3`, or a pointer into its JSON document.
    """

    external_id: str | None
    body: str
    flaw: Reason | None = None
    at: str = ""


@dataclass(frozen=True)
class Reading:
    """One record as understood. `status` other than active: the source itself says it is over, and why."""

    vacancy: Vacancy
    status: Status = Status.ACTIVE
    closed_because: str | None = None
    warnings: tuple[Reason, ...] = ()


class Flaw(ValueError):
    """A record that cannot be read. Carries the rule, the place (a pointer into the record), the value, a hint."""

    def __init__(self, rule: str, at: str, value: object = None, hint: str = "") -> None:
        shown = None if value is None else str(value)[:80]
        self.reason = Reason(rule=rule, at=at, value=shown, severity=Severity.ERROR, hint=hint)
        super().__init__(f"{rule} at {at or '/'}: {hint}")


@dataclass(frozen=True)
class Feed:
    """A feed: `title` and `documentation` for people, `media_types` it comes as, `country` it speaks for."""

    name: str
    title: str
    country: str | None
    media_types: tuple[str, ...]
    split: Callable[[bytes], Iterator[Item]]
    normalise: Callable[[str, datetime], Reading]
    documentation: str = ""
    keeps_days: int = 90
    """How long a vacancy whose record states no end is kept open after it was last heard of."""


NO_SUCH_FEED = "This key delivers to no such source and feed. GET /v1/feeds lists the feeds."
"""Said of a source that is another's and of a feed that there is not: neither can be told from the other."""


def refuse_unknown(feed: str) -> None:
    """Raises:
    Problem: 404, there is no such feed.
    """
    if feed not in feeds():
        raise Problem(404, "no-such-feed", NO_SUCH_FEED)


@cache
def feeds() -> Mapping[str, Feed]:
    """Every feed by name: each module of `services.ingest.feeds` that has a `FEED`, each mapping beside them."""
    from services.ingest.mapped import feed_of  # stands on this module
    from services.ingest.mapping import load

    package = import_module("services.ingest.feeds")
    modules = (import_module(f"{package.__name__}.{found.name}") for found in iter_modules(package.__path__))
    coded = {module.FEED.name: module.FEED for module in modules}
    mappings = (load(path) for path in sorted(Path(package.__path__[0]).glob("*.yaml")))
    return coded | {mapping.name: feed_of(mapping) for mapping in mappings}
