"""Texts as terms: what the index, the query and the alerts all go by.

A text becomes its words, their stems, and, where a word ends in an occupation we know, that occupation
(`constructielasser` -> `lasser`).
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain, repeat

from pendler.esco import lexicon
from pendler.text import fold, sought, words


@lru_cache(maxsize=200_000)
def terms_of(word: str, language: str | None) -> tuple[str, ...]:
    """All terms of one word: itself, its stem in `language`, the occupation it ends in."""
    folded = fold(word)
    return (*sought(word, language), *(tail for tail in _tails(folded) if tail in heads()))


def _tails(word: str) -> Iterable[str]:
    """The ends of a word that leave a first part of at least three letters and are five letters or more."""
    return (word[start:] for start in range(3, len(word) - 4))


@lru_cache(maxsize=1)
def heads() -> frozenset[str]:
    """Occupation titles of one word that compounds end in."""
    return frozenset(title for title in lexicon().titles() if len(title) >= 5 and title.isalpha())


def terms(text: str, language: str | None) -> list[str]:
    """The terms of a text, in order, repeated as they occur."""
    return list(chain.from_iterable(map(terms_of, words(text), repeat(language))))
