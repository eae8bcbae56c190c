"""Kinds of posts in the words of schema.org and of job boards: FULL_TIME, Full time, full-time."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from schemas.vacancy import Interval, Offering, Schedule

T = TypeVar("T")
_SCHEDULES = {"fulltime": Schedule.FULL_TIME, "parttime": Schedule.PART_TIME}
_OFFERINGS = {
    "contractor": Offering.CONTRACT,
    "contract": Offering.CONTRACT,
    "freelance": Offering.SELF_EMPLOYED,
    "temporary": Offering.TEMPORARY,
    "temp": Offering.TEMPORARY,
    "seasonal": Offering.SEASONAL,
    "intern": Offering.INTERNSHIP,
    "internship": Offering.INTERNSHIP,
    "apprenticeship": Offering.APPRENTICESHIP,
    "volunteer": Offering.VOLUNTEER,
    "perdiem": Offering.ON_CALL,
    "permanent": Offering.DIRECT_HIRE,
}
_INTERVALS = {
    "hour": Interval.HOUR,
    "hourly": Interval.HOUR,
    "day": Interval.DAY,
    "daily": Interval.DAY,
    "week": Interval.WEEK,
    "weekly": Interval.WEEK,
    "month": Interval.MONTH,
    "monthly": Interval.MONTH,
    "year": Interval.YEAR,
    "yearly": Interval.YEAR,
    "annual": Interval.YEAR,
    "annually": Interval.YEAR,
}
_REMOTE = {"yes": True, "true": True, "telecommute": True, "no": False, "false": False}
_BETWEEN = re.compile(r"[\W_]+")


def schedule(words: Iterable[str]) -> Schedule | None:
    """Full or part time; both are any."""
    found = _each(words, _SCHEDULES)
    return Schedule.ANY if len(found) > 1 else next(iter(found), None)


def offering(words: Iterable[str]) -> Offering | None:
    """The kind of post, if only one is named."""
    found = _each(words, _OFFERINGS)
    return next(iter(found)) if len(found) == 1 else None


def interval(word: str | None) -> Interval | None:
    """What a pay is for: MONTH, monthly."""
    return next(iter(_each([word or ""], _INTERVALS)), None)


def remote(word: str | None) -> bool | None:
    """`yes`, `no` or TELECOMMUTE; nothing else says anything."""
    return next(iter(_each([word or ""], _REMOTE)), None)


def _each(words: Iterable[str], values: Mapping[str, T]) -> dict[T, None]:
    folded = (_BETWEEN.sub("", word).casefold() for word in words)
    return {values[word]: None for word in folded if word in values}
