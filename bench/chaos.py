"""Faults at random moments on real engines, seeded: nothing may be lost, unaccounted for or mailed twice.

`pendler chaos --seed N --minutes M` starts Kafka (three nodes), Elasticsearch, the stand-in for MongoDB, a mail
server and every service as a process of its own, delivers records all the time, breaks one thing after the other, and
at last compares what was sent, settled, visible and mailed.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2

from bench.engines import READERS, Engine, started, urls
from bench.exchange import Exchange, running, wait_for
from bench.mailbox import Mailbox, Mood, mailbox
from bench.oracle import messages, subscribe, visible
from bench.pipeline import APART
from bench.records import records
from deploy.topics import ensure_topics
from pendler.store import open_store
from services.ingest.accounts import everything
from services.notify.state import MAILS, Kind, MailState

PATIENCE = 300.0
SOURCE, FEED = "se", "se_jobtech"
AT_ONCE, PAUSE = 10, 0.1


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

    One record went before: what comes with a source's first delivery is no news to anybody.
    """

    def __init__(self, exchange: Exchange, seed: int) -> None:
        super().__init__(daemon=True)
        self._key, self._seed = exchange.key(SOURCE), seed
        exchange.push(SOURCE, FEED, self._key, b"\n".join(records(1, prefix="first")), Prefer="wait=30")
        self._client = httpx2.Client(base_url=exchange.http.base_url, timeout=60, trust_env=False)
        self.stop, self.acknowledged, self.sent = threading.Event(), set[str](), 0

    def run(self) -> None:
        stream = records(1_000_000, seed=self._seed, prefix="c", published="2099-01-01T00:00:00")
        while not self.stop.wait(PAUSE):
            body = b"\n".join(islice(stream, AT_ONCE))
            self.sent += AT_ONCE
            while not self._kept(body):
                time.sleep(0.5)
            self.acknowledged |= {f"{SOURCE}:c{n}" for n in range(self.sent - AT_ONCE, self.sent)}
        self._client.close()

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
    mail: Mailbox
    store: str


@contextmanager
def fault(ground: Ground, name: str) -> Iterator[None]:
    """One thing is broken as long as the block lasts."""
    kind, _, what = name.partition(" ")
    exchange, engines = ground.exchange, ground.engines
    broken: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "service": (lambda: exchange.kill(what), lambda: exchange.start(what, what)),
        "web": (lambda: exchange.kill("web"), lambda: (exchange.start("web"), exchange.ready())),
        "broker": (lambda: engines["kafka"].run("kill", what), lambda: engines["kafka"].run("start-node", what)),
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


FAULTS = (
    *(f"service {name}" for name in APART),
    "web", "broker 1", "broker 2", "broker 3", "index", "store",
    "mail REFUSES", "mail HANGS", "mail DROPS",
)  # fmt: skip


def chaos(folder: Path, places: Path, seed: int, minutes: float, tell: Callable[[str], None]) -> Verdict:
    """Breaks things for so long, heals them, and judges."""
    chance, verdict = random.Random(seed), Verdict(seed)
    with _ground(folder, places) as ground:
        sender = Sender(ground.exchange, seed)
        subscribe(ground.exchange, source=SOURCE)
        sender.start()
        until = time.monotonic() + minutes * 60
        left: list[str] = []
        while time.monotonic() < until:
            left = left or chance.sample(FAULTS, len(FAULTS))
            verdict.faults.append(_suffer(ground, left.pop(), chance.uniform(2, 8), tell))
        sender.stop.set()
        sender.join(PATIENCE)
        verdict.sent = sender.sent
        _judge(ground, sender.acknowledged, verdict)
    return verdict


@contextmanager
def _ground(folder: Path, places: Path) -> Iterator[Ground]:
    with ExitStack() as stack:
        engines = {"kafka": stack.enter_context(started("kafka", nodes=3))}
        engines |= {name: stack.enter_context(started(name)) for name in ("mongodb", "elasticsearch")}
        brokers = engines["kafka"].output("bootstrap").strip()
        ensure_topics(f"kafka://{brokers}", READERS, replication=3)
        home = folder / "home"
        mail, url = stack.enter_context(mailbox(home / "mail"))
        settings = urls(brokers, engines["mongodb"].address, engines["elasticsearch"].address) | {"PENDLER_MAIL": url}
        settings["PENDLER_BUS"] += "?session_timeout_ms=6000"
        exchange = stack.enter_context(running(home, places, APART, **settings))
        yield Ground(exchange, engines, mail, settings["PENDLER_STORE"])


def _suffer(ground: Ground, name: str, seconds: float, tell: Callable[[str], None]) -> dict[str, Any]:
    with fault(ground, name):
        time.sleep(seconds)
    recovered = wait_for(lambda: _well(ground.exchange), PATIENCE, f"all to be well after: {name}")
    tell(f"{name}: broken for {seconds:.1f} s, well again after {recovered:.1f} s")
    return {"fault": name, "seconds": round(seconds, 1), "seconds_to_recover": round(recovered, 1)}


def _well(exchange: Exchange) -> bool:
    """Whether every service runs and none is more than a few seconds behind."""
    time.sleep(0.3)
    try:
        told = exchange.http.get("/v1/status").json()
    except (httpx2.HTTPError, ValueError):
        return False
    return bool(told["well"]) and all(one["seconds"] < 10 for one in told["services"])


def _judge(ground: Ground, acknowledged: set[str], verdict: Verdict) -> None:
    exchange = ground.exchange
    wait_for(lambda: not acknowledged - visible(exchange), PATIENCE, f"{len(acknowledged)} to be visible")
    wait_for(lambda: exchange.audit()["unaccounted"] == 0, PATIENCE, "the books to be even")
    wait_for(lambda: not acknowledged - _mailed(ground.store)[0], PATIENCE, "every vacancy to be mailed")
    mailed, states = _mailed(ground.store)
    taken = Counter(message["Message-ID"] for message in messages(exchange).values())
    verdict.acknowledged, verdict.visible = len(acknowledged), len(visible(exchange))
    verdict.lost = len(acknowledged - visible(exchange))
    verdict.unaccounted = exchange.audit()["unaccounted"]
    verdict.mails, verdict.ambiguous = len(taken), states[MailState.AMBIGUOUS]
    verdict.mailed_twice = sum(count - 1 for count in taken.values())
    verdict.not_mailed = len(acknowledged - mailed)


def _mailed(url: str) -> tuple[set[str], Counter[str]]:
    """The refs in alerts that have left or may have, and how many alerts are in each state."""

    async def read() -> list[dict[str, Any]]:
        store = open_store(url, "notify")
        try:
            return [doc for _, doc in await everything(store, MAILS) if doc["kind"] == Kind.ALERT]
        finally:
            await store.close()

    alerts = asyncio.run(read())
    gone = [doc for doc in alerts if doc["state"] in (MailState.SENT, MailState.AMBIGUOUS)]
    refs = {match.split("|")[1].rpartition("#")[0] for doc in gone for match in doc["matches"]}
    return refs, Counter(doc["state"] for doc in alerts)


def table(verdict: Verdict) -> str:
    """The verdict as people read it."""
    told = {name: value for name, value in asdict(verdict).items() if name != "faults"}
    slowest = max(verdict.faults, key=lambda one: one["seconds_to_recover"], default=None)
    lines = [f"{name.replace('_', ' '):14} {value:>8,}" for name, value in told.items()]
    if slowest:
        longest = f"{slowest['fault']}, {slowest['seconds_to_recover']} s"
        lines.append(f"{len(verdict.faults)} faults; slowest to recover: {longest}")
    return "\n".join(lines)
