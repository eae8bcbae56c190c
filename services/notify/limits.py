"""How much strangers may ask for in a day: mails to one address, and sign-ups from one network."""

import time
from ipaddress import ip_address, ip_network

from pendler.store import Store
from services.notify.state import ASKED, subscriber_id

TO_ONE = 5
"""Mails a day that anybody can have sent to an address that has not asked for them."""
FROM_ONE = 100
"""Sign-ups and links a day that are taken from one network: a school or an office may be behind it."""
WHOLE_6 = 64


class TooMany(Exception):
    """No more is taken from there today."""


def network(host: str | None, key: str) -> str | None:
    """A number for where a request comes from; none for one from within, such as a proxy that does not say for whom.

    It tells nothing of the address to who has not the key, and is forgotten with the count.
    """
    try:
        ip = ip_address(host or "")
    except ValueError:
        return None
    if not ip.is_global:
        return None
    return subscriber_id(str(ip_network((ip, WHOLE_6 if ip.version == 6 else 32), strict=False)), key)


async def take(store: Store, whose: str, most: int) -> bool:
    """Whether one more may be taken of that today; counts it."""
    now = time.time()
    key = f"{whose}|{int(now // 86400)}"
    while True:
        asked = (await store.get(ASKED, [key])).get(key, {"count": 0, "version": 0})
        if asked["count"] >= most:
            return False
        counted = {"count": asked["count"] + 1, "version": asked["version"] + 1, "at": now}
        if await store.put(ASKED, {key: counted}, guard=True):
            return True


async def admit(store: Store, host: str | None, key: str) -> None:
    """Counts a sign-up from there.

    Raises:
        TooMany: there were enough today.
    """
    if (whose := network(host, key)) and not await take(store, whose, FROM_ONE):
        raise TooMany
