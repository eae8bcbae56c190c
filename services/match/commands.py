"""The command that codes titles: `pendler classify`."""

import json
import sys
from typing import Annotated, Any

import typer

from pendler.esco import Pack, lexicon
from schemas.vacancy import OccupationCode
from services.match.language import detect
from services.match.occupations import classify as coded

app = typer.Typer()


@app.command()
def classify(
    lang: Annotated[str | None, typer.Option(help="Language of the titles, where a line does not say.")] = None,
    pack: Annotated[str | None, typer.Option(help="Folder of an imported ESCO pack; none: our own lexicon.")] = None,
) -> None:
    """Read titles (NDJSON) and write their ESCO occupations and skills, line by line."""
    if pack:
        raise typer.BadParameter("packs cannot be imported yet; leave it out to use the lexicon", param_hint="--pack")
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(answer(json.loads(line), lang, lexicon()), ensure_ascii=False) + "\n")
            sys.stdout.flush()


def answer(asked: dict[str, Any], lang: str | None, pack: Pack) -> dict[str, Any]:
    """One line out for one line in."""
    title, text = asked["title"], asked.get("text") or ""
    language = asked.get("lang") or lang or detect(f"{title}\n{text}")
    codes = [OccupationCode.model_validate(code) for code in asked.get("codes") or ()]
    found = coded([(language, title)], codes, pack)
    shown = {"uri", "isco", "label", "score", "method", "evidence"}
    return {
        "id": asked.get("id"),
        "lang": language,
        "occupations": [one.model_dump(include=shown) for one in found],
        "skills": [],
    }
