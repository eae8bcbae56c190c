"""The books of notify: matches are claimed by mails, mails are sent under a lease; nothing is mailed twice or lost.

Every step is one document written with a version guard, in an order that any kill may interrupt:

    mail `gathering` -> its matches claimed, one by one -> mail `pending` -> `sending` -> `sent` | `failed` |
    `ambiguous` | `cancelled`, or `deferred` -> `pending` again

What a dead process left behind is taken up by `recover`.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from pendler.metrics import MAILS as COUNTED
from pendler.store import Doc, Range, Store
from services.notify.clusters import untold
from services.notify.mail import Mail
from services.notify.state import MAILS, MATCHES, Kind, MailState

LEASE = 10.0
MOST = 10_000
"""Matches that one mail may have; it shows the first of them."""
SOONEST, LATEST, GIVE_UP = 5.0, 1800.0, 2 * 86400.0
"""When a deferred mail is tried again: first, at the least; how old it may grow. Seconds."""
UNCLAIMED = ""


async def record(store: Store, matches: Mapping[str, Doc]) -> None:
    """Notes what is to be mailed; what was noted before stays as it is."""
    await store.insert(MATCHES, {key: {**unclaimed(doc, doc["due"]), "version": 1} for key, doc in matches.items()})


def unclaimed(match: Doc, due: float) -> Doc:
    """A match that waits for a mail from then on."""
    return {**match, "mail": UNCLAIMED, "due": due, "waiting": match["subscription"], "told_at": None}


def claimed_by(mail: str) -> Doc:
    """What changes of a match when a mail claims it."""
    return {"mail": mail, "due": None, "waiting": None, "told_at": time.time()}


def ready(mail: Doc, matches: Sequence[str]) -> Doc:
    """A mail that has all its matches; if it has none, there is nothing to mail."""
    state = MailState.PENDING if matches else MailState.CANCELLED
    return {**mail, "state": state, "matches": list(matches), "version": mail["version"] + 1}


async def complete(store: Store, identity: str) -> None:
    """Makes a mail that somebody left behind of the matches that it has claimed.

    Where somebody else has completed it meanwhile, what was claimed too late is set free for the next mail.
    """
    doc = (await store.get(MAILS, [identity]))[identity]
    claimed = dict(await store.find(MATCHES, {"mail": identity}, limit=MOST))
    told = await untold(store, claimed)
    whole = {identity: ready(doc, [key for key in claimed if key in told])}
    if doc["state"] == MailState.GATHERING and await store.put(MAILS, whole, guard=True):
        return
    kept = (await store.get(MAILS, [identity]))[identity]["matches"]
    late = {
        key: {**unclaimed(one, one["matched_at"]), "version": one["version"] + 1}
        for key, one in claimed.items()
        if key not in kept
    }
    await store.put(MATCHES, late, guard=True)


async def order(store: Store, kind: Kind, subscription: str, identity: str = "", **more: str) -> None:
    """Asks for a mail of its own to a subscriber; under one `identity` once. `more` is kept with it."""
    mail = {**new_mail(subscription, kind, MailState.PENDING), **more}
    await store.insert(MAILS, {identity or uuid4().hex: mail})


def new_mail(subscription: str, kind: Kind, state: MailState) -> Doc:
    return {
        "subscription": subscription,
        "kind": kind,
        "state": state,
        "told": False,
        "matches": [],
        "created_at": time.time(),
        "version": 1,
    }


def moved(mail: Doc, state: MailState, **members: Any) -> Doc:
    """A mail in its next state."""
    return {**mail, **members, "state": state, "version": mail["version"] + 1}


async def book(store: Store, mails: Mapping[str, Doc]) -> dict[str, Doc]:
    """Keeps mails that have moved, but for those that somebody else has moved meanwhile; those that were kept."""
    kept = {identity: mails[identity] for identity in await store.put(MAILS, mails, guard=True)}
    for doc in kept.values():
        COUNTED.labels(doc["state"]).inc()
    return kept


async def move(store: Store, identity: str, doc: Doc, state: MailState, **members: Any) -> Doc | None:
    """Takes a mail to its next state; None where somebody else has moved it meanwhile."""
    return (await book(store, {identity: moved(doc, state, **members)})).get(identity)


async def claim(store: Store, mails: Mapping[str, Doc], lasts: float = LEASE) -> dict[str, Doc]:
    """Takes pending mails to send them within `lasts` seconds; those that nobody else has taken."""
    until = time.time() + lasts
    return await book(store, {key: moved(doc, MailState.SENDING, until=until) for key, doc in mails.items()})


def deferred(mail: Doc, why: str) -> Doc:
    """A mail that the other side has not taken, laid aside; it is tried again ever later, and at last given up."""
    now, tries = time.time(), mail.get("tries", 0)
    if now - mail["created_at"] > GIVE_UP:
        return moved(mail, MailState.FAILED, why=why)
    due = now + min(SOONEST * 2.0**tries, LATEST)
    return moved(mail, MailState.DEFERRED, why=why, tries=tries + 1, due=due)


async def recover(store: Store, mail: Mail) -> None:
    """Takes up what dead processes left, mails gathering or sent under a lease that has run out, and what is due."""
    for identity, doc in await store.find(MAILS, {"state": MailState.GATHERING}):
        if time.time() - doc["created_at"] > LEASE:
            await complete(store, identity)
    for identity, doc in await store.find(MAILS, {"state": MailState.SENDING}):
        if time.time() > doc["until"]:
            await _settle(store, mail, identity, doc)
    for identity, doc in await store.find(MAILS, {"state": MailState.DEFERRED}, Range("due", upto=time.time())):
        await move(store, identity, doc, MailState.PENDING)


async def _settle(store: Store, mail: Mail, identity: str, doc: Doc) -> None:
    taken = await mail.fate(identity)
    if taken is None:
        again = doc["kind"] == Kind.CONFIRM and not doc.get("again")
        await move(store, identity, doc, MailState.PENDING if again else MailState.AMBIGUOUS, again=True)
    else:
        await move(store, identity, doc, MailState.SENT if taken else MailState.PENDING)


async def matches_of(store: Store, doc: Doc) -> Sequence[Doc]:
    """What a mail tells of, as it was noted."""
    return (await matches_of_all(store, {"": doc}))[""]


async def matches_of_all(store: Store, mails: Mapping[str, Doc]) -> dict[str, list[Doc]]:
    """What each of several mails tells of, read at once."""
    found = await store.get(MATCHES, [key for doc in mails.values() for key in doc["matches"]])
    return {mail: [found[key] for key in doc["matches"] if key in found] for mail, doc in mails.items()}
