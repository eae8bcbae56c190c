"""How fast the pipeline finds skills, and how right: `python -m bench.phrases PACK`, the folder of an imported pack.

Speed: real advertisements beside the checkout in the languages with skill labels, on one core. How right: the labelled
sentences of the benchmarks (English), as precision and recall; `bench.esco` scores the ranking that `classify` uses.
"""

import gzip
import html
import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from bench.languages import FEEDS, texts
from bench.places import SHARED, tell
from pendler.esco import PREFIX
from pendler.esco.stored import Stored
from services.match.language import detect
from services.match.phrases import SkillFinder

SPOKEN = ("en", "de", "fr", "nl", "sv", "fi", "es")


def sentences(name: str) -> list[dict[str, Any]]:
    with gzip.open(SHARED / "benchmarks" / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def main() -> None:
    finder = SkillFinder(Stored(Path(sys.argv[1])))
    real = [html.unescape(re.sub("<[^>]+>", "\n", text)) for name in FEEDS for text in texts(SHARED / "feeds" / name)]
    ads = [(text, language) for text in dict.fromkeys(real) if (language := detect(text)) in SPOKEN]
    began = time.process_time()
    for language in SPOKEN:
        finder.find("", language, None)
    opened = time.process_time() - began
    began = time.process_time()
    found = [finder.find(text, language, None) for text, language in ads]
    rate = len(ads) / (time.process_time() - began)
    letters = sum(len(text) for text, _ in ads) / len(ads)
    each = sum(map(len, found)) / len(ads)
    about = {"ads": len(ads), "letters": round(letters), "skills an ad": round(each, 2), "seconds to open": opened}
    tell("match/skills: speed of the pipeline's path", rate, "ads/s", about)
    for name in ("skill_tech_test", "skill_house_validation"):
        rows = sentences(name)
        answers = [{one.uri for one in finder.find(row["sentence"], "en", None)} for row in rows]
        gold = [{uri if uri.startswith("http") else PREFIX + uri for uri in row["gold"]} for row in rows]
        right = sum(len(one & true) for one, true in zip(answers, gold, strict=True))
        precision, recall = right / max(1, sum(map(len, answers))), right / sum(map(len, gold))
        tell(f"match/skills: {name}", precision, "precision", {"recall": round(recall, 3), "sentences": len(rows)})


if __name__ == "__main__":
    main()
