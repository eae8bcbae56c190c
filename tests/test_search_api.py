"""The API of search in a process of its own: questions meant to do harm, fair limits, answers in another shape."""

import pytest

from pendler.problem import Problem
from pendler.searchable import Searchable
from pendler.terms import terms
from pendler.wanted import wanted
from schemas.query import Query, QueryError
from schemas.vacancy import Status
from services.search.answers import split_shape
from services.search.explain import explained
from services.search.fair import HOSTS, POLICY, QUOTA, WINDOW, Fair, network
from tests.site import Site, site  # noqa: F401

WORDS = "+".join(f"w{n}" for n in range(10_000))


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        (f"q={WORDS}", "q"),
        ("occupation=" + "&occupation=".join(f"{n}" for n in range(1_000)), "occupation"),
        ("country=" + "&country=".join(["NL"] * 501), "country"),
        ("near=Gent&km=1000000000", "km"),
        ("near=Gent&minutes=100000", "minutes"),
        ("page=1000000000", "page"),
        ("limit=1000000000", "limit"),
        ("cursor=bmV3ZXN0OjE&sort=deadline", "cursor"),
        ("cursor=bmV3ZXN0Oi0x", "cursor"),
        ("cursor=bmV3ZXN0OjE4NDQ2NzQ0MDczNzA5NTUxNjE2", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("cursor=unsaid.unsaid.x&pay=1", "cursor"),
        ("near=3.81,51.2", "near"),
        ("near=51.2,3.81", "near"),
        ("near=%c0%ae%c0%ae", "near"),
        ("lat=51.2", "lat"),
        ("country=%c1%81", "country"),
        ("sort=nearest", "sort"),
        ("labels=xx", "labels"),
        ("explain=maybe", "explain"),
    ],
    ids=lambda one: one[:40],
)
def test_what_cannot_be_meant_is_refused_by_name(site: Site, asked: str, parameter: str) -> None:  # noqa: F811
    answer = site.ask("GET", f"/v1/vacancies?{asked}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 20_000
    assert {error["parameter"] for error in answer.json()["errors"]} == {parameter}


@pytest.mark.parametrize(
    "asked",
    [
        "q=" + "a*+" * 60, "q=***", "q=" + "%22" * 150, "q=-" + "-a+" * 60, "q=%c0%ae%c0%ae", "q=%ed%a0%80", "q=.*.*.*",
        "q=" + "%28" * 180, "q=title:x+OR+1=1", "also=" + "&also=".join(f"a={n}" for n in range(500)),
        "country=" + "&country=".join(["NL"] * 500),
    ],
    ids=lambda one: one[:40],
)  # fmt: skip
def test_what_is_odd_gets_a_harmless_answer(site: Site, asked: str) -> None:  # noqa: F811
    answer = site.ask("GET", f"/v1/vacancies?{asked}")
    assert answer.status_code == 200
    assert answer.json()["total"] == {"ads": 0, "posts": 0}


def test_an_address_has_its_share_of_the_minute() -> None:
    now = [0.0]
    fair = Fair(lambda: now[0])
    for left in range(QUOTA - 1, -1, -1):
        assert fair.take("192.0.2.1")["RateLimit"] == f'"reading";r={left};t={WINDOW}'
    with pytest.raises(Problem) as refused:
        fair.take("192.0.2.1")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, str(WINDOW))
    assert "r=1199" in fair.take("192.0.2.2")["RateLimit"]
    now[0] = WINDOW
    assert "r=1199" in fair.take("192.0.2.1")["RateLimit"]


def test_every_answer_to_somebody_elsewhere_says_what_is_left(site: Site) -> None:  # noqa: F811
    here = site.ask("GET", "/v1/codes/sort")
    assert "RateLimit" not in here.headers
    there = site.ask("GET", "/v1/codes/sort", client=("192.0.2.9", 1))
    assert there.headers["RateLimit"].startswith(f'"reading";r={QUOTA - 1};t=')
    assert there.headers["RateLimit-Policy"] == POLICY


def test_addresses_without_end_take_no_memory_without_end() -> None:
    fair = Fair(lambda: 0.0)
    for n in range(HOSTS + 10):
        fair.take(str(n))
    assert len(fair._taken) <= HOSTS


@pytest.mark.parametrize(
    ("host", "shared"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_who_shares_a_limit(host: str, shared: str) -> None:
    assert network(host) == shared


def test_an_answer_says_why_in_the_words_that_met() -> None:
    ad = Searchable("s:1", 1, Status.ACTIVE, "s", tuple(terms("Lasser", "nl")), tuple(terms("lassen in Gent", "nl")))
    why = explained(wanted(Query(q="lasser gent", lang="nl", also=("no",))), ad)
    assert [bool(word["title"]) for word in why["words"]] == [True, False]
    assert all(word["text"] or word["title"] for word in why["words"])
    assert (why["unsaid"], why["within"]) == ([], None)


def test_the_shape_of_an_answer_is_apart_from_the_search() -> None:
    pairs, shape = split_shape([("q", "x"), ("fields", "ref,title"), ("labels", "da"), ("explain", "true")])
    assert (pairs, shape.fields, shape.labels, shape.explain) == ([("q", "x")], ["ref", "title"], "da", True)
    with pytest.raises(QueryError, match="Allowed are: da, de"):
        split_shape([("labels", "dk")])
