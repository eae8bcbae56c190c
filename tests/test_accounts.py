"""The books are even, and each kind of damage is seen: a lost index document, a lost settlement, a lost event."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.exchange import Exchange, running, wait_for
from bench.records import delivery
from services.search.index.embedded import TantivyIndex

RECORDS = 40


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Path:
    """The home of an exchange that has 40 vacancies, whose books are even."""
    home = tmp_path_factory.mktemp("even") / "home"
    with running(home, places_file) as exchange:
        body = delivery(RECORDS) + b"{broken\n"
        exchange.push("se", "se_jobtech", exchange.key("se"), body, Prefer="wait=20")
        wait_for(lambda: exchange.search(limit=0)["total"]["ads"] == RECORDS, 30, "all to be visible")
        wait_for(lambda: exchange.audit()["in_flight"] == 0, 30, "all services to have done their part")
        report = exchange.audit()
        assert report["accepted"] == RECORDS + 1
        assert (report["published"], report["rejected"], report["unaccounted"]) == (RECORDS, 1, 0)
    return home


@pytest.fixture
def exchange(even: Path, tmp_path: Path) -> Iterator[Exchange]:
    """It once more, of which nothing runs yet."""
    exchange = Exchange(Path(shutil.copytree(even, tmp_path / "home")))
    yield exchange
    exchange.stop()


def test_a_lost_index_document_is_seen(exchange: Exchange) -> None:
    async def damage() -> None:
        index = TantivyIndex(str(exchange.home / "index"))
        await index.delete(["se:r7"])
        await index.close()

    asyncio.run(damage())
    report = exchange.audit()
    assert report["vacancies_differing"] == [{"ref": "se:r7", "ingest": 1, "index": None}]
    assert report["unaccounted"] == 1


def test_a_lost_settlement_is_seen(exchange: Exchange) -> None:
    execute(exchange.home / "store" / "ingest.db", "DELETE FROM settlements WHERE f_ref = 'se:r7'")
    report = exchange.audit()
    assert (report["records_unaccounted"], report["unaccounted"]) == (1, 1)


def test_a_lost_event_is_seen(exchange: Exchange) -> None:
    for name, services in {"web": (), "work": ("ingest", "search")}.items():
        exchange.start(name, *services)
    exchange.ready()
    key = exchange.key("se")
    exchange.push("se", "se_jobtech", key, delivery(2, prefix="new"), Prefer="wait=20")
    assert exchange.audit()["in_flight"] == 2
    log = exchange.home / "bus" / "log.db"
    execute(log, "DELETE FROM log WHERE topic = 'vacancy.normalised.v1' AND key = 'se:new1'")
    exchange.start("match", "match")
    wait_for(lambda: exchange.search(limit=0)["total"]["ads"] == RECORDS + 1, 30, "the other one")
    report = exchange.audit()
    assert report["vacancies_differing"] == [{"ref": "se:new1", "ingest": 1, "index": None}]


def test_every_hop_of_a_vacancy_can_be_followed(exchange: Exchange) -> None:
    hops = json.loads(exchange.command("trace", "se:r7", "--json"))
    topics = [hop["hop"] for hop in hops if "offset" in hop]
    assert topics == ["record.received.v1", "vacancy.normalised.v1", "record.settled.v1", "vacancy.matched.v1"]
    assert {hop["service"] for hop in hops if "service" in hop} == {"ingest", "search"}


def test_a_poison_record_is_set_aside_shown_and_replayed(exchange: Exchange) -> None:
    for name in ("web", "work"):
        exchange.start(name)
    exchange.ready()
    log = exchange.home / "bus" / "log.db"
    poison = (
        "INSERT INTO log (topic, key, value, headers, at) VALUES ('vacancy.normalised.v1', 'se:bad', x'FF00', '{}', 0)"
    )
    execute(log, poison)
    key = exchange.key("se")
    exchange.push("se", "se_jobtech", key, delivery(3, prefix="after"), Prefer="wait=20")
    wait_for(lambda: exchange.search(limit=0)["total"]["ads"] == RECORDS + 3, 30, "its neighbours")
    (dead,) = [json.loads(line) for line in exchange.command("dead", "list", "--json").splitlines()]
    assert (dead["key"], dead["stage"], dead["topic"]) == ("se:bad", "decode", "vacancy.normalised.v1")
    shown = json.loads(exchange.command("dead", "show", dead["id"]))
    assert shown["body"] == "\\xff\x00"
    assert exchange.audit()["set_aside"] == {"match of vacancy.normalised.v1": 1}
    assert "replayed" in exchange.command("dead", "replay", dead["id"])
    wait_for(lambda: len(exchange.command("dead", "list", "--json").splitlines()) == 2, 20, "it to come back")


def execute(path: Path, statement: str) -> None:
    with sqlite3.connect(path, timeout=10) as connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()
