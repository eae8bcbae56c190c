"""Travel by car, estimated over real crossings: the table of the issue, and that nothing near is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pendler.places import distance_km
from pendler.travel import crossings, driving, minutes_by_car, reach_km, way

TOWNS = {
    "Vlissingen": (51.4425, 3.5736),
    "Terneuzen": (51.335, 3.828),
    "Zelzate": (51.2, 3.81),
    "Malmö": (55.605, 13.0),
    "København": (55.676, 12.568),
    "Helsingborg": (56.046, 12.694),
    "Helsingør": (56.036, 12.614),
    "Puttgarden": (54.497, 11.22),
    "Rødby": (54.66, 11.36),
    "Strasbourg": (48.573, 7.752),
    "Kehl": (48.573, 7.815),
    "Basel": (47.558, 7.588),
    "Lörrach": (47.615, 7.66),
    "Huningue": (47.592, 7.583),
    "Weil am Rhein": (47.593, 7.611),
}
POINTS = st.tuples(st.floats(36, 66), st.floats(-9, 27))


@pytest.mark.parametrize(
    ("start", "end", "over", "least", "most"),
    [
        ("Vlissingen", "Terneuzen", "Westerscheldetunnel", 28, 42),
        ("Malmö", "København", "Øresundsbron", 35, 52),
        ("Helsingborg", "Helsingør", "Helsingør–Helsingborg", 30, 50),
        ("Puttgarden", "Rødby", "Rødby–Puttgarden", 55, 85),
        ("Strasbourg", "Kehl", "Strasbourg–Kehl", 8, 20),
        ("Basel", "Lörrach", "Basel", 12, 26),
        ("Huningue", "Weil am Rhein", "Palmrainbrücke Huningue–Weil", 4, 12),
        ("Zelzate", "Terneuzen", None, 15, 28),
    ],
)
def test_the_way_leads_over_the_crossing(start: str, end: str, over: str | None, least: float, most: float) -> None:
    found = way(TOWNS[start], TOWNS[end])
    assert [one.name for one in found.crossings] == ([over] if over else [])
    assert least <= found.minutes <= most
    assert found.minutes == pytest.approx(minutes_by_car(TOWNS[end], TOWNS[start]))


def test_there_are_sixty_crossings_and_each_leads_over_a_water() -> None:
    found = [one for some in crossings().values() for one in some]
    assert len({one.name for one in found}) == len(found) >= 60
    assert {one.kind for one in found} == {"bridge", "tunnel", "ferry", "road"}


@given(POINTS, POINTS)
def test_water_never_makes_a_way_shorter(start: tuple[float, float], end: tuple[float, float]) -> None:
    assert minutes_by_car(start, end) >= driving(distance_km(*start, *end)) - 1e-6


@given(st.floats(1, 240), POINTS, POINTS)
def test_what_is_near_enough_in_time_is_within_reach(
    minutes: float, start: tuple[float, float], end: tuple[float, float]
) -> None:
    if minutes_by_car(start, end) <= minutes:
        assert distance_km(*start, *end) <= reach_km(minutes)
