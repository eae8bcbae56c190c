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
    """Lets a subscription run from now on; one that was stopped stays stopped."""
    if one.state is State.UNCONFIRMED:
        at = now.timestamp()
        await _keep(store, dataclasses.replace(one, state=State.ACTIVE, confirmed_at=at))


async def stop(store: Store, one: Subscription) -> None:
    """Ends a subscription. On return no mail to it is being sent, and none will be begun."""
    await _keep(store, dataclasses.replace(one, state=State.STOPPED))
    until = time.monotonic() + PATIENCE
    while await store.count(MAILS, {"subscription": one.id, "state": MailState.SENDING}) and time.monotonic() < until:
        await asyncio.sleep(0.05)


async def _keep(store: Store, one: Subscription) -> None:
    """`changed_at` is real time, whatever the clock is fixed to: the others learn of changes by it."""
    await store.put(SUBSCRIPTIONS, {one.id: dataclasses.replace(one, changed_at=time.time()).document()})
