"""How good what a source delivers is: what is not stated, the score with its parts, and its trend."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pendler.store.sqlite import SqliteStore
from schemas.vacancy import Apply, Employer, Location, Origin, Pay, Profile, Vacancy
from services.ingest.quality import Tally, keep, score, trend
from services.ingest.stated import FIELDS, unsaid

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BARE = Vacancy(origin=Origin(external_id="1"), profiles=(Profile(title="Lasser"),))
STATED: dict[str, dict[str, Any]] = {
    "text": {"profiles": (Profile(title="Lasser", text="Lassen"),)},
    "employer": {"employer": Employer(name="Werf NV")},
    "place": {"locations": (Location(country="BE", city="Gent"),)},
    "pay": {"pay": Pay(source_text="goed")},
    "positions": {"positions": 1},
    "end": {"apply_by": NOW},
    "apply": {"apply": Apply(email="jobs@example.org")},
}


@pytest.mark.parametrize("field", STATED)
def test_what_is_stated_is_not_unsaid(field: str) -> None:
    assert unsaid(BARE) == list(FIELDS)
    assert unsaid(BARE.model_copy(update=STATED[field])) == [name for name in FIELDS if name != field]


def test_a_country_alone_is_no_place_and_of_what_is_closed_nothing_is_unsaid() -> None:
    assert "place" in unsaid(BARE.model_copy(update={"locations": (Location(country="BE"),)}))
    assert unsaid(None) == []


def test_shares_are_of_the_ads_that_were_looked_at_and_posts_are_no_ads() -> None:
    counted = Tally()
    assert counted.not_stated() == {}
    for unsaid_of, positions in ((["pay"], 3), (["pay", "place"], 2), ([], None), (None, 1), (["text"], None)):
        counted.add({"stub": {"positions": positions} if positions else {}, "unsaid": unsaid_of})
    found = counted.not_stated()
    assert (found["pay"], found["place"], found["text"], found["apply"]) == (0.5, 0.25, 0.25, 0)
    assert (counted.ads, counted.posts, counted.without_posts) == (5, 6, 2)


@pytest.mark.parametrize(
    ("not_stated", "outcomes", "points", "parts"),
    [
        ({}, {}, None, {}),
        ({"pay": 1.0, "place": 0.5}, {}, 25, {"stated": 25}),
        ({}, {"published": 3, "rejected": 1}, 75, {"accepted": 75}),
        ({"pay": 0.5}, {"published": 1, "unchanged": 8, "rejected": 1}, 70, {"stated": 50, "accepted": 90}),
    ],
)
def test_the_score_is_the_mean_of_its_parts(
    not_stated: dict[str, float], outcomes: dict[str, int], points: int | None, parts: dict[str, int]
) -> None:
    assert score(not_stated, outcomes) == {"score": points, "parts": parts}


def test_the_trend_is_of_a_week_a_score_a_day(tmp_path: Path) -> None:
    async def work() -> None:
        store = SqliteStore(str(tmp_path / "ingest.db"))
        for ago in range(40, -1, -1):
            await keep(store, "se", 50 + ago, NOW - timedelta(days=ago))
        await keep(store, "se", 90, NOW)
        await keep(store, "se", None, NOW)
        assert list((await trend(store, "se", NOW)).values()) == [57, 56, 55, 54, 53, 52, 51, 90]
        assert await trend(store, "another", NOW) == {}
        await store.close()

    asyncio.run(work())
