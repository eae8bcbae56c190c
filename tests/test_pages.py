"""The pages and the API for consumers, served by a running exchange with the demonstration."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from lxml import etree, html

from bench.exchange import DEMONSTRATED, Exchange, running, wait_for
from pendler.speech import LANGUAGES
from schemas.partnership import partnerships
from services.ingest.demonstration import advertisements
from services.search import border
from services.search.boards import boards
from services.search.maps import Window

PATHS = [
    "/",
    "/?q=welder&near=Zelzate&minutes=60",
    "/?near=Malmö&minutes=60&speaks=sv&speaks=en&pay=20000",
    "/?q=xyzzy",
    "/?near=Nowhereville",
    "/?near=Halle",
    "/?minutes=30",
    "/boards",
    "/boards/jobs-abroad-for-danes",
    "/boards/scheldemond",
    "/partnerships",
    "/partnerships/oresund",
    "/numbers",
    "/unknown",
    "/accessibility",
    "/privacy",
    "/terms",
    "/contact",
    "/vacancies/demo-nl:lasser-terneuzen?near=Zelzate",
    "/selection",
    f"/selection?ref=demo-nl:lasser-terneuzen&ref=demo-be:lasser-gent&made={date.today()}",
    "/selection?ref=demo-nl:lasser-terneuzen&made=2020-01-01",
    "/check",
    "/deliver",
    "/sources",
    "/wrong/demo-nl:lasser-terneuzen",
    "/vacancies/nobody:1",
]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    with running(tmp_path_factory.mktemp("pages"), places_file, {"work": ()}, PENDLER_DEMO="1") as exchange:
        wait_for(lambda: exchange.open_ads() == DEMONSTRATED, 90, "the demonstration")
        yield exchange


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PATHS)
def test_every_page_in_every_language_is_sound(exchange: Exchange, path: str, language: str) -> None:
    response = exchange.http.get(path, headers={"Accept-Language": language})
    assert response.status_code in (200, 400, 404, 410)
    assert len(response.content) < 100_000
    document = html.document_fromstring(response.content)
    assert document.get("lang") == language
    assert len(document.findall(".//h1")) == 1
    assert not document.xpath(
        "//script[not(@src='/static/pendler.js')] | //*[@style] | //img[not(@alt)] | //svg[not(@role or @aria-hidden)]"
    )
    labelled = {label.get("for") for label in document.iter("label")}
    fields = [field for field in document.iter("input", "select", "meter") if field.get("type") != "hidden"]
    assert all(field.get("id") in labelled for field in fields)
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids)), "an id stands once"
    levels = [int(one.tag[1]) for one in document.xpath("//main//*[self::h1 or self::h2 or self::h3]")]
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    outside = document.xpath("//link/@href | //*/@src")
    assert all(one.startswith("/") for one in outside), "nothing is asked of others"


def test_every_link_inside_leads_somewhere(exchange: Exchange) -> None:
    for path in PATHS[:-1]:
        document = html.document_fromstring(exchange.http.get(path).content)
        for link in {one for one in document.xpath("//a/@href") if one.startswith("/") and "lang=" not in one}:
            assert exchange.http.get(link).status_code in (200, 400), (path, link)


def shown(exchange: Exchange, path: str) -> str:
    return html.document_fromstring(exchange.http.get(path).content).text_content()


def test_the_results_say_both_sides_what_was_understood_and_the_way(exchange: Exchange) -> None:
    text = shown(exchange, "/?q=welder&near=Zelzate&minutes=60&lang=en")
    assert "within about 60 minutes of Zelzate" in text
    assert "Also found:" in text
    assert "soudeur" in text
    assert "min by car (estimate)" in text
    both = shown(exchange, "/?near=Malmö&minutes=60&lang=en")
    assert all(word in both for word in ("All sides", "Sweden", "Denmark", "Øresundsbron", "Rejseplanen"))


def test_each_filter_is_shown_and_can_be_taken_away(exchange: Exchange) -> None:
    path = "/?licence=B&schedule=FullTime&speaks=nl&speaks=de&pay=20000&strict=true&lang=en"
    chips = html.document_fromstring(exchange.http.get(path).content).xpath("//a[@class='tag'][@aria-label]")
    removed = {chip.get("aria-label"): chip.get("href") for chip in chips}
    assert {"Remove Working time: full time", "Remove Languages asked for: German", "Remove Pay: 20000"} <= set(removed)
    for href in removed.values():
        left = parse_qsl(urlsplit(href).query)
        assert len(left) == len(parse_qsl(urlsplit(path).query)) - 1


def test_what_does_not_say_is_told_and_can_be_left_out(exchange: Exchange) -> None:
    path = "/?licence=B&lang=en"
    assert "do not say all you ask for" in shown(exchange, path)
    strict = shown(exchange, f"{path}&strict=true")
    assert "do not say all you ask for" not in strict


def test_a_vacancy_shows_who_answers_at_the_border(exchange: Exchange) -> None:
    text = shown(exchange, "/vacancies/demo-nl:lasser-terneuzen?near=Zelzate&lang=en")
    assert "Where am I insured?" in text
    assert "Not yet checked by an adviser." in text
    assert "Scheldemond" in text
    assert "Where am I insured?" not in shown(exchange, "/vacancies/demo-nl:lasser-terneuzen?near=Middelburg&lang=en")


def test_a_selection_is_one_link_of_thirty_days(exchange: Exchange) -> None:
    chosen = "/selection?ref=demo-nl:lasser-terneuzen&ref=nobody:1&ref=demo-be:lasser-gent&lang=fr"
    link = exchange.http.get(chosen, follow_redirects=False).headers["location"]
    assert f"made={date.today()}" in link
    document = html.document_fromstring(exchange.http.get(link).content)
    assert len(document.xpath("//ol[@class='hits']/li")) == 2, "what is not there is left out"
    assert document.xpath("//*[local-name()='svg'][@class='qr']")
    mail = unquote(document.xpath("//a[starts-with(@href, 'mailto:')][@lang='da']/@href")[0])
    assert "Et udvalg af job" in mail
    assert "lang=da&made=" in mail
    assert exchange.http.get("/selection?ref=a:1&made=2020-01-01").status_code == 410
    refused = exchange.http.get("/selection?ref=a:1&made=tomorrow")
    assert (refused.status_code, "is no day" in refused.json()["detail"]) == (400, True)
    assert exchange.http.get("/selection?" + "&".join(f"ref=a:{n}" for n in range(51))).status_code == 400


def test_cards_past_their_day_hide() -> None:
    assert border.cards("BE", "NL", date(2027, 12, 31))
    assert border.cards("BE", "NL", date(2028, 1, 1)) == []
    assert border.cards("NL", "NL", date(2026, 1, 1)) == []
    for one in partnerships().values():
        assert set(border.neighbours(one.countries[0])) >= set(one.countries[1:])


def test_every_board_speaks_every_language_and_has_a_feed(exchange: Exchange) -> None:
    for board in boards().values():
        if board.id not in partnerships():
            assert set(board.title) == set(board.text) == set(LANGUAGES), board.id
        feed = etree.fromstring(exchange.http.get(f"/boards/{board.id}.rss").content)
        assert feed.tag == "rss"
        assert feed.findtext("channel/title") == board.title["en"]
    assert boards()["jobs-abroad-for-danes"].target == 4000


def test_a_search_is_a_feed(exchange: Exchange) -> None:
    feed = etree.fromstring(exchange.http.get("/feed.rss?country=NL").content)
    links = feed.xpath("//item/link/text()")
    assert len(links) == exchange.search(country="NL", limit=0)["total"]["ads"]
    assert exchange.http.get(links[0].split("//", 1)[1].partition("/")[2].join(["/", ""])).status_code == 200
    json_feed = exchange.http.get("/feed.json?country=NL").json()
    assert [one["url"] for one in json_feed["items"]] == links


def test_a_whole_result_comes_as_lines(exchange: Exchange) -> None:
    lines = [json.loads(line) for line in exchange.http.get("/v1/vacancies.ndjson?sort=newest").text.splitlines()]
    assert len({one["ref"] for one in lines}) == len(lines) == exchange.search(limit=0)["total"]["ads"]


def test_only_the_fields_asked_for(exchange: Exchange) -> None:
    found = exchange.http.get("/v1/vacancies?fields=ref,title&limit=2").json()["vacancies"]
    assert [set(one) for one in found] == [{"ref", "title"}] * 2
    refused = exchange.http.get("/v1/vacancies?fields=titel")
    assert refused.status_code == 400
    assert "Did you mean “title”?" in refused.json()["detail"]


def test_what_the_reader_has_is_not_sent_again(exchange: Exchange) -> None:
    for path in ("/v1/vacancies?q=kok", "/v1/vacancies/demo-nl:lasser-terneuzen", "/v1/codes/country", "/v1"):
        tag = exchange.http.get(path).headers["etag"]
        assert exchange.http.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert exchange.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_index_names_what_can_be_called(exchange: Exchange) -> None:
    start = exchange.http.get("/v1").json()
    for call in start["try"]:
        path = call.split("'")[1].split("/", 3)[3]
        assert exchange.http.get(f"/{path}").status_code == 200
    for to in [*start["links"]["codes"], start["links"]["openapi"], start["links"]["search"]]:
        assert exchange.http.get(to).status_code == 200
    assert exchange.http.get("/v1/codes/contry").json()["detail"].count("Did you mean “country”?") == 1


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        ("zelz", "town", "Zelzate, BE"),
        ("weld", "occupation", "welder"),
        ("krankenpf", "occupation", "krankenpfleger"),
        ("sygeplejerke", "occupation", "sygeplejerske"),
        ("København", "town", "Copenhagen, DK"),
    ],
)
def test_what_is_being_typed(exchange: Exchange, typed: str, kind: str, value: str) -> None:
    found = exchange.http.get(f"/v1/suggest?q={quote(typed)}&lang=en").json()["suggestions"]
    assert (kind, value) in [(one["kind"], one["value"]) for one in found]


def test_numbers_agree_with_the_search(exchange: Exchange) -> None:
    total = exchange.search(limit=0)["total"]
    text = shown(exchange, "/numbers?lang=en")
    assert f"{total['ads']} advertisements" in " ".join(text.split())
    rows = html.document_fromstring(exchange.http.get("/unknown?lang=en").content).xpath("//tbody/tr")
    assert sum(int(row.xpath("td")[0].text) for row in rows) == total["ads"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/vacancies?q=" + "a%20" * 99,
        "/v1/vacancies?q=" + "-" * 199,
        "/v1/vacancies?q=" + "%22" * 199,
        "/v1/vacancies?q=*",
        "/v1/vacancies?cursor=unsaid.rubbish&pay=1",
        "/v1/vacancies?limit=1000000000",
        "/v1/vacancies?near=%00",
        "/v1/vacancies?near=" + "9" * 99,
        "/v1/vacancies?q=%FF%FE",
        "/v1/vacancies?also=x",
        "/v1/vacancies?q=kok&also=kok%3Dhttp://data.europa.eu/esco/",
        "/v1/suggest?q=" + "a" * 5000,
        "/v1/suggest?q=%00",
        "/feed.rss?q=%01",
        "/?q=%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_a_hostile_question_gets_a_harmless_answer(exchange: Exchange, path: str) -> None:
    response = exchange.http.get(path, timeout=5)
    assert response.status_code in (200, 400)
    assert b"<script>" not in response.content


def command(exchange: Exchange, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PENDLER_URL": f"http://127.0.0.1:{exchange.port}"}
    told = [sys.executable, "-m", "pendler", "search", *arguments]
    return subprocess.run(told, env=environment, capture_output=True, text=True, timeout=60)


def test_the_command_searches_as_the_api_does(exchange: Exchange) -> None:
    said = command(exchange, "welder", "near=Zelzate", "minutes=60", "--json")
    assert json.loads(said.stdout) == exchange.search(q="welder", near="Zelzate", minutes=60)
    people = command(exchange, "welder", "near=Zelzate").stdout
    assert all(word in people for word in ("ads (", "also found: welder", "lasser", "min by car"))
    refused = command(exchange, "welder", "nere=Zelzate")
    assert (refused.returncode, "Did you mean “near”?" in refused.stderr.replace("\n", " ")) == (1, True)


def test_a_window_has_its_middle_in_the_middle() -> None:
    window = Window((51.2, 3.81), 30)
    assert window.place((51.2, 3.81)) == pytest.approx((320, 200))
    assert window.holds((51.3, 3.9))
    assert not window.holds((52.0, 3.9))


def pairs_found(exchange: Exchange) -> Iterator[tuple[str, str, str, bool]]:
    """Word, its language, another language with such an ad in the demonstration, and whether one is on page one."""
    written: dict[str, dict[str, set[str]]] = {}
    for ad in advertisements():
        written.setdefault(str(ad["isco"]), {}).setdefault(ad["language"], set()).add(f"{ad['source']}:{ad['id']}")
    for row in csv.DictReader((Path(__file__).parent / "words.csv").read_text("utf-8").splitlines()):
        ads = written.get(row.pop("isco"), {})
        for language, word in row.items() if ads else ():
            found = {one["ref"] for one in exchange.search(q=word, lang=language)["vacancies"]}
            yield from ((word, language, other, bool(refs & found)) for other, refs in ads.items() if other != language)


def test_an_everyday_word_finds_ads_of_the_other_languages(exchange: Exchange, tell: Callable[[object], None]) -> None:
    pairs = list(pairs_found(exchange))
    share = sum(found for *_, found in pairs) / len(pairs)
    missed = sorted({(word, language) for word, language, _, found in pairs if not found})
    tell(f"{share:.3f} of {len(pairs)} pairs of a word and another language; missed: {missed}")
    assert share >= 0.9
