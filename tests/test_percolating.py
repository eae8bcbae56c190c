"""`pendler percolate`: searches and vacancies from files, the same answers as the search API, bad lines named."""

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from typer.testing import CliRunner

from bench.exchange import DEMONSTRATED, Exchange, running, wait_for
from services.notify.commands import app
from services.notify.demonstration import ADDRESS
from services.notify.state import subscriber_id
from services.notify.tokens import Tokens

Percolate = Callable[..., Any]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    """An exchange with the demonstration."""
    with running(tmp_path_factory.mktemp("percolate"), places_file, {"work": ()}, PENDLER_DEMO="1") as exchange:
        wait_for(lambda: exchange.open_ads() == DEMONSTRATED, 90, "the demonstration")
        yield exchange


@pytest.fixture
def percolate(tmp_path: Path, places_file: Path, monkeypatch: pytest.MonkeyPatch) -> Percolate:
    shutil.copy(places_file, tmp_path / "places.db")
    monkeypatch.setenv("PENDLER_HOME", str(tmp_path))

    def run(searches: list[Any], vacancies: list[Any], code: int = 0) -> Any:
        files = {"subscriptions": searches, "vacancies": vacancies}
        for name, lines in files.items():
            text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
            (tmp_path / name).write_text(text)
        words = ["percolate", *(word for name in files for word in (f"--{name}", str(tmp_path / name)))]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == code, done.output
        return done.stderr if code else [json.loads(line) for line in done.stdout.splitlines()]

    return run


def searches(count: int) -> dict[str, dict[str, Any]]:
    """Searches as people near the demonstration's borders would make them."""
    chance, made = random.Random(20261125), dict[str, dict[str, Any]]()
    for n in range(count):
        query: dict[str, Any] = {"lang": chance.choice(["nl", "de", "da", "sv", "fr", "en"])}
        if chance.random() < 0.5:
            query["q"] = chance.choice(["lasser", "verpleegkundige", "svetsare", "sygeplejerske", "koch", "team", "og"])
        if chance.random() < 0.5:
            query |= {
                "near": chance.choice(["Zelzate", "Malmö", "Flensburg", "Aachen", "Trier"]),
                "km": chance.choice([10, 40, 120, 400]),
            }
        if chance.random() < 0.3:
            query["country"] = chance.sample(["NL", "BE", "DE", "DK", "SE"], 2)
        if chance.random() < 0.3:
            query["occupation"] = [str(chance.choice([7212, 2221, 72, 22, 5, 7, 2]))]
        made[f"s{n}"] = query
    return made


def found_by(exchange: Exchange, query: dict[str, Any]) -> list[str]:
    """All that a search finds, page by page."""
    page = exchange.search(**query, sort="newest", limit=100)
    refs = [one["ref"] for one in page["vacancies"]]
    while page["next"]:
        page = exchange.http.get(page["next"]).json()
        refs += [one["ref"] for one in page["vacancies"]]
    return refs


def test_two_hundred_searches_find_what_the_search_api_finds(exchange: Exchange, percolate: Percolate) -> None:
    asked = searches(200)
    refs = found_by(exchange, {})
    documents = [exchange.http.get(f"/v1/vacancies/{ref}").text for ref in refs]
    found = percolate([{"id": name, "query": query} for name, query in asked.items()], documents)
    assert [each["ref"] for each in found] == refs
    fitting = {name: {each["ref"] for each in found if name in each["subscriptions"]} for name in asked}
    assert fitting == {name: set(found_by(exchange, query)) for name, query in asked.items()}
    assert sum(map(bool, fitting.values())) > 100


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 2"),
        ('{"id": "x"}', "query: Field required"),
        ('{"id": "x", "query": {"kilometres": 3}}', "There is no such parameter"),
        ('{"id": "x", "query": {"near": "Nowhereatall"}}', "No place called"),
        ('{"id": "x", "query": {"q": {}}}', "line 2: query.q"),
        ('{"id": "x", "query": {"km": 1e99, "near": "Gent"}}', "km"),
        ('{"id": "", "query": {}}', "id"),
    ],
)
def test_a_search_that_cannot_be_read_is_named(percolate: Percolate, line: str, why: str) -> None:
    said = percolate([{"id": "a", "query": {}}, line], [], code=1)
    assert "search in line 2" in said
    assert why in said


@pytest.mark.parametrize("line", ["{", '{"ref": "x:1"}', "[]"])
def test_a_vacancy_that_cannot_be_read_is_named(percolate: Percolate, line: str) -> None:
    assert "vacancy in line 1" in percolate([], [line], code=1)


def test_why_somebody_did_not_get_an_advertisement(exchange: Exchange) -> None:
    """The demonstration's reader asks for all jobs within 40 km of Zelzate."""
    key = (exchange.home / "secret").read_text()
    manage = f"/subscriptions/manage/{Tokens(key).manage(subscriber_id(ADDRESS, key))}"

    def why(ad: str) -> str:
        answer = exchange.http.get(f"{manage}/demonstration/why", params={"ad": ad, "lang": "en"})
        assert answer.is_success
        return " ".join(html.document_fromstring(answer.text).find(".//main").text_content().split())

    far = exchange.search(near="Zelzate", km=400, sort="nearest", limit=100)["vacancies"][-1]
    said = why(f"http://localhost:8000/vacancies/{far['ref']}?lang=nl")
    assert far["title"] in said
    (km,) = re.findall(r"It fails 1 of 1: ?(\d+) km from Zelzate, you asked 40", said)
    assert int(km) in (ceil(far["km"]), ceil(far["km"] + 0.1))
    assert f"Widen to {5 * ceil(int(km) / 5)} km" in said
    malmo = exchange.search(near="Malmö", km=10, limit=1)["vacancies"][0]
    assert "Widen" not in why(malmo["ref"])
    near = exchange.search(near="Zelzate", km=40, limit=1)["vacancies"][0]
    assert "It fits." in why(near["ref"]) or "It fits, but" in why(near["ref"])
    for wrong in ("nothing:here", "", "http://localhost/vacancies/%2e%2e%2fstatus", "../../admin", "x" * 400):
        assert "There is no such advertisement here." in why(wrong)


def test_an_advertisement_is_saved_and_let_go_by_its_link_and_a_search_is_shown_before_it_is_confirmed(
    exchange: Exchange,
) -> None:
    key = (exchange.home / "secret").read_text()
    manage = f"/subscriptions/manage/{Tokens(key).manage(subscriber_id(ADDRESS, key))}"
    near = exchange.search(near="Zelzate", km=40, limit=1)["vacancies"][0]

    def said(answer: Any) -> str:
        return " ".join(html.document_fromstring(answer.text).find(".//main").text_content().split())

    detail = exchange.http.get(f"/vacancies/{near['ref']}", params={"lang": "en"})
    assert f"/subscriptions/link?save={near['ref'].replace(':', '%3A')}" in detail.text
    assert f'value="{near["ref"]}"' in exchange.http.get(manage, params={"save": near["ref"], "lang": "en"}).text
    for do, there in (("save", 1), ("save", 1), ("forget", 0)):
        form = {"ad": f"http://localhost/vacancies/{near['ref']}?lang=nl", "do": do, "lang": "en"}
        answer = exchange.http.post(f"{manage}/saved", data=form)
        assert answer.status_code == 303
        assert said(exchange.http.get(manage, params={"lang": "en"})).count(near["title"]) == there
    wrong = exchange.http.post(f"{manage}/saved", data={"ad": "nothing:here", "do": "save", "lang": "en"})
    assert (wrong.status_code, "There is no such advertisement here." in wrong.text) == (400, True)
    newest = exchange.search(near="Zelzate", km=40, sort="newest", limit=5)["vacancies"]
    results = html.document_fromstring(exchange.http.get("/", params={"near": "Zelzate", "km": 40, "lang": "en"}).text)
    [first] = [link for link in results.xpath("//a/@href") if link.startswith("/subscriptions?")]
    for page in (first, f"/subscriptions/confirm/{Tokens(key).confirm('demonstration')}?lang=en"):
        shown = said(exchange.http.get(page))
        assert re.search(r"About \d+ a (day|week)\. The last ones:|None in the last 7 days\.", shown)
        assert all(one["title"] in shown for one in newest)
    nowhere = exchange.http.get("/subscriptions", params={"near": "Nowhereville"})
    assert (nowhere.status_code, "Nowhereville" in nowhere.text) == (400, True)
