"""When a match is to be mailed: at the person's next digest, in their own time, or at once. Pure."""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.notify.state import Frequency, Subscription

FRESH = 2 * 86400.0
"""Seconds for which a vacancy is news that cannot wait: after an outage the old ones wait for the digest."""
MONDAY = 0


def due(one: Subscription, now: float, news_at: float) -> float:
    """When what is noted now may leave."""
    if one.frequency is Frequency.AT_ONCE and (not one.gathers or now - news_at < FRESH):
        return now + one.gathers
    return next_digest(one, now)


def next_digest(one: Subscription, now: float) -> float:
    """The first digest after that moment; of subscriptions that have chosen at once, the daily one."""
    return _next(one.frequency is Frequency.WEEKLY, one.zone, one.hour, int(now // 60))


def day_of(one: Subscription, now: float) -> float:
    """When the day began that it is where the person lives."""
    zone = ZoneInfo(one.zone)
    return datetime.combine(datetime.fromtimestamp(now, zone), time(), zone).timestamp()


@lru_cache(maxsize=10_000)
def _next(weekly: bool, zone: str, hour: int, minute: int) -> float:
    """`minute` counts from 1970, in UTC. Days are those of the calendar: one of 23 or 25 hours has one digest."""
    there = ZoneInfo(zone)
    day = datetime.fromtimestamp(minute * 60, UTC).astimezone(there).date()
    while True:
        at = datetime.combine(day, time(hour), there)
        if at.timestamp() > minute * 60 and (not weekly or day.weekday() == MONDAY):
            return at.timestamp()
        day += timedelta(days=1)
