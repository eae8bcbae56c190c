"""Fair limits of reading without a key: so many answers a minute from one address, and how many are left, in headers.

The headers are those of the IETF draft `RateLimit header fields for HTTP`.
"""

import ipaddress
import time
from collections import Counter
from collections.abc import Callable

from fastapi import Request

from pendler.problem import Problem

WINDOW, QUOTA, HOSTS = 60, 1_200, 50_000
POLICY = f'"reading";q={QUOTA};w={WINDOW}'


class Fair:
    """Counts the answers of this process in the running minute, by address; this machine itself is not counted."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._minute = clock, 0
        self._taken: Counter[str] = Counter()

    async def __call__(self, request: Request) -> None:
        """A dependency of a route.

        Raises:
            Problem: 429, this address has had its share of the minute.
        """
        host = network(request.client.host if request.client else "")
        if host:
            request.state.rate_limit = self.take(host)

    def take(self, host: str) -> dict[str, str]:
        """One answer for this address; the headers that say what is left."""
        minute, passed = divmod(int(self._clock()), WINDOW)
        if minute != self._minute or len(self._taken) >= HOSTS:
            self._minute, self._taken = minute, Counter()
        self._taken[host] += 1
        left, again = QUOTA - self._taken[host], WINDOW - passed
        headers = {"RateLimit-Policy": POLICY, "RateLimit": f'"reading";r={max(0, left)};t={again}'}
        if left < 0:
            detail = (
                f"{QUOTA} answers a minute are everybody's share. Wait {again} s; for all there is, read /v1/changes."
            )
            raise Problem(429, "fair-share", detail, {**headers, "Retry-After": str(again)})
        return headers


def network(host: str) -> str:
    """Who shares a limit: an IPv4 address, a /64 of IPv6; nobody for this machine and what is no address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.is_loopback:
        return ""
    return host if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
