"""How good what a source delivers is: what its advertisements do not say, and a score with its parts and its trend.

The score is the mean of its parts, 0 to 100: `stated`, the mean over all of `FIELDS` of the share of open ads that say
it, and `accepted`, the share of the last day's records that were not refused. No weights: nobody could say why.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pendler.store import Collection, Doc, Store
from schemas.event import Outcome
from schemas.vacancy import Status
from services.ingest.state import VACANCIES
from services.ingest.stated import FIELDS

SCORES = Collection("scores")
KEPT = 30
WEEK = timedelta(days=7)


@dataclass
class Tally:
    """What open advertisements say, counted one by one: a source may have a million."""

    ads: int = 0
    posts: int = 0
    without_posts: int = 0
    looked_at: int = 0
    """Those of which it was noted what they do not say."""
    unsaid: Counter[str] = field(default_factory=Counter)

    def add(self, state: Doc) -> None:
        """Counts the state that is kept of one of them."""
        positions = state["stub"].get("positions")
        self.ads, self.posts = self.ads + 1, self.posts + (positions or 0)
        self.without_posts += positions is None
        if (unsaid := state.get("unsaid")) is not None:
            self.looked_at += 1
            self.unsaid.update(unsaid)

    def not_stated(self) -> dict[str, float]:
        """The share that does not state a field, by field."""
        return {name: round(self.unsaid[name] / self.looked_at, 3) for name in FIELDS} if self.looked_at else {}


async def tally(store: Store, source: str) -> Tally:
    """The open advertisements of a source, counted."""
    counted, past = Tally(), ""
    while found := await store.find(VACANCIES, {"source": source, "status": str(Status.ACTIVE)}, past=past):
        past = found[-1][0]
        for _, doc in found:
            counted.add(doc)
    return counted


def score(not_stated: Mapping[str, float], outcomes: Mapping[str, int]) -> dict[str, Any]:
    """The score and its parts, of those there are; none where there is nothing to go by."""
    parts = dict[str, float]()
    if not_stated:
        parts["stated"] = 1 - sum(not_stated.values()) / len(not_stated)
    if settled := sum(outcomes.values()):
        parts["accepted"] = 1 - outcomes.get(Outcome.REJECTED, 0) / settled
    points = {name: round(100 * share) for name, share in parts.items()}
    return {"score": round(100 * sum(parts.values()) / len(parts)) if parts else None, "parts": points}


async def trend(store: Store, source: str, now: datetime) -> dict[str, int]:
    """The scores of the last days, by day."""
    kept = (await store.get(SCORES, [source])).get(source, {"days": {}})["days"]
    since = f"{now - WEEK:%F}"
    return {day: points for day, points in sorted(kept.items()) if day >= since}


async def keep(store: Store, source: str, points: int | None, now: datetime) -> None:
    """Notes the score of the day; the last of a day counts."""
    if points is None:
        return
    kept = (await store.get(SCORES, [source])).get(source, {"days": {}})["days"]
    days = sorted({**kept, f"{now:%F}": points}.items())[-KEPT:]
    await store.put(SCORES, {source: {"days": dict(days)}})
