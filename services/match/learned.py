"""Titles and codes -> occupations of an imported pack: sparse vectors, a ranker, titles seen before."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from pendler.esco import Names
from pendler.esco.stored import Stored
from schemas.vacancy import Occupation, Skill
from services.match import memory, space
from services.match.candidates import FEWER, KEPT, Candidates, candidates
from services.match.coding import Asked
from services.match.occupations import MOST, settled
from services.match.own_skills import spoken
from services.match.ranker import Ranker, probabilities
from services.match.skills import Skills
from services.match.skills import load as load_skills
from services.match.titles import variants
from services.match.vectors import Floats

BATCH = 100


class PackCoder:
    """Codes with an imported pack. Its languages are mapped when they are first asked for."""

    def __init__(self, folder: Path, ranked: bool = True) -> None:
        self.pack: Names = (stored := Stored(folder))
        self._stored = stored
        self.ranked = ranked and bool(stored.about.folds)
        self._spaces: dict[str, space.Space] = {}
        self._rankers: dict[int, tuple[Ranker, Floats]] = {}
        self._known_skills: dict[str, Skills | None] = {}
        self._memories: dict[str, memory.Memory | None] = {}

    @cached_property
    def entries(self) -> list[tuple[str, str]]:
        return self._stored.entries()

    def classify(self, asked: Sequence[Asked], limit: int = MOST) -> list[list[Occupation]]:
        """The occupations of each advertisement, best first."""
        found: list[list[Occupation]] = [[] for _ in asked]
        for language, places in self._by_language(asked).items():
            for start in range(0, len(places), BATCH):
                part = places[start : start + BATCH]
                several = self._memory(language) or any(asked[place].codes for place, _ in part)
                wanted = MOST if several else limit
                coded = self._coded([title for _, title in part], language, wanted)
                for (place, _), answers in zip(part, coded, strict=True):
                    found[place].extend(answers)
        return [settled(answers, one.codes, self.pack)[:limit] for one, answers in zip(asked, found, strict=True)]

    def skills(self, texts: Sequence[tuple[str | None, str]]) -> list[list[Skill]]:
        found: list[list[Skill]] = [[] for _ in texts]
        for language in {language for language, text in texts if language and text.strip()}:
            known = self._skills_in(language)
            places = [n for n, (spoken, text) in enumerate(texts) if spoken == language and text.strip()]
            for place in places if known is None else ():
                found[place] = spoken(texts[place][1], language)
            for start in range(0, len(places) if known else 0, BATCH):
                part = places[start : start + BATCH]
                for place, ranked in zip(part, known.rank([texts[n][1] for n in part]) if known else [], strict=True):
                    found[place] = [self._skill(number, score, language) for number, score in ranked]
        return found

    def _skill(self, number: int, score: float, language: str) -> Skill:
        uri = self._skill_uris[number]
        return Skill.model_construct(uri=uri, label=self._stored.label(uri, language), score=score, evidence="")

    @cached_property
    def _skill_uris(self) -> list[str]:
        return self._stored.skills()

    def _skills_in(self, language: str) -> Skills | None:
        if language not in self._known_skills:
            self._known_skills[language] = load_skills(self._stored.folder / f"skills-{language}", language)
        return self._known_skills[language]

    def _by_language(self, asked: Sequence[Asked]) -> dict[str, list[tuple[int, str]]]:
        sorted_out: dict[str, list[tuple[int, str]]] = {}
        for place, one in enumerate(asked):
            for language, title in one.titles:
                if variants(title):
                    known = language if language in self._stored.about.languages else "en"
                    sorted_out.setdefault(known or "en", []).append((place, title))
        return sorted_out

    def _coded(self, titles: Sequence[str], language: str, limit: int) -> list[list[Occupation]]:
        own, english = self._space(language), self._space("en")
        fold = self._stored.about.folds.get(language, 0)
        ranking, prior = self._ranker(fold) if self.ranked else (None, None)
        found = candidates(titles, own, english, prior, KEPT if self.ranked else FEWER)
        if ranking and found.features is not None:
            shares = probabilities(ranking.scores(found.features) * ranking.heat)
        else:
            shares = np.clip(found.score / 1.15, 0, 1)
        order = np.argsort(-shares, axis=1, kind="stable")[:, :limit].tolist()
        answers = [self._answers(found, row, best, shares[row], own) for row, best in enumerate(order)]
        return self._recalled(titles, answers, own)

    def _answers(
        self, found: Candidates, row: int, best: list[int], shares: Floats, own: space.Space
    ) -> list[Occupation]:
        entries, labels = found.entries[row].tolist(), found.label[row].tolist()
        method = "title" if self.ranked else "title-unranked"
        return [self._answer(entries[n], float(shares[n]), method, own.evidence(labels[n])) for n in best]

    def _answer(self, entry: int, share: float, method: str, evidence: str) -> Occupation:
        uri, isco = self.entries[entry]
        return Occupation.model_construct(
            uri=uri, isco=isco, label=self.pack.label(uri), score=round(share, 4), method=method, evidence=evidence
        )

    def _recalled(
        self, titles: Sequence[str], answers: list[list[Occupation]], own: space.Space
    ) -> list[list[Occupation]]:
        """What titles seen before with a trusted code say, mixed with what the labels say."""
        known = self._memory(own.language)
        if known is None:
            return answers
        recalled, trust = known.recall(list(titles), own)
        return [self._mixed(*one) for one in zip(answers, recalled, trust.tolist(), strict=True)]

    def _mixed(self, answers: Sequence[Occupation], recalled: dict[int, float], trust: float) -> list[Occupation]:
        by_uri = {one.uri: one.model_copy(update={"score": round(one.score * (1 - trust), 4)}) for one in answers}
        for entry, share in recalled.items() if trust else ():
            uri = self.entries[entry][0]
            before = by_uri[uri].score if uri in by_uri else 0.0
            by_uri[uri] = self._answer(entry, before + trust * share, "title-seen", "titles seen with this code")
        return sorted(by_uri.values(), key=lambda one: -one.score)

    def _memory(self, language: str) -> memory.Memory | None:
        if language not in self._memories:
            self._memories[language] = memory.load(self._stored.folder / language / "memory", self._space(language))
        return self._memories[language]

    def _space(self, language: str) -> space.Space:
        if language not in self._spaces:
            self._spaces[language] = space.load(self._stored.folder / language, language)
        return self._spaces[language]

    def _ranker(self, fold: int) -> tuple[Ranker, Floats]:
        if fold not in self._rankers:
            folder = self._stored.folder / "rankers"
            trees = Ranker.read(folder / f"ranker-{fold}.txt", self._stored.about.heat[fold])
            self._rankers[fold] = (trees, np.load(folder / f"prior-{fold}.npy"))
        return self._rankers[fold]
