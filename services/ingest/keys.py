"""API keys: who may deliver for which source. Only a hash is kept; a key is shown once, when it is made."""

import hashlib
import hmac
import secrets
from datetime import datetime

from pendler.store import Store
from services.ingest.state import KEYS

PREFIX = "pk"


async def create(store: Store, source: str, feeds: list[str], now: datetime) -> str:
    """Makes a key for a source, for some of its feeds or (none named) all; returns it."""
    identity, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    doc = {"source": source, "feeds": feeds, "hash": _hash(secret), "created_at": now.isoformat()}
    await store.insert(KEYS, {identity: doc})
    return f"{PREFIX}_{identity}_{secret}"


async def source_of(store: Store, key: str, feed: str | None = None) -> str | None:
    """The source a key delivers for; None for a key that is unknown, revoked, or not for this feed."""
    _, _, rest = key.partition("_")
    identity, _, secret = rest.partition("_")
    doc = (await store.get(KEYS, [identity])).get(identity, {"hash": "", "source": None, "feeds": []})
    genuine = hmac.compare_digest(doc["hash"], _hash(secret))
    allowed = feed is None or not doc["feeds"] or feed in doc["feeds"]
    return doc["source"] if genuine and allowed else None


async def revoke(store: Store, identity: str) -> bool:
    """Ends a key at once; False if there is none."""
    known = await store.get(KEYS, [identity])
    await store.delete(KEYS, [identity])
    return bool(known)


def _hash(secret: str) -> str:
    """A plain hash is enough: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
