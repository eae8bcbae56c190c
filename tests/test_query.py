"""A search as request parameters: what is understood, what is refused and how, and that nothing is lost on the way."""

from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.partnership import partnerships
from schemas.query import MANY, Query, QueryError, Shown, Sort
from schemas.vacancy import Offering, Schedule

Pairs = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], Query()),
        ([("q", "")], Query()),
        ([("q", "   "), ("near", "\t"), ("km", " "), ("country", "")], Query()),
        ([("q", " lasser ")], Query(q="lasser")),
        ([("q", "C++ & C#")], Query(q="C++ & C#")),
        ([("lang", "nb")], Query(lang="nb")),
        ([("country", "NL"), ("country", "be")], Query(country=("NL", "BE"))),
        ([("country", " de ")], Query(country=("DE",))),
        (
            [("country", "NL,BE"), ("speaks", "nl, FR"), ("licence", "b,ce")],
            Query(country=("NL", "BE"), speaks=("nl", "fr"), licence=("B", "CE")),
        ),
        ([("minutes", "45"), ("near", "9060 Zelzate")], Query(minutes=45, near="9060 Zelzate")),
        (
            [("schedule", "PartTime"), ("offering", "Apprenticeship")],
            Query(schedule=(Schedule.PART_TIME,), offering=(Offering.APPRENTICESHIP,)),
        ),
        (
            [("pay", "30000"), ("strict", "true"), ("since", "2026-11-01")],
            Query(pay=30_000, strict=True, since=date(2026, 11, 1)),
        ),
        ([("partnership", "oresund")], Query(partnership=("oresund",))),
        ([("country", "GR"), ("country", "gb")], Query(country=("EL", "UK"))),
        ([("nuts", "gr"), ("nuts", "be234"), ("nuts", "UKI")], Query(nuts=("EL", "BE234", "UKI"))),
        ([("occupation", "7212"), ("occupation", "isco/C2221")], Query(occupation=("7212", "isco/C2221"))),
        ([("source", "nl-uwv"), ("source", ""), ("source", "be-vdab")], Query(source=("nl-uwv", "be-vdab"))),
        ([("near", " Zelzate "), ("km", "30")], Query(near="Zelzate", km=30)),
        ([("km", "1")], Query(km=1)),
        ([("km", "500")], Query(km=500)),
        ([("limit", "0")], Query(limit=0)),
        ([("limit", "100")], Query(limit=100)),
        ([("q", "x" * 200)], Query(q="x" * 200)),
        ([("status", "closed"), ("sort", "deadline")], Query(status=Shown.CLOSED, sort=Sort.DEADLINE)),
        ([("cursor", "abc=")], Query(cursor="abc=")),
    ],
    ids=str,
)
def test_reads_parameters(pairs: Pairs, expected: Query) -> None:
    assert Query.parse(pairs) == expected


def problems(pairs: Pairs) -> list[dict[str, str]]:
    with pytest.raises(QueryError) as caught:
        Query.parse(pairs)
    assert str(caught.value), "an error says something"
    return caught.value.errors


@pytest.mark.parametrize(
    ("pairs", "parameter", "said"),
    [
        ([("km", "0")], "km", "greater than or equal to 1"),
        ([("km", "-5")], "km", "greater than or equal to 1"),
        ([("km", "501")], "km", "less than or equal to 500"),
        ([("km", "abc")], "km", "valid integer"),
        ([("km", "12.5")], "km", "valid integer"),
        ([("km", "nan")], "km", "valid integer"),
        ([("limit", "101")], "limit", "less than or equal to 100"),
        ([("limit", "-1")], "limit", "greater than or equal to 0"),
        ([("limit", "9" * 5000)], "limit", "integer"),
        ([("sort", "foo")], "sort", "'relevance', 'newest', 'nearest' or 'deadline'"),
        ([("sort", "NEWEST")], "sort", "'newest'"),
        ([("status", "open")], "status", "'active', 'closed' or 'any'"),
        ([("country", "Netherlands")], "country", "pattern"),
        ([("country", "NL\nX")], "country", "pattern"),
        ([("country", "NL"), ("country", "B1")], "country", "pattern"),
        ([("nuts", "BE2345")], "nuts", "pattern"),
        ([("nuts", "B")], "nuts", "pattern"),
        ([("lang", "eng")], "lang", "pattern"),
        ([("lang", "NL")], "lang", "pattern"),
        ([("q", "x" * 300)], "q", "at most 200"),
        ([("near", "x" * 101)], "near", "at most 100"),
        ([("occupation", "x" * 121)], "occupation", "at most 120"),
        ([("source", "x" * 61)], "source", "at most 60"),
        ([("cursor", "x" * 501)], "cursor", "at most 500"),
        ([("minutes", "4")], "minutes", "greater than or equal to 5"),
        ([("schedule", "Fulltime")], "schedule", "Did you mean “FullTime”?"),
        ([("offering", "Internshp")], "offering", "Allowed are: DirectHire, Temporary,"),
        ([("partnership", "øresund")], "partnership", "Did you mean “oresund”?"),
        ([("speaks", "nl,de,fr,en,da,sv,nb,fi,pl")], "speaks", "at most 8"),
        ([("remote", "maybe")], "remote", "'yes' or 'no'"),
        ([("since", "yesterday")], "since", "date"),
        ([("pay", "0")], "pay", "greater than or equal to 1"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_wrong_value_is_named_with_what_would_be_right(pairs: Pairs, parameter: str, said: str) -> None:
    (error,) = problems(pairs)
    assert error["parameter"] == parameter
    assert said in error["detail"]
    given_value = pairs[-1][1].upper() if parameter in ("country", "nuts") else pairs[-1][1]
    assert error["value"] == given_value[:80]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("contry", "country"),
        ("Country", "country"),
        ("occupations", "occupation"),
        ("sorting", "sort"),
        ("limits", "limit"),
        ("nutz", "nuts"),
        ("zzzzzzz", None),
        ("", None),
        ("model_config", None),
        ("x" * 5000, None),
    ],
    ids=lambda one: str(one)[:20],
)
def test_an_unknown_parameter_is_named_with_the_nearest_known_one(name: str, hint: str | None) -> None:
    (error,) = problems([(name, "1"), ("q", "lasser")])
    assert error["parameter"] == name[:60]
    assert ("Did you mean" in error["detail"]) is (hint is not None)
    assert hint is None or f"Did you mean “{hint}”?" in error["detail"]
    assert all(known in error["detail"] for known in Query.model_fields), "says what is allowed"


def test_every_problem_is_told_at_once() -> None:
    assert [error["parameter"] for error in problems([("km", "0"), ("limit", "101"), ("country", "x")])] == [
        "country",
        "km",
        "limit",
    ]
    assert [error["parameter"] for error in problems([("contry", "NL"), ("offset", "1")])] == ["contry", "offset"]


@pytest.mark.parametrize(
    ("query", "changes", "url"),
    [
        (Query(), {}, "/"),
        (Query(q="kok & ober", country=("NL", "BE")), {}, "/?q=kok+%26+ober&country=NL&country=BE"),
        (Query(q="kok", cursor="abc"), {}, "/?q=kok"),
        (Query(q="kok", cursor="abc"), {"cursor": "def"}, "/?q=kok&cursor=def"),
        (Query(q="kok", sort=Sort.NEAREST), {"q": ""}, "/?sort=nearest"),
        (Query(country=("NL",)), {"country": ()}, "/"),
        (Query(country=("NL", "BE")), {"country": ["BE"]}, "/?country=BE"),
        (Query(country=("NL",)), {"country": []}, "/"),
        (Query(), {"sort": Sort.DEADLINE, "limit": 0}, "/?sort=deadline&limit=0"),
    ],
    ids=lambda one: one.url("") if isinstance(one, Query) else str(one),
)
def test_the_address_of_a_search_leaves_defaults_out_and_starts_at_the_first_page(
    query: Query, changes: dict[str, Any], url: str
) -> None:
    assert query.url("/", **changes) == url


def texts(size: int) -> st.SearchStrategy[str]:
    return st.text(max_size=size)


VALUES: dict[str, st.SearchStrategy[str]] = {
    "q": texts(200),
    "lang": st.from_regex(r"[a-z]{2}", fullmatch=True),
    "country": st.from_regex(r"[A-Za-z]{2}", fullmatch=True),
    "nuts": st.from_regex(r" ?[A-Za-z]{2}[0-9A-Za-z]{0,3}", fullmatch=True),
    "also": texts(200),
    "partnership": st.sampled_from(sorted(partnerships())),
    "occupation": st.text(min_size=1, max_size=120),
    "skill": st.text(min_size=1, max_size=120),
    "offering": st.sampled_from(Offering).map(str),
    "schedule": st.sampled_from(Schedule).map(str),
    "speaks": st.lists(st.from_regex(r"[A-Za-z]{2}", fullmatch=True), min_size=1, max_size=1).map(",".join),
    "licence": st.sampled_from(["b", "BE", "C1"]),
    "education": st.integers(0, 8).map(str),
    "experience": st.integers(0, 60).map(str),
    "pay": st.integers(1, 1_000_000).map(str),
    "remote": st.sampled_from(["yes", "no"]),
    "abroad": st.just("yes"),
    "programme": st.text(min_size=1, max_size=120),
    "qualified": st.just("high"),
    "employer": texts(200),
    "since": st.dates().map(str),
    "minutes": st.integers(5, 240).map(str),
    "strict": st.sampled_from(["true", "false"]),
    "source": texts(60),
    "near": texts(100),
    "km": st.integers(1, 500).map(str),
    "status": st.sampled_from(Shown).map(str),
    "sort": st.sampled_from(Sort).map(str),
    "limit": st.integers(0, 100).map(str),
    "cursor": texts(500),
}
PAIRS = st.lists(
    st.one_of([st.tuples(st.just(name), value) for name, value in VALUES.items()]),
    max_size=8,
    unique_by=lambda pair: pair if pair[0] in MANY else pair[0],
)
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_every_parameter_is_tried() -> None:
    assert VALUES.keys() == Query.model_fields.keys()


@patient
@given(PAIRS)
def test_what_was_read_reads_the_same_again(pairs: Pairs) -> None:
    query = Query.parse(pairs)
    assert Query.parse(query.pairs()) == query


@patient
@given(PAIRS)
def test_the_address_of_a_search_is_that_search(pairs: Pairs) -> None:
    query = Query.parse(pairs)
    again = Query.parse(parse_qsl(urlsplit(query.url("/", cursor=query.cursor)).query, keep_blank_values=True))
    assert again == query


@patient
@given(st.lists(st.tuples(st.sampled_from(sorted(VALUES)) | st.text(), st.text()), max_size=6))
def test_anything_is_read_or_refused_plainly(pairs: Pairs) -> None:
    assert all(error["detail"] and error["parameter"] in {name[:60] for name, _ in pairs} for error in refusals(pairs))


def refusals(pairs: Pairs) -> list[dict[str, str]]:
    try:
        Query.parse(pairs)
    except QueryError as error:
        return error.errors or [{"detail": "", "parameter": ""}]
    return []
