"""vacancy.matched -> alerts: percolate, note, gather, mail, tell."""

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from pendler import tracing
from pendler.bus import Bus
from pendler.places import Places, open_places
from pendler.service import Fact, Handler, Job, Result, Service
from pendler.service import later as _
from pendler.settings import Settings
from pendler.store import Doc, Store, open_store
from schemas.event import AlertSent, SourceNamed, VacancyClustered, VacancyMatched
from schemas.rights import Way
from services.notify import ledger, saved
from services.notify.bounces import collect
from services.notify.clusters import on_clustered
from services.notify.demonstration import demonstrate
from services.notify.gathering import gather
from services.notify.joining import Joined, is_first, on_named
from services.notify.mail import Mail, open_mail
from services.notify.readers import Readers
from services.notify.retention import retain
from services.notify.schedule import due
from services.notify.sender import Sender, told
from services.notify.state import MAILS, MATCHES, SEEN, Subscription, match_key
from services.notify.subscribing import remind

if TYPE_CHECKING:
    from fastapi import APIRouter

log = structlog.get_logger()
SETTLES = 2.0
"""Seconds that a match lies before it is gathered, so that all of one batch go into one mail."""


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - what notify tells, its jobs return
    store, mail = open_store(settings.url_of("store"), "notify"), open_mail(settings.url_of("mail"))
    return build(store, mail, open_places(settings.places), settings)


def build(store: Store, mail: Mail, places: Places, settings: Settings, settles: float = SETTLES) -> Service:
    readers, sender = Readers(store), Sender(store, mail, settings)

    async def start() -> None:
        if settings.demo:
            await demonstrate(store, places, settings)
        await readers.refresh()

    async def mail_out() -> Result:
        await ledger.recover(store, mail)
        await gather(store, time.time() - settles)
        await sender.send_all()
        return await told(store, settings.clock)

    return Service(
        "notify",
        title=_("New jobs by e-mail"),
        delayed=_("Mails about new jobs come later."),
        checks={"store": store.check, "mail": mail.check},
        handlers={
            VacancyMatched: Handler(partial(on_matched, store, readers), size=300),
            VacancyClustered: Handler(partial(on_clustered, store), size=1000, linger=0.5),
            SourceNamed: Handler(partial(on_named, store), size=100),
        },
        emits=[AlertSent],
        jobs=[
            Job("mail", 1, mail_out),
            Job("remind", 3600, partial(remind, store)),
            Job("closing", 3600, partial(saved.closing, store)),
            Job("forget", 3600, partial(retain, store, mail)),
            *([Job("bounces", 60, partial(collect, store, settings.bounces))] if settings.bounces else []),
        ],
        api=partial(routes, store, mail, places, settings),
        trace=partial(trace, store),
        start=start,
        close=partial(close, store, mail),
    )


async def close(store: Store, mail: Mail) -> None:
    await mail.close()
    await store.close()


def routes(store: Store, mail: Mail, places: Places, settings: Settings) -> "APIRouter":
    """The HTTP of notify. Workers serve none, so they do not load it."""
    from services.notify.api import Api
    from services.notify.feeds import Feeds
    from services.notify.manage import Manage

    api = Api(store, mail, places, settings).router()
    Manage(store, places, settings).add_to(api)
    Feeds(store, settings).add_to(api)
    return api


async def on_matched(store: Store, readers: Readers, facts: Sequence[Fact]) -> Result:
    """Notes a match for every subscription that a vacancy is news for, and for whoever saved it.

    A state that was seen before, or is only enriched anew, is no news to anybody.
    """
    await readers.refresh()
    seen = await store.get(SEEN, list({fact.ref for fact in facts}))
    matches, joined = dict[str, Doc](), Joined()
    for fact in facts:
        if not isinstance(fact, VacancyMatched):
            continue
        revision = seen.get(fact.ref, {}).get("revision", 0)
        if fact.is_open and fact.may(Way.ALERT) and fact.revision > revision:
            for one, told_of in readers.of(fact):
                matches.setdefault(match_key(one.subscriber, fact.ref, fact.episode), _match(fact, one, told_of))
            for one in readers.fitting(fact) if is_first(fact) else ():
                joined.add(one, fact)
        seen[fact.ref] = {
            "revision": max(fact.revision, revision),
            "version": max(fact.order, seen.get(fact.ref, {}).get("version", 0)),
        }
    followed = await saved.followed(store, facts)
    return Result(write=partial(_note, store, {**matches, **followed.matches}, seen, followed, joined))


def _match(event: VacancyMatched, one: Subscription, told_of: Doc) -> Doc:
    now, news_at = time.time(), event.news_at
    return {
        "subscription": one.id,
        "ref": event.ref,
        "item": told_of,
        "matched_at": now,
        "due": due(one, now, news_at.timestamp() if news_at else 0),
        "trace": tracing.carried(event.ref),
    }


async def _note(
    store: Store, matches: dict[str, Doc], seen: dict[str, Doc], followed: saved.Followed, joined: Joined
) -> None:
    await ledger.record(store, matches)
    await followed.keep(store)
    await joined.keep(store)
    await store.put(SEEN, seen, guard=True)


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
