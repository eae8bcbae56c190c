"""Alerts mean what the search means: whatever a query asks, the percolator finds exactly what `fits`."""

from pendler.searchable import fits, held_terms
from pendler.wanted import wanted
from services.notify.percolator import Percolator
from tests.contracts.test_index import QUERIES, ZELZATE, random_vacancies


def test_every_kind_of_filter_percolates_exactly_what_fits() -> None:
    asked = {query.url(""): wanted(query, ZELZATE if query.near else None) for query in QUERIES}
    percolator = Percolator()
    for identity, one in asked.items():
        percolator.add(identity, one)
    found: set[str] = set()
    for vacancy in random_vacancies(400, seed=13):
        held = held_terms(vacancy)
        expected = {identity for identity, one in asked.items() if fits(one, vacancy, held)}
        assert set(percolator.matching(vacancy)) == expected, vacancy
        found |= expected
    assert len(found) >= len(asked) - 3, "nearly every query has something to find"
