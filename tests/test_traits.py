"""Filters on what advertisements say of the post, from the vacancy to whether it fits; and what they do not say."""

import json
from pathlib import Path
from typing import Any

import pytest

from pendler.esco import isco_uri
from pendler.searchable import fits, held_terms, searchable
from pendler.traits import traits
from pendler.wanted import Said, wanted
from schemas.event import VacancyMatched
from schemas.query import Query

EXAMPLE = Path(__file__).parents[1] / "schemas" / "examples" / "vacancy.matched.v1" / "0.1-3.json"


def event(vacancy: dict[str, Any], findings: list[dict[str, Any]]) -> VacancyMatched:
    given = json.loads(EXAMPLE.read_text("utf-8"))
    given["ref"] = f"test:{hash((str(vacancy), str(findings)))}"  # what was made of a version is remembered
    silent = {"languages": [], "licences": [], "education": [], "experience": None, "pay": None, "remote": None}
    given["vacancy"] |= {**silent, "schedule": None, "offering": None, "eures_flag": None, **vacancy}
    given["derived"] |= {"findings": findings, "language": "nl"}
    return VacancyMatched.model_validate(given)


NL, FR = {"language": "nl"}, {"language": "fr"}
CASES: list[tuple[dict[str, Any], list[dict[str, Any]], str, str | None]] = [
    ({"languages": [NL]}, [], "speaks=nl,fr", "met"),
    ({"languages": [NL, FR]}, [], "speaks=nl,fr", "met"),
    ({"languages": [NL, FR]}, [], "speaks=nl", None),
    ({"languages": [{**FR, "required": False}]}, [], "speaks=nl", "unsaid"),
    ({}, [], "speaks=nl", "unsaid"),  # it is written in Dutch
    ({}, [], "speaks=fr", None),
    ({}, [{"kind": "language", "value": "de"}], "speaks=de", "met"),
    ({}, [{"kind": "language", "value": "de", "required": False}], "speaks=de", None),
    ({"licences": ["B"]}, [], "licence=B", "met"),
    ({"licences": ["B", "CE"]}, [], "licence=B", None),
    ({}, [{"kind": "licence", "value": ""}], "licence=B", "met"),
    ({}, [], "licence=B", "unsaid"),
    ({"education": ["ISCED3"]}, [], "education=3", "met"),
    ({"education": ["ISCED6", "ISCED5"]}, [], "education=5", "met"),
    ({"education": ["EQF6"]}, [], "education=5", None),
    ({}, [{"kind": "education", "value": "ISCED7"}], "education=6", None),
    ({"experience": {"years": 2.5}}, [], "experience=3", "met"),
    ({"experience": {"years": 2.5}}, [], "experience=2", None),
    ({"experience": {"required": True}}, [], "experience=0", None),
    ({"experience": {"required": False}}, [], "experience=0", "met"),
    ({}, [{"kind": "experience", "value": "5"}], "experience=4", None),
    ({"schedule": "PartTime"}, [], "schedule=PartTime", "met"),
    ({"schedule": "Any"}, [], "schedule=PartTime", "met"),
    ({"schedule": "FullTime"}, [], "schedule=PartTime", None),
    ({}, [], "schedule=PartTime", "unsaid"),
    ({"offering": "Apprenticeship"}, [], "offering=Apprenticeship", "met"),
    ({"remote": True}, [], "remote=yes", "met"),
    ({}, [{"kind": "remote", "value": "hybrid"}], "remote=yes", "met"),
    ({"remote": False}, [], "remote=yes", None),
    ({"eures_flag": True}, [], "abroad=yes", "met"),
    ({"eures_flag": False}, [], "abroad=yes", None),
    ({"pay": {"yearly_minimum": 30000, "yearly_maximum": 40000}}, [], "pay=35000", "met"),
    ({"pay": {"yearly_minimum": 30000}}, [], "pay=35000", None),
    ({"pay": {"source_text": "naar ervaring"}}, [], "pay=35000", "unsaid"),
    ({"employer": {"name": "Staalbouw  NOORD"}}, [], "employer=staalbouw noord", "met"),
    ({"employer": {"name": None}}, [], "employer=staalbouw noord", None),
    ({"programmes": ["50+"]}, [], "programme=50%2B", "met"),
    ({}, [], "programme=50%2B", None),
    ({"education": ["EQF6"]}, [], "qualified=high", "met"),
    ({"education": ["EQF6", "ISCED4"]}, [], "qualified=high", None),
    ({}, [], "qualified=high", None),  # a welder
]


@pytest.mark.parametrize(("vacancy", "findings", "asked", "verdict"), CASES, ids=str)
def test_what_is_asked_is_met_or_not_said_or_neither(
    vacancy: dict[str, Any], findings: list[dict[str, Any]], asked: str, verdict: str | None
) -> None:
    name, value = asked.replace("%2B", "+").split("=")
    found = searchable(event(vacancy, findings))
    query = Query.parse([(name, value)])
    expected = {Said.EITHER: verdict is not None, Said.MET: verdict == "met", Said.UNSAID: verdict == "unsaid"}
    for said, right in expected.items():
        asking = wanted(query).__class__(**{**vars(wanted(query)), "said": said})
        assert fits(asking, found, held_terms(found)) is right, said
    strict = wanted(query.model_copy(update={"strict": True}))
    assert fits(strict, found, held_terms(found)) is (verdict == "met")


@pytest.mark.parametrize(
    ("isco", "score", "found"),
    [
        ("2512", 0.9, True),
        ("1321", 0.9, True),
        ("3115", 0.9, True),
        ("4110", 0.9, False),
        ("2512", 0.1, False),
        ("", 1, False),
    ],
)
def test_highly_qualified_is_a_group_too_and_stays_so_when_closed(isco: str, score: float, found: bool) -> None:
    given = event({}, []).model_dump(mode="json")
    code = {"uri": isco_uri(isco), "isco": isco, "label": "", "score": score, "method": "isco-code"}
    given["derived"]["occupations"] = [code]
    open_one = VacancyMatched.model_validate(given)
    closed = open_one.model_copy(update={"vacancy": None})
    assert ["qualified=high" in traits(one) for one in (open_one, closed)] == [found, found]
