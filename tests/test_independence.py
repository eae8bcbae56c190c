"""Each service stands alone: one stopped, the others go on, `/status` says what is delayed, then all catches up."""

from collections.abc import Callable
from pathlib import Path

from bench.exchange import Exchange, running, wait_for
from bench.oracle import judge, subscribe
from bench.records import delivery

SERVICES = ("ingest", "match", "search", "notify")
GOES_ON: dict[str, Callable[[Exchange, int], bool]] = {
    "ingest": lambda exchange, _: exchange.search(limit=0)["total"]["ads"] > 0,
    "match": lambda exchange, count: settled(exchange) == count,
    "search": lambda exchange, count: exchange.lag("notify", "vacancy.matched.v1") == 0 and settled(exchange) == count,
    "notify": lambda exchange, count: exchange.search(limit=0)["total"]["ads"] == count,
}
"""What must still come true while a service is stopped, given how many records were delivered."""


def settled(exchange: Exchange) -> int:
    return int(exchange.audit()["published"])


def status(exchange: Exchange) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in exchange.http.get("/v1/status").json()["services"]}


def test_any_service_may_stand_and_the_others_go_on(tmp_path: Path, places_file: Path) -> None:
    with running(tmp_path / "home", places_file, {name: [name] for name in SERVICES}) as exchange:
        key = exchange.key("se")
        exchange.push("se", "se_jobtech", key, delivery(1, prefix="first"), Prefer="wait=30")
        subscribe(exchange, source="se")
        sent = set()
        for number, service in enumerate(SERVICES, 1):
            exchange.end(service)
            wait_for(lambda name=service: status(exchange)[name]["state"] == "silent", 40, f"{service} to be missed")
            exchange.push("se", "se_jobtech", key, delivery(20, prefix=f"{service}-", published="2099-01-01T00:00:00"))
            sent |= {f"se:{service}-{n}" for n in range(20)}
            count = 1 + 20 * number
            wait_for(
                lambda name=service, count=count: GOES_ON[name](exchange, count), 40, f"all to go on without {service}"
            )
            page = exchange.http.get("/status").text
            assert "not running" in page
            assert "Nothing is lost" in page
            exchange.start(service, service)
            wait_for(lambda: exchange.http.get("/v1/status").json()["well"], 40, f"all to be well after {service}")
        judge(exchange, sent).assert_clean()
