"""How right the occupations are: `make eval`. The benchmarks it finds beside the checkout, through `pendler classify`.

    python -m bench.esco [--pack DIR] [--out FILE] [melo|jobbert|skills|lexicon ...]

MELO: the pack has no crosswalk titles, and each language is ranked by trees that never saw it. JobBERT: five folds;
the titles of a fold, in any spelling of the same words, are in none of those that the pack learns.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

from bench.coded_titles import BENCHMARKS, ESCO, Coded, advertisement_titles, classification_titles
from pendler.esco import PREFIX, normal
from pendler.esco.stored import Stored, current
from pendler.searchable import SURE
from pendler.settings import Settings
from services.match.aliases import learn, read
from services.match.coding import Asked, open_coder
from services.match.esco_files import open_files
from services.match.importing import import_esco

PUBLISHED = {
    "melo": {"a1": {"e5-mistral-7b": 0.466, "OpenAI large": 0.461, "char TF-IDF": 0.411}, "mrr": {"best": 0.549}},
    "jobbert": {"mrr": {"zero-shot encoders, about": 0.31}},
    "skills": {"rp5": {"ConTeXT-match": 0.640}},
    "lexicon": {},
}
FOLDS = 5


def score(gold: str, pack: Path) -> dict[str, Any]:
    """What the benchmarks' own scorer says of `pendler classify`."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [sys.executable, str(BENCHMARKS / "eval_esco.py"), "run", "--gold", gold, "--json", out.name]
        command += ["--meta", str(ESCO / "occupations_meta.csv.gz"), "--anchors", str(BENCHMARKS / "anchors_melo.json")]
        command += ["--cmd", f"{sys.executable} -m pendler classify --pack {pack}"]
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, **single})
        found: dict[str, Any] = json.loads(Path(out.name).read_text())
        return found


def melo(pack: Path) -> dict[str, Any]:
    """The twelve sets, the mean, and in how many languages nothing published is better at rank one."""
    found = score(str(BENCHMARKS / "melo_*.jsonl.gz"), pack)
    sets = {name: one for name, one in found.items() if name.startswith("melo_")}
    best = [name for name, one in sets.items() if one["a1"] > max(other["a1"] for other in one["anchors"].values())]
    kept = {name: {key: value for key, value in one.items() if key != "anchors"} for name, one in sets.items()}
    return {**found["MACRO_titles"], "cases": sum(one["n"] for one in sets.values()), "best_in": best, "sets": kept}


def jobbert(pack: Path) -> dict[str, Any]:
    """Five folds: what a pack answers to titles that it has not seen after it has learnt the others."""
    with gzip.open(BENCHMARKS / "jobbert_val.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    folds = [list(_fold(pack, rows, fold)) for fold in range(FOLDS)]
    scored = [one for fold in folds for one in fold]
    cases = sum(one["n"] for one in scored)
    weighed = {key: sum(one[key] * one["n"] for one in scored) / cases for key in ("mrr", "a1", "a5", "a10")}
    return {**{key: round(value, 4) for key, value in weighed.items()}, "cases": cases, "folds": scored}


def _fold(pack: Path, rows: list[dict[str, Any]], fold: int) -> Iterator[dict[str, Any]]:
    held = [crc32(normal(row["query"]).encode()) % FOLDS == fold for row in rows]
    known = [
        json.dumps({"language": "en", "title": row["query"], "uri": PREFIX + uri})
        for row, out in zip(rows, held, strict=True)
        if not out
        for uri in row["gold"]
    ]
    with tempfile.TemporaryDirectory(dir=pack.parents[2]) as home:
        learnt, _ = learn(read(known), pack, Path(home))
        gold = Path(home) / "fold.jsonl"
        gold.write_text("".join(json.dumps(row) + "\n" for row, out in zip(rows, held, strict=True) if out))
        yield {key: value for key, value in score(str(gold), learnt)["jobbert_val"].items() if key != "anchors"}


def skills(pack: Path) -> dict[str, Any]:
    """Sentences of technical advertisements -> skills."""
    return score(str(BENCHMARKS / "skill_*.jsonl.gz"), pack)


def lexicon(_: Path) -> dict[str, Any]:
    """Our own lexicon alone: the share of titles with the right ISCO unit group at rank one, set by set."""
    kinds = {"classifications": classification_titles, "advertisements": advertisement_titles}
    found = {kind: {name: _right(rows) for name, rows in titles()} for kind, titles in kinds.items()}
    means = {
        f"{kind}_mean": round(sum(one["isco4"] for one in sets.values()) / len(sets), 4) for kind, sets in found.items()
    }
    return {**means, **found}


def _right(rows: list[Coded]) -> dict[str, Any]:
    asked = [row for row in rows if row.groups]
    answers = open_coder(None).classify([Asked([(row.language, row.title)]) for row in asked])
    right = [bool(some) and row.right(some[0].isco) for row, some in zip(asked, answers, strict=True)]
    sure = [ok for ok, some in zip(right, answers, strict=True) if some and some[0].score >= SURE]
    told = {"sure": len(sure), "isco4_of_sure": round(sum(sure) / max(1, len(sure)), 4)}
    return {"isco4": round(sum(right) / max(1, len(right)), 4), "cases": len(asked), **told}


SETS = {"melo": melo, "jobbert": jobbert, "skills": skills, "lexicon": lexicon}


def main() -> None:
    """Runs what is asked for, or all, and writes one JSON object."""
    asked = ArgumentParser(description=__doc__)
    asked.add_argument("sets", nargs="*", default=list(SETS))
    asked.add_argument("--pack", type=Path)
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    if not BENCHMARKS.is_dir():
        sys.exit(f"no benchmarks at {BENCHMARKS}")
    pack = given.pack or (pack_in_use() if given.sets != ["lexicon"] else Path())
    found = {name: {"published": PUBLISHED[name], "measured": SETS[name](pack.absolute())} for name in given.sets}
    written = json.dumps({"pack": str(pack), **found}, indent=1)
    if given.out:
        given.out.write_text(written + "\n")
    print(written)


def pack_in_use() -> Path:
    """The pack in use; where there is none, one is imported from the compact files beside the checkout."""
    home = Settings().home
    used = current(home)
    if isinstance(used, Stored):
        return used.folder
    return import_esco(open_files(ESCO), home, lambda line: print(line, file=sys.stderr, flush=True))


if __name__ == "__main__":
    main()
