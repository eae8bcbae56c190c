"""Gathers what is due into mails: all that waits for a subscription into one, whoever else gathers at the same time."""

import time
from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from pendler.store import Doc, Range, Store
from services.notify.clusters import untold
from services.notify.ledger import MOST, UNCLAIMED, claimed_by, complete, new_mail, ready
from services.notify.schedule import day_of, next_digest
from services.notify.state import MAILS, MATCHES, SUBSCRIPTIONS, Frequency, Kind, MailState, State, Subscription

AT_ONCE = 2000
A_DAY = 4
"""Alerts a day that a person gets at once; what comes then is in the next digest."""
ROUND = 5.0


async def gather(store: Store, now: float) -> None:
    """Claims every match that is due for a mail to its subscription, for some seconds at the most."""
    until, moved = time.monotonic() + ROUND, True
    while moved and time.monotonic() < until:
        due = await store.find(MATCHES, within=Range("due", upto=now), limit=AT_ONCE)
        moved = bool(due) and await _gather(store, due, now)


async def _gather(store: Store, due: list[tuple[str, Doc]], now: float) -> bool:
    """Whether anything was moved on."""
    first: dict[str, tuple[str, Doc]] = {}
    for key, doc in due:
        first.setdefault(doc["subscription"], (key, doc))
    full = await _full(store, first, now)
    postponed = await _postpone(store, full)
    named = {name(*one): subscription for subscription, one in first.items() if subscription not in full}
    mails = {identity: new_mail(one, Kind.ALERT, MailState.GATHERING) for identity, one in named.items()}
    mine = await store.insert(MAILS, mails)
    renamed = await _rename(store, {identity: first[one] for identity, one in named.items() if identity not in mine})
    await _claim(store, {identity: mails[identity] for identity in mine})
    return bool(mine or postponed or renamed)


def name(key: str, match: Doc) -> str:
    """A mail is named after the first match it is for, so of several gatherers one makes it."""
    return uuid5(NAMESPACE_URL, f"{key}|{match['version']}").hex


async def _claim(store: Store, mails: Mapping[str, Doc]) -> None:
    found = await _waiting(store, [mail["subscription"] for mail in mails.values()])
    waiting = {identity: found[mail["subscription"]] for identity, mail in mails.items()}
    claims = {
        key: {**doc, **claimed_by(identity), "version": doc["version"] + 1}
        for identity, found in waiting.items()
        for key, doc in found.items()
    }
    claimed = await store.put(MATCHES, claims, guard=True)
    told = await untold(store, {key: claims[key] for key in claimed})
    moved = {
        identity: ready(mail, [key for key in waiting[identity] if key in told]) for identity, mail in mails.items()
    }
    for identity in mails.keys() - await store.put(MAILS, moved, guard=True):
        await complete(store, identity)


async def _waiting(store: Store, subscriptions: list[str]) -> dict[str, dict[str, Doc]]:
    """All that waits for each of these, read together; of one no more than a mail may have."""
    found, past = {one: dict[str, Doc]() for one in subscriptions}, ""
    while page := await store.find(MATCHES, {"waiting": subscriptions}, limit=MOST, past=past):
        for key, doc in page:
            if len(found[doc["waiting"]]) < MOST:
                found[doc["waiting"]][key] = doc
        past = page[-1][0]
    return found


async def _rename(store: Store, refused: Mapping[str, tuple[str, Doc]]) -> bool:
    """Where the mail of that name is over, a match that was set free since then names another."""
    kept = await store.get(MAILS, list(refused))
    over = [refused[identity] for identity, mail in kept.items() if mail["state"] != MailState.GATHERING]
    fresh = {key: {**doc, "mail": UNCLAIMED, "version": doc["version"] + 1} for key, doc in over}
    return bool(await store.put(MATCHES, fresh, guard=True))


async def _full(store: Store, first: Mapping[str, tuple[str, Doc]], now: float) -> dict[str, Subscription]:
    """The subscriptions that have had their alerts of today, and no digest is due to."""
    kept = await store.get(SUBSCRIPTIONS, list(first))
    alive = [Subscription.read(key, doc) for key, doc in kept.items() if doc["state"] == State.ACTIVE]
    eager = [one for one in alive if one.frequency is Frequency.AT_ONCE and one.gathers]
    alerted = [one for one in eager if not _is_digest(one, first[one.id][1])]
    return {one.id: one for one in alerted if await _mailed_today(store, one, now) >= A_DAY}


def _is_digest(one: Subscription, match: Doc) -> bool:
    return bool(match["due"] >= next_digest(one, match["matched_at"]))


async def _mailed_today(store: Store, one: Subscription, now: float) -> int:
    since = day_of(one, now)
    mails = await store.find(MAILS, {"subscription": one.id}, limit=MOST)
    return sum(
        doc["kind"] == Kind.ALERT and doc["created_at"] >= since and doc["state"] != MailState.CANCELLED
        for _, doc in mails
    )


async def _postpone(store: Store, full: Mapping[str, Subscription]) -> bool:
    """Leaves to the digest what waits for them."""
    later: dict[str, Doc] = {}
    for one in full.values():
        waiting = await store.find(MATCHES, {"waiting": one.id}, limit=MOST)
        early = [(key, doc) for key, doc in waiting if not _is_digest(one, doc)]
        later |= {
            key: {**doc, "due": next_digest(one, doc["matched_at"]), "version": doc["version"] + 1}
            for key, doc in early
        }
    return bool(await store.put(MATCHES, later, guard=True))
