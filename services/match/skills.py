"""Sentences -> ESCO skills, ranked: by stems and pairs of stems, label by label and by what a skill's labels share.

    score = nearest label + 0.1 share of a label's words that are there + centre + 0.5 centre of pieces + prior

The weights were chosen on a validation set; none of the sentences that are scored is learnt from.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
from scipy import sparse

from pendler.text import fold, sought, words
from services.match.space import labelled, members, read, unit, written
from services.match.vectors import Floats, features, lengths, pieces, rarity, weighted

BUCKETS = 1 << 18
MOST = 20
LONGEST = 4000
"""Letters of a text that are looked at, folded."""
SILENT_WORDS = (
    "a an the and or of to in for with on at by as is are be you your we our will from that this it its "
    "der die das und oder im mit für von zu den de het een en van voor met op le la les et des du pour un une "
    "och i att med för på av ett og til"
)
SILENT = frozenset(SILENT_WORDS.split())
MATRICES = ("label", "centre", "centre_pieces")


def grams(texts: Sequence[str], language: str | None) -> sparse.csr_matrix:
    """The stems of folded texts, and their pairs: a row a text."""
    rows: list[int] = []
    found: list[int] = []
    for row, text in enumerate(texts):
        stemmed = [sought(word, language)[-1] for word in text.split() if word not in SILENT]
        told = [*stemmed, *(f"{one} {next_one}" for one, next_one in pairwise(stemmed))]
        rows.extend([row] * len(told))
        found.extend(crc32(one.encode()) % BUCKETS for one in told)
    return features(np.array(rows, np.int64), np.array(found, np.int64), (len(texts), BUCKETS))


def build(language: str, labels: Sequence[Sequence[str]], needed: Sequence[int]) -> dict[str, np.ndarray]:
    """The arrays of a language from the labels of each skill and in how many occupations it is needed."""
    given = labelled(labels)
    together = members(given.starts, len(given.texts))
    told, letters = grams(given.texts, language), pieces(given.texts)
    rare, rare_pieces = rarity(told), rarity(letters)
    label = weighted(told, rare)
    centres = {"centre": unit(together @ label), "centre_pieces": unit(together @ weighted(letters, rare_pieces))}
    matrices = {"label": label.T, **{name: matrix.T for name, matrix in centres.items()}}
    return {
        "starts": given.starts,
        "length": lengths(told, rare),
        "rarity": rare,
        "pieces_rarity": rare_pieces,
        "prior": np.log1p(np.array(needed, np.float32)),
        **{key: array for name, matrix in matrices.items() for key, array in written(name, matrix)},
    }


class Skills:
    """The skills of one language, numbered as in the pack."""

    def __init__(self, language: str, arrays: Mapping[str, np.ndarray]) -> None:
        self.language = language
        self._starts, self._length = np.asarray(arrays["starts"]), np.asarray(arrays["length"])
        self._rarity, self._pieces_rarity = np.asarray(arrays["rarity"]), np.asarray(arrays["pieces_rarity"])
        self._prior = np.asarray(arrays["prior"])
        self._matrix = {name: read(name, arrays) for name in MATRICES}

    def rank(self, texts: Sequence[str]) -> list[list[tuple[int, float]]]:
        """The likeliest skills of each text, best first: (number, score from 0 to 1)."""
        folded = [" ".join(map(fold, words(text[:LONGEST]))) for text in texts]
        told = grams(folded, self.language)
        near = (weighted(told, self._rarity) @ self._matrix["label"]).toarray()
        first = self._starts[:-1]
        covered = np.maximum.reduceat(near / self._length, first, axis=1) * lengths(told, self._rarity)[:, None]
        scores = np.maximum.reduceat(near, first, axis=1) + 0.1 * covered + 0.01 * self._prior
        scores += (weighted(told, self._rarity) @ self._matrix["centre"]).toarray()
        letters = weighted(pieces(folded), self._pieces_rarity)
        scores += 0.5 * (letters @ self._matrix["centre_pieces"]).toarray()
        return [_best(row) if text else [] for row, text in zip(scores, folded, strict=True)]


def _best(scores: Floats) -> list[tuple[int, float]]:
    kept = np.argpartition(-scores, min(MOST, len(scores) - 1))[:MOST]
    order = kept[np.argsort(-scores[kept], kind="stable")]
    return [(int(one), round(min(1.0, float(scores[one]) / 2.5), 4)) for one in order if scores[one] > 0]


def load(folder: Path, language: str) -> Skills | None:
    """The skills of a language; None where the pack has no labels of them."""
    if not folder.is_dir():
        return None
    return Skills(language, {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")})
