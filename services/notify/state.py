"""What notify remembers: subscriptions, what matched them, the mails that told of it, and what it has seen.

An address stands in a subscription and nowhere else. A match belongs to one mail for ever; so whatever is killed,
one (subscriber, vacancy + episode, kind) is mailed once.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from pendler.store import Collection, Doc
from schemas.query import Origin, Query

SUBSCRIPTIONS = Collection("subscriptions", ("state", "changed_at", "subscriber", "remind_at"))
MATCHES = Collection("matches", ("mail", "ref", "due", "waiting", "told_at"))
"""`due` and `waiting`, the subscription it waits for, are set until a mail has claimed it, `told_at` from then on."""
MAILS = Collection("mails", ("state", "subscription", "told", "due"))
SEEN = Collection("seen")
ASKED = Collection("asked", ("at",))
"""How much strangers have asked for on a day, to an address or from a network."""
REACH = Collection("reach", ("state", "at"))
"""Whether mail to a person arrives, as far as is known."""
YEAR, NOTICE = 365 * 86400.0, 30 * 86400.0
ZONE, HOUR, GATHERS = "Europe/Brussels", 7, 900.0
WORDING = "2026-11"
"""Of what a person says yes to; kept with the yes, and changed with the text."""


class State(StrEnum):
    """Of a subscription: waiting for the person's word, running, resting, ended, or nothing but a trace of it."""

    UNCONFIRMED = "unconfirmed"
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    ERASED = "erased"


class Frequency(StrEnum):
    """How often at the most a person wants mail."""

    DAILY = "daily"
    WEEKLY = "weekly"
    AT_ONCE = "at_once"


class MailState(StrEnum):
    """Of a mail. `gathering` its matches; `pending`; `sending` under a lease, or `deferred` until it is `due`.

    Then what became of it.
    """

    GATHERING = "gathering"
    PENDING = "pending"
    SENDING = "sending"
    DEFERRED = "deferred"
    SENT = "sent"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    """What a mail is for."""

    CONFIRM = "confirm"
    ALERT = "alert"
    LINK = "link"
    REMINDER = "reminder"


@dataclass(frozen=True)
class Subscription:
    """A search whose new hits a person wants mailed. Times are seconds since 1970.

    Digests leave at `hour` in `zone`, weekly ones on Monday. Alerts at once gather for `gathers` seconds; with 0 each
    leaves by itself. `confirmed_at`, `created_at` and `wording` prove what was asked and agreed to, and when.
    """

    id: str
    subscriber: str
    address: str
    language: str
    query: Query
    origin: Origin | None
    state: State
    created_at: float
    changed_at: float
    confirmed_at: float | None = None
    version: int = 1
    frequency: Frequency = Frequency.DAILY
    zone: str = ZONE
    hour: int = HOUR
    gathers: float = GATHERS
    remind_at: float | None = None
    wording: str = ""

    def document(self) -> Doc:
        members = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "id"}
        return {
            **members,
            "query": self.query.model_dump(mode="json", exclude_defaults=True),
            "origin": self.origin.model_dump() if self.origin else None,
        }

    @classmethod
    def read(cls, identity: str, doc: Doc) -> "Subscription":
        members: dict[str, Any] = {name: doc[name] for name in cls.__dataclass_fields__ if name in doc}
        members["query"] = Query.model_validate(doc["query"])
        members["origin"] = Origin.model_validate(doc["origin"]) if doc["origin"] else None
        members["frequency"] = Frequency(doc.get("frequency", Frequency.AT_ONCE))
        return cls(id=identity, **members | {"state": State(doc["state"])})


def subscription(
    address: str, language: str, query: Query, origin: Origin | None, now: datetime, key: str
) -> Subscription:
    """A new, unconfirmed subscription."""
    at = now.timestamp()
    return Subscription(
        uuid4().hex, subscriber_id(address, key), address, language, query, origin, State.UNCONFIRMED, at, at
    )


def subscriber_id(address: str, key: str) -> str:
    """A number for a person that tells nothing of the address to who has not the key."""
    return hmac.new(key.encode(), address.strip().lower().encode(), hashlib.sha256).hexdigest()[:24]


def match_key(subscriber: str, ref: str, episode: int) -> str:
    return f"{subscriber}|{ref}#{episode}|new"
