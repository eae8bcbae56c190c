"""How fast one core reads real deliveries, where they lie beside: cut into records, each read, checked and hashed.

A record of less than 1 kB or without HTML is no measure of the others: what it is like stands in `conditions`.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any

from pendler.memory import settle_down
from schemas.event import Reason
from services.ingest.feed import Feed, feeds
from services.ingest.service import reading
from services.ingest.state import digest

REAL = Path(__file__).parents[2] / "shared" / "feeds"
FILES = {
    "cz_mpsv": "cz_mpsv/*20.json",
    "de_ba": "de_ba/*.json",
    "es_ecyl": "es_ecyl/*.csv",
    "eures_hrxml": "eures_hrxml_*/*.xml",
    "eures_portal": "eures_portal/*.json",
    "fi_tmt": "fi_tmt/*.json",
    "fr_francetravail": "fr_francetravail/*.json",
    "hrxml": "nl_setu_hrxml/*.xml",
    "jobfeed_xml": "xml_jobfeed_recruityard/feed*.xml",
    "lv_nva": "lv_nva/*.csv",
    "no_finn_atom": "no_finn_atom/*.xml",
    "no_nav": "no_nav/*.json",
    "no_nav_xmlstilling": "no_nav_xmlstilling/*.xml",
    "se_jobtech": "se_jobtech/*.json",
}
AT_ONCE, ROUNDS = 300, 9
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def normalise(_folder: Path, _places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """Records a second and core of each feed that has real files here; nothing where there are none."""
    settle_down()
    for name, pattern in FILES.items():
        deliveries = [path.read_bytes() for path in sorted(REAL.glob(pattern))]
        if deliveries and name in feeds():
            yield _row(feeds()[name], deliveries)


def _row(feed: Feed, deliveries: list[bytes]) -> tuple[str, float, str, dict[str, Any]]:
    """The best of several rounds: what disturbs a core makes a round slower, never faster."""
    bodies = [item.body for raw in deliveries for item in feed.split(raw)]
    times = max(1, round(AT_ONCE / len(bodies)))
    rates = [_rate(feed, deliveries * times) for _ in range(ROUNDS)]
    markup = sum("<" in body or "&lt;" in body for body in bodies) / len(bodies)
    shape = {
        "records": len(bodies),
        "bytes_a_record": round(mean(len(body.encode()) for body in bodies)),
        "with_markup": round(markup, 2),
        "best_of": ROUNDS,
        "median": round(median(rates)),
        "additions_a_microsecond": round(max(_additions() for _ in range(3)), 1),
    }
    return f"normalise/{feed.name}", max(rates), "records/s/core", shape


def _rate(feed: Feed, deliveries: list[bytes]) -> float:
    began = time.process_time()
    count = _through(feed, deliveries)
    return count / (time.process_time() - began)


def _additions() -> float:
    """What this core does at the moment: between runs only the ratio to it compares."""
    began, total = time.process_time(), 0
    for n in range(1_000_000):
        total += n
    return 1 / (time.process_time() - began)


def _through(feed: Feed, deliveries: list[bytes]) -> int:
    """What ingest does for a record between the wire and its fate: cut, read, check, hash."""
    count = 0
    for raw in deliveries:
        for item in feed.split(raw):
            count += 1
            read = item.flaw or reading(feed, item.body, NOW)
            if not isinstance(read, Reason):
                digest(read.vacancy)
    return count
