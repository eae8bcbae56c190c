"""Sends the mails that are pending, and tells the bus of the alerts that have left."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

from pendler import tracing
from pendler.bus import failpoint
from pendler.metrics import WAITING
from pendler.service import Result, Unavailable
from pendler.settings import Settings
from pendler.store import Doc, Store
from schemas.event import AlertSent
from services.notify import digest, ledger
from services.notify.mail import Deferred, Lost, Mail, Refused
from services.notify.state import MAILS, SUBSCRIPTIONS, Kind, MailState, State, Subscription
from services.notify.tokens import Tokens

STATES = {
    Kind.CONFIRM: (State.UNCONFIRMED,),
    Kind.ALERT: (State.ACTIVE,),
    Kind.REMINDER: (State.ACTIVE,),
    Kind.LINK: (State.UNCONFIRMED, State.ACTIVE, State.PAUSED),
}
"""In which states of a subscription a mail of a kind may still leave."""
ROUND = 5.0
"""Seconds in which a round begins mails: a process that is to stop has then little in hand."""


class Sender:
    """Sends what is pending, as many mails at once as their way can take."""

    def __init__(self, store: Store, mail: Mail, settings: Settings) -> None:
        self._store, self._mail, self._settings = store, mail, settings
        self._tokens = Tokens(settings.signing_key)

    async def send_all(self) -> None:
        """A round. Whatever befalls one mail, the others in hand are finished: broken off, they would be in doubt.

        Raises:
            Unavailable: no mail can leave now.
        """
        pending = deque(await self._store.find(MAILS, {"state": MailState.PENDING}, limit=1000))
        until = time.monotonic() + ROUND
        hands = [self._work(pending, until) for _ in range(self._mail.at_once)]
        troubles = [each for each in await asyncio.gather(*hands, return_exceptions=True) if each]
        WAITING.labels("notify", "mails").set(any(isinstance(each, Unavailable) for each in troubles))
        if troubles:
            raise troubles[0]

    async def _work(self, pending: deque[tuple[str, Doc]], until: float) -> None:
        try:
            while pending and time.monotonic() < until:
                await self._mail.ready()
                if pending:
                    identity, doc = pending.popleft()
                    if claimed := await ledger.claim(self._store, identity, doc, self._mail.patience):
                        await self._send(identity, claimed)
        except Unavailable:
            pending.clear()
            raise

    async def _send(self, identity: str, doc: Doc) -> None:
        """The subscription is read after the claim: whoever stops it meanwhile waits for this mail, or stops it."""
        kept = (await self._store.get(SUBSCRIPTIONS, [doc["subscription"]])).get(doc["subscription"])
        if kept is None or kept["state"] not in STATES[Kind(doc["kind"])]:
            await ledger.move(self._store, identity, doc, MailState.CANCELLED)
            return
        one = Subscription.read(doc["subscription"], kept)
        matches = await ledger.matches_of(self._store, doc)
        message = self._message(identity, doc, one, matches)
        failpoint("notify.claimed")
        try:
            with tracing.span("mail", next((match["trace"] for match in matches if match.get("trace")), "")):
                await self._mail.send(identity, message)
            failpoint("notify.mailed")
        except Unavailable:
            await ledger.move(self._store, identity, doc, MailState.PENDING)
            raise
        except Deferred as deferral:
            await ledger.defer(self._store, identity, doc, str(deferral)[:200])
        except Refused as refusal:
            await ledger.move(self._store, identity, doc, MailState.FAILED, why=str(refusal)[:200])
        except Lost as loss:
            await ledger.move(self._store, identity, doc, MailState.AMBIGUOUS, why=str(loss)[:200])
        else:
            await ledger.move(self._store, identity, doc, MailState.SENT, sent_at=self._settings.clock().timestamp())

    def _message(self, identity: str, doc: Doc, one: Subscription, matches: Sequence[Doc]) -> EmailMessage:
        site = self._settings.site
        links = {
            "site": site,
            "mail": identity,
            "search": f"{site}{one.query.url('/')}",
            "confirm": f"{site}/subscriptions/confirm/{self._tokens.confirm(one.id)}",
            "unsubscribe": f"{site}/subscriptions/stop/{self._tokens.stop(one.id)}",
            "manage": f"{site}/subscriptions/manage/{self._tokens.manage(one.subscriber)}?lang={one.language}",
        }
        now = self._settings.clock()
        match doc["kind"]:
            case Kind.CONFIRM:
                return digest.confirmation(one, links, now)
            case Kind.LINK:
                return digest.link(one, links, now)
            case Kind.REMINDER:
                return digest.reminder(one, links, now)
        return digest.alert(one, matches, links, now)


async def told(store: Store, clock: Callable[[], datetime]) -> Result:
    """Tells the bus of the alerts that have left; each is told until that is known to have worked."""
    untold = await store.find(MAILS, {"state": MailState.SENT, "told": False}, limit=500)
    alerts = [await _alert(store, identity, doc, clock) for identity, doc in untold if doc["kind"] == Kind.ALERT]

    async def remember() -> None:
        marked = {identity: {**doc, "told": True, "version": doc["version"] + 1} for identity, doc in untold}
        await store.put(MAILS, marked, guard=True)

    return Result(alerts, remember)


async def _alert(store: Store, identity: str, doc: Doc, clock: Callable[[], datetime]) -> AlertSent:
    sent_at = datetime.fromtimestamp(doc["sent_at"], UTC) if "sent_at" in doc else clock()
    refs = tuple(match["ref"] for match in await ledger.matches_of(store, doc))
    return AlertSent(mail=identity, subscription=doc["subscription"], refs=refs, sent_at=sent_at)
