"""What readers say is wrong with an advertisement: counted by kind, told to its source; nothing of who said it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pendler.problem import Problem
from pendler.store import Collection, Doc, Store

COMPLAINTS = Collection("complaints", ("source",))
MOST_TRIES = 5
MOST_A_MINUTE = 60


class Wrong(StrEnum):
    """What may be wrong."""

    CLOSED = "closed"
    NOT_REAL = "not-real"
    MONEY = "money"
    DISCRIMINATES = "discriminates"
    PLACE = "place"
    OCCUPATION = "occupation"


class Rate:
    """So many in a minute and no more, from whomever: who they are is not kept, so they cannot be told apart."""

    def __init__(self) -> None:
        self._minute, self._count = 0, 0

    def one_more(self, now: float) -> None:
        """Raises:
        Problem: 429.
        """
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        if self._count > MOST_A_MINUTE:
            raise Problem(
                429, "many-reports", "Too many reports just now. Try again in a minute.", {"Retry-After": "60"}
            )


async def complain(store: Store, ref: str, wrong: Wrong, now: datetime) -> None:
    """Counts one more; where others do so at the same moment, each is counted."""
    key = f"{ref} {wrong}"
    for _ in range(MOST_TRIES):
        known = (await store.get(COMPLAINTS, [key])).get(key, {"version": 0, "first": now.isoformat()})
        doc: Doc = {**known, "version": known["version"] + 1, "source": ref.partition(":")[0], "last": now.isoformat()}
        if await store.put(COMPLAINTS, {key: doc}, guard=True):
            return


async def told(store: Store, source: str) -> list[dict[str, Any]]:
    """What is said of a source's advertisements, a thousand of them at most."""
    found = await store.find(COMPLAINTS, {"source": source})
    return [
        {"ref": key.rpartition(" ")[0], "wrong": key.rpartition(" ")[2], "times": doc["version"], "last": doc["last"]}
        for key, doc in found
    ]
