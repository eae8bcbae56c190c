"""Long drills on real engines under load: an engine away, a service stopped, more instances, half an hour of work.

Slow, so `make soak` runs them and `make bench` does not: `python -m bench away stopped scaled endurance`.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.exchange import Exchange, wait_for
from bench.ground import Ground, Verdict, fault, flowing, on_engines, well
from bench.pipeline import APART
from pendler.bus import decode
from schemas.event import VacancyMatched

AWAY, STOPPED, WORKS = 300.0, 600.0, 1800.0
SCALED = 30.0
WARM = 300.0
"""Seconds until the caches are full."""
RATE = 20.0
PATIENCE = 600.0
ENGINES = {"Kafka": "bus", "MongoDB": "store", "Elasticsearch": "index", "SMTP": "mail REFUSES"}
Row = tuple[str, float, str, dict[str, Any]]


def away(folder: Path, places: Path) -> Iterator[Row]:
    """Each engine away for five minutes."""
    verdict = Verdict(seed=5)
    with on_engines(folder, places, nodes=1) as ground, flowing(ground, verdict, RATE):
        for engine, what in ENGINES.items():
            seconds = _suffer(ground, what, AWAY)
            yield f"{engine} away: seconds until all kept up again", seconds, "s", {"away": AWAY, "records/s": RATE}
    yield _judged("engines away", verdict)


def stopped(folder: Path, places: Path) -> Iterator[Row]:
    """Each service stopped for ten minutes."""
    verdict = Verdict(seed=6)
    with on_engines(folder, places, nodes=1) as ground, flowing(ground, verdict, RATE):
        for service in APART:
            seconds = _suffer(ground, f"service {service}", STOPPED)
            yield f"{service} stopped: seconds until it kept up again", seconds, "s", {
                "stopped": STOPPED, "records/s": RATE,
            }  # fmt: skip
    yield _judged("services stopped", verdict)


def _suffer(ground: Ground, what: str, seconds: float) -> float:
    with fault(ground, what):
        time.sleep(seconds)
    return wait_for(lambda: well(ground.exchange, behind=2), PATIENCE, f"all to keep up after: {what}")


def scaled(folder: Path, places: Path) -> Iterator[Row]:
    """Each service on one, three and again one instance, while every record comes in two revisions."""
    verdict = Verdict(seed=7)
    with on_engines(folder, places, nodes=1) as ground, flowing(ground, verdict, 2 * RATE, changes=True):
        for service in APART:
            more = [f"{service} {number}" for number in (2, 3)]
            for name in more:
                ground.exchange.start(name, service)
            time.sleep(SCALED)
            for name in more:
                ground.exchange.end(name)
            wait_for(lambda: well(ground.exchange, behind=2), PATIENCE, f"all to keep up after: 1 -> 3 -> 1 {service}")
        first_seen = asyncio.run(_revisions(ground.exchange))
    wrong = sum(seen != sorted(seen) for seen in first_seen.values())
    changed = sum(len(seen) > 1 for seen in first_seen.values())
    yield "1 -> 3 -> 1 instances: refs out of order", wrong, "refs", {"refs": len(first_seen), "changed": changed}
    yield _judged("1 -> 3 -> 1 instances", verdict)


async def _revisions(exchange: Exchange) -> dict[str, list[int]]:
    """The revisions of each vacancy in the order in which they were first published."""
    bus, seen = exchange.bus(), defaultdict[str, list[int]](list)
    try:
        async for record in bus.scan(VacancyMatched.topic.name):
            event = decode(record)
            if isinstance(event, VacancyMatched) and event.revision not in seen[event.ref]:
                seen[event.ref].append(event.revision)
    finally:
        await bus.close()
    return seen


def endurance(folder: Path, places: Path) -> Iterator[Row]:
    """Half an hour of work: how fast the memory of all processes together grows, and of each."""
    verdict, at, megabytes = Verdict(seed=8), list[float](), list[dict[str, float]]()
    with on_engines(folder, places, nodes=1) as ground, flowing(ground, verdict, RATE):
        began = time.monotonic()
        while (now := time.monotonic() - began) < WORKS:
            time.sleep(10)
            if now > WARM:
                at.append(now / 60)
                megabytes.append(ground.exchange.resident())
    slopes = {name: _slope(at, [each[name] for each in megabytes]) for name in megabytes[0]}
    yield "memory of all processes under load, slope", sum(slopes.values()), "MB/min", {
        "minutes": WORKS / 60, "records/s": RATE, "slopes": slopes, "first": megabytes[0], "last": megabytes[-1],
    }  # fmt: skip
    yield _judged("half an hour of work", verdict)


def _slope(at: list[float], megabytes: list[float]) -> float:
    return round(statistics.linear_regression(at, megabytes).slope, 2)


def _judged(what: str, verdict: Verdict) -> Row:
    wrong = verdict.lost + verdict.unaccounted + verdict.mailed_twice + verdict.not_mailed
    return f"{what}: lost, unaccounted, mailed twice or not mailed", wrong, "records", asdict(verdict)
