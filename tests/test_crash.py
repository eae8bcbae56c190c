"""Killing any process at any moment loses nothing and repeats no mail: on the SQLite log and on a real Kafka broker.

Every kill counts only if the process had work in its hands; the tests print how much. Failpoints end a process
between each two steps of the delivery rule, then at random, seeded moments.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from bench.engines import READERS
from bench.exchange import Exchange, running, wait_for
from bench.oracle import judge, subscribe
from bench.records import records

GROUPS = ["ingest", "match", "search", "notify"]
STEPS = [f"{group}.{step}" for group in GROUPS for step in ("read", "handled", "published", "written", "committed")]
MAIL_STEPS = ["notify.claimed", "notify.mailed"]
RECORDS, SEED = 2000, 20261123


@pytest.fixture(params=["log", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus(request: pytest.FixtureRequest) -> str:
    if request.param == "log":
        return "file:"
    node = request.getfixturevalue("kafka_node")
    node.empty(READERS)
    return f"kafka://{node.address}?session_timeout_ms=2000"


@pytest.fixture
def exchange(tmp_path: Path, places_file: Path, bus: str) -> Iterator[Exchange]:
    workers = {group: [group] for group in GROUPS}
    with running(tmp_path / "home", places_file, workers, PENDLER_BUS=bus) as exchange:
        yield exchange


class Sender:
    """A source that delivers until it is told that its records are kept."""

    def __init__(self, exchange: Exchange, total: int) -> None:
        self._exchange, self._key = exchange, exchange.key("se")
        self._left = list(enumerate(records(total + 1)))
        self.sent: set[str] = set()
        first = self._left.pop(0)
        exchange.push("se", "se_jobtech", self._key, first[1], Prefer="wait=30")

    def send(self, count: int) -> None:
        self._last, self._left = self._left[:count], self._left[count:]
        self.again()

    def again(self) -> None:
        """Delivers the last records once more, as a source does that got no answer."""
        self._exchange.push("se", "se_jobtech", self._key, b"\n".join(body for _, body in self._last))
        self.sent.update(f"se:r{n}" for n, _ in self._last)


def in_flight(exchange: Exchange, group: str) -> int:
    """How much a group has not committed, of all it reads."""
    return sum(exchange.lag(group, topic) for topic, groups in READERS.items() if group in groups)


def test_a_kill_between_any_two_steps(exchange: Exchange, tell: Callable[[object], None]) -> None:
    sender = Sender(exchange, RECORDS)
    subscribe(exchange)
    for group in reversed(GROUPS):
        exchange.kill(group)
        sender.send(RECORDS // len(GROUPS))
        wait_for(lambda group=group: in_flight(exchange, group) >= RECORDS // len(GROUPS), 60, f"work for {group}")  # type: ignore[misc]
    left = {group: [step for step in STEPS + MAIL_STEPS if step.startswith(f"{group}.")] for group in GROUPS}
    for group, steps in left.items():
        exchange.start(group, group, PENDLER_FAILPOINT=f"{steps[0]}:1")
    held: dict[str, int] = {}
    wait_for(lambda: not sum(to_die_of(exchange, group, left[group], held) for group in GROUPS), 240, "the last step")
    verdict = judge(exchange, sender.sent)
    tell(f"{len(held)} kills between steps, in flight: {held}\n{verdict.sent} sent, {verdict.mails} mails")
    assert all(held[step] for step in STEPS if not step.endswith("committed")), f"a kill hit an idle process: {held}"
    verdict.assert_clean()


def to_die_of(exchange: Exchange, group: str, steps: list[str], held: dict[str, int]) -> int:
    """How many steps are left. Each death is noted with what was in its hands, and the next life begins."""
    if steps and (process := exchange.processes[group]).poll() is not None:
        assert process.returncode == -9, f"{group} ended by itself at {steps[0]}"
        held[steps.pop(0)] = in_flight(exchange, group)
        exchange.start(group, group, **({"PENDLER_FAILPOINT": f"{steps[0]}:1"} if steps else {}))
    return len(steps)


def test_kills_at_random_moments(exchange: Exchange, tell: Callable[[object], None]) -> None:
    chance, sender = random.Random(SEED), Sender(exchange, RECORDS)
    subscribe(exchange)
    hits = []
    for group in chance.sample([*GROUPS, *GROUPS, "web", "web"], 10):
        if group == "web":
            hits.append((group, kill_web_while_it_accepts(exchange, sender, chance)))
            continue
        sender.send(RECORDS // 10)
        wait_for(lambda group=group: in_flight(exchange, group) > 0, 60, f"work for {group}")  # type: ignore[misc]
        time.sleep(chance.random() / 5)
        exchange.kill(group)
        hits.append((group, in_flight(exchange, group)))
        exchange.start(group, group)
    verdict = judge(exchange, sender.sent)
    tell(f"kills at random (seed {SEED}), records in flight: {hits}\n{verdict.sent} sent, {verdict.mails} mails")
    assert sum(count > 0 for _, count in hits) >= 8, f"too few kills hit work: {hits}"
    verdict.assert_clean()


def kill_web_while_it_accepts(exchange: Exchange, sender: Sender, chance: random.Random) -> int:
    """Kills the web process in the middle of a delivery, which its source then makes again; how much was cut off."""
    cut_off: list[Exception] = []

    def deliver() -> None:
        try:
            sender.send(RECORDS // 10)
        except httpx2.HTTPError as error:
            cut_off.append(error)

    sending = threading.Thread(target=deliver)
    sending.start()
    time.sleep(chance.random() / 20)
    exchange.kill("web")
    sending.join()
    exchange.start("web")
    exchange.ready()
    if cut_off:
        sender.again()
    return RECORDS // 10 if cut_off else 0
