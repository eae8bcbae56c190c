"""What is kept of people is kept no longer than it is needed; docs/privacy has the table."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from pendler.service import Result
from pendler.store import Doc, Range, Store
from services.notify import subscribing
from services.notify.ledger import MOST
from services.notify.mail import Mail
from services.notify.mail.outbox import Outbox
from services.notify.state import ASKED, MATCHES, SUBSCRIPTIONS, State, Subscription

DAY = 86400.0


@dataclass(frozen=True)
class Days:
    """For how many days: an address that was never confirmed; one that has stopped; what a mail told; the rest."""

    unconfirmed: float = 7
    stopped: float = 28
    told: float = 7
    trace: float = 7
    asked: float = 2


DAYS = Days()


async def retain(store: Store, mail: Mail) -> Result:
    """Forgets what is due to be forgotten. Twice is as good as once."""
    now = time.time()
    for state, days in ((State.UNCONFIRMED, DAYS.unconfirmed), (State.STOPPED, DAYS.stopped)):
        for identity, doc in await _older(store, state, now - days * DAY):
            await subscribing.stop(store, Subscription.read(identity, doc))
            await subscribing.forget(store, identity)
    await store.delete(SUBSCRIPTIONS, [key for key, _ in await _older(store, State.ERASED, now - DAYS.trace * DAY)])
    asked = await store.find(ASKED, within=Range("at", upto=now - DAYS.asked * DAY), limit=MOST)
    await store.delete(ASKED, [key for key, _ in asked])
    told = await store.find(MATCHES, within=Range("told_at", upto=now - DAYS.told * DAY), limit=MOST)
    await store.put(MATCHES, {key: _emptied(doc) for key, doc in told}, guard=True)
    if isinstance(mail, Outbox):
        mail.expire(now - DAYS.told * DAY)
    return Result()


async def _older(store: Store, state: State, than: float) -> list[tuple[str, Doc]]:
    return await store.find(SUBSCRIPTIONS, {"state": state}, Range("changed_at", upto=than), MOST)


def _emptied(match: Mapping[str, Doc]) -> Doc:
    """That it was mailed is kept, so that it is not mailed again; not what was said."""
    kept = {name: value for name, value in match.items() if name not in ("item", "trace")}
    return {**kept, "told_at": None, "version": match["version"] + 1}  # type: ignore[operator]
