"""Titles by what is being typed: those that begin so, and for a mistyped one what a comparison with all finds."""

from difflib import get_close_matches

import pytest

from services.search.titles import NEAR, SHOWN, Titles

KNOWN = ["lasser", "tig lasser", "las", "lassers gezocht", "bakker", "banketbakker", "kok", "kok in de nacht", "kokkin"]
TITLES = Titles(KNOWN)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("las", ["las", "lasser", "lassers gezocht", "tig lasser"]),
        ("kok", ["kok", "kokkin", "kok in de nacht"]),
        ("nacht", ["kok in de nacht"]),
        ("akker", []),
        ("zzz", []),
    ],
)
def test_what_begins_so_comes_before_what_has_a_word_that_does(typed: str, found: list[str]) -> None:
    assert TITLES.beginning(typed, 20) == found
    assert TITLES.beginning(typed, 1) == found[:1]


@pytest.mark.parametrize("typed", ["laser", "lsaser", "bakkr", "kokkn", "banketbaker", "qqqq", ""])
def test_a_mistyped_title_finds_what_a_comparison_with_all_finds(typed: str) -> None:
    known = sorted(KNOWN, key=lambda one: (len(one), one))
    assert TITLES.like(typed) == get_close_matches(typed, known, n=SHOWN, cutoff=NEAR)
