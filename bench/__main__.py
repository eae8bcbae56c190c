"""Measurements of the exchange on this machine: `make bench`. One JSON object a line on standard output.

    {"bench": "...", "value": 0.0, "unit": "...", "conditions": {...}}

Numbers of one run compare with one another; between machines only ratios do. `python -m bench NAME...` runs some.
"""

import contextlib
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bench.buses import broker, bus_alone
from bench.engines import engines
from bench.exchange import Exchange, running, wait_for
from bench.records import delivery, records
from bench.subscribers import subscribe_many
from pendler.places import build

RECORDS, SUBSCRIPTIONS = 10_000, 1000
GROUPS = {
    "record.received.v1": ["ingest"],
    "vacancy.normalised.v1": ["match"],
    "vacancy.matched.v1": ["search", "notify"],
}
Measure = Callable[[Path, Path], Iterator[tuple[str, float, str, dict[str, Any]]]]


def pipeline(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """File to searchable and percolated; then the same again while a small request is made every 50 ms."""
    yield from pipeline_on("log", folder / "log", places)
    if shutil.which("java") and shutil.which("mvn"):
        (folder / "kafka").mkdir(parents=True)
        with broker(folder / "kafka", GROUPS) as bootstrap:
            yield from pipeline_on("kafka", folder / "kafka" / "home", places, PENDLER_BUS=f"kafka://{bootstrap}")


def pipeline_on(
    bus: str, home: Path, places: Path, **environment: str
) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """The same on one bus."""
    subscribe_many(home, places, SUBSCRIPTIONS)
    with running(home, places, **environment) as exchange:
        key = exchange.key("se")
        exchange.push("se", "se_jobtech", key, delivery(50, prefix="warm"), Prefer="wait=30")
        before = cpu_seconds(exchange)
        seconds = deliver(exchange, key, "r", RECORDS, 50 + RECORDS)
        cpu = {name: round((used - before[name]) / RECORDS * 1000, 2) for name, used in cpu_seconds(exchange).items()}
        matches = count_matches(exchange)
        yield f"pipeline on {bus}: file to searchable and percolated", RECORDS / seconds, "records/s", {
            "records": RECORDS, "subscriptions": SUBSCRIPTIONS, "matches": matches,
            "cpu_ms_a_record": cpu,
        }  # fmt: skip
        times: list[float] = []
        stop = threading.Event()
        asking = threading.Thread(target=ask_often, args=(exchange, times, stop))
        asking.start()
        deliver(exchange, key, "again", RECORDS // 2, 50 + RECORDS + RECORDS // 2)
        stop.set()
        asking.join()
        yield f"small request at full load on {bus}, p95", percentile(times, 95) * 1000, "ms", {"requests": len(times)}


def deliver(exchange: Exchange, key: str, prefix: str, count: int, expected: int) -> float:
    """Seconds from the file's first byte until all of it can be found and every subscription was compared."""
    body = delivery(count, prefix=prefix, published=f"{datetime.now(ZoneInfo('Europe/Stockholm')):%FT%T}")
    began = time.monotonic()
    exchange.push("se", "se_jobtech", key, body)
    wait_for(lambda: done(exchange, expected), 240, "all to be visible and percolated")
    return time.monotonic() - began


def cpu_seconds(exchange: Exchange) -> dict[str, float]:
    """CPU time that each process has used so far."""
    ticks = {
        name: Path(f"/proc/{process.pid}/stat").read_text().split()[13:15]
        for name, process in exchange.processes.items()
    }
    return {name: sum(map(int, used)) / os.sysconf("SC_CLK_TCK") for name, used in ticks.items()}


def count_matches(exchange: Exchange) -> int:
    with contextlib.closing(sqlite3.connect(exchange.home / "store" / "notify.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM matches").fetchone()[0])


def ask_often(exchange: Exchange, times: list[float], stop: threading.Event) -> None:
    while not stop.wait(0.05):
        began = time.monotonic()
        exchange.http.get("/v1/vacancies", params={"q": "lasser", "limit": 5}).raise_for_status()
        times.append(time.monotonic() - began)


def done(exchange: Exchange, expected: int) -> bool:
    time.sleep(0.25)
    return exchange.search(limit=0)["total"]["ads"] >= expected and not exchange.lag("notify", "vacancy.matched.v1")


def latency(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """One record at a time at 20 a second: from its 202 until a search finds it."""
    with running(folder / "home", places) as exchange:
        key, accepted, visible = exchange.key("se"), dict[str, float](), dict[str, float]()
        exchange.push("se", "se_jobtech", key, delivery(20, prefix="warm"), Prefer="wait=30")
        looking = threading.Thread(target=look, args=(exchange, visible, 200))
        looking.start()
        for n in range(200):
            [body] = records(1, seed=n, prefix=f"{n}-", published=f"{datetime.now(ZoneInfo('Europe/Stockholm')):%FT%T}")
            exchange.push("se", "se_jobtech", key, body)
            accepted[f"se:{n}-0"] = time.monotonic()
            time.sleep(0.05)
        looking.join()
        waits = [visible[ref] - at for ref, at in accepted.items()]
        yield "accepted to searchable at 20 records/s, p95", percentile(waits, 95), "s", {"records": len(waits)}
        yield "accepted to searchable at 20 records/s, median", statistics.median(waits), "s", {"records": len(waits)}


def look(exchange: Exchange, visible: dict[str, float], count: int) -> None:
    """Notes when each vacancy is first found. Of a second client, so as not to hinder the one that delivers."""
    second = Exchange.__new__(Exchange)
    second.http = type(exchange.http)(base_url=str(exchange.http.base_url), timeout=30, trust_env=False)
    until = time.monotonic() + 60
    while len(visible) < count and time.monotonic() < until:
        for one in second.search(limit=100, sort="newest", source="se")["vacancies"]:
            if not one["ref"].startswith("se:warm"):
                visible.setdefault(one["ref"], time.monotonic())
        time.sleep(0.05)
    second.http.close()


def memory(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """Resident memory of all processes after the demonstration."""
    with running(folder / "home", places, PENDLER_DEMO="1") as exchange:
        wait_for(lambda: exchange.search(limit=0)["total"]["ads"] >= 60, 60, "the demonstration")
        exchange.http.get("/").raise_for_status()
        exchange.http.get("/docs").raise_for_status()
        each = {name: resident(process.pid) for name, process in exchange.processes.items()}
        each["supervisor"] = supervisor_alone()
        yield "resident memory after the demonstration", sum(each.values()), "MB", {**each}


def resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(status.partition("VmRSS:")[2].split()[0]) / 1024, 1)


def supervisor_alone() -> float:
    """What a process takes that has only what the supervisor imports."""
    code = "import pendler.supervisor; print(next(l.split()[1] for l in open('/proc/self/status') if 'VmRSS' in l))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return round(int(done.stdout) / 1024, 1)


def percentile(values: list[float], rank: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * rank // 100)]


MEASURES: dict[str, Measure] = {
    "pipeline": pipeline,
    "latency": latency,
    "memory": memory,
    "bus": bus_alone,
    "engines": engines,
}


def main(names: list[str]) -> None:
    """Runs the measures named, or all."""
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder) / "places.db"
        build(places, lambda _: None)
        for name in names or MEASURES:
            for bench, value, unit, conditions in MEASURES[name](Path(folder) / name, places):
                line = {"bench": bench, "value": round(value, 3), "unit": unit, "conditions": {**conditions, **machine}}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
