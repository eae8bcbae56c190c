"""A title without its noise, and with the forms of its genders apart: what is compared with labels. Pure.

"Kaufmann/-frau (m/w/d)"             -> "kaufmann"
"Vendeur / Vendeuse en boulangerie"  -> "vendeur en boulangerie", "vendeuse en boulangerie"
"""

import re
from functools import lru_cache

from pendler.text import fold, words

LONGEST = 200
SEX = r"(?:m|w|f|h|d|v|x|k|n|i|gn|div|divers|mann|frau|männlich|weiblich|male|female|homme|femme|hombre|mujer|alle)"
NOISE = re.compile(
    rf"[(\[]\s*(?:all genders?|{SEX}(?:\s*[/|,.*+:-]\s*{SEX})*)\s*[)\]]"
    rf"|(?<![\w/]){SEX}(?:\s*[/|*]\s*{SEX}){{1,3}}(?![\w/])"
    r"|\b\d{1,3}(?:\s?-\s?\d{1,3})?\s?%|\b\d+(?:[.,]\d+)?\s*(?:€|eur|uur|std|timer|heures|hours)\b",
    re.IGNORECASE,
)
ENDINGS = (
    "innen|in|frau|mann|e|en|ne|nes|euse|euses|teuse|trice|ere|iere|ienne|eure|esse|a|as|ra|ora|tora|triz|essa|ka|ca"
    "|ice|ova|na|yne|nice|kyne|ica|inja|oare|toare|er|se|ster|te"
)
SUFFIX = re.compile(rf"(\w{{3,}}?)(?:\(\s*-?|\s?[/*:_·•.]-?|\s-)(?:{ENDINGS})\b\)?(?!\w)", re.IGNORECASE)
SHARED = 3
"""Letters at the beginning that two words have in common which are one word in two genders."""


@lru_cache(maxsize=5_000)
def variants(title: str) -> tuple[str, ...]:
    """The title in folded words, once for each gender it names; nothing for a title without a word."""
    plain = NOISE.sub(" ", title[:LONGEST])
    short = SUFFIX.sub(_base, _unaccented(plain)) if re.search(r"[/(*:_·•.-]", plain) else plain
    return tuple(dict.fromkeys(found for one in _sides(short) if (found := " ".join(map(fold, words(one))))))


def _unaccented(text: str) -> str:
    return "".join(fold(letter) if letter in "éèêàáåäöÉÈ" else letter for letter in text)


def _base(match: re.Match[str]) -> str:
    return match[1]


def _sides(title: str) -> list[str]:
    """What stands before and after a slash, where both name one person: each with the words that follow."""
    left, slash, right = title.partition("/")
    before, after = left.split(), right.split()
    if not slash or not before or not after or "/" in right:
        return [title]
    if _one_person(before[0], after[0]):
        return [" ".join([*before, *after[len(before) :]]), right]
    if _one_person(before[-1], after[0]):
        return [" ".join([*before, *after[1:]]), " ".join([*before[:-1], *after])]
    return [title]


def _one_person(one: str, other: str) -> bool:
    shared = min(SHARED, len(one))
    return fold(one)[:shared] == fold(other)[:shared]
