"""Words as every part of Pendler sees them: folded, and stemmed in their language. Pure; one result everywhere.

A stem is marked with its language (`nl:lass`), so that the stem of one never meets a word of another.
"""

import re
import unicodedata
from functools import lru_cache

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
    found: list[str] = WORD.findall(lower)
    if max(map(len, found), default=0) <= LONGEST_WORD:
        return found
    return [word[:LONGEST_WORD] for word in found]


@lru_cache(maxsize=32)
def _stemmer(language: str) -> "Stemmer.Stemmer | None":
    return Stemmer.Stemmer(STEMMERS[language], 0) if language in STEMMERS else None


@lru_cache(maxsize=10_000)
def sought(word: str, language: str | None) -> tuple[str, ...]:
    """The terms any of which a text must have for a searched `word`: as written, or its stem in `language`."""
    stemmer = _stemmer(language) if language else None
    folded = fold(word)
    return (folded, f"{language}:{fold(stemmer.stemWord(word))}") if stemmer else (folded,)
