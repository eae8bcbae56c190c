"""Openings that come from several sources, found again: `vacancy.matched` -> `vacancy.clustered`.

Each vacancy keeps the vacancies it was found to be the same opening as: at most one open one of each other source,
the likeliest. A cluster is what hangs together so. What a vacancy says decides anew whenever it changes, so a
cluster that was wrong comes apart by itself.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pendler.service import Fact, Handler, Result
from pendler.store import Collection, Doc, Store
from schemas.event import Erased, Event, VacancyClustered, VacancyMatched
from services.match.openings import BY_REFERENCE, SAME_TEXT, Opening, opening_of, same, shared

OPENINGS = Collection("openings")
BLOCKS = Collection("blocks")
MOST = 200
"""Vacancies that one key leads to: the last ones."""
TRIES = 5
Links = dict[str, tuple[float, str]]


@dataclass
class Known:
    """A vacancy as the clusters know it. `links`: ref -> how sure, and why."""

    opening: Opening
    order: int
    at: datetime
    links: Links = field(default_factory=dict)
    told: int = 0
    members: tuple[str, ...] = ()
    repost_of: str | None = None

    def document(self) -> Doc:
        return {
            "opening": self.opening.document,
            "version": self.order,
            "at": self.at.isoformat(),
            "links": {ref: list(link) for ref, link in self.links.items()},
            "told": self.told,
            "members": list(self.members),
            "repost_of": self.repost_of,
        }

    @classmethod
    def read(cls, doc: Doc) -> "Known":
        links: Links = {ref: (float(sure), str(why)) for ref, (sure, why) in doc["links"].items()}
        opening, at = Opening.read(doc["opening"]), datetime.fromisoformat(doc["at"])
        return cls(opening, doc["version"], at, links, doc["told"], tuple(doc["members"]), doc["repost_of"])


def handler(store: Store) -> Handler:
    async def on_matched(facts: Sequence[Fact]) -> Result:
        return await clustered(store, facts)

    return Handler(on_matched, size=300)


async def clustered(store: Store, facts: Sequence[Fact]) -> Result:
    """What changes in the clusters by these facts."""
    newest = {fact.ref: fact for fact in facts}
    found = {fact.ref: opening for fact in newest.values() if (opening := _opening(fact))}
    keys = {key for opening in found.values() for key in (*opening.keys, *opening.ended_keys)}
    blocks = {key: list(doc["refs"]) for key, doc in (await store.get(BLOCKS, sorted(keys))).items()}
    near = {ref for opening in found.values() for ref in _near(opening, blocks)}
    before = await store.get(OPENINGS, sorted({*newest, *near}))
    known = {ref: Known.read(doc) for ref, doc in before.items()}
    added: dict[str, list[str]] = {}
    for ref, fact in newest.items():
        _take(fact, found.get(ref), known, blocks, added)
    await _reach(store, known, before)
    events = list(_told(known, newest, before))
    changed = {ref: doc for ref, one in known.items() if (doc := one.document()) != before.get(ref)}
    gone = [ref for ref in newest if ref not in known]

    async def write() -> None:
        await store.put(OPENINGS, changed)
        await store.delete(OPENINGS, gone)
        await _remember(store, added)

    return Result(events, write)


def _near(opening: Opening, blocks: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What may be the same opening, or what it repeats: of its own source only what has closed, or its reference."""
    for key in opening.keys:
        own = f"{opening.source}:"
        yield from (ref for ref in blocks.get(key, ()) if key.startswith(BY_REFERENCE) or not ref.startswith(own))
    for key in opening.ended_keys:
        yield from blocks.get(key, ())


def _opening(fact: Fact) -> Opening | None:
    return opening_of(fact) if isinstance(fact, VacancyMatched) else None


async def _reach(store: Store, known: dict[str, Known], before: dict[str, Doc]) -> None:
    """Reads what hangs together with what is known, link by link."""
    while missing := {ref for one in known.values() for ref in (*one.links, *one.members)} - known.keys():
        read = await store.get(OPENINGS, sorted(missing))
        known |= {ref: Known.read(doc) for ref, doc in read.items()}
        before |= read
        for one in known.values():
            gone = missing - read.keys()
            one.links = {ref: link for ref, link in one.links.items() if ref not in gone}
            one.members = tuple(ref for ref in one.members if ref not in gone)


def _take(
    fact: Fact,
    opening: Opening | None,
    known: dict[str, Known],
    blocks: dict[str, list[str]],
    added: dict[str, list[str]],
) -> None:
    """One vacancy's state: what it was linked with is forgotten, and looked for anew while it is open."""
    old = known.get(fact.ref)
    if isinstance(fact, Erased) or (opening is None and old is None):
        _unlink(fact.ref, known)
        known.pop(fact.ref, None)
        return
    if old and old.order > fact.order:
        return
    _unlink(fact.ref, known)
    if opening is None:
        assert old
        _add(fact.ref, old.opening.ended_keys, blocks, added)
        known[fact.ref] = replace(old, opening=replace(old.opening, open=False), order=fact.order, at=fact.at, links={})
        return
    one = Known(opening, fact.order, fact.at, told=old.told if old else 0, members=old.members if old else ())
    known[fact.ref] = one
    near = dict.fromkeys(ref for ref in _near(opening, blocks) if ref in known)
    one.repost_of = _repost(opening, (known[ref].opening for ref in near if ref != fact.ref))
    _link(one, [known[ref] for ref in near if ref != fact.ref])
    _add(fact.ref, opening.keys, blocks, added)


def _add(ref: str, keys: Iterable[str], blocks: dict[str, list[str]], added: dict[str, list[str]]) -> None:
    for key in keys:
        if ref not in blocks.setdefault(key, []):
            blocks[key].append(ref)
            added.setdefault(key, []).append(ref)


def _unlink(ref: str, known: Mapping[str, Known]) -> None:
    for other in list(known[ref].links) if ref in known else ():
        if other in known:
            known[other].links.pop(ref, None)


def _repost(opening: Opening, others: Iterable[Opening]) -> str | None:
    """The closed vacancy of the same source that this one repeats word for word."""
    for other in others:
        ended = other.source == opening.source and not other.open
        alike = other.title == opening.title and not other.places.isdisjoint(opening.places)
        if ended and alike and (shared(opening.parts, other.parts) or 0) >= SAME_TEXT:
            return other.ref
    return None


def _link(one: Known, others: Sequence[Known]) -> None:
    """Links a vacancy with the likeliest of each other source, which may be better off with the one it has."""
    best: dict[str, tuple[float, str, Known]] = {}
    for other in others:
        if other.opening.open and other.opening.source != one.opening.source:
            found = same(one.opening, other.opening)
            if found and found[0] > best.get(other.opening.source, (0.0,))[0]:
                best[other.opening.source] = (*found, other)
    for sure, why, other in best.values():
        rival = _rival(other, one.opening.source)
        if rival is None or other.links[rival][0] < sure:
            if rival is not None:
                other.links.pop(rival)
            one.links[other.opening.ref] = other.links[one.opening.ref] = (sure, why)


def _rival(other: Known, source: str) -> str | None:
    return next((ref for ref in other.links if ref.partition(":")[0] == source), None)


def _told(known: dict[str, Known], facts: Mapping[str, Fact], before: Mapping[str, Doc]) -> list[Event | Erased]:
    """What is to be told: of every vacancy whose company or origin has changed."""
    events: list[Event | Erased] = [
        Erased(ref, VacancyClustered.topic.name) for ref in facts if ref not in known and ref in before
    ]
    for ref, one in known.items():
        one.links = {other: link for other, link in one.links.items() if ref in _links_of(known, other)}
    for ref, one in known.items():
        members = tuple(sorted(_company(ref, known)))
        news = members != one.members and (len(members) > 1 or len(one.members) > 1)
        if news or (one.repost_of and before.get(ref, {}).get("repost_of") != one.repost_of):
            one.told += 1
            why = {other: link[1] for other, link in sorted(one.links.items())}
            events.append(
                VacancyClustered(
                    ref=ref,
                    n=one.told,
                    cluster=members[0],
                    members=members,
                    evidence=why,
                    repost_of=one.repost_of,
                    at=facts[ref].at if isinstance(facts.get(ref), VacancyMatched) else one.at,
                )
            )
        one.members = members
    return events


def _links_of(known: Mapping[str, Known], ref: str) -> Links:
    return known[ref].links if ref in known else {}


def _company(ref: str, known: Mapping[str, Known]) -> set[str]:
    """All that hangs together with a vacancy."""
    reached, new = {ref}, [ref]
    while new:
        new = [other for one in new for other in _links_of(known, one) if other not in reached]
        reached.update(new)
    return reached


async def _remember(store: Store, added: Mapping[str, Sequence[str]]) -> None:
    """Adds refs to their blocks; where another worker wrote meanwhile, what it wrote is read again first."""
    left = dict(added)
    for attempt in range(TRIES):
        if not left:
            return
        docs = await store.get(BLOCKS, sorted(left))
        new = {
            key: {
                "version": docs.get(key, {"version": 0})["version"] + 1,
                "refs": list(dict.fromkeys([*docs.get(key, {"refs": []})["refs"], *refs]))[-MOST:],
            }
            for key, refs in left.items()
        }
        written = await store.put(BLOCKS, new, guard=True)
        left = {key: refs for key, refs in left.items() if key not in written}
        await asyncio.sleep(0.01 * attempt)
