"""A title that our lexicon has not: the ISCO groups whose titles are most like it, by pieces of words and by stems.

Only groups are answered, never an occupation, and with a score that such answers earned on titles of the lexicon
that were held out. Where no unit group is likely but a branch is (`C72`), the branch comes last.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from pendler.esco import Pack, isco_uri
from schemas.vacancy import Occupation
from services.match.occupations import BRANCH
from services.match.space import labelled, members, unit
from services.match.titles import variants
from services.match.vectors import Floats, Ints, pieces, rarity, stems, weighted

SHARPNESS = 14.0
KEPT = 5
LEAST = 0.45
"""The score from which a branch is worth an answer."""


class Likeness:
    """The titles of one language, by ISCO unit group. Made when first asked: 2,000 titles take 0.1 s."""

    def __init__(self, pack: Pack, language: str) -> None:
        self.language = language
        titles: dict[str, list[str]] = {}
        for concept in pack.concepts():
            titles.setdefault(concept.isco, []).extend(concept.titles.get(language, ()))
        self.groups = sorted(group for group, some in titles.items() if some)
        given = labelled([titles[group] for group in self.groups])
        self.texts, self._starts = given.texts, given.starts[:-1]
        letters, words = pieces(self.texts), stems(self.texts, language)
        self._rarity, self._stem_rarity = rarity(letters), rarity(words)
        together = members(given.starts, len(self.texts))
        label, label_stem = weighted(letters, self._rarity), weighted(words, self._stem_rarity)
        self._label, self._stem = label.T.tocsr(), label_stem.T.tocsr()
        self._centre, self._centre_stem = unit(together @ label).T.tocsr(), unit(together @ label_stem).T.tocsr()

    def scores(self, titles: Sequence[str]) -> tuple[Floats, Ints]:
        """(titles, groups): how like each group is to each title, and which of its titles is the nearest."""
        forms = [(variants(title) or ("?",))[0] for title in titles]
        letters = weighted(pieces(forms), self._rarity)
        words = weighted(stems(forms, self.language), self._stem_rarity)
        near = (letters @ self._label).toarray()
        found = 0.6 * self._most(near) + 0.3 * (letters @ self._centre).toarray()
        found += 0.2 * self._most((words @ self._stem).toarray()) + 0.1 * (words @ self._centre_stem).toarray()
        return found, near

    def _most(self, near: Floats) -> Floats:
        return np.maximum.reduceat(near, self._starts, axis=1)

    def answers(self, titles: Sequence[str]) -> Iterator[list[Occupation]]:
        """For each title its likeliest groups, best first; nothing where it is like none."""
        found, near = self.scores(titles)
        raised = np.exp(SHARPNESS * (found - found.max(axis=1, keepdims=True)))
        shares = raised / raised.sum(axis=1, keepdims=True)
        for row, nearest, most in zip(shares, near, found.max(axis=1), strict=True):
            yield list(self._answer(row, nearest)) if most > 0 else []

    def _answer(self, shares: Floats, near: Floats) -> Iterator[Occupation]:
        best = np.argsort(-shares, kind="stable")[:KEPT].tolist()
        for n in best:
            yield self._group(self.groups[n], worth(float(shares[n])), self._evidence(n, near))
        branch, share = self._branch(shares)
        if worth(float(shares[best[0]])) < LEAST <= worth_of_branch(share):
            yield self._group(branch, worth_of_branch(share), self._evidence(best[0], near))

    def _branch(self, shares: Floats) -> tuple[str, float]:
        sums: Counter[str] = Counter()
        for group, share in zip(self.groups, shares.tolist(), strict=True):
            sums[group[:2]] += share
        return sums.most_common(1)[0]

    def _group(self, isco: str, score: float, evidence: str) -> Occupation:
        label, method = f"ISCO {isco}", "likeness" if len(isco) == 4 else BRANCH
        return Occupation(uri=isco_uri(isco), isco=isco, label=label, score=score, method=method, evidence=evidence)

    def _evidence(self, group: int, near: Floats) -> str:
        first = int(self._starts[group])
        end = int(self._starts[group + 1]) if group + 1 < len(self._starts) else len(self.texts)
        return f"like “{self.texts[first + int(near[first:end].argmax())]}”, a title in {self.language}"


def worth(share: float) -> float:
    """How often a unit group with this share was right, of held-out titles."""
    return round(0.08 + 0.25 * share + 0.45 * share**6, 4)


def worth_of_branch(share: float) -> float:
    """The same of a group of two digits."""
    return round(0.17 + 0.45 * share + 0.25 * share**6, 4)
