"""Skills of an advertisement in the pipeline: labels that stand in the text, in any inflection and order of words.

The learned ranking of `skills.py` finds more and is right less often; this one is quick, and shows its passage.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pendler.esco.stored import Stored
from pendler.text import WORD, sought
from schemas.vacancy import Occupation, Skill
from services.match.skills import SILENT

LONGEST_TEXT, LONGEST_LABEL = 20_000, 6
"""Letters of a text, and words of a label, that are looked at."""
MOST, MOST_IMPLIED = 20, 15
AROUND = 60
"""Letters of a passage before and behind the words."""
WHOLE, SINGLE, KNOWN = 0.85, 0.65, 0.1
"""Scores: a label of several words, one of a single word; what is added where the occupation needs the skill."""
SURE = 0.5
"""Score of an occupation from which its skills are implied."""
QUALIFIED = re.compile(r"^(?P<name>[^()]+?)\s*\((?P<of>[^()]+)\)$")
SHORT = 4
"""Letters below which a label of one word must be written as it is."""


@dataclass(frozen=True)
class Label:
    """A skill by one of its labels; `written`: the one word that it is, small unless it must have capitals."""

    uri: str
    words: int
    written: str | None = None


class Phrases:
    """The labels of one language as sets of stems, by the first of which they are looked for."""

    def __init__(self, language: str, labels: Sequence[tuple[str, str]]) -> None:
        self.language = language
        self._labels: dict[str, list[Label]] = {}
        self._together: dict[str, set[str]] = {}
        for uri, text in labels:
            self._add(uri, text)

    def find(self, text: str) -> list[tuple[Label, int, int]]:
        """Each label that stands in the text, longest first where several do: (label, from, to)."""
        met = [one for one in WORD.finditer(text[:LONGEST_TEXT]) if one[0].lower() not in SILENT]
        stems = [_stem(one[0], self.language) for one in met]
        found: list[tuple[Label, int, int]] = []
        at = 0
        while at < len(stems):
            labels, width = self._at(stems, at)
            start, end = met[at].start(), met[at + width - 1].end()
            said = text[start:end]
            found.extend((one, start, end) for one in labels if one.written in (None, said, said.lower()))
            at += width
        return found

    def _at(self, stems: Sequence[str], at: int) -> tuple[Sequence[Label], int]:
        """The longest labels whose words are the next ones, and how many words they are; none of one word."""
        together = self._together.get(stems[at], ())
        most = at + 1
        while most < min(len(stems), at + LONGEST_LABEL) and stems[most] in together:
            most += 1
        for width in range(most - at, 0, -1):
            if labels := self._labels.get(_key(stems[at : at + width])):
                return labels, width
        return (), 1

    def _add(self, uri: str, text: str) -> None:
        qualified = QUALIFIED.match(text)
        name = qualified["name"] if qualified else text
        words = [word for word in WORD.findall(name) if word.lower() not in SILENT]
        stems = [_stem(word, self.language) for word in words]
        if not 0 < len(stems) <= LONGEST_LABEL:
            return
        short = qualified or len(words[0]) < SHORT or words[0].isupper()
        same = self._labels.setdefault(_key(stems), [])
        if all(one.uri != uri for one in same):
            same.append(Label(uri, len(stems), None if len(stems) > 1 else words[0] if short else words[0].lower()))
        for stem in stems if len(stems) > 1 else ():
            self._together.setdefault(stem, set()).update(stems)


class SkillFinder:
    """Finds skills with the labels and the occupations of a pack; a language is read when it is first met."""

    def __init__(self, pack: Stored) -> None:
        self._pack = pack
        self._phrases: dict[str, Phrases | None] = {}

    def find(self, text: str, language: str | None, occupation: Occupation | None) -> list[Skill]:
        """The skills that a text names, essential ones first; where it cannot tell, those its occupation implies."""
        needed = dict(self._pack.skills_of(occupation.uri)) if occupation and occupation.score >= SURE else {}
        phrases = self._of(language) if language else None
        if phrases is None:
            return self._implied(needed, language, occupation.score if occupation else 0.0)
        found: dict[str, Skill] = {}
        places: dict[tuple[int, int], list[Label]] = {}
        for label, start, end in phrases.find(text):
            places.setdefault((start, end), []).append(label)
        for (start, end), labels in places.items():
            label = next((one for one in labels if one.uri in needed), labels[0])
            if label.uri not in found:
                found[label.uri] = self._skill(label, passage(text, start, end), phrases.language, needed)
        return sorted(found.values(), key=lambda one: (not one.essential, -one.score))[:MOST]

    def _of(self, language: str) -> Phrases | None:
        if language not in self._phrases:
            labels = self._pack.skill_labels(language)
            self._phrases[language] = Phrases(language, labels) if labels else None
        return self._phrases[language]

    def _skill(self, label: Label, evidence: str, language: str, needed: Mapping[str, bool]) -> Skill:
        score = (WHOLE if label.words > 1 else SINGLE) + (KNOWN if label.uri in needed else 0)
        return Skill.model_construct(
            uri=label.uri,
            label=self._pack.label(label.uri, language),
            score=round(score, 2),
            evidence=evidence,
            essential=needed.get(label.uri),
            implied=False,
        )

    def _implied(self, needed: Mapping[str, bool], language: str | None, score: float) -> list[Skill]:
        essential = [uri for uri, is_essential in needed.items() if is_essential][:MOST_IMPLIED]
        return [
            Skill(
                uri=uri, label=self._pack.label(uri, language), score=round(score / 2, 2), essential=True, implied=True
            )
            for uri in essential
        ]


def passage(text: str, start: int, end: int) -> str:
    """The words around a place, within its line."""
    left = max(text.rfind("\n", 0, start) + 1, start - AROUND)
    line = text.find("\n", end)
    return " ".join(text[left : min(len(text) if line < 0 else line, end + AROUND)].split())


def _stem(word: str, language: str) -> str:
    return sought(word.lower(), language)[-1]


def _key(stems: Sequence[str]) -> str:
    return stems[0] if len(stems) == 1 else " ".join(sorted(stems))
