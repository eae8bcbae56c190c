"""How right the languages are: `python -m bench.languages`. Titles of 23 languages, and real texts of known language.

Titles: ESCO's preferred labels, beside the checkout, each as if advertised in its country, and as if in each other
country. Long texts: descriptions of 200 letters and more of the services' real files, which are in one language.
"""

import csv
import gzip
import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.places import SHARED, tell
from pendler.place_names import SPOKEN
from services.match.language import KNOWN, detect

TITLES, SEED, LONG = 500, 7, 200
NAMES = {"no": "nb"}
FEEDS = {
    "es_ecyl": "es",
    "fr_francetravail": "fr",
    "cz_mpsv": "cs",
    "no_nav": "nb",
    "se_jobtech": "sv",
    "no_amedia": "nb",
}
MEMBERS = ("description", "descripcion", "text", "text_formatted", "adtext", "adText", "cs", "annonstext")


def titles(language: str) -> list[str]:
    with gzip.open(SHARED / "esco" / f"occ_labels_{language}.csv.gz", "rt") as lines:
        rows = [row for row in csv.DictReader(lines) if row["kind"] == "pref" and row["uri"].startswith("occupation/")]
    return random.Random(SEED).sample([row["label"] for row in rows], TITLES)


def texts(folder: Path) -> Iterator[str]:
    """The long descriptions in the files of a feed."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield from long_members(json.loads(path.read_text("utf-8")))
        except ValueError:
            continue
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from long_members(list(csv.DictReader(lines, delimiter=";")))


def long_members(node: object, name: str = "") -> Iterator[str]:
    if isinstance(node, dict) and node.get("fuentecontenido", "ECYL") != "ECYL":
        return  # relayed, often in English or German
    if isinstance(node, dict):
        for key, value in node.items():
            yield from long_members(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from long_members(value, name)
    elif isinstance(node, str) and name in MEMBERS and len(node) >= LONG:
        yield node


def main() -> None:
    if not SHARED.is_dir():
        sys.exit(f"nothing at {SHARED}")
    known = KNOWN.split(",")
    given = {NAMES.get(code, code): titles(code) for code in known}
    home = {code: SPOKEN[code][0] for code in given}
    right = {code: share(code, some, home[code]) for code, some in given.items()}
    tell("match/language: titles at home", mean(right), "share right", {"titles": TITLES * len(given), "each": right})
    alone = {code: share(code, some, None) for code, some in given.items()}
    tell("match/language: titles, no country", mean(alone), "share right", {"titles": TITLES * len(given)})
    abroad = {code: share("en", given["en"], home[code]) for code in given if code != "en"}
    tell("match/language: English titles abroad", mean(abroad), "share right", {"countries": len(abroad)})
    joined = {code: share(code, [", ".join(some[n : n + 12]) for n in range(0, TITLES, 12)], None)
              for code, some in given.items()}  # fmt: skip
    tell("match/language: twelve titles together", mean(joined), "share right", {"each": joined})
    real = {name: list(dict.fromkeys(texts(SHARED / "feeds" / name))) for name in FEEDS}
    met = {name: share(FEEDS[name], some, None) for name, some in real.items() if some}
    counts = {name: len(some) for name, some in real.items()}
    weighed = sum(met[name] * counts[name] for name in met) / sum(counts.values())
    tell("match/language: real texts of 200 letters and more", weighed, "share right", {"each": met, "texts": counts})
    several = [text[:400] for some in real.values() for text in some]
    began = time.process_time()
    for text in several:
        detect(text, "DE")
    rate = len(several) / (time.process_time() - began)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell("match/language: speed, texts of 400 letters", rate, "texts/s", {"texts": len(several), "peak MB": memory})


def share(language: str, some: list[str], country: str | None) -> float:
    return round(sum(detect(text, country) == language for text in some) / len(some), 4)


def mean(shares: dict[str, float]) -> float:
    return sum(shares.values()) / len(shares)


if __name__ == "__main__":
    main()
