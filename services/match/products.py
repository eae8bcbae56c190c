"""Products of sparse rows where they lie: of a title with the labels of a few entries, without making matrices."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from services.match.space import Space
from services.match.vectors import Floats, Ints

COMMON = 4.9
"""The rarity of a piece that one label of fifty has."""


@dataclass(frozen=True)
class Rows:
    """The rows of some labels, copied together: `starts` says where each begins in `columns` and `data`."""

    columns: np.ndarray
    data: np.ndarray
    starts: Ints
    empty: np.ndarray

    @classmethod
    def of(cls, matrix: sparse.csr_matrix, entries: Ints, labels: Ints, space: Space) -> "Rows":
        """The labels of an entry lie side by side, so whole entries are copied."""
        begins, ends = matrix.indptr[space.starts[entries]], matrix.indptr[space.starts[entries + 1]]
        spans = [slice(*span) for span in zip(begins.tolist(), ends.tolist(), strict=True)]
        sizes = matrix.indptr[labels + 1] - matrix.indptr[labels]
        columns = np.concatenate([*(matrix.indices[span] for span in spans), np.zeros(1, np.int32)])
        data = np.concatenate([*(matrix.data[span] for span in spans), np.zeros(1, np.float32)])
        return cls(columns, data, np.cumsum(sizes) - sizes, sizes == 0)


def products(asked: sparse.csr_matrix, forms: range, rows: Rows) -> Floats:
    """The greatest product of each of these rows with any of the forms."""
    weights = np.zeros(asked.shape[1], np.float32)
    best = np.zeros(len(rows.starts), np.float32)
    for form in forms:
        own = slice(asked.indptr[form], asked.indptr[form + 1])
        weights[asked.indices[own]] = asked.data[own]
        np.maximum(best, np.add.reduceat(weights[rows.columns] * rows.data, rows.starts), out=best)
        weights[asked.indices[own]] = 0
    best[rows.empty] = 0
    return best


def telling(letters: sparse.csr_matrix, rarity: Floats) -> sparse.csr_matrix:
    """Without the pieces that are in more than one label of fifty."""
    kept = rarity[letters.indices] > COMMON
    starts = np.append(0, np.cumsum(kept))[letters.indptr]
    return sparse.csr_matrix((letters.data[kept], letters.indices[kept], starts), shape=letters.shape)


def weighed_again(matrix: sparse.csr_matrix, weights: Floats) -> sparse.csr_matrix:
    """Each value times the weight of its column."""
    return sparse.csr_matrix((matrix.data * weights[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
