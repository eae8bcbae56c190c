"""Sixty thousand titles, found by the beginning of a word in a millisecond, and mistyped in a few. Pure."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nlargest, nsmallest
from typing import NamedTuple

NEAR, SHOWN, COMPARED = 0.78, 6, 60
"""How like a title a mistyped one must be, by difflib's ratio; how many are given; how many are looked at closely."""


class Start(NamedTuple):
    """Where a word begins: in which title, at which letter."""

    title: int
    at: int


class Titles:
    """The short ones first, in every answer."""

    def __init__(self, titles: Iterable[str]) -> None:
        self._titles = sorted(titles, key=lambda one: (len(one), one))
        starts = (Start(n, at) for n, title in enumerate(self._titles) for at in _starts(title))
        self._starts = sorted(starts, key=self._rest)
        self._parts: dict[str, array[int]] = {}

    def _rest(self, start: Start) -> str:
        return self._titles[start.title][start.at :]

    def beginning(self, text: str, most: int) -> list[str]:
        """Those that begin so, then those with a word that does."""
        first = bisect_left(self._starts, text, key=self._rest)
        last = bisect_left(self._starts, text + "\U0010ffff", key=self._rest)
        best = nsmallest(2 * most, self._starts[first:last], key=lambda start: (start.at > 0, start.title))
        return list(dict.fromkeys(self._titles[start.title] for start in best))[:most]

    def like(self, text: str) -> list[str]:
        """Those that are like a mistyped one, the likest first: of those with most of its runs of three letters."""
        if not self._parts:
            self._parts = self._by_part()
        shared: Counter[int] = Counter()
        for part in _parts(text):
            shared.update(self._parts.get(part, ()))
        likest = nlargest(COMPARED, shared, key=lambda n: shared[n] / (len(text) + len(self._titles[n])))
        return get_close_matches(text, [self._titles[n] for n in likest], n=SHOWN, cutoff=NEAR)

    def _by_part(self) -> dict[str, "array[int]"]:
        found: dict[str, array[int]] = {}
        for n, title in enumerate(self._titles):
            for part in _parts(title):
                found.setdefault(part, array("I")).append(n)
        return found


def _starts(title: str) -> list[int]:
    return [0, *(at + 1 for at, letter in enumerate(title) if letter == " ")]


def _parts(text: str) -> set[str]:
    framed = f" {text} "
    return {framed[at : at + 3] for at in range(len(framed) - 2)}
