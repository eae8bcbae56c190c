"""Who is to hear of a vacancy, and why: the running subscriptions, percolated."""

import time

from pendler.searchable import near, searchable, wanted
from pendler.speech import speech
from pendler.store import Doc, Range, Store
from schemas.event import VacancyMatched
from services.notify.percolator import Percolator
from services.notify.state import SUBSCRIPTIONS, State, Subscription

OVERLAP = 5.0
PAGE = 2000


class Readers:
    """The running subscriptions in memory, kept up with the store by the time each was last changed."""

    def __init__(self, store: Store) -> None:
        self._store, self._seen_until = store, 0.0
        self._percolator, self._all = Percolator(), dict[str, Subscription]()

    async def refresh(self) -> None:
        """Takes in what has changed. Reads a little twice, since clocks differ and writes overlap."""
        began = time.time()
        above = self._seen_until - OVERLAP
        while page := await self._store.find(SUBSCRIPTIONS, within=Range("changed_at", above=above), limit=PAGE):
            for identity, doc in page:
                self._take(Subscription.read(identity, doc))
            above = page[-1][1]["changed_at"]
        self._seen_until = began

    def _take(self, one: Subscription) -> None:
        if one.state is State.ACTIVE:
            self._all[one.id] = one
            self._percolator.add(one.id, wanted(one.query, one.origin))
        else:
            self._all.pop(one.id, None)
            self._percolator.remove(one.id)

    def of(self, event: VacancyMatched) -> list[tuple[Subscription, Doc]]:
        """The subscriptions that this vacancy is news for, with what their mail will tell."""
        found = searchable(event)
        fitting = [self._all[identity] for identity in self._percolator.matching(found)]
        return [(one, item(one, event)) for one in fitting if is_news(one, event)]


def is_news(one: Subscription, event: VacancyMatched) -> bool:
    """New to us is not new: only what was first published after the person's word counts."""
    return bool(event.news_at and one.confirmed_at and event.news_at.timestamp() > one.confirmed_at)


def item(one: Subscription, event: VacancyMatched) -> Doc:
    """What a mail tells of a vacancy, and why this person gets it."""
    vacancy, derived = event.vacancy, event.derived
    assert vacancy
    points = [(place.lat, place.lon) for place in derived.places if place.lat is not None and place.lon is not None]
    published = vacancy.published or event.at
    return {
        "ref": event.ref,
        "title": vacancy.title,
        "language": derived.language,
        "employer": vacancy.employer.name,
        "places": [(place.name, place.country) for place in derived.places if place.country][:3],
        "km": near(one.origin, points) if one.origin else None,
        "occupation": derived.occupations[0].uri if derived.occupations else None,
        "pay": vacancy.pay.model_dump(mode="json") if vacancy.pay else None,
        "apply_by": vacancy.apply_by.timestamp() if vacancy.apply_by else None,
        "published": published.timestamp(),
        "demonstration": vacancy.demonstration,
        "why": why(one, event, near(one.origin, points) if one.origin else None),
    }


def why(one: Subscription, event: VacancyMatched, km: float | None) -> list[str]:
    """The reasons in the subscriber's language, in the order of the search form."""
    spoken = speech(one.language)
    _ = spoken.gettext
    found, asked = searchable(event), wanted(one.query, one.origin)
    reasons = []
    for word, terms in zip(one.query.q.split(), asked.words, strict=False):
        in_title = not set(terms).isdisjoint(found.title)
        reasons.append(
            (_("your word “%(word)s” is in the title") if in_title else _("your word “%(word)s” is in the text"))
            % {"word": word}
        )
    if asked.occupations:
        reasons.append(_("it is an occupation you asked for"))
    if one.origin and km is not None:
        reasons.append(_("%(km)s km from %(place)s") % {"km": spoken.number(round(km)), "place": one.query.near})
    if asked.countries or asked.nuts:
        reasons.append(_("it is in a country or region you asked for"))
    return reasons or [_("you asked for all new jobs")]
