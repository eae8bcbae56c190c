"""A person's word: subscribe, confirm, change, pause, stop, erase. An answer is given only when it is true."""

import asyncio
import dataclasses
import time
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pendler.service import Result
from pendler.store import Doc, Range, Store
from services.notify import saved
from services.notify.ledger import order
from services.notify.limits import TO_ONE, take
from services.notify.state import (
    MAILS,
    MATCHES,
    NOTICE,
    REACH,
    SUBSCRIPTIONS,
    WORDING,
    YEAR,
    Kind,
    MailState,
    State,
    Subscription,
)

PATIENCE = 10.0
ENOUGH = 1000
LONGEST_REF = 300
ENDED = (State.STOPPED, State.ERASED)


async def subscribe(store: Store, one: Subscription) -> None:
    """Keeps an unconfirmed subscription and asks for the mail that it is confirmed by.

    Beyond `limits.TO_ONE` for an address nothing is kept and nothing mailed; whoever asks is not told.
    """
    if await take(store, one.subscriber, TO_ONE):
        await store.insert(SUBSCRIPTIONS, {one.id: one.document()})
        await order(store, Kind.CONFIRM, one.id)


async def send_link(store: Store, subscriber: str, save: str = "") -> None:
    """Mails a person the way to their subscriptions, if they have any, and there to saving an advertisement."""
    alive = [one for one in await of(store, subscriber) if one.state not in ENDED]
    if alive and await take(store, subscriber, TO_ONE):
        await order(store, Kind.LINK, alive[-1].id, save=save[:LONGEST_REF])


async def find(store: Store, identity: str) -> Subscription | None:
    doc = (await store.get(SUBSCRIPTIONS, [identity])).get(identity)
    return Subscription.read(identity, doc) if doc and doc["state"] != State.ERASED else None


async def of(store: Store, subscriber: str) -> list[Subscription]:
    """All subscriptions of a person, the oldest first."""
    found = await store.find(SUBSCRIPTIONS, {"subscriber": subscriber}, limit=ENOUGH)
    return sorted((Subscription.read(*one) for one in found), key=lambda one: one.created_at)


async def confirm(store: Store, one: Subscription, now: datetime, **changes: Any) -> None:
    """Lets a subscription run from now on; one that was stopped stays stopped, even at the same moment."""
    if one.state is State.UNCONFIRMED:
        said: dict[str, Any] = {
            "state": State.ACTIVE,
            "confirmed_at": now.timestamp(),
            "wording": WORDING,
            "remind_at": now.timestamp() + YEAR - NOTICE,
        }
        await _keep(store, dataclasses.replace(one, **changes, **said))


async def change(store: Store, one: Subscription, **changes: Any) -> bool:
    """Changes what a person may change of a subscription that runs or rests; whether it was done.

    What has matched already leaves when it was to leave.
    """
    while one.state in (State.ACTIVE, State.PAUSED):
        if await _keep(store, dataclasses.replace(one, **changes)):
            return True
        one = await find(store, one.id) or dataclasses.replace(one, state=State.ERASED)
    return False


async def stop(store: Store, one: Subscription) -> None:
    """Ends a subscription. On return no mail to it is being sent, and none will be begun."""
    alive: Subscription | None = one
    while alive and not await _keep(store, dataclasses.replace(alive, state=State.STOPPED, remind_at=None)):
        alive = await find(store, one.id)
    await _nothing_in_hand(store, one)


async def pause(store: Store, one: Subscription) -> bool:
    """Lets a subscription rest: nothing is noted for it, and on return no mail to it is being sent."""
    done = await change(store, one, state=State.PAUSED)
    await _nothing_in_hand(store, one)
    return done


async def _nothing_in_hand(store: Store, one: Subscription) -> None:
    until = time.monotonic() + PATIENCE
    while await store.count(MAILS, {"subscription": one.id, "state": MailState.SENDING}) and time.monotonic() < until:
        await asyncio.sleep(0.05)


async def erase(store: Store, subscriber: str) -> int:
    """Forgets a person: stops what runs, then removes it; how many subscriptions there were.

    For some days an empty document stays of each, by which the readers learn that it is gone.
    """
    theirs = await of(store, subscriber)
    for one in theirs:
        await stop(store, one)
        await forget(store, one.id)
    await saved.forget(store, subscriber)
    await store.delete(REACH, [subscriber])
    return len(theirs)


async def forget(store: Store, identity: str) -> None:
    """Removes a stopped subscription with its matches and mails; with a person's last, what they have saved."""
    mails = [key for key, _ in await store.find(MAILS, {"subscription": identity}, limit=ENOUGH * 10)]
    matches = [key for mail in mails for key, _ in await store.find(MATCHES, {"mail": mail}, limit=ENOUGH * 10)]
    matches += [key for key, _ in await store.find(MATCHES, {"waiting": identity}, limit=ENOUGH * 10)]
    await store.delete(MATCHES, matches)
    await store.delete(MAILS, mails)
    kept: Doc = (await store.get(SUBSCRIPTIONS, [identity]))[identity]
    if all(one.state in ENDED for one in await of(store, kept.get("subscriber", ""))):
        await saved.forget(store, kept.get("subscriber", ""))
    trace = {"state": State.ERASED, "changed_at": time.time(), "version": kept["version"] + 1}
    await store.put(SUBSCRIPTIONS, {identity: trace})


async def remind(store: Store) -> Result:
    """Eleven months after a person's last word, says what they still get. It runs on until they stop it."""
    now = time.time()
    for identity, doc in await store.find(SUBSCRIPTIONS, within=Range("remind_at", upto=now), limit=ENOUGH):
        if doc["state"] == State.ACTIVE:
            await order(store, Kind.REMINDER, identity, uuid5(NAMESPACE_URL, f"{identity}|{doc['remind_at']}").hex)
        await _keep(store, dataclasses.replace(Subscription.read(identity, doc), remind_at=doc["remind_at"] + YEAR))
    return Result()


async def _keep(store: Store, one: Subscription) -> bool:
    """Whether it was written: not where somebody else has changed it since it was read.

    `changed_at` is real time, whatever the clock is fixed to: the readers learn of changes by it.
    """
    changed = dataclasses.replace(one, changed_at=time.time(), version=one.version + 1)
    return bool(await store.put(SUBSCRIPTIONS, {one.id: changed.document()}, guard=True))
