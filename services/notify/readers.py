"""Who is to hear of a vacancy, and why: the running subscriptions, percolated."""

import time
from collections.abc import Collection, Iterator
from dataclasses import replace

from pendler.searchable import Point, Searchable, fits, held_terms, near, searchable
from pendler.speech import Speech, speech
from pendler.store import Doc, Range, Store
from pendler.text import sought, words
from pendler.travel import minutes_by_car
from pendler.wanted import Said, Wanted, wanted
from schemas.event import VacancyMatched
from schemas.query import Origin, Query
from schemas.vacancy import Kind
from services.notify.percolator import Percolator
from services.notify.state import SUBSCRIPTIONS, Frequency, State, Subscription

OVERLAP = 30.0
"""Seconds that are read a second time, each time."""
WRONG_CLOCK, NOW_AND_THEN = 3600.0, 60.0
"""By how much a clock may be wrong, here or where subscriptions are written, and how often that is made up for."""
MOST = 10_000_000
ANYTHING = wanted(Query())
LEAST = 5
"""Minutes by car that an estimate may say at the least."""


class Readers:
    """The running subscriptions in memory, kept up with the store by the time each was last changed."""

    def __init__(self, store: Store, looks_back_every: float = NOW_AND_THEN) -> None:
        self._store, self._seen_until = store, 0.0
        self._looked_back, self._every = time.monotonic(), looks_back_every
        self._taken: dict[str, int] = {}
        self._percolator, self._all = Percolator(), dict[str, tuple[Subscription, Wanted]]()

    async def refresh(self) -> None:
        """Takes in what has changed. Reads a little twice, since clocks differ and writes overlap."""
        began, back = time.time(), OVERLAP
        if time.monotonic() - self._looked_back > self._every:
            self._looked_back, back = time.monotonic(), WRONG_CLOCK
        since = Range("changed_at", above=min(self._seen_until, began) - back)
        for identity, doc in await self._store.find(SUBSCRIPTIONS, within=since, limit=MOST):
            if self._taken.get(identity) != doc["version"]:
                self._taken[identity] = doc["version"]
                self._take(identity, doc)
        self._seen_until = began

    def _take(self, identity: str, doc: Doc) -> None:
        if doc["state"] == State.ACTIVE:
            one = Subscription.read(identity, doc)
            asked = wanted(one.query, one.origin)
            self._all[one.id] = (one, asked)
            self._percolator.add(one.id, asked)
        else:
            self._all.pop(identity, None)
            self._percolator.remove(identity)

    def of(self, event: VacancyMatched) -> list[tuple[Subscription, Doc]]:
        """The subscriptions that this vacancy is news for, the most eager first, with what their mail will tell."""
        if event.news_at is None:
            return []
        found = searchable(event)
        fitting = [self._all[identity] for identity in self._percolator.matching(found)]
        hearing = [(one, asked) for one, asked in fitting if is_news(one, event)]
        hearing.sort(key=lambda each: each[0].frequency is not Frequency.AT_ONCE)
        told = item(event) if hearing else {}
        return [(one, {**told, **why(one, asked, found)}) for one, asked in hearing]

    def fitting(self, event: VacancyMatched) -> Iterator[Subscription]:
        """The subscriptions that it fits, news or not."""
        return (self._all[identity][0] for identity in self._percolator.matching(searchable(event)))


def is_news(one: Subscription, event: VacancyMatched) -> bool:
    """New to us is not new: only what was first published after the person's word counts."""
    if event.news_at is None or one.confirmed_at is None:
        return False
    return event.news_at.timestamp() > one.confirmed_at


def item(event: VacancyMatched) -> Doc:
    """What every mail tells of a vacancy."""
    vacancy, derived = event.vacancy, event.derived
    assert vacancy
    published = vacancy.published or event.at
    return {
        "ref": event.ref,
        "title": vacancy.title,
        "language": derived.language,
        "employer": vacancy.employer.name,
        "places": [(place.name, place.country) for place in derived.places if place.country][:3],
        "occupation": derived.occupations[0].uri if derived.occupations else None,
        "pay": vacancy.pay.model_dump(mode="json") if vacancy.pay else None,
        "speaks": speaks(event),
        "apply_by": vacancy.apply_by.timestamp() if vacancy.apply_by else None,
        "published": published.timestamp(),
        "demonstration": vacancy.demonstration,
    }


def speaks(event: VacancyMatched) -> list[tuple[str, bool]]:
    """The languages of the work, and whether that is stated; else what it is written in."""
    vacancy, derived = event.vacancy, event.derived
    assert vacancy
    stated = [each.language for each in vacancy.languages if each.required] or list(vacancy.working_languages)
    if stated:
        return [(code, True) for code in stated[:3]]
    read = [each.value for each in derived.findings if each.kind is Kind.LANGUAGE and each.required]
    return [(code, False) for code in (read or [derived.language or ""])[:3] if code]


def why(one: Subscription, asked: Wanted, found: Searchable) -> Doc:
    """How far it is, how well it fits, and why this person gets it, in their language, as the search form asks."""
    spoken = speech(one.language)
    _ = spoken.gettext
    reasons, in_title = [], 0
    for word in one.query.q.split():
        terms = {term for part in words(word) for term in sought(part, one.query.lang)}
        if not terms.isdisjoint(found.title):
            reasons.append(_("your word “%(word)s” is in the title") % {"word": word})
            in_title += 1
        elif not terms.isdisjoint(found.body):
            reasons.append(_("your word “%(word)s” is in the text") % {"word": word})
    if asked.occupations:
        reasons.append(_("it is an occupation you asked for"))
    way = distance(one.origin, found.points)
    if way["km"] is not None:
        reasons.append(_within(one, way["km"], spoken))
    if asked.countries or asked.nuts:
        reasons.append(_("it is in a country or region you asked for"))
    sure = not asked.sparse or fits(replace(asked, said=Said.MET), found, held_terms(found))
    if not reasons:
        reasons = [_("you asked for all new jobs") if asked == ANYTHING else _("it passes your filters")]
    return {**way, "in_title": in_title, "sure": sure, "why": reasons}


def distance(origin: Origin | None, points: Collection[Point]) -> Doc:
    """From there to the point reached first: kilometres in a straight line, minutes by car; None where unknown."""
    if origin is None or not points:
        return {"km": None, "minutes": None}
    ways = (minutes_by_car((origin.lat, origin.lon), point) for point in points)
    return {"km": near(origin, points), "minutes": max(LEAST, round(min(ways)))}


def _within(one: Subscription, km: float, spoken: Speech) -> str:
    if one.query.minutes:
        return spoken.gettext("within about %(num)s minutes of %(place)s") % {
            "num": one.query.minutes,
            "place": one.query.near,
        }
    return spoken.gettext("%(km)s km from %(place)s") % {"km": spoken.number(round(km)), "place": one.query.near}
