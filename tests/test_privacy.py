"""An address, a token, what somebody searches: they stand in notify's store and in the mail, and nowhere else."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.exchange import Exchange, running, wait_for
from bench.oracle import messages
from bench.records import delivery

ADDRESS, WORD, SHOUTED = "canary.bird@example.org", "kanarievogelverzorger", "CANARY.BIRD@EXAMPLE.ORG"
OWN = ("store/notify.db", "mail/", "places.db", "secret")
"""Where they may stand: notify's own store, the outbox that stands for the mail itself; and what says nothing."""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    home = tmp_path_factory.mktemp("canary")
    with running(home, places_file, {"work": ()}, PENDLER_LOG="debug") as exchange:
        yield exchange


def journey(exchange: Exchange) -> set[str]:
    """All that a subscriber may do, once well and once badly; gives every token that was mailed."""
    http, query = exchange.http, {"q": f"Svetsare {WORD}", "country": "SE"}
    for address in (ADDRESS, SHOUTED, f"{ADDRESS}\r\nBcc: x@example.org", f"not {ADDRESS}"):
        http.post("/v1/subscriptions", json={"address": address, "query": query, "frequency": "at_once"})
        http.post("/subscriptions", data={"address": address, "q": WORD, "near": f"{WORD}-by"})
    http.post("/v1/subscriptions", json={"address": ADDRESS, "query": {"q": "Svetsare"}, "frequency": "at_once"})
    wait_for(lambda: len(messages(exchange)) >= 3, 60, "the mails to confirm")
    for link in links(exchange):
        http.get(link)
        http.post(link)
    key = exchange.key("se")
    exchange.push("se", "se_jobtech", key, delivery(1, prefix="first"), Prefer="wait=30")
    exchange.push("se", "se_jobtech", key, delivery(60, prefix="c", published="2099-01-01T00:00:00"), Prefer="wait=30")
    wait_for(lambda: any(mail["List-Unsubscribe"] for mail in messages(exchange).values()), 60, "an alert")
    http.post("/subscriptions/link", data={"address": ADDRESS})
    for link in links(exchange):
        http.get(f"{link}x")
        http.post(f"{link}x")
        http.get(link)
    for link in links(exchange):
        if "/stop/" in link:
            http.post(link, data={"List-Unsubscribe": "One-Click"})
    return {link.partition("?")[0].rpartition("/")[2] for link in links(exchange)}


def links(exchange: Exchange) -> list[str]:
    bodies = [mail.get_body(("plain",)).get_content() for mail in messages(exchange).values()]
    return [link for body in bodies for link in re.findall(r"http://[^/\s]+(/subscriptions/\S+)", body)]


def kept(home: Path) -> dict[str, bytes]:
    """Every file that the exchange wrote: topics, dead letters, stores, index, logs."""
    files = {path.relative_to(home).as_posix(): path for path in home.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(OWN)}


def test_no_address_token_or_search_is_anywhere_else(exchange: Exchange, tmp_path: Path) -> None:
    tokens = journey(exchange)
    assert len(tokens) >= 5
    shown = {
        path: exchange.http.get(path).content for path in ("/status", "/v1/status", "/openapi.json", "/v1/vacancies")
    }
    exchange.end("work")
    exchange.end("web")
    shutil.copytree(exchange.home, tmp_path / "home")
    files = kept(tmp_path / "home")
    assert {"bus/log.db", "web.log", "work.log"} <= files.keys()
    secrets = [ADDRESS, SHOUTED, "canary.bird", WORD, *tokens]
    found = [
        (name, secret)
        for name, content in {**files, **shown}.items()
        for secret in secrets
        if secret.encode() in content
    ]
    assert found == []
    assert ADDRESS.encode() in (tmp_path / "home" / "store" / "notify.db").read_bytes() or any(
        ADDRESS.encode() in path.read_bytes() for path in (tmp_path / "home" / "store").glob("notify.db*")
    ), "the canary is planted"
