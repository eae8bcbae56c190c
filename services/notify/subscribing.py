"""A person's word: subscribe, confirm, stop. An answer is given only when it is true."""

import asyncio
import dataclasses
import time
from datetime import datetime

from pendler.store import Store
from services.notify.ledger import order_confirmation
from services.notify.state import MAILS, SUBSCRIPTIONS, MailState, State, Subscription

PATIENCE = 10.0


async def subscribe(store: Store, one: Subscription) -> None:
    """Keeps an unconfirmed subscription and asks for the mail that it is confirmed by."""
    await store.insert(SUBSCRIPTIONS, {one.id: one.document()})
    await order_confirmation(store, one.id)


async def find(store: Store, identity: str) -> Subscription | None:
    doc = (await store.get(SUBSCRIPTIONS, [identity])).get(identity)
    return Subscription.read(identity, doc) if doc else None


async def confirm(store: Store, one: Subscription, now: datetime) -> None:
    """Lets a subscription run from now on; one that was stopped stays stopped, even at the same moment."""
    if one.state is State.UNCONFIRMED:
        await _keep(store, dataclasses.replace(one, state=State.ACTIVE, confirmed_at=now.timestamp()))


async def stop(store: Store, one: Subscription) -> None:
    """Ends a subscription. On return no mail to it is being sent, and none will be begun."""
    while not await _keep(store, dataclasses.replace(one, state=State.STOPPED)):
        one = await find(store, one.id) or one
    until = time.monotonic() + PATIENCE
    while await store.count(MAILS, {"subscription": one.id, "state": MailState.SENDING}) and time.monotonic() < until:
        await asyncio.sleep(0.05)


async def _keep(store: Store, one: Subscription) -> bool:
    """Whether it was written: not where somebody else has changed it since it was read.

    `changed_at` is real time, whatever the clock is fixed to: the readers learn of changes by it.
    """
    changed = dataclasses.replace(one, changed_at=time.time(), version=one.version + 1)
    return bool(await store.put(SUBSCRIPTIONS, {one.id: changed.document()}, guard=True))
