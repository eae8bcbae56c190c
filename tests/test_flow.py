"""The whole way, as people walk it: `pendler run`, the demonstration, a search, a subscription, a mail, goodbye."""

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import html

from bench.exchange import DEMONSTRATED, Exchange, running, wait_for
from bench.oracle import alerts, link_in, messages, subscribe
from bench.records import delivery
from pendler.speech import LANGUAGES
from schemas.event import VacancyMatched
from services.search.index import band_of


class Command:
    """`pendler run` as a person starts it, with its home and port from the environment."""

    def __init__(self, home: Path) -> None:
        self.exchange = Exchange(home)
        environment = {**os.environ, "PENDLER_HOME": str(home), "PENDLER_PORT": str(self.exchange.port)}
        self._log = (home / "run.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pendler", "run"], env=environment, stdout=self._log, stderr=self._log
        )

    def stop(self, number: signal.Signals) -> float:
        """Sends a signal; gives the seconds until the process has ended."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        self.exchange.http.close()
        self._log.close()
        return time.monotonic() - began


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home: the first start makes everything, the file of places too."""
    home = tmp_path / "home"
    home.mkdir()
    return home


def ads(exchange: Exchange) -> int:
    try:
        return int(exchange.search(limit=0)["total"]["ads"])
    except OSError:
        return -1


@pytest.fixture
def command(home: Path) -> Iterator[Callable[[], Command]]:
    """Starts `pendler run` on that home; what a test leaves running is ended after it."""
    started: list[Command] = []

    def start() -> Command:
        started.append(Command(home))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.stop(signal.SIGTERM)


def test_one_command_fills_an_empty_exchange_and_repeats_nothing(
    home: Path, command: Callable[[], Command], tell: Callable[[object], None]
) -> None:
    first = command()
    first.exchange.ready(300)
    wait_for(lambda: ads(first.exchange) == DEMONSTRATED, 90, "the demonstration")
    wait_for(lambda: len(messages(first.exchange)) == 1, 90, "the first alert")
    wait_for(lambda: len(asyncio.run(alerts(first.exchange))) == 1, 30, "the alert to be told of")
    for group in ("match", "search", "notify"):
        wait_for(lambda group=group: not first.exchange.lag(group, VacancyMatched.topic.name), 30, group)  # type: ignore[misc]
    printed = (home / "run.log").read_text()
    assert all(word in printed for word in ("SQLite log", "tantivy", "outbox", "/outbox", "Search page"))
    assert first.stop(signal.SIGTERM) < 15
    assert first.process.returncode == 0

    events, matches = count(home, "bus/log", "log"), count(home, "store/notify", "matches")
    second = command()
    tell(f"ready again after {second.exchange.ready():.1f} s")
    time.sleep(3)
    assert ads(second.exchange) == DEMONSTRATED
    assert (count(home, "bus/log", "log"), count(home, "store/notify", "matches")) == (events, matches)
    assert second.stop(signal.SIGINT) < 15


def count(home: Path, database: str, table: str) -> int:
    connection = sqlite3.connect(home / f"{database}.db")
    found = int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    connection.close()
    return found


def all_noted(exchange: Exchange) -> int:
    """How many matches are noted once notify has handled everything."""
    wait_for(lambda: not exchange.lag("notify", VacancyMatched.topic.name), 30, "notify")
    return count(exchange.home, "store/notify", "matches")


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    """An exchange with the demonstration."""
    with running(tmp_path_factory.mktemp("flow"), places_file, PENDLER_DEMO="1") as exchange:
        wait_for(lambda: ads(exchange) == DEMONSTRATED, 90, "the demonstration")
        yield exchange


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_speak_every_language_and_are_sound(exchange: Exchange, language: str) -> None:
    for path in ("/", "/?near=Malmö&sort=nearest&km=50", "/?q=xyzzy", "/?near=Nowhereville", "/outbox"):
        response = exchange.http.get(path, headers={"Accept-Language": language})
        document = html.document_fromstring(response.content)
        assert document.get("lang") == language
        assert len(document.findall(".//h1")) == 1
        labelled = {label.get("for") for label in document.iter("label")}
        asked = [field for field in document.iter("input", "select") if field.get("type") != "hidden"]
        assert all(field.get("id") in labelled for field in asked)
        assert not document.xpath("//script[not(@src)] | //*[@style] | //img[not(@alt)]")
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_a_vacancy_page_opens_with_the_facts_in_the_readers_language(exchange: Exchange) -> None:
    ref = exchange.search(source="demo-nl", limit=1, sort="newest")["vacancies"][0]["ref"]
    document = html.document_fromstring(exchange.http.get(f"/vacancies/{ref}?lang=en").content)
    assert document.xpath("//h2")[0].text_content() == "In short"
    assert "Netherlands" in document.xpath("//dl")[0].text_content()
    assert document.xpath("//article/@lang") == ["nl"]
    assert document.xpath("//*[@class='banner']")


def test_both_sides_of_a_border_are_found_nearest_first(exchange: Exchange) -> None:
    found = exchange.search(near="Malmö", km=60, sort="nearest", limit=50)
    bands = [band_of(one["km"]) for one in found["vacancies"]]
    assert bands == sorted(bands)
    assert {place["country"] for one in found["vacancies"] for place in one["places"]} == {"DK", "SE"}
    assert sum(facet["ads"] for facet in found["facets"]["country"]) == found["total"]["ads"]


def test_an_occupation_is_found_in_every_language(exchange: Exchange) -> None:
    welders = exchange.search(occupation="7212", limit=50)["vacancies"]
    assert {one["language"] for one in welders} >= {"nl", "sv"}
    assert {one["occupation"]["isco"] for one in welders} == {"7212"}


def test_nobody_is_mailed_before_their_word_or_after_goodbye(exchange: Exchange) -> None:
    key = exchange.key("se")
    exchange.push("se", "se_jobtech", key, delivery(3, prefix="before"), Prefer="wait=20")
    subscribe(exchange, q="Svetsare")
    at = time.strftime("%Y-%m-%dT%H:%M:%S")
    exchange.push("se", "se_jobtech", key, delivery(60, prefix="new", published=at), Prefer="wait=20")
    wait_for(lambda: any("Svetsare" in subject(m) for m in messages(exchange).values()), 40, "the alert")
    (alert,) = [m for m in messages(exchange).values() if "Svetsare" in subject(m)]
    body = alert.get_body(("plain",)).get_content()
    assert "before" not in body
    assert re.findall(r"vacancies/(se:new\d+)", body)
    assert "your word “Svetsare”" in " ".join(body.split())
    assert alert["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    link = link_in(alert)
    assert exchange.http.get(link).is_success, "a look changes nothing"
    assert exchange.http.post(link, data={"List-Unsubscribe": "One-Click"}).is_success
    noted = all_noted(exchange)
    exchange.push("se", "se_jobtech", key, delivery(60, prefix="later", published=at), Prefer="wait=20")
    wait_for(lambda: exchange.http.get("/v1/vacancies/se:later59").is_success, 20, "the last to be visible")
    assert all_noted(exchange) == noted


def subject(message: object) -> str:
    return str(message["Subject"])  # type: ignore[index]


def test_a_replay_into_empty_stores_gives_the_same(exchange: Exchange) -> None:
    wait_for(lambda: not exchange.lag("search", VacancyMatched.topic.name), 20, "all to be visible")
    before = {ref: exchange.http.get(f"/v1/vacancies/{ref}").json() for ref in refs(exchange)}
    listed = [one["ref"] for one in exchange.search(q="och", limit=100)["vacancies"]]
    exchange.kill("work")
    exchange.kill("web")
    for path in ("index", "store/search.db", "store/search.db-wal", "store/search.db-shm"):
        target = exchange.home / path
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
    connection = sqlite3.connect(exchange.home / "bus" / "positions.db")
    connection.execute("DELETE FROM positions WHERE name LIKE 'match %' OR name LIKE 'search %'")
    connection.commit()
    connection.close()
    noted = all_noted(exchange)
    exchange.start("web")
    exchange.start("work")
    exchange.ready()
    wait_for(lambda: ads(exchange) == len(before), 40, "the replay")
    assert {ref: exchange.http.get(f"/v1/vacancies/{ref}").json() for ref in refs(exchange)} == before
    assert [one["ref"] for one in exchange.search(q="och", limit=100)["vacancies"]] == listed
    assert all_noted(exchange) == noted, "a replay is no news"


def refs(exchange: Exchange) -> list[str]:
    found, page = [], exchange.search(limit=100)
    while True:
        found += [one["ref"] for one in page["vacancies"]]
        if page["next"] is None:
            return found
        page = exchange.http.get(page["next"]).json()
