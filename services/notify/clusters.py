"""Several advertisements of one opening are told of once: `vacancy.clustered` -> which refs go together."""

from collections.abc import Mapping, Sequence
from functools import partial

from pendler.service import Fact, Result
from pendler.store import Collection, Doc, Store
from schemas.event import VacancyClustered
from services.notify.state import MATCHES, match_key

CLUSTERS = Collection("clusters")
EPISODES = range(1, 4)
"""The lives of an advertisement that are looked at; hardly one has more."""


async def on_clustered(store: Store, facts: Sequence[Fact]) -> Result:
    """Keeps the members of each cluster; of what stands alone and always did, nothing."""
    newest = {fact.ref: fact for fact in facts}
    told = [fact for fact in newest.values() if isinstance(fact, VacancyClustered)]
    kept = {
        fact.ref: {"members": list(fact.members), "version": fact.n}
        for fact in told
        if len(fact.members) > 1 or fact.n > 1
    }
    gone = [ref for ref, fact in newest.items() if not isinstance(fact, VacancyClustered)]
    return Result(write=partial(_keep, store, kept, gone))


async def _keep(store: Store, kept: Mapping[str, Doc], gone: Sequence[str]) -> None:
    if kept:
        await store.put(CLUSTERS, kept, guard=True)
    if gone:
        await store.delete(CLUSTERS, gone)


async def untold(store: Store, claimed: Mapping[str, Doc]) -> set[str]:
    """Of matches that mails have claimed, those that are told: not where another of its cluster is or was.

    A match that is not told says so, in `same_as`. Asked again, the answer is the same.
    """
    found = await store.get(CLUSTERS, list({doc["ref"] for doc in claimed.values()}))
    others = {
        key: {
            match_key(key.partition("|")[0], member, episode): member
            for member in found[doc["ref"]]["members"]
            for episode in EPISODES
            if member != doc["ref"]
        }
        for key, doc in claimed.items()
        if doc["ref"] in found and "news" not in doc.get("item", {})
    }
    known = await store.get(MATCHES, list({other for each in others.values() for other in each}))
    same: dict[str, Doc] = {}
    for key in sorted(others):
        doc = claimed[key]
        told = [
            other
            for other in others[key]
            if other in known and other not in same and _comes_first(known[other], other, doc, key)
        ]
        if told:
            same[key] = {**doc, "same_as": known[told[0]]["ref"], "version": doc["version"] + 1}
    await store.put(MATCHES, same, guard=True)
    return claimed.keys() - same.keys()


def _comes_first(other: Doc, other_key: str, match: Doc, key: str) -> bool:
    """Whether the other is what is told: it is in another mail, or stands before this one in the same."""
    if not other["mail"] or other.get("same_as"):
        return False
    return bool(other["mail"] != match["mail"]) or other_key < key
