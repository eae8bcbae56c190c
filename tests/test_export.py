"""The change feed: what each record is to a reader; who follows is never wrong, whatever is killed."""

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from bench.engines import READERS, free_ports
from bench.exchange import wait_for
from pendler.bus import Span, encode, open_bus
from pendler.sqlite import connect
from schemas.event import Erased, VacancyMatched
from schemas.rights import UNSAID, Way
from schemas.vacancy import Derived, Occupation, Origin, Place, Profile, Status, Stub, Vacancy
from services.export.change import Filters, Reader
from services.export.cursor import LASTS, Cursor, Gone, read
from services.export.follow import Follower
from tests.nursery import Born

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
OUT = (*UNSAID, Way.CHANGES, Way.SNAPSHOT)
CHANGES, KILLS, SEED = 10_000, 20, 20261125
KINDS = {"DK": ("DK011", "2221"), "SE": ("SE224", "7212"), "DE": ("DEF07", "7212")}


def state(
    ref: str = "x:1",
    revision: int = 1,
    country: str = "DK",
    status: Status = Status.ACTIVE,
    demonstration: bool = False,
    **members: Any,
) -> VacancyMatched:
    """A vacancy in a country, or its stub once it is over."""
    nuts, isco = KINDS[country]
    is_open = status is Status.ACTIVE
    vacancy = Vacancy(
        origin=Origin(source=ref.partition(":")[0], external_id=ref.partition(":")[2]),
        profiles=(Profile(language="en", title=f"Welder {revision}", text="We weld. " * 40),),
        demonstration=demonstration,
    )
    derived = Derived(
        places=(Place(country=country, nuts=nuts, method="stated"),),
        occupations=(
            Occupation(uri=f"http://data.europa.eu/esco/isco/C{isco}", isco=isco, label="", score=1, method="m"),
        ),
    )
    told = {"vacancy": vacancy} if is_open else {"stub": Stub(demonstration=demonstration)}
    return VacancyMatched(
        ref=ref, revision=revision, status=status, at=NOW, derived=derived, **{"ways": OUT, **told, **members}
    )


def shown(event: VacancyMatched, way: Way = Way.CHANGES, **filters: Any) -> tuple[str, str] | None:
    """What a reader is told: the status and why."""
    line = Reader(way, Filters(**filters)).line(encode(event).value)
    return line and (line["status"] if "vacancy" in line else f"no longer: {line['status']}", line["why"])


@pytest.mark.parametrize(
    ("event", "filters", "told"),
    [
        (state(), {}, ("active", "source")),
        (state(reason="enrichment"), {}, ("active", "enrichment")),
        (state(reason="rights", revision=2), {}, ("active", "rights")),
        (state(revision=2, status=Status.CLOSED), {}, ("no longer: closed", "source")),
        (state(revision=2, status=Status.EXPIRED), {}, ("no longer: expired", "expiry")),
        (state(revision=2, status=Status.WITHDRAWN, reason="blocked"), {}, ("no longer: withdrawn", "mask")),
        (state(status=Status.CLOSED), {}, None),
        (state(ways=UNSAID), {}, None),
        (state(ways=UNSAID, lost=(Way.CHANGES,), revision=2), {}, ("no longer: left", "rights")),
        (state(ways=UNSAID, revision=2, status=Status.CLOSED), {}, None),
        (state(demonstration=True), {}, None),
        (state(demonstration=True, revision=2, status=Status.CLOSED), {}, None),
        (state(), {"country": ("DK",)}, ("active", "source")),
        (state(), {"country": ("SE",)}, None),
        (state(revision=2), {"country": ("SE",)}, ("no longer: left", "filter")),
        (state(), {"country": ("SE", "DK"), "source": ("y",)}, None),
        (state(), {"nuts": ("DK01",)}, ("active", "source")),
        (state(), {"nuts": ("DK02",)}, ("no longer: left", "filter")),
        (state(), {"occupation": ("222",)}, ("active", "source")),
        (state(), {"occupation": ("http://data.europa.eu/esco/isco/C2221",)}, ("active", "source")),
        (state(), {"occupation": ("7212",)}, ("no longer: left", "filter")),
    ],
)  # fmt: skip
def test_what_a_record_is_to_a_reader(event: VacancyMatched, filters: Any, told: Any) -> None:
    assert shown(event, **filters) == told


def test_each_way_out_is_a_right_of_its_own() -> None:
    allowed = {way: shown(state(ways=(Way.SEARCH, Way.CHANGES)), way) is not None for way in Way}
    assert allowed == {way: way in (Way.SEARCH, Way.CHANGES) for way in Way}
    assert not any(shown(state(ways=()), way) for way in Way), "a source with all ways switched off appears in none"
    demonstration = {way: state(ways=tuple(Way), demonstration=True).may(way) for way in Way}
    assert demonstration == {way: way in UNSAID for way in Way}, "no way out of the exchange takes a demonstration"


def test_a_cursor_is_itself_or_none() -> None:
    cursor = Cursor("e", "f", 1e9, {0: 7, 2: 9})
    assert read(str(cursor)) == cursor
    for text in ("x", "", "WzFd", "é", str(cursor)[:-4]):
        with pytest.raises(ValueError, match="no cursor"):
            read(text)


@pytest.mark.parametrize(
    ("span", "later", "gone"),
    [
        (Span("e", {0: 7, 1: 0}), 0, False),
        (Span("e", {0: 9}), LASTS - 1, False),
        (Span("e", {0: 9}), LASTS + 1, True),
        (Span("other", {0: 9}), 0, True),
        (Span("e", {0: 6}), 0, True),
        (Span("e", {}), 0, True),
    ],
)
def test_a_cursor_that_has_outlived_its_topic_is_refused(span: Span, later: float, gone: bool) -> None:
    cursor = Cursor("e", "", 1e9, {0: 7})
    if gone:
        with pytest.raises(Gone):
            cursor.check(span, 1e9 + later)
    else:
        cursor.check(span, 1e9 + later)


class Web:
    """A web process with export alone, killed and started again on the same port."""

    def __init__(self, home: Path, bus: str) -> None:
        self.port, self._log = free_ports(), (home / "web.log").open("ab")
        self._env = {**os.environ, "PENDLER_HOME": str(home), "PENDLER_PORT": str(self.port), "PENDLER_BUS": bus}
        self.url = f"http://127.0.0.1:{self.port}"
        unkept = httpx2.Limits(max_keepalive_connections=0)
        self.http = httpx2.Client(base_url=self.url, timeout=60, trust_env=False, limits=unkept)
        self.start()

    def start(self) -> None:
        self._process = Born(["web", "export"], self._env, self._log)
        wait_for(self._answers, 60, "the web process")

    def _answers(self) -> bool:
        try:
            return bool(self.http.get("/livez").is_success)
        except httpx2.HTTPError:
            return False

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self.http.close()
        self._log.close()

    def lines(self, path: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return [orjson.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(params=["log", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "log":
        return f"file:{tmp_path / 'bus'}"
    node = request.getfixturevalue("kafka_node")
    node.empty(READERS)
    return f"kafka://{node.address}"


@pytest.fixture
def web(tmp_path: Path, places_file: Path, bus_url: str) -> Iterator[Web]:
    (tmp_path / "places.db").symlink_to(places_file)
    web = Web(tmp_path, bus_url)
    yield web
    web.stop()


class Source:
    """Changes at random, and what is open and may be followed after each."""

    def __init__(self, seed: int) -> None:
        self.chance, self.last = random.Random(seed), dict[str, VacancyMatched]()

    def change(self) -> VacancyMatched | Erased:
        ref = f"{self.chance.choice('abc')}:{self.chance.randrange(900)}"
        known = self.last.get(ref)
        if known and not known.is_open and self.chance.random() < 0.2:
            del self.last[ref]
            return Erased(ref, VacancyMatched.topic.name)
        status = Status.ACTIVE if self.chance.random() < 0.6 else self.chance.choice(list(Status))
        ever = {*known.ways, *known.lost} if known else set()
        ways = (known.ways if known else OUT) if self.chance.random() < 0.9 else self.chance.choice([OUT, UNSAID])
        self.last[ref] = state(
            ref, known.revision + 1 if known else 1, self.chance.choice(list(KINDS)), status,
            ways=ways, lost=tuple(ever - set(ways)),
        )  # fmt: skip
        return self.last[ref]

    def seen(self, **filters: Any) -> dict[str, int]:
        """The version of each vacancy that a reader should have."""
        wanted = Filters(**filters)
        return {
            ref: event.order
            for ref, event in self.last.items()
            if event.is_open and event.may(Way.CHANGES) and wanted.meet(event.model_dump(mode="json"))
        }


def kept(path: Path) -> dict[str, int]:
    connection = connect(path)
    found = dict(connection.execute("SELECT ref, version FROM vacancies"))
    connection.close()
    return found


async def tell_all(url: str, source: Source, count: int) -> None:
    bus = open_bus(url)
    for _ in range(count // 250):
        await bus.publish([source.change() for _ in range(250)])
    await bus.close()


def follow_through_a_kill(web: Web, followers: list[Follower], chance: random.Random) -> int:
    """Kills the server while it answers; how many answers were cut off."""
    killing = threading.Timer(chance.random() * 0.3, web.kill)
    killing.start()
    cut = 0
    try:
        while killing.is_alive():
            for follower in followers:
                follower.follow()
    except httpx2.ConnectError:
        cut = 0  # it was between two answers
    except httpx2.HTTPError:
        cut = 1
    killing.join()
    web.start()
    return cut


def test_a_follower_of_a_server_that_is_killed_has_all_and_nothing_else(
    web: Web, bus_url: str, tmp_path: Path, tell: Callable[[object], None]
) -> None:
    source, chance = Source(SEED), random.Random(SEED)
    filters = [{}, {"country": ["SE"], "source": ["a", "b"]}, {"nuts": ["DK01", "DEF"]}, {"occupation": ["72"]}]
    followers = [Follower(web.url, tmp_path / f"{n}.db", asked) for n, asked in enumerate(filters)]
    cut = 0
    for _ in range(KILLS):
        asyncio.run(tell_all(bus_url, source, CHANGES // KILLS))
        cut += follow_through_a_kill(web, followers, chance)
    for n, (follower, asked) in enumerate(zip(followers, filters, strict=True)):
        with follower:
            follower.follow()
        assert kept(tmp_path / f"{n}.db") == source.seen(**asked), asked
        snapshot: dict[str, int] = {}
        for line in web.lines("/v1/snapshot", **asked):
            if "vacancy" in line:
                snapshot[line["ref"]] = line["version"]
            else:
                snapshot.pop(line.get("ref", ""), None)
        assert snapshot == source.seen(**asked), asked
    held = len(kept(tmp_path / "0.db"))
    tell(f"{CHANGES} changes, {KILLS} kills, {cut} of them cut an answer off: 0 missing, 0 extra of {held}")
    assert cut >= KILLS // 4, "too few kills hit an answer"


def publish(url: str, *events: VacancyMatched) -> None:
    async def run() -> None:
        bus = open_bus(url)
        await bus.publish(events)
        await bus.close()

    asyncio.run(run())


def test_pages_each_vacancy_once_and_says_when_nothing_has_changed(web: Web, bus_url: str) -> None:
    publish(bus_url, *(state(f"x:{n}") for n in range(25)), state("hidden:1", ways=UNSAID))
    pages, query = [], {"limit": 10}
    while not pages or pages[-1][-1]["more"]:
        pages.append(web.lines("/v1/changes", **query))
        query["cursor"] = pages[-1][-1]["cursor"]
    refs = [line["ref"] for page in pages for line in page if "ref" in line]
    assert sorted(refs) == sorted(f"x:{n}" for n in range(25)), "each once, and nothing that may not be told"

    first = web.http.get("/v1/changes", params=query, headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert list(orjson.loads(first.text)) == ["cursor", "more"]
    again = web.http.get("/v1/changes", params=query, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    publish(bus_url, state("x:3", revision=2, status=Status.CLOSED))
    closed = web.lines("/v1/changes", **query)[0]
    assert (closed["ref"], closed["status"], closed["why"]) == ("x:3", "closed", "source")


def test_refuses_what_it_cannot_answer(web: Web, bus_url: str) -> None:
    publish(bus_url, state())
    cursor = web.lines("/v1/changes")[-1]["cursor"]
    for wrong, status, kind in (
        ({"cursor": "nonsense"}, 400, "bad-cursor"),
        ({"cursor": cursor, "country": "DK"}, 400, "other-filters"),
        ({"cuntry": "DK"}, 400, "bad-query"),
        ({"cursor": str(Cursor("another", Filters().digest, time.time(), {0: 1}))}, 410, "cursor-gone"),
        ({"limit": 0}, 422, "invalid-request"),
    ):
        answer = web.http.get("/v1/changes", params=wrong)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
        assert answer.headers["content-type"] == "application/problem+json"


def test_who_comes_too_late_begins_again(web: Web, bus_url: str, tmp_path: Path) -> None:
    publish(bus_url, *(state(f"x:{n}") for n in range(24)))
    out = tmp_path / "followed.db"
    with Follower(web.url, out, {}) as follower:
        follower.follow()
    assert len(kept(out)) == 24
    connection = connect(out)
    stale = str(Cursor("another", Filters().digest, time.time(), {}))
    connection.execute("UPDATE place SET cursor = ?", (stale,))
    connection.execute("INSERT INTO vacancies VALUES ('x:gone', 1, '{}')")
    connection.close()
    with Follower(web.url, out, {}) as follower:
        follower.follow()
    assert len(kept(out)) == 24
