"""Advertisements that people save: they hear when one changes in what matters, closes soon, or is closed.

What there is to tell becomes a match like any other, once for each (subscriber, ref + episode, kind), and leaves with
the next mail of the person's newest running search.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pendler.service import Fact, Result
from pendler.speech import Speech, speech
from pendler.store import Collection, Doc, Range, Store
from schemas.event import VacancyMatched
from schemas.rights import Way
from services.notify import ledger
from services.notify.readers import item
from services.notify.schedule import due
from services.notify.state import SUBSCRIPTIONS, Frequency, State, Subscription

SAVED = Collection("saved", ("ref", "subscriber", "closes"))
"""`closes`: when the last day to apply ends, until the person was told that it is near."""
A_PERSON = 100
"""Advertisements that one person may save."""
MANY = 100_000
SOON = 3 * 86400.0


@dataclass(frozen=True)
class News:
    """What there is to tell of a saved advertisement: `changed.REVISION`, `closing` or `closed`."""

    kind: str
    ref: str
    episode: int
    item: Doc
    changed: tuple[str, ...] = ()

    def told(self, spoken: Speech) -> Doc:
        """As an item of a mail in that language."""
        far = {"km": None, "minutes": None}
        return {**self.item, **far, "news": self.kind, "why": [self._why(spoken)]}

    def reader(self, one: Subscription) -> Subscription:
        """A last day does not wait for Monday."""
        weekly = one.frequency is Frequency.WEEKLY
        return replace(one, frequency=Frequency.DAILY) if weekly and self.kind == "closing" else one

    def _why(self, spoken: Speech) -> str:
        _ = spoken.gettext
        if self.kind == "closed":
            return _("you saved it, and it is closed now")
        if self.kind == "closing":
            return _("you saved it, and it closes soon")
        parts = {
            "title": _("Title"), "pay": _("Pay"), "apply_by": _("Apply by"), "start": _("Start"),
            "schedule": _("Working time"), "offering": _("Kind of post"), "places": _("Place"),
        }  # fmt: skip
        return _("you saved it, and this has changed: %(what)s") % {
            "what": ", ".join(parts[one] for one in self.changed)
        }


def saved_key(subscriber: str, ref: str) -> str:
    return f"{subscriber}|{ref}"


def entry(subscriber: str, event: VacancyMatched, now: float) -> Doc:
    """An open advertisement as it was saved."""
    return {"subscriber": subscriber, "ref": event.ref, "saved_at": now, "version": 1, **_seen(event, now)}


def _seen(event: VacancyMatched, now: float) -> Doc:
    vacancy = event.vacancy
    last = vacancy and (vacancy.apply_by or vacancy.expires)
    closes = last.timestamp() if last and last.timestamp() > now else None
    return {
        "order": event.order,
        "episode": event.episode,
        "stated": _stated(event),
        "item": item(event),
        "closes": closes,
    }


def _stated(event: VacancyMatched) -> dict[str, Any]:
    """What of an advertisement matters to who has saved it, by the part that is told to have changed."""
    vacancy = event.vacancy
    assert vacancy
    said = vacancy.model_dump(mode="json", include={"pay", "apply_by", "start", "schedule", "offering"})
    places = sorted(f"{one.country} {one.city}" for one in vacancy.locations)
    return {"title": vacancy.title, **said, "pay": _figures(said["pay"]), "places": places}


def _figures(pay: Mapping[str, Any] | None) -> Any:
    return pay and [pay[name] for name in ("minimum", "maximum", "currency", "interval", "source_text")]


async def save(store: Store, subscriber: str, event: VacancyMatched) -> bool:
    """Whether it is kept now: not where that would be too many."""
    if await store.count(SAVED, {"subscriber": subscriber}) >= A_PERSON:
        return False
    await store.insert(SAVED, {saved_key(subscriber, event.ref): entry(subscriber, event, time.time())})
    return True


async def of(store: Store, subscriber: str) -> list[Doc]:
    """What a person has saved, the last first."""
    found = await store.find(SAVED, {"subscriber": subscriber}, limit=A_PERSON)
    return sorted((doc for _, doc in found), key=lambda doc: doc["saved_at"], reverse=True)


async def forget(store: Store, subscriber: str, refs: Sequence[str] | None = None) -> None:
    """Removes some of what a person has saved, or all."""
    chosen = [doc["ref"] for doc in await of(store, subscriber)] if refs is None else refs
    await store.delete(SAVED, [saved_key(subscriber, ref) for ref in chosen])


@dataclass(frozen=True)
class Followed:
    """What became of saved advertisements: matches that tell of it, entries to keep, keys of those to let go."""

    matches: Mapping[str, Doc]
    kept: Mapping[str, Doc]
    gone: Sequence[str]

    async def keep(self, store: Store) -> None:
        """After the matches are noted. What was let go meanwhile stays so."""
        there = await store.get(SAVED, list(self.kept))
        await store.put(SAVED, {key: self.kept[key] for key in there}, guard=True)
        await store.delete(SAVED, self.gone)


async def followed(store: Store, facts: Sequence[Fact]) -> Followed:
    """Whoever saved one of these hears what is new of it; one that is closed is saved no longer."""
    by_ref: dict[str, list[Fact]] = {}
    for fact in facts:
        by_ref.setdefault(fact.ref, []).append(fact)
    found = await store.find(SAVED, {"ref": list(by_ref)}, limit=MANY)
    now = time.time()
    after = {key: (doc, *_after(doc, by_ref[doc["ref"]], now)) for key, doc in found}
    news = [(before["subscriber"], one) for before, _, told in after.values() for one in told]
    kept = {
        key: {**doc, "version": before["version"] + 1}
        for key, (before, doc, _) in after.items()
        if doc not in (None, before)
    }
    return Followed(await _matches(store, news, now), kept, [key for key, (_, doc, _) in after.items() if doc is None])


def _after(doc: Doc, facts: Sequence[Fact], now: float) -> tuple[Doc | None, list[News]]:
    """The entry after these facts, None where it is to be let go, and what they are news of."""
    news: list[News] = []
    for fact in facts:
        if not isinstance(fact, VacancyMatched) or not fact.may(Way.ALERT):
            return None, news
        if fact.order <= doc["order"]:
            continue
        if not fact.is_open:
            return None, [*news, News("closed", fact.ref, fact.episode, doc["item"])]
        stated = _stated(fact)
        changed = tuple(part for part, said in stated.items() if said != doc["stated"].get(part))
        doc = {**doc, **_seen(fact, now)}
        if changed:
            news.append(News(f"changed.{fact.revision}", fact.ref, fact.episode, doc["item"], changed))
    return doc, news


async def closing(store: Store) -> Result:
    """Tells whoever saved it that the last day to apply is near."""
    now = time.time()
    near = await store.find(SAVED, within=Range("closes", upto=now + SOON), limit=MANY)
    news = [
        (doc["subscriber"], News("closing", doc["ref"], doc["episode"], doc["item"]))
        for _, doc in near
        if doc["closes"] > now
    ]
    told = {key: {**doc, "closes": None, "version": doc["version"] + 1} for key, doc in near}
    await ledger.record(store, await _matches(store, news, now))
    await Followed({}, told, ()).keep(store)
    return Result()


async def _matches(store: Store, news: Sequence[tuple[str, News]], now: float) -> dict[str, Doc]:
    """Each for the newest search of its person that runs; who has none hears nothing."""
    people = list({person for person, _ in news})
    found = await store.find(SUBSCRIPTIONS, {"subscriber": people, "state": State.ACTIVE}, limit=MANY) if people else []
    running = sorted((Subscription.read(*each) for each in found), key=lambda one: one.created_at)
    newest = {one.subscriber: one for one in running}
    return {
        f"{saved_key(person, one.ref)}#{one.episode}|{one.kind}": {
            "subscription": to.id,
            "ref": one.ref,
            "item": one.told(speech(to.language)),
            "matched_at": now,
            "due": due(one.reader(to), now, now),
        }
        for person, one in news
        if (to := newest.get(person))
    }
