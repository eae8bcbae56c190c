"""Puts candidates in order as the national crosswalks would: gradient-boosted trees on what `candidates` counts.

A language is ranked by trees that never saw its own crosswalks: the languages are dealt into folds, and the trees of
a fold learn from all others. So what is measured on a country's titles was not learnt from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np

from services.match.vectors import Floats, Ints

FOLDS = 6
MOST = 1500
"""Titles of a language that are learnt from, drawn by a fixed seed."""
ROUNDS = 200
PARAMETERS = {
    "objective": "lambdarank",
    "num_leaves": 31,
    "learning_rate": 0.06,
    "min_data_in_leaf": 50,
    "lambdarank_truncation_level": 10,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "num_threads": 2,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class Lesson:
    """Titles of one language: features (titles, kept, features) and which candidates are right (titles, kept)."""

    features: np.ndarray
    right: np.ndarray


class Ranker:
    """The trees of one fold; `heat` turns their scores into probabilities."""

    def __init__(self, trees: lightgbm.Booster, heat: float = 1.0) -> None:
        self._trees, self.heat = trees, heat

    @classmethod
    def read(cls, path: Path, heat: float) -> "Ranker":
        return cls(lightgbm.Booster(model_file=path), heat)

    def write(self, path: Path) -> None:
        self._trees.save_model(path)

    def scores(self, features: np.ndarray) -> Floats:
        """(titles, kept, features) -> (titles, kept)."""
        flat = features.reshape(-1, features.shape[2])
        return np.asarray(self._trees.predict(flat, num_threads=1), np.float32).reshape(features.shape[:2])


def fold_of(languages: Sequence[str]) -> dict[str, int]:
    """Which fold each language is in."""
    return {language: n % FOLDS for n, language in enumerate(sorted(languages))}


def learn(lessons: Sequence[Lesson]) -> Ranker:
    """Trees from lessons in which at least one candidate is right."""
    features, right = [], []
    for lesson in lessons:
        known = np.random.default_rng(0).permutation(np.flatnonzero(lesson.right.any(axis=1)))[:MOST]
        features.append(lesson.features[known])
        right.append(lesson.right[known])
    together, answers = np.concatenate(features), np.concatenate(right)
    groups = [together.shape[1]] * len(together)
    data = lightgbm.Dataset(together.reshape(-1, together.shape[2]), answers.ravel().astype(int), group=groups)
    return Ranker(lightgbm.train(PARAMETERS, data, ROUNDS))


def heat_of(scored: Sequence[tuple[Floats, np.ndarray]]) -> float:
    """The factor that makes scores of unseen titles honest probabilities: least log loss. (scores, right) pairs."""
    tried = np.arange(0.2, 2.05, 0.1)
    losses = [sum(_loss(scores * heat, right) for scores, right in scored) for heat in tried]
    return float(round(tried[int(np.argmin(losses))], 2))


def _loss(scores: Floats, right: np.ndarray) -> float:
    hit = (probabilities(scores) * right).sum(axis=1)
    return float(-np.log(np.maximum(hit, 0.01)).sum())


def probabilities(scores: Floats) -> Floats:
    """Of each row, numbers between 0 and 1 that add up to one."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def right_ones(entries: Ints, meant: Sequence[set[int]]) -> np.ndarray:
    """Which candidates are among those meant: (titles, kept), true or false."""
    return np.array([[int(one) in some for one in row] for row, some in zip(entries, meant, strict=True)])


Lessons = Mapping[str, Lesson]
