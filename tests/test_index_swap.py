"""The index built, swapped and taken back while people search and vacancies come; then with kills between the steps."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bench.exchange import Exchange, running, wait_for
from bench.oracle import visible
from bench.records import delivery

pytestmark = pytest.mark.soak
WORKERS = {name: [name] for name in ("ingest", "match", "search", "notify")}
RECORDS = 600


@pytest.fixture(params=["tantivy", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)])
def exchange(request: pytest.FixtureRequest, tmp_path: Path, places_file: Path) -> Iterator[Exchange]:
    url = "file:" if request.param == "tantivy" else emptied(request.getfixturevalue("elasticsearch").address)
    with running(tmp_path / "home", places_file, WORKERS, PENDLER_INDEX=url) as exchange:
        key = exchange.key("se")
        exchange.push("se", "se_jobtech", key, delivery(RECORDS), Prefer="wait=30")
        wait_for(lambda: total(exchange) == RECORDS, 60, "all to be visible")
        yield exchange


def emptied(address: str) -> str:
    for generation in range(1, 9):
        httpx2.delete(f"http://{address}/pendler-vacancies-{generation:06}", timeout=30, trust_env=False)
    return f"http://{address}"


def total(exchange: Exchange) -> int:
    return int(exchange.search(limit=0)["total"]["ads"])


def index(exchange: Exchange, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(exchange.command("index", *arguments, "--json"))
    return answer


class Load(threading.Thread):
    """Searches, walks all hits and delivers, again and again; remembers what went wrong."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange, self._key, self._over = exchange, exchange.key("se"), threading.Event()
        self._http = httpx2.Client(base_url=exchange.http.base_url, timeout=60, trust_env=False)
        self.requests, self.walks, self.failed, self.missing = 0, 0, list[str](), set[str]()
        self.sent = {f"se:r{n}" for n in range(RECORDS)}

    def run(self) -> None:
        while not self._over.is_set():
            must, path, seen = set(self.sent), "/v1/vacancies?limit=100", set[str]()
            fresh = f"w{self.walks}-"
            while path:
                page = self._get(path)
                seen.update(one["ref"] for one in page["vacancies"])
                path = page["next"]
            self.missing |= must - seen
            self.walks += 1
            self._deliver(fresh)

    def _get(self, path: str) -> dict[str, Any]:
        self.requests += 1
        response = self._http.get(path)
        if not response.is_success:
            self.failed.append(f"{path}: {response.status_code}")
            return {"vacancies": [], "next": None}
        page: dict[str, Any] = response.json()
        return page

    def _deliver(self, prefix: str) -> None:
        """Ten more, which must be found from the moment they were first."""
        self._exchange.push("se", "se_jobtech", self._key, delivery(10, prefix=prefix), Prefer="wait=30")
        wanted = len(self.sent) + 10
        wait_for(lambda: self._get("/v1/vacancies?limit=0").get("total", {}).get("ads") == wanted, 30, "ten more")
        self.sent |= {f"se:{prefix}{n}" for n in range(10)}

    def end(self) -> None:
        self._over.set()
        self.join()
        self._http.close()


@contextmanager
def under_load(exchange: Exchange) -> Iterator[Load]:
    load = Load(exchange)
    load.start()
    try:
        yield load
    finally:
        load.end()


def passes(load: Load, walks: int = 2) -> None:
    """Waits until so many more walks are over."""
    until = load.walks + walks
    wait_for(lambda: load.walks >= until or not load.is_alive(), 90, "the load to go on")


def test_a_swap_and_a_way_back_under_load_fail_nothing_and_miss_nothing(
    exchange: Exchange, tell: Callable[[object], None]
) -> None:
    with under_load(exchange) as load:
        built = index(exchange, "build")
        assert index(exchange, "swap")["live"] == 2
        passes(load)
        assert index(exchange, "rollback")["live"] == 1
        passes(load)
        assert index(exchange, "rollback")["live"] == 2
        passes(load)
        assert index(exchange, "drop")["previous"] is None
        passes(load)
        assert load.is_alive(), "the load ended by itself: a delivery was not found in time"
    tell(f"{load.requests} requests in {load.walks} walks, {len(load.failed)} failed, "
         f"{len(load.missing)} of {len(load.sent)} refs missing; build {built}")  # fmt: skip
    assert load.failed == []
    assert load.missing == set()
    assert visible(exchange) == load.sent
    assert index(exchange, "status")["retired"] == []
    assert index(exchange, "reconcile")["wrong"] == ""


KILLS = {
    "index.page:2": "build",
    "index.dropped:1": "drop",
    "index.copied:1": "build",
    "index.published:1": "swap",
    "index.repaired:1": "reconcile --repair",
}


def test_a_kill_between_any_two_steps_leaves_nothing_half_done(exchange: Exchange) -> None:
    for failpoint, command in KILLS.items():
        exchange.kill("search")
        exchange.start("search", "search", PENDLER_FAILPOINT=failpoint)
        asking = threading.Thread(target=exchange.command, args=["index", *command.split()])
        asking.start()
        process = exchange.processes["search"]
        wait_for(lambda process=process: process.poll() is not None, 40, f"{failpoint} to be reached")  # type: ignore[misc]
        assert process.returncode == -9
        assert total(exchange) == RECORDS
        exchange.start("search", "search")
        asking.join()
    wait_for(lambda: index(exchange, "status")["retired"] == [], 30, "what was dropped to be gone")
    assert index(exchange, "status")["live"] == 3
    assert index(exchange, "reconcile")["wrong"] == ""
    assert exchange.audit()["unaccounted"] == 0


def test_what_cannot_be_done_says_why_and_changes_nothing(exchange: Exchange) -> None:
    before = index(exchange, "status")
    for command in ("rollback", "swap", "verify"):
        with pytest.raises(RuntimeError, match="index build"):
            exchange.command("index", command)
    assert {name: index(exchange, "status")[name] for name in ("live", "building", "previous")} == {
        name: before[name] for name in ("live", "building", "previous")
    }
