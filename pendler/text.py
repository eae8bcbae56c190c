"""Words as every part of Pendler sees them: tokens, stems, compound parts. Pure; one result everywhere.

A text becomes *terms*: each word as written (folded), and its stem marked with the language (`nl:lass`), so that
the stem of one language never meets a word of another. A word that ends in an occupation we know carries that, too
(`constructielasser` -> `lasser`). The index, the query and the alerts all use `terms`.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain, repeat

import Stemmer

STEMMERS = {
    "en": "english", "nl": "dutch", "da": "danish", "de": "german", "fr": "french", "sv": "swedish",
    "nb": "norwegian", "fi": "finnish", "es": "spanish", "it": "italian", "pt": "portuguese", "pl": "polish",
    "cs": "czech", "hu": "hungarian", "ro": "romanian", "lt": "lithuanian", "et": "estonian",
}  # fmt: skip
WORD = re.compile(r"[^\W_]+(?:[+#]++(?!\w))?")
LONGEST_WORD = 60
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "œ": "oe", "þ": "th", "ð": "d"})


def fold(text: str) -> str:
    """Lower case without accents: `Ingénieur` and `INGENIEUR` are one word."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(LETTERS)
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The words of a text in lower case, in order; a word of more than 60 letters is cut."""
    lower = unicodedata.normalize("NFKC", text).lower().replace("i̇", "i")  # İ in lower case, else taken apart
    return [found if len(found) <= LONGEST_WORD else found[:LONGEST_WORD] for found in WORD.findall(lower)]


@lru_cache(maxsize=32)
def _stemmer(language: str) -> "Stemmer.Stemmer | None":
    return Stemmer.Stemmer(STEMMERS[language], 0) if language in STEMMERS else None


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
    from pendler.esco import lexicon

    return frozenset(title for title in lexicon().titles() if len(title) >= 5 and title.isalpha())


def terms(text: str, language: str | None) -> list[str]:
    """The terms of a text, in order, repeated as they occur."""
    return list(chain.from_iterable(map(terms_of, words(text), repeat(language))))


@lru_cache(maxsize=200_000)
def sought(word: str, language: str | None) -> tuple[str, ...]:
    """The terms any of which a text must have for a searched `word`: as written, or its stem in `language`."""
    stemmer = _stemmer(language) if language else None
    folded = fold(word)
    return (folded, f"{language}:{fold(stemmer.stemWord(word))}") if stemmer else (folded,)
