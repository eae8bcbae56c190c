"""Titles that were seen with a trusted code: what a pack learns from coded advertisements.

A title asks its nearest remembered ones; the closer they are, the more their occupations count beside the ranker's.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy import sparse

from services.match.space import Space
from services.match.titles import variants
from services.match.vectors import Floats, Ints, pieces, weighted

NEAREST = 30
STEEP = 6.0
"""A remembered title counts by its likeness to this power."""
FROM, SPAN, MOST = 0.25, 0.55, 0.85
"""Likeness of the nearest from which memory counts, over which it grows, and the most it counts."""


class Memory:
    """Remembered titles of one language: a row a title, the entry it meant, and how often."""

    def __init__(self, titles: sparse.csr_matrix, entries: Ints, counts: Floats) -> None:
        self._titles, self._entries, self._counts = titles.T.tocsr(), entries, np.log1p(counts)

    def recall(self, titles: list[str], space: Space) -> tuple[list[dict[int, float]], Floats]:
        """For each title: the share of each entry among its nearest, and how much that should count (0 to 1)."""
        forms = [(variants(title) or ("?",))[0] for title in titles]
        likeness = (weighted(pieces(forms), space.rarity["label"]) @ self._titles).toarray()
        kept = min(NEAREST, likeness.shape[1])
        nearest = np.argpartition(-likeness, kept - 1, axis=1)[:, :kept]
        close = np.take_along_axis(likeness, nearest, axis=1)
        weights = close**STEEP * self._counts[nearest]
        trust = np.clip((close.max(axis=1) - FROM) / SPAN, 0, 1) * MOST
        return [self._shares(some, each) for some, each in zip(nearest, weights, strict=True)], trust

    def _shares(self, nearest: Ints, weights: Floats) -> dict[int, float]:
        total = float(weights.sum()) or 1.0
        shares: dict[int, float] = {}
        for one, weight in zip(self._entries[nearest].tolist(), weights.tolist(), strict=True):
            shares[one] = shares.get(one, 0.0) + weight / total
        return shares


def remember(seen: Mapping[tuple[str, int], int], space: Space) -> dict[str, np.ndarray]:
    """The arrays of a memory from how often each (title, entry) was seen."""
    kept = [(forms[0], entry, count) for (title, entry), count in seen.items() if (forms := variants(title))]
    matrix = weighted(pieces([title for title, _, _ in kept]), space.rarity["label"])
    return {
        "data": matrix.data,
        "columns": matrix.indices,
        "starts": matrix.indptr,
        "entries": np.array([entry for _, entry, _ in kept]),
        "counts": np.array([count for _, _, count in kept], np.float32),
    }


def of_arrays(arrays: Mapping[str, np.ndarray], width: int) -> Memory:
    shape = (len(arrays["starts"]) - 1, width)
    matrix = sparse.csr_matrix((arrays["data"], arrays["columns"], arrays["starts"]), shape=shape)
    return Memory(matrix, arrays["entries"], arrays["counts"])


def load(folder: Path, space: Space) -> Memory | None:
    """The memory of a language; None where it has none."""
    if not folder.is_dir():
        return None
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    return of_arrays(arrays, len(space.rarity["label"]))
