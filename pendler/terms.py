"""Texts as terms: what the index, the query and the alerts all go by.

A text becomes its words, their stems, and, where a word ends in an occupation we know, that occupation
(`constructielasser` -> `lasser`).
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import chain

from pendler.esco import lexicon
from pendler.text import LONGEST_WORD, fold, sought, words

REMEMBERED = 15_000
"""Pieces of text of one language."""


class Terms(dict[str, tuple[str, ...]]):
    """The terms of what stands between two blanks, worked out when it is first met: most texts repeat most of them.

    Each word in it gives itself, its stem in the language, and the occupation it ends in.
    """

    def __init__(self, language: str | None) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, piece: str) -> tuple[str, ...]:
        found = tuple(chain.from_iterable(map(self._of, words(piece))))
        if len(self) >= REMEMBERED:
            self.clear()
        if len(piece) <= LONGEST_WORD:
            self[piece] = found
        return found

    def _of(self, word: str) -> Iterable[str]:
        return chain(sought(word, self._language), (tail for tail in _tails(fold(word)) if tail in heads()))


def _tails(word: str) -> Iterable[str]:
    """The ends of a word that leave a first part of at least three letters and are five letters or more."""
    return (word[start:] for start in range(3, len(word) - 4))


@lru_cache(maxsize=1)
def heads() -> frozenset[str]:
    """Occupation titles of one word that compounds end in."""
    return frozenset(title for title in lexicon().titles() if len(title) >= 5 and title.isalpha())


def terms(text: str, language: str | None) -> list[str]:
    """The terms of a text, in order, repeated as they occur."""
    return list(chain.from_iterable(map(terms_of(language).__getitem__, text.split())))


@cache
def terms_of(language: str | None) -> Terms:
    return Terms(language)
