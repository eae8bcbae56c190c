"""Why an advertisement was found: what met each word of the search, and what it does not say. Pure."""

from typing import Any

from pendler.esco import PREFIX
from pendler.searchable import Searchable, within
from pendler.wanted import Wanted


def explained(asked: Wanted, one: Searchable) -> dict[str, Any]:
    """`words`: for each word that was asked for, the terms of the title and text and the codes that met it.

    `unsaid`: the traits that it leaves open; `within`: whether a point of it lies in the circle, None without one.
    """
    return {
        "words": [
            {
                "title": sorted({term for term in word if term in one.title}),
                "text": sorted({term for term in word if term in one.body}),
                "codes": sorted({term for term in word if term.startswith(PREFIX) and _coded(term, one)}),
            }
            for word in asked.words
        ],
        "unsaid": sorted({trait for each in asked.filters for trait in each.unsaid & one.traits}),
        "within": any(within(asked, point) for point in one.points) if asked.origin else None,
    }


def _coded(term: str, one: Searchable) -> bool:
    return term in one.occupations or term in one.traits
