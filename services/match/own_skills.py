"""Everyday skills in Danish and Norwegian, in which ESCO's files often have no skill labels: our own list of 300 each.

A skill is found where its name stands in the text, word by word or in another form of the same words.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from pendler.text import fold, sought, words
from schemas.vacancy import Skill

SURE, INFLECTED = 0.8, 0.7
"""Scores: the name as we write it, another form of its words."""
LETTERS = 20_000
MOST = 20
LANGUAGES = ("da", "nb")
Terms = tuple[str, ...]


def spoken(text: str, language: str) -> list[Skill]:
    """The skills named in a text, the surest first, each once; none in a language that we have no names for."""
    if language not in LANGUAGES:
        return []
    names, stems = _names(language)
    told = words(text[:LETTERS])
    plain, stemmed = [fold(word) for word in told], [sought(word, language)[-1] for word in told]
    found: dict[str, Skill] = {}
    for known, terms, score in ((names, plain, SURE), (stems, stemmed, INFLECTED)):
        for start, end, uri in _named(known, terms):
            found.setdefault(uri, _skill(uri, language, score, " ".join(told[start:end])))
    return sorted(found.values(), key=lambda one: -one.score)[:MOST]


def _named(known: Mapping[Terms, str], terms: Sequence[str]) -> list[tuple[int, int, str]]:
    """Where names stand, the longest at each place."""
    longest = max(map(len, known))
    found = []
    for start in range(len(terms)):
        for end in range(min(len(terms), start + longest), start, -1):
            if uri := known.get(tuple(terms[start:end])):
                found.append((start, end, uri))
                break
    return found


def _skill(uri: str, language: str, score: float, evidence: str) -> Skill:
    return Skill(uri=uri, label=labels()[uri][language][0], score=score, evidence=evidence)


@cache
def labels() -> dict[str, dict[str, tuple[str, ...]]]:
    """URI -> language -> names, the one that is shown first."""
    rows = csv.DictReader(files("pendler").joinpath("skills.csv").read_text("utf-8").splitlines())
    return {row["uri"]: {one: tuple(row[one].split("|")) for one in ("en", *LANGUAGES)} for row in rows}


@cache
def _names(language: str) -> tuple[dict[Terms, str], dict[Terms, str]]:
    """The names in folded words, and in stems where they are of five letters or more."""
    plain: dict[Terms, str] = {}
    stemmed: dict[Terms, str] = {}
    for uri, spoken_names in labels().items():
        for name in spoken_names[language]:
            told = words(name)
            plain.setdefault(tuple(map(fold, told)), uri)
            if len(name) >= 5:
                stemmed.setdefault(tuple(sought(word, language)[-1] for word in told), uri)
    return plain, stemmed
