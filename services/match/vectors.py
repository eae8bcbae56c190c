"""Texts as sparse vectors of features hashed into buckets: pieces of 2 to 5 letters within words, or stems. Pure.

No vocabulary is kept: a language is ready as soon as its file is mapped. Words are taken with a blank on each side,
so that a piece knows whether it begins or ends a word.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy import sparse

from pendler.text import sought

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
SHORTEST, LONGEST = 2, 5
PIECES, STEMS = 1 << 18, 1 << 16
"""Buckets. Two features of one bucket are taken for one another; in 35,000 labels that costs nothing measurable."""
ODD = np.uint64(0x9E3779B97F4A7C15)


def pieces(texts: Sequence[str], language: str | None = None) -> sparse.csr_matrix:  # noqa: ARG001
    """The pieces of folded texts: a row a text, 1 where it has the piece. Works on all letters of all texts at once."""
    joined = "\n".join(f" {text} " for text in texts)
    letters = np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    rows = np.cumsum(letters == ord("\n"))
    edge = (letters == ord(" ")) | (letters == ord("\n"))
    found_rows, found = [], []
    code = letters.copy()
    inside = np.zeros(len(letters), bool)
    for size in range(SHORTEST, LONGEST + 1):
        count = len(letters) - size + 1
        if count <= 0:
            break
        code = (code[:count] + np.uint64(size)) * ODD + letters[size - 1 :]
        inside = inside[:count] | (edge[size - 2 : size - 2 + count] if size > 2 else False)
        last = letters[size - 1 :]
        whole = ~inside & (letters[:count] != ord("\n")) & (last != ord("\n"))
        if size == SHORTEST:
            whole &= ~(edge[:count] & edge[1:])
        found.append(code[whole])
        found_rows.append(rows[:count][whole])
    return features(np.concatenate(found_rows), _bucket(np.concatenate(found), PIECES), (len(texts), PIECES))


def stems(texts: Sequence[str], language: str | None) -> sparse.csr_matrix:
    """The stems of the words of folded texts: a row a text."""
    split = [[_hashed(sought(word, language)[-1]) for word in text.split() if len(word) > 1] for text in texts]
    rows = np.repeat(np.arange(len(texts)), [len(words) for words in split])
    return features(rows, np.fromiter(chain.from_iterable(split), np.int64, len(rows)), (len(texts), STEMS))


Featured = Callable[[Sequence[str], str | None], sparse.csr_matrix]


def _hashed(stem: str) -> int:
    return crc32(stem.encode()) % STEMS


def _bucket(codes: npt.NDArray[np.uint64], buckets: int) -> Ints:
    mixed = (codes ^ (codes >> np.uint64(29))) * ODD
    return ((mixed >> np.uint64(40)) % np.uint64(buckets)).astype(np.int64)


def features(rows: Ints, columns: Ints, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Rows of features in buckets, each once, from the row and the bucket of each."""
    sorted_ = np.sort(rows * shape[1] + columns)
    once = sorted_[np.flatnonzero(np.diff(sorted_, prepend=-1))]  # np.unique hashes, in fifteen times the time
    rows, columns = once // shape[1], (once % shape[1]).astype(np.int32)
    starts = np.searchsorted(rows, np.arange(shape[0] + 1)).astype(np.int32)
    return sparse.csr_matrix((np.ones(len(columns), np.float32), columns, starts), shape=shape)


def rarity(matrix: sparse.csr_matrix) -> Floats:
    """How rare each feature is among the rows: ln((1 + n) / (1 + df)) + 1."""
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    weights: Floats = (np.log((1 + matrix.shape[0]) / (1 + counts)) + 1).astype(np.float32)
    return weights


def lengths(matrix: sparse.csr_matrix, weights: Floats) -> Floats:
    """The length of each row when its features are weighed; 1 for a row without any."""
    found: Floats = np.sqrt(matrix.multiply(matrix) @ (weights * weights)).astype(np.float32)
    found[np.diff(matrix.indptr) == 0] = 1
    return found


def weighted(matrix: sparse.csr_matrix, weights: Floats) -> sparse.csr_matrix:
    """Rows of length one, each feature by its rarity."""
    values = weights[matrix.indices] / np.repeat(lengths(matrix, weights), np.diff(matrix.indptr))
    return sparse.csr_matrix((values.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
