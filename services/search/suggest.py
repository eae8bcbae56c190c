"""What somebody may be typing: towns, occupations and skills, in any language, slips of the finger forgiven. Pure."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pendler.concepts import meanings
from pendler.esco import lexicon, normal
from pendler.esco.stored import label
from pendler.places import Places
from services.search.titles import Titles

LEAST, MOST, EACH = 2, 20, 6


def suggestions(text: str, language: str | None, places: Places) -> list[dict[str, Any]]:
    """The best of each kind, towns first; none for less than two letters."""
    if len(text.strip()) < LEAST:
        return []
    towns = [
        {"kind": "town", "value": f"{one.name}, {one.country}", "label": one.name, "country": one.country}
        for one in places.beginning(text, EACH)
    ]
    return [*towns, *_work(text, language)][:MOST]


def _work(text: str, language: str | None) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for title in _titles_like(normal(text)):
        for code in meanings(title, language):
            if code not in seen and len(seen) < EACH:
                seen.add(code)
                kind = "skill" if "/skill/" in code else "occupation"
                yield {"kind": kind, "value": title, "code": code, "label": label(code, language)}


def _titles_like(text: str) -> list[str]:
    """Titles that begin so, then those with a word that does, then, where there are none, those that are like it."""
    return titles_known().beginning(text, MOST) or titles_known().like(text)


@cache
def titles_known() -> Titles:
    return Titles(lexicon().titles())
