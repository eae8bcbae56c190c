"""Titles and codes -> occupations, in batches: what the pipeline and `pendler classify` ask, with any pack."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pendler.esco import Names, Pack, lexicon
from schemas.vacancy import Occupation, OccupationCode, Skill
from services.match.likeness import Likeness
from services.match.occupations import MOST, settled, titled
from services.match.own_skills import spoken

Titles = Sequence[tuple[str | None, str]]


@dataclass(frozen=True)
class Asked:
    """An advertisement: its titles with their languages, the codes of its source, and its country."""

    titles: Titles
    codes: Sequence[OccupationCode] = ()
    country: str | None = None


class Coder(Protocol):
    """What codes advertisements with one numbered pack; the same answers each time."""

    pack: Names

    def classify(self, asked: Sequence[Asked], limit: int = MOST) -> list[list[Occupation]]:
        """The occupations of each advertisement, best first."""
        ...

    def skills(self, texts: Sequence[tuple[str | None, str]]) -> list[list[Skill]]:
        """The skills that each text (with its language) may ask for, best first; none where nobody has labels."""
        ...


class LexiconCoder:
    """Codes with our own lexicon: by its titles, and where it has none of them, by what they are like."""

    def __init__(self, pack: Pack) -> None:
        self.pack: Names = pack
        self._lexicon = pack
        self._languages = {language for concept in pack.concepts() for language in concept.titles}
        self._known: dict[str, Likeness] = {}

    def classify(self, asked: Sequence[Asked], limit: int = MOST) -> list[list[Occupation]]:
        found = [[*titled(one.titles, self._lexicon)] for one in asked]
        for language, places in self._unknown(asked, found).items():
            some = [title for _, title in places]
            for (place, _), answers in zip(places, self._likeness(language).answers(some), strict=True):
                found[place].extend(answers)
        return [settled(answers, one.codes, self.pack)[:limit] for one, answers in zip(asked, found, strict=True)]

    def _unknown(
        self, asked: Sequence[Asked], found: Sequence[Sequence[Occupation]]
    ) -> dict[str, list[tuple[int, str]]]:
        """The titles of advertisements without an answer, by language: (number of the advertisement, title)."""
        by_language: dict[str, list[tuple[int, str]]] = {}
        for place, (one, answers) in enumerate(zip(asked, found, strict=True)):
            for language, title in () if answers else one.titles:
                known = language if language in self._languages else "en"
                by_language.setdefault(known or "en", []).append((place, title))
        return by_language

    def _likeness(self, language: str) -> Likeness:
        if language not in self._known:
            self._known[language] = Likeness(self._lexicon, language)
        return self._known[language]

    def skills(self, texts: Sequence[tuple[str | None, str]]) -> list[list[Skill]]:
        return [spoken(text, language) if language else [] for language, text in texts]


def open_coder(folder: Path | None, ranked: bool = True) -> Coder:
    """The coder of a pack, or of our own lexicon. BadPack where the folder is not a whole pack."""
    if folder is None:
        return LexiconCoder(lexicon())
    from services.match.learned import PackCoder  # and with it what it learned with: a second, and 40 MB

    return PackCoder(folder, ranked)
