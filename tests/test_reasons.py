"""How far it is, why it came, and why it did not: what a subscription's reader is told of one vacancy. Pure."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pendler.searchable import searchable
from pendler.speech import speech
from pendler.wanted import wanted
from schemas.event import VacancyMatched
from schemas.query import Origin, Query
from schemas.vacancy import Derived, Place, Profile, Status, Vacancy
from schemas.vacancy import Origin as From
from services.notify.digest import BETWEEN, spoken_item
from services.notify.readers import item, why
from services.notify.state import State, Subscription, subscription
from services.notify.why_not import told, verdict

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
ZELZATE = Origin(name="Zelzate", lat=51.2, lon=3.81)
GENT, TERNEUZEN, HASSELT = (51.05, 3.72), (51.336, 3.828), (50.93, 5.34)


def event(*points: tuple[float, float]) -> VacancyMatched:
    places = tuple(Place(country="BE", lat=lat, lon=lon, method="town") for lat, lon in points)
    vacancy = Vacancy(origin=From(external_id="1"), profiles=(Profile(title="Lasser", text="lassen"),))
    return VacancyMatched(
        ref=f"x:{points}", revision=1, status=Status.ACTIVE, at=NOW, news_at=NOW, vacancy=vacancy,
        derived=Derived(language="nl", places=places),
    )  # fmt: skip


def person(language: str = "en", **query: Any) -> Subscription:
    asked = Query(lang=language, **query)
    made = subscription("a@example.org", language, asked, ZELZATE if asked.near else None, NOW, "key")
    return replace(made, state=State.ACTIVE, confirmed_at=1.0)


def reasons(one: Subscription, told_of: VacancyMatched) -> dict[str, Any]:
    return why(one, wanted(one.query, one.origin), searchable(told_of))


def test_the_way_is_to_the_place_reached_first() -> None:
    found = reasons(person(near="Zelzate"), event(HASSELT, GENT))
    assert round(found["km"]) == 18
    assert 20 <= found["minutes"] <= 35


@pytest.mark.parametrize(
    ("query", "points", "far"),
    [
        ({"near": "Zelzate"}, (GENT,), ("18 km, ± 27 min",)),
        ({"near": "Zelzate"}, ((51.2, 3.81),), ("0 km, ± 5 min",)),
        ({"near": "Zelzate"}, (), ()),
        ({}, (GENT,), ()),
    ],
)
def test_how_far_it_is_stands_in_the_item(
    query: dict[str, Any], points: tuple[tuple[float, float], ...], far: tuple[str, ...]
) -> None:
    of = event(*points)
    facts = spoken_item({**item(of), **reasons(person(**query), of)}, speech("en"))["facts"]
    each = [fact.replace("\u00a0", " ") for fact in facts.split(BETWEEN)]
    assert tuple(fact for fact in each if " km" in fact or " min" in fact) == far


@pytest.mark.parametrize(
    ("language", "query", "said"),
    [
        ("en", {"q": "lasser", "near": "Zelzate"}, ["your word “lasser” is in the title", "18 km from Zelzate"]),
        ("en", {"q": "lassen", "near": "Zelzate", "minutes": 45}, ["within about 45 minutes of Zelzate"]),
        ("nl", {"near": "Zelzate", "minutes": 45}, ["binnen ongeveer 45 minuten van Zelzate"]),
        ("de", {"near": "Zelzate", "minutes": 45}, ["höchstens etwa 45 Minuten von Zelzate entfernt"]),
        ("en", {}, ["you asked for all new jobs"]),
    ],
)
def test_why_it_came(language: str, query: dict[str, Any], said: list[str]) -> None:
    assert reasons(person(language, **query), event(GENT))["why"][-len(said) :] == said


@pytest.mark.parametrize(
    ("query", "sure"), [({"pay": 20000}, False), ({"pay": 20000, "strict": True}, True), ({}, True)]
)
def test_what_does_not_say_all_that_is_asked_is_known(query: dict[str, Any], sure: bool) -> None:
    assert reasons(person(**query), event(GENT))["sure"] is sure


@pytest.mark.parametrize(
    ("query", "points", "said", "wider"),
    [
        ({"minutes": 45}, (HASSELT,), r"It fails 1 of 1: 1\d\d minutes from Zelzate, you asked 45", 5),
        ({"km": 40}, (HASSELT,), r"It fails 1 of 1: 11\d km from Zelzate, you asked 40", 5),
        ({"minutes": 45, "q": "koch"}, (HASSELT,), r"It fails 2 of 2: .*", None),
        ({"minutes": 30}, ((40.4, -3.7),), r"It fails 1 of 1: .* minutes from Zelzate, you asked 30", None),
        ({"minutes": 45}, (GENT,), r"It fits\..*", None),
        ({"minutes": 45}, (), r"It fails 1 of 1: within about 45 minutes of Zelzate", None),
    ],
)
def test_why_it_did_not_come(
    query: dict[str, Any], points: tuple[tuple[float, float], ...], said: str, wider: int | None
) -> None:
    found = verdict(person(near="Zelzate", **query), event(*points))
    assert re.fullmatch(said, " ".join(told(found, speech("en"))))
    assert (found.wider is None) is (wider is None)
    assert wider is None or (found.far and 0 <= found.wider - found.far < wider)
