"""One language of a pack as sparse matrices: every label, and for each entry what its labels have in common.

An entry is an ESCO occupation or an ISCO unit group; all languages number them alike. The matrices lie in `.npy`
files that are mapped into memory, so that a pack is ready at once and only what is used is read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from services.match.titles import variants
from services.match.vectors import Floats, Ints, lengths, pieces, rarity, stems, weighted

Arrays = Mapping[str, np.ndarray]
MATRICES = (
    "label_stem",
    "centre",
    "centre_stem",
    "peak_stem",
    "group",
    "group_stem",
    "branch",
    "first",
    "last",
)


@dataclass(frozen=True)
class Labelled:
    """Labels in the order of their entries: those of entry n are `texts[starts[n]:starts[n + 1]]`."""

    texts: Sequence[str]
    starts: Ints


class Space:
    """The matrices of a language. `label*` have a row a label, all others a column an entry or group.

    `label` only says which pieces a label has: their weights are `rarity` over `label_length`.
    """

    def __init__(self, language: str, arrays: Arrays) -> None:
        self.language = language
        self.starts = np.asarray(arrays["starts"])
        self.words, self.letters = np.asarray(arrays["words"]), np.asarray(arrays["letters"])
        self.owners, self.stem_length = np.asarray(arrays["owners"]), np.asarray(arrays["stem_length"])
        self.groups, self.branches = np.asarray(arrays["groups"]), np.asarray(arrays["branches"])
        self.rarity = {name: np.asarray(arrays[f"{name}_rarity"]) for name in ("label", "stem", "first", "last")}
        self.matrix = {name: read(name, arrays) for name in MATRICES}
        self.matrix["label"] = read("label", {**arrays, "label_data": _ones(len(arrays["label_columns"]))})
        self.label_length = np.asarray(arrays["label_length"])

        self._text, self._text_ends = np.asarray(arrays["text"]), np.asarray(arrays["text_ends"])

    def evidence(self, label: int) -> str:
        """A label in its compared form, as it is told to people."""
        begin = int(self._text_ends[label - 1]) if label else 0
        text = self._text[begin : int(self._text_ends[label])].tobytes().decode()
        return f"“{text}”, a label in {self.language}"


def labelled(labels: Sequence[Sequence[str]]) -> Labelled:
    """The labels of each entry, in the forms of their genders, each once; the first stays the first."""
    each = [list(dict.fromkeys(form for label in some for form in variants(label))) or [""] for some in labels]
    starts = np.cumsum([0, *map(len, each)])
    return Labelled([form for forms in each for form in forms], starts)


def build(language: str, given: Labelled, isco: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays of a language from its labels and the ISCO unit group of each entry."""
    texts, starts = given.texts, given.starts
    together = members(starts, len(texts))
    groups, branches = _numbered([code[:4] for code in isco]), _numbered([code[:3] for code in isco])
    letters, stemmed = pieces(texts), stems(texts, language)
    rare, rare_stem = rarity(letters), rarity(stemmed)
    label, label_stem = weighted(letters, rare), weighted(stemmed, rare_stem)
    centre, centre_stem = unit(together @ label), unit(together @ label_stem)
    ends = {name: [text.split()[at] if text else "" for text in texts] for name, at in (("first", 0), ("last", -1))}
    end_pieces = {name: pieces(words) for name, words in ends.items()}
    matrices = {
        "label_stem": label_stem,
        "centre": centre.T,
        "centre_stem": centre_stem.T,
        "peak_stem": _peak(label_stem, starts).T,
        "group": unit(_sum(groups) @ centre).T,
        "group_stem": unit(_sum(groups) @ centre_stem).T,
        "branch": unit(_sum(branches) @ centre).T,
        **{name: unit(together @ weighted(found, rarity(found))).T for name, found in end_pieces.items()},
    }
    return {
        **_told(texts),
        "starts": starts.astype(np.int64),
        "label_columns": letters.indices,
        "label_starts": letters.indptr,
        "label_width": np.array([letters.shape[1]]),
        "label_length": lengths(letters, rare),
        "stem_length": lengths(stemmed, rare_stem),
        "groups": groups,
        "branches": branches,
        "label_rarity": rare,
        "stem_rarity": rare_stem,
        **{f"{name}_rarity": rarity(found) for name, found in end_pieces.items()},
        **{key: array for name, matrix in matrices.items() for key, array in written(name, matrix)},
    }


def _told(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """The labels themselves, their words and letters, and how many entries have each."""
    counted, written = Counter(texts), [text.encode() for text in texts]
    return {
        "text": np.frombuffer(b"".join(written), np.uint8),
        "text_ends": np.cumsum([len(text) for text in written]),
        "words": np.array([text.count(" ") + 1 for text in texts], np.float32),
        "letters": np.array([len(text) for text in texts], np.float32),
        "owners": np.array([counted[text] for text in texts], np.float32),
    }


def save(folder: Path, arrays: Arrays) -> None:
    """Writes each array to its file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def load(folder: Path, language: str) -> Space:
    """Maps a language that `save` wrote."""
    return Space(language, {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")})


_shared_ones: Floats = np.ones(0, np.float32)


def _ones(count: int) -> Floats:
    """Ones, of which all languages share the longest run: in `label` a piece is there or not."""
    global _shared_ones
    if len(_shared_ones) < count:
        _shared_ones = np.ones(count, np.float32)
    return _shared_ones[:count]


def members(starts: Ints, count: int) -> sparse.csr_matrix:
    ones = np.ones(count, np.float32)
    return sparse.csr_matrix((ones, np.arange(count), starts), shape=(len(starts) - 1, count))


def _sum(groups: Ints) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(groups), np.float32), (groups, np.arange(len(groups)))))


def _numbered(codes: Sequence[str]) -> Ints:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def unit(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1
    return (sparse.diags((1 / lengths).astype(np.float32)) @ matrix).tocsr()


def _peak(matrix: sparse.csr_matrix, starts: Ints) -> sparse.csr_matrix:
    """A row an entry: of each feature the greatest value it has in one of the entry's labels."""
    owners = np.repeat(np.arange(len(starts) - 1), np.diff(matrix.indptr[starts]))
    keys = owners.astype(np.int64) * matrix.shape[1] + matrix.indices
    order = np.lexsort((matrix.data, keys))
    keys, values = keys[order], matrix.data[order]
    last = np.append(keys[1:] != keys[:-1], True) if len(keys) else np.zeros(0, bool)
    place = (keys[last] // matrix.shape[1], keys[last] % matrix.shape[1])
    return sparse.csr_matrix((values[last], place), shape=(len(starts) - 1, matrix.shape[1]))


def written(name: str, matrix: sparse.spmatrix) -> list[tuple[str, np.ndarray]]:
    rows = matrix.tocsr()
    return [
        (f"{name}_data", rows.data.astype(np.float32)),
        (f"{name}_columns", rows.indices.astype(np.int32)),
        (f"{name}_starts", rows.indptr.astype(np.int32)),
        (f"{name}_width", np.array([rows.shape[1]])),
    ]


def read(name: str, arrays: Arrays) -> sparse.csr_matrix:
    data, columns, starts = (np.asarray(arrays[f"{name}_{part}"]) for part in ("data", "columns", "starts"))
    shape = (len(starts) - 1, int(arrays[f"{name}_width"][0]))
    return sparse.csr_matrix((data, columns, starts), shape=shape, copy=False)
