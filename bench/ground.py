"""An exchange on real engines to be broken: a source that delivers all the time, faults, and what came of it all."""

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2

from bench.clock import Clock, compiler
from bench.engines import READERS, Engine, free_ports, started, urls
from bench.exchange import Exchange, running, wait_for
from bench.mailbox import Mailbox, Mood, mailbox
from bench.oracle import messages, subscribe, visible
from bench.pipeline import APART
from bench.records import records
from bench.severed import Line, line
from deploy.topics import ensure_topics
from pendler.store import everything, open_store
from services.notify.state import MAILS, Kind, MailState

PATIENCE = 300.0
SOURCE, FEED = "se", "se_jobtech"
AT_ONCE = 10
STEPS = {"ahead": 120, "behind": -120}
"""Seconds. A mail may be late by as much as a clock was ahead when its match was noted, not more."""


@dataclass
class Verdict:
    """How a run ended. `lost`, `unaccounted`, `mailed_twice` and `not_mailed` must be 0.

    `ambiguous` mails are those whose fate nobody can know: counted, and not sent again. `seconds_to_recover`: from
    the end of each fault until every service kept up again.
    """

    seed: int
    sent: int = 0
    acknowledged: int = 0
    visible: int = 0
    mails: int = 0
    lost: int = 0
    unaccounted: int = 0
    mailed_twice: int = 0
    not_mailed: int = 0
    ambiguous: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.unaccounted or self.mailed_twice or self.not_mailed)


class Sender(threading.Thread):
    """A source that delivers some records at a time, each until it is told that they are kept.

    With `changes` every record comes a second time, ten deliveries later and with another text. One record went
    before: what comes with a source's first delivery is no news to anybody.
    """

    def __init__(self, exchange: Exchange, seed: int, rate: float = 100, changes: bool = False) -> None:
        super().__init__(daemon=True)
        self._key, self._seed, self._pause, self._changes = exchange.key(SOURCE), seed, AT_ONCE / rate, changes
        exchange.push(SOURCE, FEED, self._key, b"\n".join(records(1, prefix="first")), Prefer="wait=30")
        self._client = httpx2.Client(base_url=exchange.http.base_url, timeout=60, trust_env=False)
        self.stop, self.acknowledged, self.sent = threading.Event(), set[str](), 0

    def run(self) -> None:
        for body, new in self._bodies():
            self.sent += AT_ONCE if new else 0
            while not self._kept(body):
                time.sleep(0.5)
            if new:
                self.acknowledged |= {f"{SOURCE}:c{n}" for n in range(self.sent - AT_ONCE, self.sent)}
            if self.stop.wait(self._pause):
                break
        self._client.close()

    def _bodies(self) -> Iterator[tuple[bytes, bool]]:
        """Deliveries, and whether their records are new."""
        first, second = (records(1_000_000, seed=self._seed + turn, prefix="c") for turn in (0, 1))
        for count in itertools.count():
            yield b"\n".join(islice(first, AT_ONCE)), True
            if self._changes and count >= 10:
                yield b"\n".join(islice(second, AT_ONCE)), False

    def _kept(self, body: bytes) -> bool:
        path, headers = f"/v1/sources/{SOURCE}/feeds/{FEED}/records", {"Authorization": f"Bearer {self._key}"}
        try:
            return bool(self._client.post(path, content=body, headers=headers).is_success)
        except httpx2.HTTPError:
            return False


@dataclass(frozen=True)
class Ground:
    """What a run plays on."""

    exchange: Exchange
    engines: dict[str, Engine]
    nodes: int
    lines: Line
    """Through which everybody reaches the brokers."""
    clock: Clock | None
    """Of all services; none where there is no C compiler."""
    mail: Mailbox
    store: str


@contextmanager
def fault(ground: Ground, name: str) -> Iterator[None]:
    """One thing is broken as long as the block lasts."""
    kind, _, what = name.partition(" ")
    exchange, engines = ground.exchange, ground.engines

    def each_node(command: str) -> None:
        for node in range(1, ground.nodes + 1):
            engines["kafka"].run(command, str(node))

    def step(seconds: int) -> None:
        if ground.clock:
            ground.clock.set_ahead(seconds)

    def web_again() -> None:
        exchange.start("web")
        exchange.ready()

    broken: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "service": (lambda: exchange.kill(what), partial(exchange.start, what, what)),
        "web": (lambda: exchange.kill("web"), web_again),
        "bus": (lambda: each_node("kill"), lambda: each_node("start-node")),
        "broker": (lambda: engines["kafka"].run("kill", what), lambda: engines["kafka"].run("start-node", what)),
        "line": (lambda: ground.lines.sever(int(what)), lambda: ground.lines.mend(int(what))),
        "clock": (lambda: step(STEPS[what]), lambda: step(0)),
        "index": (lambda: engines["elasticsearch"].run("kill"), lambda: engines["elasticsearch"].run("start")),
        "store": (lambda: engines["mongodb"].run("term"), lambda: engines["mongodb"].run("start")),
        "mail": (lambda: setattr(ground.mail, "mood", Mood[what]), lambda: setattr(ground.mail, "mood", Mood.WELL)),
    }
    begin, end = broken[kind]
    begin()
    try:
        yield
    finally:
        end()


@contextmanager
def on_engines(folder: Path, places: Path, nodes: int = 3) -> Iterator[Ground]:
    """An exchange, a process a service, on Kafka of so many nodes, MongoDB's stand-in, Elasticsearch and SMTP."""
    with ExitStack() as stack:
        advertised = free_ports()
        starting = {
            "kafka": started("kafka", nodes, KAFKA_ADVERTISED=str(advertised)),
            **{name: started(name) for name in ("mongodb", "elasticsearch")},
        }
        with ThreadPoolExecutor() as side_by_side:
            engines = dict(zip(starting, side_by_side.map(stack.enter_context, starting.values()), strict=True))
        ports = [(advertised + 10 * node, engines["kafka"].port + 10 * node) for node in range(nodes)]
        lines = stack.enter_context(line(ports))
        brokers = engines["kafka"].output("bootstrap").strip()
        ensure_topics(f"kafka://{brokers}", READERS, replication=nodes)
        home = folder / "home"
        mail, url = stack.enter_context(mailbox(home / "mail"))
        settings = urls(brokers, engines["mongodb"].address, engines["elasticsearch"].address) | {"PENDLER_MAIL": url}
        settings["PENDLER_BUS"] += "?session_timeout_ms=6000"
        clock = Clock(folder) if compiler() else None
        exchange = stack.enter_context(running(home, places, APART, **settings, **(clock.environment if clock else {})))
        yield Ground(exchange, engines, nodes, lines, clock, mail, settings["PENDLER_STORE"])


@contextmanager
def flowing(ground: Ground, verdict: Verdict, rate: float = 100, changes: bool = False) -> Iterator[Sender]:
    """Records flow as long as the block lasts, one subscriber gets all of them; then the verdict is filled in."""
    sender = Sender(ground.exchange, verdict.seed, rate, changes)
    subscribe(ground.exchange, source=SOURCE)
    sender.start()
    try:
        yield sender
    finally:
        sender.stop.set()
        sender.join(PATIENCE)
    verdict.sent = sender.sent
    judge(ground, sender.acknowledged, verdict)


def well(exchange: Exchange, behind: float = 10) -> bool:
    """Whether every service runs and none is more than some seconds behind."""
    time.sleep(0.3)
    try:
        told = exchange.http.get("/v1/status").json()
    except (httpx2.HTTPError, ValueError):
        return False
    return bool(told["well"]) and all(one["seconds"] < behind for one in told["services"])


def judge(ground: Ground, acknowledged: set[str], verdict: Verdict) -> None:
    exchange = ground.exchange
    wait_for(lambda: not acknowledged - visible(exchange), PATIENCE, f"{len(acknowledged)} to be visible")
    wait_for(lambda: exchange.audit()["unaccounted"] == 0, PATIENCE, "the books to be even")
    wait_for(lambda: not acknowledged - mailed(ground.store)[0], PATIENCE, "every vacancy to be mailed")
    gone, states = mailed(ground.store)
    taken = Counter(message["Message-ID"] for message in messages(exchange).values())
    verdict.acknowledged, verdict.visible = len(acknowledged), len(visible(exchange))
    verdict.lost = len(acknowledged - visible(exchange))
    verdict.unaccounted = exchange.audit()["unaccounted"]
    verdict.mails, verdict.ambiguous = len(taken), states[MailState.AMBIGUOUS]
    verdict.mailed_twice = sum(count - 1 for count in taken.values())
    verdict.not_mailed = len(acknowledged - gone)


def mailed(url: str) -> tuple[set[str], Counter[str]]:
    """The refs in alerts that have left or may have, and how many alerts are in each state."""

    async def read() -> list[dict[str, Any]]:
        store = open_store(url, "notify")
        try:
            return [doc async for _, doc in everything(store, MAILS) if doc["kind"] == Kind.ALERT]
        finally:
            await store.close()

    alerts = asyncio.run(read())
    gone = [doc for doc in alerts if doc["state"] in (MailState.SENT, MailState.AMBIGUOUS)]
    refs = {match.split("|")[1].rpartition("#")[0] for doc in gone for match in doc["matches"]}
    return refs, Counter(doc["state"] for doc in alerts)
