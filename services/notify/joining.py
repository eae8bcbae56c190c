"""A source that joins is one line in the next digest: how many of its first delivery fit a search, none of them news.

The count is a match like any other: it waits for its mail, and what is delivered after that is in none.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from pendler.service import Fact, Result
from pendler.store import Collection, Doc, Store
from schemas.event import SourceNamed, VacancyMatched
from services.notify.ledger import UNCLAIMED, unclaimed
from services.notify.schedule import next_digest
from services.notify.state import MATCHES, Subscription

JOINED = "joined"
NAMES = Collection("names")
"""What sources are called."""


def is_first(event: VacancyMatched) -> bool:
    """Whether this came with a source's first delivery, and is told of for the first time."""
    vacancy = event.vacancy
    new = event.news_at is None and event.revision == event.episode == 1
    return bool(new and event.is_open and vacancy and not vacancy.demonstration)


class Joined:
    """Counts, within a batch, what of first deliveries fits which search."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[Subscription, str, int]] = {}

    def add(self, one: Subscription, event: VacancyMatched) -> None:
        if one.confirmed_at is not None and one.confirmed_at < event.at.timestamp():
            key = f"{one.id}|{event.source}|{JOINED}"
            _, _, count = self._counts.get(key, (one, event.source, 0))
            self._counts[key] = (one, event.source, count + 1)

    async def keep(self, store: Store) -> None:
        """Adds to the counts that wait for their mail. A batch that is repeated after a kill may count twice."""
        if not self._counts:
            return
        there = await store.get(MATCHES, list(self._counts))
        named = await store.get(NAMES, list({source for _, source, _ in self._counts.values()}))
        waiting = {key: each for key, each in self._counts.items() if there.get(key, {}).get("mail", "") == UNCLAIMED}
        now = time.time()
        docs = {
            key: _counted(there.get(key), one, named.get(source, {"name": source}) | {"source": source}, count, now)
            for key, (one, source, count) in waiting.items()
        }
        await store.put(MATCHES, docs, guard=True)


async def on_named(store: Store, facts: Sequence[Fact]) -> Result:
    """Keeps what sources are called."""
    called = {fact.source: {"name": fact.name} for fact in facts if isinstance(fact, SourceNamed)}
    return Result(write=partial(_keep, store, called))


async def _keep(store: Store, names: Mapping[str, Doc]) -> None:
    await store.put(NAMES, names)


def _counted(before: Mapping[str, Doc] | None, one: Subscription, source: Doc, count: int, now: float) -> Doc:
    if before is None:
        item = {**source, "news": JOINED, "count": count}
        made = {"subscription": one.id, "ref": "", "item": item, "matched_at": now}
        return {**unclaimed(made, next_digest(one, now)), "version": 1}
    item = {**before["item"], "count": before["item"]["count"] + count}
    return {**before, "item": item, "version": before["version"] + 1}  # type: ignore[operator]
