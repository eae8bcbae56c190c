"""vacancy.matched -> alerts: percolate, note, gather, mail, tell."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from pendler.bus import Bus, failpoint
from pendler.places import Places, open_places
from pendler.searchable import near, searchable, wanted
from pendler.service import Fact, Handler, Job, Result, Service
from pendler.settings import Settings
from pendler.speech import speech
from pendler.store import Doc, Range, Store, open_store
from schemas.event import AlertSent, VacancyMatched
from services.notify import api, digest, ledger
from services.notify.demonstration import demonstrate
from services.notify.mail import Lost, Mail, Refused, open_mail
from services.notify.percolator import Percolator
from services.notify.state import (
    MAILS,
    MATCHES,
    SEEN,
    SUBSCRIPTIONS,
    Kind,
    MailState,
    State,
    Subscription,
    match_key,
)
from services.notify.tokens import Tokens

log = structlog.get_logger()
GATHERS = 10.0
OVERLAP = 5.0
PAGE = 2000


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - what notify tells, its jobs return
    store, mail = open_store(settings.url_of("store"), "notify"), open_mail(settings.url_of("mail"))
    return build(store, mail, open_places(settings.places), settings)


def build(store: Store, mail: Mail, places: Places, settings: Settings, gathers: float = GATHERS) -> Service:
    readers, sender = Readers(store), Sender(store, mail, settings)

    async def start() -> None:
        if settings.demo:
            await demonstrate(store, places, settings)
        await readers.refresh()

    async def mail_out() -> Result:
        await ledger.recover(store, mail)
        await ledger.gather(store, time.time() - gathers)
        await sender.send_all()
        return await told(store, settings.clock)

    return Service(
        "notify",
        handlers={VacancyMatched: Handler(partial(on_matched, store, readers), size=300)},
        emits=[AlertSent],
        jobs=[Job("mail", 1, mail_out)],
        api=api.router(store, mail, places, settings),
        trace=partial(trace, store),
        start=start,
        close=store.close,
    )


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


async def on_matched(store: Store, readers: Readers, facts: Sequence[Fact]) -> Result:
    """Notes a match for every subscription that a vacancy is news for.

    A state that was seen before, or is only enriched anew, is no news to anybody.
    """
    await readers.refresh()
    seen = await store.get(SEEN, list({fact.ref for fact in facts}))
    matches: dict[str, Doc] = {}
    for fact in facts:
        if not isinstance(fact, VacancyMatched):
            continue
        revision = seen.get(fact.ref, {}).get("revision", 0)
        if fact.is_open and fact.revision > revision:
            for one, told_of in readers.of(fact):
                key = match_key(one.subscriber, fact.ref, fact.episode)
                matches.setdefault(
                    key, {"subscription": one.id, "ref": fact.ref, "item": told_of, "matched_at": time.time()}
                )
        seen[fact.ref] = {
            "revision": max(fact.revision, revision),
            "version": max(fact.order, seen.get(fact.ref, {}).get("version", 0)),
        }
    return Result(write=partial(_note, store, matches, seen))


async def _note(store: Store, matches: dict[str, Doc], seen: dict[str, Doc]) -> None:
    await ledger.record(store, matches)
    await store.put(SEEN, seen, guard=True)


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


class Sender:
    """Sends what is pending, one mail at a time."""

    def __init__(self, store: Store, mail: Mail, settings: Settings) -> None:
        self._store, self._mail, self._settings = store, mail, settings
        self._tokens = Tokens(settings.signing_key)

    async def send_all(self) -> None:
        for identity, doc in await self._store.find(MAILS, {"state": MailState.PENDING}, limit=200):
            if claimed := await ledger.claim(self._store, identity, doc):
                await self._send(identity, claimed)

    async def _send(self, identity: str, doc: Doc) -> None:
        """The subscription is read after the claim: whoever stops it meanwhile waits for this mail, or stops it."""
        kept = (await self._store.get(SUBSCRIPTIONS, [doc["subscription"]])).get(doc["subscription"])
        one = Subscription.read(doc["subscription"], kept) if kept else None
        if one is None or one.state not in self._states(doc):
            await ledger.move(self._store, identity, doc, MailState.CANCELLED)
            return
        message = await self._message(identity, doc, one)
        failpoint("notify.claimed")
        try:
            await self._mail.send(identity, message)
            failpoint("notify.mailed")
        except Refused as refusal:
            await ledger.move(self._store, identity, doc, MailState.FAILED, why=str(refusal)[:200])
        except Lost as loss:
            await ledger.move(self._store, identity, doc, MailState.AMBIGUOUS, why=str(loss)[:200])
        else:
            await ledger.move(self._store, identity, doc, MailState.SENT, sent_at=self._settings.clock().timestamp())

    @staticmethod
    def _states(doc: Doc) -> tuple[State, ...]:
        return (State.UNCONFIRMED,) if doc["kind"] == Kind.CONFIRM else (State.ACTIVE,)

    async def _message(self, identity: str, doc: Doc, one: Subscription) -> Any:
        site = self._settings.site
        links = {
            "site": site,
            "mail": identity,
            "search": f"{site}{one.query.url('/')}",
            "confirm": f"{site}/subscriptions/confirm/{self._tokens.confirm(one.id)}",
            "unsubscribe": f"{site}/subscriptions/stop/{self._tokens.stop(one.id)}",
        }
        now = self._settings.clock()
        if doc["kind"] == Kind.CONFIRM:
            return digest.confirmation(one, links, now)
        return digest.alert(one, await ledger.matches_of(self._store, doc), links, now)


async def told(store: Store, clock: Callable[[], datetime]) -> Result:
    """Tells the bus of the alerts that have left; each is told until that is known to have worked."""
    untold = await store.find(MAILS, {"state": MailState.SENT, "told": False}, limit=500)
    alerts = [
        AlertSent(
            mail=identity, subscription=doc["subscription"], sent_at=datetime.fromtimestamp(doc.get("sent_at") or clock().timestamp(), clock().tzinfo),
            refs=tuple(match["ref"] for match in await ledger.matches_of(store, doc)),
        )
        for identity, doc in untold if doc["kind"] == Kind.ALERT
    ]  # fmt: skip

    async def remember() -> None:
        await store.put(
            MAILS,
            {identity: {**doc, "told": True, "version": doc["version"] + 1} for identity, doc in untold},
            guard=True,
        )

    return Result(alerts, remember)


async def trace(store: Store, ref: str) -> list[dict[str, Any]]:
    """The matches of one vacancy and the mails they went with; no address."""
    found = await store.find(MATCHES, {"ref": ref})
    mails = await store.get(MAILS, list({doc["mail"] for _, doc in found}))
    return [
        {
            "hop": "matched",
            "subscription": doc["subscription"],
            "mail": doc["mail"] or None,
            "state": mails.get(doc["mail"], {}).get("state"),
        }
        for _, doc in found
    ]
