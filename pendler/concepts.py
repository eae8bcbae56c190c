"""What words name: the occupations and skills that have them as a title in any language. Pure.

So `waiter` finds what is coded as its group, whatever language it is written in. An occupation stands for its ISCO-08
unit group: advertisements are coded finer or coarser by different services.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from pendler.esco import isco_uri, lexicon, normal
from pendler.text import fold

LONGEST = 6


def named(words: Sequence[str], language: str | None) -> Iterator[tuple[int, int, str]]:
    """Where a run of words names something, the longest first and none inside another: (start, end, URI).

    A word that names something in the reader's own language means that; else what it names in any.
    """
    start = 0
    while start < len(words):
        for end in range(min(len(words), start + LONGEST), start, -1):
            if uris := meanings(" ".join(words[start:end]), language):
                yield from ((start, end, uri) for uri in uris)
                break
        else:
            end = start + 1
        start = end


def meanings(words: str, language: str | None) -> tuple[str, ...]:
    """The codes that these words name, each once."""
    title, pack = normal(words), lexicon()
    found = dict(pack.titled(title)) or _inflected(title)
    if language in found:
        found = {language: found[language]}
    groups = (isco_uri(group) for uri in found.values() if (group := pack.isco(uri)))
    return tuple(dict.fromkeys([*groups, *_skills().get(title, ())]))


def _inflected(title: str) -> dict[str, str]:
    return {
        language: uri
        for language in ("en", "nl", "da", "de", "fr", "sv", "nb")
        for uri in lexicon().inflected(title, language).values()
    }


def titles(code: str) -> Mapping[str, str]:
    """What an occupation group is called in each language of the lexicon; none for what it has not."""
    return _titles().get(code, {})


@cache
def _titles() -> Mapping[str, Mapping[str, str]]:
    """The first title of each language, of the first concept of each group."""
    found: dict[str, Mapping[str, str]] = {}
    for concept in lexicon().concepts():
        found.setdefault(isco_uri(concept.isco), {language: said[0] for language, said in concept.titles.items()})
    return found


@cache
def _skills() -> Mapping[str, tuple[str, ...]]:
    """Our own list of everyday skills by name, folded."""
    found: dict[str, tuple[str, ...]] = {}
    for row in csv.DictReader(files("pendler").joinpath("skills.csv").read_text("utf-8").splitlines()):
        uri = row.pop("uri")
        for name in (name for cell in row.values() if cell for name in cell.split("|")):
            found[fold(name)] = tuple(dict.fromkeys((*found.get(fold(name), ()), uri)))
    return found
