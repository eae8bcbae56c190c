"""Sends the mails that are pending, and tells the bus of the alerts that have left."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from urllib.parse import quote

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
from services.notify.turns import Turns

STATES = {
    Kind.CONFIRM: (State.UNCONFIRMED,),
    Kind.ALERT: (State.ACTIVE,),
    Kind.REMINDER: (State.ACTIVE,),
    Kind.LINK: (State.UNCONFIRMED, State.ACTIVE, State.PAUSED),
}
"""In which states of a subscription a mail of a kind may still leave."""
ROUND = 5.0
"""Seconds in which a round begins mails: a process that is to stop has then little in hand."""


@dataclass(frozen=True)
class InHand:
    """A mail under our lease, its subscription as it was after that, and what it tells of."""

    doc: Doc
    to: Subscription | None
    matches: Sequence[Doc]

    @property
    def is_wanted(self) -> bool:
        return self.to is not None and self.to.state in STATES[Kind(self.doc["kind"])]


class Sender:
    """Sends what is pending, as many mails at once as their way can take, which are claimed and booked together."""

    def __init__(self, store: Store, mail: Mail, settings: Settings) -> None:
        self._store, self._mail, self._settings = store, mail, settings
        self._tokens = Tokens(settings.signing_key)
        self._claims, self._books = Turns(self._claim), Turns(partial(ledger.book, store))

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
                    if mine := await self._claims.of(identity, doc):
                        await self._send(identity, mine)
        except Unavailable:
            pending.clear()
            raise

    async def _claim(self, mails: Mapping[str, Doc]) -> dict[str, InHand]:
        """Subscriptions are read after the claim: whoever stops one meanwhile waits for its mail, or stops it."""
        claimed = await ledger.claim(self._store, mails, self._mail.patience)
        kept = await self._store.get(SUBSCRIPTIONS, list({doc["subscription"] for doc in claimed.values()}))
        matches = await ledger.matches_of_all(self._store, claimed)
        to = {key: Subscription.read(key, doc) for key, doc in kept.items() if doc["state"] != State.ERASED}
        return {key: InHand(doc, to.get(doc["subscription"]), matches[key]) for key, doc in claimed.items()}

    async def _send(self, identity: str, mine: InHand) -> None:
        try:
            became = await self._tried(identity, mine)
        except Unavailable:
            await self._books.of(identity, ledger.moved(mine.doc, MailState.PENDING))
            raise
        await self._books.of(identity, became)

    async def _tried(self, identity: str, mine: InHand) -> Doc:
        """What became of it."""
        doc, matches = mine.doc, mine.matches
        if mine.to is None or not mine.is_wanted:
            return ledger.moved(doc, MailState.CANCELLED)
        message = self._message(identity, doc, mine.to, matches)
        failpoint("notify.claimed")
        try:
            with tracing.span("mail", next((match["trace"] for match in matches if match.get("trace")), "")):
                await self._mail.send(identity, message)
            failpoint("notify.mailed")
        except Deferred as deferral:
            return ledger.deferred(doc, str(deferral)[:200])
        except Refused as refusal:
            return ledger.moved(doc, MailState.FAILED, why=str(refusal)[:200])
        except Lost as loss:
            return ledger.moved(doc, MailState.AMBIGUOUS, why=str(loss)[:200])
        return ledger.moved(doc, MailState.SENT, sent_at=self._settings.clock().timestamp())

    def _message(self, identity: str, doc: Doc, one: Subscription, matches: Sequence[Doc]) -> EmailMessage:
        site, subscriptions = self._settings.site, f"{self._settings.site}/subscriptions"
        links = {
            "site": site,
            "mail": identity,
            "search": f"{site}{one.query.url('/')}",
            "unsubscribe": f"{subscriptions}/stop/{self._tokens.stop(one.id)}",
            "manage": f"{subscriptions}/manage/{self._tokens.manage(one.subscriber)}?lang={one.language}",
        }
        now = self._settings.clock()
        match doc["kind"]:
            case Kind.CONFIRM:
                confirm = f"{subscriptions}/confirm/{self._tokens.confirm(one.id)}"
                return digest.confirmation(one, {**links, "confirm": confirm}, now)
            case Kind.LINK:
                save = f"&save={quote(doc['save'], safe='')}" if doc.get("save") else ""
                return digest.link(one, {**links, "manage": f"{links['manage']}{save}"}, now)
            case Kind.REMINDER:
                return digest.reminder(one, links, now)
        return digest.alert(one, matches, links, now)


async def told(store: Store, clock: Callable[[], datetime]) -> Result:
    """Tells the bus of the alerts that have left; each is told until that is known to have worked."""
    untold = await store.find(MAILS, {"state": MailState.SENT, "told": False}, limit=500)
    told_of = await ledger.matches_of_all(store, {key: doc for key, doc in untold if doc["kind"] == Kind.ALERT})
    alerts = [_alert(key, doc, told_of[key], clock) for key, doc in untold if key in told_of]

    async def remember() -> None:
        marked = {identity: {**doc, "told": True, "version": doc["version"] + 1} for identity, doc in untold}
        await store.put(MAILS, marked, guard=True)

    return Result(alerts, remember)


def _alert(identity: str, doc: Doc, matches: Sequence[Doc], clock: Callable[[], datetime]) -> AlertSent:
    sent_at = datetime.fromtimestamp(doc["sent_at"], UTC) if "sent_at" in doc else clock()
    refs = tuple(match["ref"] for match in matches if match["ref"])
    return AlertSent(mail=identity, subscription=doc["subscription"], refs=refs, sent_at=sent_at)
