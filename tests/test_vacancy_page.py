"""The page of a vacancy shows what its text asks for, with the passage, in the reader's language."""

import json
import re
from pathlib import Path

import pytest
from lxml import html

from pendler.pages import render
from schemas.event import VacancyMatched

EXAMPLE = Path(__file__).parents[1] / "schemas" / "examples" / "vacancy.matched.v1" / "0.1-3.json"


def shown(language: str, **vacancy: object) -> tuple[str, list[str]]:
    """The words "in short", and the passages behind them."""
    given = json.loads(EXAMPLE.read_text("utf-8"))
    given["vacancy"] |= {"languages": [], "licences": [], "education": [], "experience": None, **vacancy}
    event = VacancyMatched.model_validate(given)
    around = {
        "way": None,
        "near": "",
        "work": "NL",
        "home": "",
        "cards": [],
        "neighbours": [],
        "regions": [],
        "similar": [],
    }
    context = {"event": event, "label": lambda uri, _: uri.rpartition("/")[2], "languages": [], "path": "/", **around}
    page = html.document_fromstring(render("services.search", "vacancy.html", language, context))
    short = page.find_class("short")[0]
    return re.sub(r"\s+", " ", short.text_content()), [found.get("title") for found in short.xpath(".//span[@title]")]


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ["German B1 (an advantage) (from the text)", "Driving licence B (from the text)", "usual in this"]),
        ("da", ["tysk B1 (en fordel) (fra teksten)", "Kørekort B (fra teksten)", "Færdigheder"]),
        ("fr", ["allemand B1 (un atout)", "Permis de conduire B", "Compétences"]),
    ],
)
def test_what_the_text_asks_for_is_shown_with_its_passage(language: str, says: list[str]) -> None:
    text, passages = shown(language)
    text = re.sub(r"(?<=\w)(?=B \()", " ", text)
    for said in says:
        assert said in text, text
    assert {"Duits (B1) is een pré", "Rijbewijs B vereist", "U last bruggen."} <= set(passages)


def test_what_the_source_states_is_shown_as_stated() -> None:
    text, _ = shown("en", experience={"years": 2, "required": True}, education=["ISCED3"])
    assert "Experience2 years" in text
    assert "Educationupper secondary school or vocational training" in text
