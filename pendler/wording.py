"""The text of a search, read: words, phrases “in quotes”, what is -not wanted, and what the words stand for. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pendler.concepts import named
from pendler.terms import terms_of
from pendler.text import fold, sought, words
from schemas.query import NO_WORDS_MEANT, Query

PIECE = re.compile(
    r'(?P<minus>(?<!\S)[-−](?=["“„«»”\w]))?(?:["“„«»”](?P<phrase>[^"“„«»”]*)["“„«»”]|(?P<bare>[^\s"“„«»”]+))'
)
Phrase = tuple[tuple[tuple[int, str], ...], ...]
"""Where its words stand from the first on, once in a text with stems and once in one without."""


@dataclass(frozen=True)
class Meaning:
    """What some words of a search stand for, as a code."""

    words: str
    code: str

    def __str__(self) -> str:
        return f"{self.words}={self.code}"


@dataclass(frozen=True)
class Wording:
    """A search's text. Each of `words` is met by any of its terms, a code among them; none of `without` may be met."""

    words: tuple[tuple[str, ...], ...] = ()
    phrases: tuple[Phrase, ...] = ()
    without: tuple[tuple[str, ...], ...] = ()
    without_phrases: tuple[Phrase, ...] = ()
    meanings: tuple[Meaning, ...] = field(default=(), compare=False)


def wording(query: Query) -> Wording:
    """Reads `query.q`. Codes are those of `query.also`, else those that the words name."""
    plain, phrases, without, without_phrases = _pieces(query.q)
    meant = _meant(query, plain)
    asked = [list(sought(word, query.lang)) for word in plain]
    for start, end, code in _placed(meant, plain):
        for terms in asked[start:end]:
            terms.append(code)
    exact = [(fold(word),) for phrase in phrases for word in phrase]
    return Wording(
        words=(*map(tuple, asked), *exact),
        phrases=tuple(_phrase(one) for one in phrases if len(one) > 1),
        without=tuple(sought(word, query.lang) for word in without),
        without_phrases=tuple(map(_phrase, without_phrases)),
        meanings=tuple(meant),
    )


def understood(query: Query) -> Query:
    """The query with what its words stand for, so that it means the same wherever and whenever it is asked."""
    if query.also or not (meant := wording(query).meanings):
        return query
    return query.model_copy(update={"also": tuple(map(str, meant))})


def _pieces(text: str) -> tuple[list[str], list[list[str]], list[str], list[list[str]]]:
    """Words, phrases, words and phrases that are not wanted."""
    plain: list[str] = []
    phrases: list[list[str]] = []
    without: list[str] = []
    without_phrases: list[list[str]] = []
    for piece in PIECE.finditer(text):
        found = words(piece["phrase"] if piece["phrase"] is not None else piece["bare"])
        if piece["phrase"] is None:
            (without if piece["minus"] else plain).extend(found)
        elif piece["minus"] and len(found) == 1:
            without.extend(found)
        elif found:
            (without_phrases if piece["minus"] else phrases).append(found)
    return plain, phrases, without, without_phrases


def _meant(query: Query, plain: Sequence[str]) -> list[Meaning]:
    if query.also == (NO_WORDS_MEANT,):
        return []
    if query.also:
        return [Meaning(said.rpartition("=")[0], said.rpartition("=")[2]) for said in query.also if "=" in said]
    return [Meaning(" ".join(plain[start:end]), code) for start, end, code in named(plain, query.lang)]


def _placed(meant: Sequence[Meaning], plain: Sequence[str]) -> list[tuple[int, int, str]]:
    """Where in the search the words stand that mean something; words that are not in it mean nothing."""
    placed = []
    for one in meant:
        run = words(one.words)
        for start in range(len(plain) - len(run) + 1):
            if run and list(plain[start : start + len(run)]) == run:
                placed.append((start, start + len(run), one.code))
    return placed


def _phrase(found: Sequence[str]) -> Phrase:
    """Each word of a text leaves itself, its stem where the language has one, and the occupations it ends in."""
    return _spaced(found, 1), _spaced(found, 0)


def _spaced(found: Sequence[str], stems: int) -> tuple[tuple[int, str], ...]:
    at, placed = 0, []
    for word in found:
        placed.append((at, fold(word)))
        at += len(terms_of(None)[word]) + stems
    return tuple(placed)
