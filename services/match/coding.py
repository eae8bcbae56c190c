"""Titles and codes -> occupations, in batches: what the pipeline and `pendler classify` ask, with any pack."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pendler.esco import Names, Pack, lexicon
from schemas.vacancy import Occupation, OccupationCode, Skill
from services.match.occupations import MOST, classify

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
        """The skills that each text (with its language) may ask for, best first; none where the pack has no labels."""
        ...


class LexiconCoder:
    """Codes with our own lexicon."""

    def __init__(self, pack: Pack) -> None:
        self.pack: Names = pack
        self._lexicon = pack

    def classify(self, asked: Sequence[Asked], limit: int = MOST) -> list[list[Occupation]]:
        return [classify(one.titles, one.codes, self._lexicon, limit) for one in asked]

    def skills(self, texts: Sequence[tuple[str | None, str]]) -> list[list[Skill]]:
        return [[] for _ in texts]


def open_coder(folder: Path | None, ranked: bool = True) -> Coder:
    """The coder of a pack, or of our own lexicon. BadPack where the folder is not a whole pack."""
    if folder is None:
        return LexiconCoder(lexicon())
    from services.match.learned import PackCoder  # and with it what it learned with: a second, and 40 MB

    return PackCoder(folder, ranked)
