"""API keys: who may deliver for which source. Only a hash is kept; a key is shown once, when it is made."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from pendler.store import Doc, Store
from services.ingest.state import KEYS

PREFIX = "pk"


async def create(store: Store, source: str, feeds: list[str], now: datetime, expires_at: datetime | None = None) -> str:
    """Makes a key for a source, for some of its feeds or (none named) all, until it expires, if ever; returns it."""
    identity, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    doc = {"source": source, "feeds": feeds, "hash": _hash(secret), "created_at": now.isoformat()}
    await store.insert(KEYS, {identity: doc | {"expires_at": expires_at and expires_at.isoformat()}})
    return f"{PREFIX}_{identity}_{secret}"


async def rotate(store: Store, identity: str, now: datetime, overlap: timedelta) -> str | None:
    """Makes a key that does what an older one does, which ends after `overlap`; None if there is no older one."""
    old = (await store.get(KEYS, [identity])).get(identity)
    if old is None or _expired(old, now):
        return None
    new = await create(store, old["source"], old["feeds"], now)
    await store.put(KEYS, {identity: {**old, "expires_at": (now + overlap).isoformat()}})
    return new


async def source_of(store: Store, key: str, feed: str | None, now: datetime) -> str | None:
    """The source a key delivers for; None for a key that is unknown, revoked, expired, or not for this feed."""
    _, _, rest = key.partition("_")
    identity, _, secret = rest.partition("_")
    doc = (await store.get(KEYS, [identity])).get(identity, {"hash": "", "source": None, "feeds": []})
    genuine = hmac.compare_digest(doc["hash"], _hash(secret))
    allowed = feed is None or not doc["feeds"] or feed in doc["feeds"]
    return doc["source"] if genuine and allowed and not _expired(doc, now) else None


async def revoke(store: Store, identity: str) -> bool:
    """Ends a key at once; False if there is none."""
    known = await store.get(KEYS, [identity])
    await store.delete(KEYS, [identity])
    return bool(known)


def _expired(doc: Doc, now: datetime) -> bool:
    ends = doc.get("expires_at")
    return ends is not None and datetime.fromisoformat(ends) <= now


def _hash(secret: str) -> str:
    """A plain hash is enough: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
