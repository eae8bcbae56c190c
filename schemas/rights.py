"""Rights: the ways out of the exchange that a source lets its vacancies take. Asked in one place: `may`."""

from collections.abc import Collection
from enum import StrEnum


class Way(StrEnum):
    """A way out."""

    SEARCH = "search"
    ALERT = "alert"
    CHANGES = "changes"
    SNAPSHOT = "snapshot"
    EURES = "eures"
    WEBHOOK = "webhook"


UNSAID = (Way.SEARCH, Way.ALERT)
"""The ways of a source that has said nothing: people find its vacancies, other systems do not get them."""


def may(way: Way, ways: Collection[str], demonstration: bool) -> bool:
    """Whether a vacancy may take a way out. The demonstration never leaves the exchange, whatever is allowed."""
    return way in ways and not (demonstration and way not in UNSAID)
